"""A vector and labels → scores; what became of every image → rows of a table, in order.

Does not know files of images, nor the format that the rows are written in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from satseek.export.columns import Column
from satseek.export.feature import Feature
from satseek.model.prompts import NONE_OF_THESE
from satseek.model.prompts import distractors as distractors_beside
from satseek.model.scores import match, share
from satseek.search.classifying import prompt_vectors
from satseek.types import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from satseek.embed.embedder import Embedder
    from satseek.export.feature import Property
    from satseek.search.classifying_parts import Told
    from satseek.types import ModelCard, Vectors

DIGITS = 6
"""Significant digits of a score: more than any model knows, and the same whatever added it up."""

LISTED = 100
"""Refused files that a report lists; the table has all of them."""

WIDE = 2
"""Labels of an image where only the best is asked for, and the next."""

Score = tuple[str, float, float, float | None]
"""A label, its share, cosine and match; None: the model learnt none."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelsAsked:
    """What images are to be told apart by."""

    labels: tuple[str, ...]
    """As asked, each different from the others."""
    templates: tuple[str, ...]
    """Prompt templates."""
    distractors: tuple[str, ...]
    """What else images might show; none: shares are taken over the labels alone."""
    vectors: Mapping[str, Vectors] = field(default_factory=dict)
    """Vectors (1, dim) of labels that are not embedded as they are written."""
    told: Mapping[str, str] = field(default_factory=dict)
    """What those labels were taken for: English words, or a version of a concept."""


class Scorer:
    """Scores vectors, each by itself: company changes no digit."""

    def __init__(
        self, labels: Sequence[str], prompts: Vectors, *, card: ModelCard, most: int | None
    ) -> None:
        """Take labels that are embedded.

        Args:
            labels: As asked.
            prompts: float32 (labels and distractors, dim).
            card: Of the model that embeds the images.
            most: Labels kept for each image, best first; None: all.
        """
        self.prompts = prompts
        """As given."""
        others = len(prompts) > len(labels)
        self._names = [*labels, *([NONE_OF_THESE] if others else [])]
        self._asked = len(labels)
        self._card = card
        self._most = most

    @classmethod
    def of(cls, asked: LabelsAsked, embedder: Embedder, *, most: int | None) -> Self:
        """Embed the labels.

        Raises:
            EmptyText, InvalidRequest: labels or templates that cannot be.
        """
        others = distractors_beside(asked.labels, pool=asked.distractors)
        prompts = prompt_vectors(
            (*asked.labels, *others),
            embedder=embedder,
            templates=asked.templates,
            known=asked.vectors,
        )
        return cls(asked.labels, prompts, card=embedder.card, most=most)

    def scores(self, vector: Vectors) -> list[Score]:
        """Score an image by its vector (dim,), best first; see ``classifying.classify``."""
        cosines = self.prompts @ vector  # (labels + distractors, dim) @ (dim,)
        if len(cosines) > self._asked:  # the strongest distractor alone stands for all of them
            cosines = np.append(cosines[: self._asked], cosines[self._asked :].max())
        shares = share(cosines, self._card)
        matches = match(cosines, self._card) if self._card.score_head == "sigmoid" else None
        order = np.argsort(-shares, kind="stable")[: self._most]
        return [
            (
                self._names[at],
                _short(shares[at]),
                _short(cosines[at]),
                None if matches is None else _short(matches[at]),
            )
            for at in order.tolist()
        ]


@dataclass(slots=True)
class Tally:
    """What the rows amount to."""

    images: int = 0
    """Images and chips that have a label."""
    refused: int = 0
    """Files and scenes that could not be used."""
    skipped: int = 0
    """Cells of scenes of which too little is valid."""
    by_label: Counter[str] = field(default_factory=Counter)
    """How many images have each label as their best."""
    refusals: list[Refusal] = field(default_factory=list)
    """The first of those that could not be used."""


def columns(*, all_labels: bool, has_match: bool) -> tuple[Column, ...]:
    """Name the columns beside ``id`` and the place.

    Args:
        all_labels: A row for each label of an image, ranked; else one row for each image.
        has_match: Whether the model learnt what a pair alone means.
    """
    scores = [Column(name=name, kind="number") for name in ("share", "match", "cosine")]
    scores = [one for one in scores if has_match or one.name != "match"]
    more = (
        []
        if all_labels
        else [Column(name="second", kind="text"), Column(name="second_share", kind="number")]
    )
    return (
        Column(name="path", kind="text"),
        *([Column(name="rank", kind="integer")] if all_labels else []),
        Column(name="label", kind="text"),
        *scores,
        *more,
        Column(name="datetime", kind="moment"),
        Column(name="refused", kind="text"),
    )


def rows(
    items: Iterable[Told], *, all_labels: bool, has_match: bool, tally: Tally
) -> Iterator[Feature]:
    """Turn what became of items into rows.

    Args:
        items: In the order of the rows.
        all_labels: As ``columns``.
        has_match: As ``columns``.
        tally: Counts them.
    """
    named = columns(all_labels=all_labels, has_match=has_match)
    blank: dict[str, Property] = dict.fromkeys(one.name for one in named)
    for one in items:
        if one["refused"]:
            tally.refused += 1
            if len(tally.refusals) < LISTED:
                tally.refusals.append(_refusal(one))
            yield _refused_row(one, blank)
            continue
        tally.skipped += one["skipped"]
        for row in one["rows"]:
            tally.images += 1
            tally.by_label[row["scores"][0][0]] += 1
            yield from _labelled(one, row, blank, all_labels=all_labels)


def _labelled(
    item: Told, row: Mapping[str, Any], blank: Mapping[str, Property], *, all_labels: bool
) -> Iterator[Feature]:
    scores: list[Score] = row["scores"]
    if not all_labels:
        second = scores[1] if len(scores) > 1 else (None, None)
        more = {"second": second[0], "second_share": second[1]}
        yield _row(item, row, blank, _of(scores[0], blank) | more)
        return
    for rank, score in enumerate(scores, 1):
        yield _row(item, row, blank, {"rank": rank} | _of(score, blank))


def _row(
    item: Told,
    row: Mapping[str, Any],
    blank: Mapping[str, Property],
    said: Mapping[str, Property],
) -> Feature:
    taken = item["datetime"]
    own: dict[str, Property] = {
        "path": item["path"],
        "datetime": datetime.fromisoformat(taken) if taken else None,
    }
    return Feature(id=row["id"], geometry=row["footprint"], properties={**blank, **own, **said})


def _of(score: Score, blank: Mapping[str, Property]) -> dict[str, Property]:
    label, part, cosine, alone = score
    matched: dict[str, Property] = {"match": alone} if "match" in blank else {}
    return {"label": label, "share": part, **matched, "cosine": cosine}


def _refused_row(item: Told, blank: Mapping[str, Property]) -> Feature:
    said = {"path": item["path"], "refused": item["refused"]}
    return Feature(id=item["id"], geometry=None, properties={**blank, **said})


def _refusal(item: Told) -> Refusal:
    return Refusal(path=item["id"], reason=item["refused"], kind=item["kind"])


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
