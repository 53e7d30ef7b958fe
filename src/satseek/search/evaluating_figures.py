"""Vectors and truth → the figures of an evaluation, as they are printed.

Knows neither files nor pixels. A figure that could only come out one way (recall@10 in a gallery of
ten, top-5 of five labels) is None, so that nobody reads it as an achievement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.evaluate.calibration import Bin, Reliability, brier_of_shares
from satseek.evaluate.intervals import Interval, bootstrap, wilson
from satseek.evaluate.retrieval import average_precisions, first_ranks
from satseek.evaluate.zero_shot import zero_shot
from satseek.model.scores import cosines, match, share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.evaluate.zero_shot import ZeroShot
    from satseek.types import ModelCard, Vectors

_BLOCK = 2048
"""Images whose shares are taken at once: 16 MB at 1,000 labels."""

_GALLERY_BLOCK = 4_000_000
"""Cosines of labels with images that are sorted at once: 32 MB of places."""

CONFUSED = 10
"""Pairs of labels that are named."""

SHOWN_LABELS = 3
"""First labels of an image that are kept, for its example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFigures:
    """One prompt template alone."""

    template: str
    """With ``{}`` where the label goes."""
    top_1: float
    """Share of images whose first label is right, 0–1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFigures:
    """One label and its images."""

    label: str
    """In words."""
    images: int
    """Images of it; where there are none, all else is None."""
    top_1: float | None
    """Share of them whose first label is right, 0–1."""
    top_1_interval: Interval | None
    """95 %, Wilson's."""
    top_5: float | None
    """Share of them with the right label among the first five; None for up to five labels."""
    average_precision: float | None
    """Of all images ranked by their cosine with the label, 0–1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusedPair:
    """Images of one label that were taken for another."""

    label: str
    """The true one."""
    first: str
    """The one they were taken for."""
    images: int
    """How many."""
    share: float
    """How many of the true label's images, 0–1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroShotFigures:
    """Every image against every label."""

    top_1: float
    """Share of images whose first label is right, 0–1; ties count against."""
    top_1_interval: Interval
    """95 %, percentile bootstrap over images."""
    top_5: float | None
    """Share of images whose label is among the first five; None for up to five labels."""
    mean_per_class: float
    """Mean of the labels' own top-1: every label counts the same."""
    mean_average_precision: float
    """Label → image: mean over labels of the average precision, 0–1."""
    templates: tuple[TemplateFigures, ...]
    """What each prompt template reaches alone; ``top_1`` is of all of them together."""
    by_label: tuple[LabelFigures, ...]
    """In the labels' order."""
    confusion: tuple[tuple[int, ...], ...]
    """Images by true label (row) and first label (column), in the labels' order."""
    confused_pairs: tuple[ConfusedPair, ...]
    """Most images first, at most `CONFUSED`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFigures:
    """How far a score is from being readable as a probability."""

    outcomes: int
    """Scores that were held against the truth."""
    ece: float
    """Expected calibration error, 0–1, over 15 bins of equal width; 0 is best."""
    brier: float
    """Mean squared error; 0 is best. Of shares it is summed over labels (0–2), else 0–1."""
    brier_of_no_knowledge: float
    """The same of equal shares, or of a score that is always the share of right outcomes."""
    mean_score: float
    """Mean of the scores."""
    right: float
    """Share of outcomes that is right, 0–1."""
    bins: tuple[Bin, ...]
    """From 0 to 1: the reliability plot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Both scores that could be mistaken for a probability."""

    share: CalibrationFigures
    """Of each image's first label: its share, and whether it is right."""
    match: CalibrationFigures | None
    """Of each pair of image and label; None for a model that has no match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallFigures:
    """Queries of one kind against a gallery of the other."""

    queries: int
    """Queries."""
    gallery: int
    """What was searched: recall in a larger gallery is lower."""
    recall_at_1: float | None
    """Share of queries with a right answer first; None: the gallery is no larger."""
    recall_at_5: float | None
    """Among the first five; likewise."""
    recall_at_10: float | None
    """Among the first ten; likewise."""
    median_rank: float
    """Median rank of the best right answer; 1 is the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalFigures:
    """Captions and images, both ways; ties count against."""

    text_to_image: RecallFigures
    """Each caption asks for its own image."""
    image_to_text: RecallFigures
    """Each image with captions asks for any of its own."""
    shared_captions: int
    """Captions that are also another image's, word for word: they cannot come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """What each image was taken for; all arrays have a row for each image."""

    zero_shot: ZeroShot
    """First labels and ranks."""
    first_labels: NDArray[np.int64]
    """(n, up to `SHOWN_LABELS`): labels by falling share."""
    first_shares: NDArray[np.float64]
    """Their shares, the same shape."""
    calibration: Calibration
    """Of share and match."""


def label_images(
    vectors: Vectors, labels: Vectors, truth: Sequence[int], *, card: ModelCard
) -> Labelling:
    """Hold every image (n, dim) against every label (labels, dim).

    Raises:
        InvalidRequest: the sizes do not fit.
    """
    right = np.asarray(truth, dtype=np.int64)
    result = zero_shot(vectors, labels, truth)
    shares, matches = Reliability(), Reliability()
    squares, first_labels, first_shares = [], [], []
    for at in range(0, len(vectors), _BLOCK):
        rows = slice(at, at + _BLOCK)
        asked = cosines(vectors[rows], labels)
        parts = share(asked, card)
        order = np.argsort(-parts, axis=1, kind="stable")[:, :SHOWN_LABELS]
        first_labels.append(order)
        first_shares.append(np.take_along_axis(parts, order, axis=1))
        shares.add(first_shares[-1][:, 0].clip(0, 1), result.ranks[rows] == 1)
        squares.append(brier_of_shares(parts, right[rows].tolist()))
        if card.score_head == "sigmoid":
            matches.add(match(asked, card), np.arange(len(labels)) == right[rows, None])
    return Labelling(
        zero_shot=result,
        first_labels=np.concatenate(first_labels),
        first_shares=np.concatenate(first_shares),
        calibration=Calibration(
            share=_calibrated(
                shares,
                brier=float(np.concatenate(squares).mean()),
                brier_of_no_knowledge=1 - 1 / len(labels),
            ),
            match=_calibrated(
                matches,
                brier=matches.brier,
                brier_of_no_knowledge=matches.right * (1 - matches.right),
            )
            if matches.count
            else None,
        ),
    )


def _calibrated(
    found: Reliability, *, brier: float, brier_of_no_knowledge: float
) -> CalibrationFigures:
    return CalibrationFigures(
        outcomes=found.count,
        ece=found.ece,
        brier=brier,
        brier_of_no_knowledge=brier_of_no_knowledge,
        mean_score=found.mean_score,
        right=found.right,
        bins=found.bins(),
    )


def figures_of_labels(
    found: Labelling,
    vectors: Vectors,
    labels: Vectors,
    *,
    names: Sequence[str],
    templates: Mapping[str, float],
) -> ZeroShotFigures:
    """Figures of all images together and label by label.

    Args:
        found: What ``label_images`` found for ``vectors`` and ``labels``.
        vectors: (n, dim).
        labels: (labels, dim).
        names: The labels.
        templates: Top-1 of each template alone.
    """
    result = found.zero_shot
    precisions = _average_precisions(vectors, labels, result.truth)
    hits = int((result.ranks == 1).sum())
    return ZeroShotFigures(
        top_1=result.top1,
        top_1_interval=bootstrap(hits, len(vectors)),
        top_5=result.top(5) if len(names) > 5 else None,  # noqa: PLR2004 - as its name says
        mean_per_class=result.mean_per_class,
        mean_average_precision=float(np.nanmean(precisions)),
        templates=tuple(
            TemplateFigures(template=one, top_1=value) for one, value in templates.items()
        ),
        by_label=tuple(_by_label(result, precisions, names)),
        confusion=tuple(map(tuple, result.confusion.tolist())),
        confused_pairs=tuple(_confused(result.confusion, names)),
    )


def _average_precisions(
    vectors: Vectors, labels: Vectors, truth: NDArray[np.int64]
) -> NDArray[np.float64]:
    step = max(1, _GALLERY_BLOCK // len(vectors))
    parts = []
    for at in range(0, len(labels), step):
        some = np.arange(at, min(at + step, len(labels)))
        relevant = some[:, None] == truth[None, :]
        parts.append(average_precisions(labels[some] @ vectors.T, relevant))
    return np.concatenate(parts)


def _by_label(
    result: ZeroShot, precisions: NDArray[np.float64], names: Sequence[str]
) -> list[LabelFigures]:
    totals, hits = result.confusion.sum(axis=1), np.diagonal(result.confusion)
    top_5 = result.per_class_top(5) if len(names) > 5 else np.full(len(names), np.nan)  # noqa: PLR2004
    return [
        LabelFigures(
            label=name,
            images=int(totals[at]),
            top_1=_or_none(result.per_class[at]),
            top_1_interval=wilson(int(hits[at]), int(totals[at])) if totals[at] else None,
            top_5=_or_none(top_5[at]),
            average_precision=_or_none(precisions[at]),
        )
        for at, name in enumerate(names)
    ]


def _confused(confusion: NDArray[np.int64], names: Sequence[str]) -> list[ConfusedPair]:
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSED]
    rows, columns = np.unravel_index(order, wrong.shape)
    return [
        ConfusedPair(
            label=names[row],
            first=names[column],
            images=int(wrong[row, column]),
            share=float(wrong[row, column] / confusion[row].sum()),
        )
        for row, column in zip(rows, columns, strict=True)
        if wrong[row, column]
    ]


def figures_of_captions(
    vectors: Vectors, texts: Vectors, owners: Sequence[int], *, captions: Sequence[str]
) -> tuple[RetrievalFigures, NDArray[np.int64]]:
    """Figures of text → image and image → text, and the rank of each caption's image.

    Args:
        vectors: (n, dim), of images.
        texts: (captions, dim).
        owners: row of ``vectors`` that each caption is of.
        captions: The texts themselves.
    """
    everyone = np.arange(len(vectors))
    asking = np.unique(owners)
    by_text = first_ranks(texts, vectors, wanted=owners, owners=everyone.tolist())
    by_image = first_ranks(vectors[asking], texts, wanted=asking.tolist(), owners=owners)
    figures = RetrievalFigures(
        text_to_image=_recalls(by_text, gallery=len(vectors)),
        image_to_text=_recalls(by_image, gallery=len(texts)),
        shared_captions=_shared(owners, captions),
    )
    return figures, by_text


def _recalls(ranks: NDArray[np.int64], *, gallery: int) -> RecallFigures:
    at_1, at_5, at_10 = (float((ranks <= k).mean()) if k < gallery else None for k in (1, 5, 10))
    return RecallFigures(
        queries=len(ranks),
        gallery=gallery,
        recall_at_1=at_1,
        recall_at_5=at_5,
        recall_at_10=at_10,
        median_rank=float(np.median(ranks)),
    )


def _shared(owners: Sequence[int], captions: Sequence[str]) -> int:
    images: dict[str, set[int]] = {}
    for owner, caption in zip(owners, captions, strict=True):
        images.setdefault(caption, set()).add(owner)
    return sum(len(images[caption]) > 1 for caption in captions)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
