"""Labels that are more than English words (Chinese ones, concepts) → vectors to compare with.

Does not know images. Whatever a label is, its cosines lie on the scale of words', so that the
labels of one question compare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from satseek.embed.embedder import unit_rows
from satseek.errors import InvalidRequest
from satseek.model.prompts import TEMPLATES
from satseek.search.directions import english
from satseek.search.probing import beside_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from satseek.embed.embedder import Embedder
    from satseek.search.directions import Examples
    from satseek.search.glossary import Glossary
    from satseek.types import Concept, Vectors

SIGN = "@"
"""Before the name of a concept."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """A concept, and what its chips look like to one model."""

    concept: Concept
    """The concept."""
    examples: Examples
    """Vectors of its chips, those that could be had."""
    background: Vectors
    """float32 (sample, dim): any chips of their collections; may be none."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """Labels whose vectors are not those of their own letters."""

    vectors: Mapping[str, Vectors] = field(default_factory=dict)
    """float32 (1, dim) by label."""
    translated: Mapping[str, str] = field(default_factory=dict)
    """What those that are not English were taken for, by label."""
    negatives: tuple[str, ...] = ()
    """What the concepts among them are mistaken for: more distractors."""


def known_labels(
    labels: Sequence[str],
    *,
    embedder: Embedder,
    concept: Callable[[str], Shown],
    glossary: Glossary | None = None,
    templates: Sequence[str] = TEMPLATES,
) -> Known:
    """Find the vectors of labels that are concepts (``@mines``), or words in Chinese.

    Args:
        labels: As asked.
        embedder: Of the model that is asked.
        concept: Gives a concept by its reference; raises ConceptNotFound.
        glossary: Chinese words; None: the shipped ones.
        templates: Prompt templates.

    Raises:
        ConceptNotFound: there is no such concept.
        InvalidRequest: it has no words, by which alone labels compare.
        Untranslatable: words that neither the model nor the glossary knows.
    """
    vectors, translated, negatives = dict[str, "Vectors"](), dict[str, str](), list[str]()
    for label in (one.strip() for one in labels):
        if label.startswith(SIGN):
            shown = concept(label.removeprefix(SIGN))
            vectors[label] = _of_concept(
                shown, embedder=embedder, glossary=glossary, templates=templates
            )
            negatives += shown.concept.negatives
        elif said := english(label, embedder=embedder, glossary=glossary):
            translated[label], prompts = said
            vectors[label] = _mean(embedder.label_vectors(prompts, templates=templates))
    return Known(vectors=vectors, translated=translated, negatives=tuple(negatives))


def _of_concept(
    shown: Shown, *, embedder: Embedder, glossary: Glossary | None, templates: Sequence[str]
) -> Vectors:
    concept = shown.concept
    if not concept.prompts:
        raise InvalidRequest(
            f"concept {concept.name!r} has no words, by which alone labels compare: add a prompt"
        )
    prompts: list[str] = []
    for text in concept.prompts:
        said = english(text, embedder=embedder, glossary=glossary)
        prompts += said[1] if said else (text,)
    words = _mean(embedder.label_vectors(prompts, templates=templates))
    return beside_words(
        words,
        liked=shown.examples.liked,
        disliked=shown.examples.disliked,
        background=shown.background,
    )


def _mean(vectors: Vectors) -> Vectors:
    return unit_rows(vectors.mean(axis=0, keepdims=True, dtype=np.float32))
