"""Chips named with their collections → their vectors, as far as they can be had.

Does not know what they are examples of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import ChipNotFound, CollectionNotFound, InvalidName, ModelMismatch
from satseek.search.directions import Examples
from satseek.search.looking import BACKGROUND_SAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from satseek.index.protocol import Searchable
    from satseek.types import Concept, ModelCard, Vectors

    Opened = Callable[[str], AbstractContextManager[Searchable]]


def examples_of(
    concept: Concept, *, card: ModelCard, opened: Opened
) -> tuple[Examples, tuple[str, ...]]:
    """Give the vectors of a concept's chips, and which of them could not be had.

    Args:
        concept: Its chips are named ``collection/chip id``.
        card: The model whose vectors are wanted; those of another one are left out.
        opened: Lends a collection, or raises CollectionNotFound, as for one that is not seen.
    """
    missed: list[str] = []

    def vectors(chips: Sequence[str]) -> Vectors:
        found = [vector_of(chip, card=card, opened=opened) for chip in chips]
        missed.extend(chip for chip, one in zip(chips, found, strict=True) if one is None)
        none = np.empty((0, card.dim), dtype=np.float32)
        return np.concatenate([none, *(one for one in found if one is not None)])

    examples = Examples(liked=vectors(concept.liked), disliked=vectors(concept.disliked))
    return examples, tuple(missed)


def background_of(concept: Concept, *, card: ModelCard, opened: Opened) -> Vectors:
    """Draw chips of the collections that a concept's chips lie in, as far as they can be had."""
    chips = (*concept.liked, *concept.disliked)
    names = list(dict.fromkeys(chip.partition("/")[0] for chip in chips))
    drawn = [np.empty((0, card.dim), dtype=np.float32)]
    for name in names:
        try:
            with opened(name) as index:
                if index.model == (card.name, card.version):
                    drawn.append(index.sample(BACKGROUND_SAMPLE // len(names)))
        except (CollectionNotFound, InvalidName, ModelMismatch):
            continue
    return np.concatenate(drawn)


def vector_of(chip: str, *, card: ModelCard, opened: Opened) -> Vectors | None:
    """Give the vector (1, dim) of a chip, ``collection/chip id``; None where it cannot be had."""
    collection, _, own = chip.partition("/")
    try:
        with opened(collection) as index:
            if index.model != (card.name, card.version):
                return None
            return index.vectors([index.row_of(own)])
    except (ChipNotFound, CollectionNotFound, InvalidName, ModelMismatch):
        return None
