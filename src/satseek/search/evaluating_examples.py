"""What was found for each image → a few images and captions worth looking at.

Knows no pixels. What is drawn by chance is drawn the same every time, and is no one's choice.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.search.evaluating_formats import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.search.evaluating_formats import SetImage
    from satseek.search.evaluating_measures import Labelling
    from satseek.types import Vectors

EACH = 12
"""Examples of each kind: two to four rows of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelShare:
    """A label and its share."""

    label: str
    """In words."""
    share: float
    """Over all labels asked, 0–1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageExample:
    """One image and what it was taken for."""

    path: Path
    """Where it lies."""
    name: str
    """Its path as the set has it."""
    label: str
    """The true one."""
    first: tuple[LabelShare, ...]
    """Up to three labels by falling share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionExample:
    """One caption whose image was found late."""

    caption: str
    """What was asked."""
    rank: int
    """Rank of its image."""
    path: Path
    """Its image."""
    name: str
    """That image's path as the set has it."""
    first_path: Path
    """The image that was found first instead."""
    first_name: str
    """That one's path as the set has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """A few of each kind."""

    right: tuple[ImageExample, ...] = ()
    """Drawn by chance among images whose first label is right."""
    wrong: tuple[ImageExample, ...] = ()
    """Drawn by chance among the others."""
    far_off: tuple[ImageExample, ...] = ()
    """Wrong with the largest share for the wrong label, largest first."""
    late: tuple[CaptionExample, ...] = ()
    """Captions whose image came last, one for each image."""


def examples_of(
    rows: Sequence[SetImage],
    names: Sequence[str],
    found: Labelling | None,
    captions: Sequence[tuple[int, str]],
    ranks: NDArray[np.int64],
    *,
    texts: Vectors,
    vectors: Vectors,
) -> Examples:
    """Choose examples.

    Args:
        rows: The images.
        names: The labels.
        found: What each image was taken for; None without labels.
        captions: Row of the image and the text, for each caption.
        ranks: Rank of each caption's image.
        texts: Vectors of the captions.
        vectors: Vectors of the images.
    """
    late = _late(rows, captions, ranks, texts, vectors)
    if found is None:
        return Examples(late=late)
    right = found.zero_shot.ranks == 1
    wrong_rows = np.flatnonzero(~right)
    far = wrong_rows[np.argsort(-found.first_shares[wrong_rows, 0], kind="stable")][:EACH]
    return Examples(
        right=_shown(_drawn(np.flatnonzero(right)), rows, names, found),
        wrong=_shown(_drawn(wrong_rows), rows, names, found),
        far_off=_shown(far.tolist(), rows, names, found),
        late=late,
    )


def _drawn(among: NDArray[np.intp]) -> list[int]:
    count = min(EACH, len(among))
    return sorted(random.Random(0).sample(among.tolist(), count))  # noqa: S311 - no secret


def _shown(
    chosen: Iterable[int], rows: Sequence[SetImage], names: Sequence[str], found: Labelling
) -> tuple[ImageExample, ...]:
    return tuple(
        ImageExample(
            path=rows[at].path,
            name=plain(rows[at].name),
            label=names[found.zero_shot.truth[at]],
            first=tuple(
                LabelShare(label=names[label], share=float(value))
                for label, value in zip(found.first_labels[at], found.first_shares[at], strict=True)
            ),
        )
        for at in chosen
    )


def _late(
    rows: Sequence[SetImage],
    captions: Sequence[tuple[int, str]],
    ranks: NDArray[np.int64],
    texts: Vectors,
    vectors: Vectors,
) -> tuple[CaptionExample, ...]:
    chosen: dict[int, int] = {}  # image → its latest caption
    for at in np.argsort(-ranks, kind="stable").tolist():
        if len(chosen) == EACH or ranks[at] == 1:
            break
        chosen.setdefault(captions[at][0], at)
    examples = []
    for image, at in chosen.items():
        first = int(np.argmax(vectors @ texts[at]))
        examples.append(
            CaptionExample(
                caption=captions[at][1],
                rank=int(ranks[at]),
                path=rows[image].path,
                name=plain(rows[image].name),
                first_path=rows[first].path,
                first_name=plain(rows[first].name),
            )
        )
    return tuple(examples)
