"""Vectors and truth → the figures of an evaluation.

Knows neither files nor pixels. Blocks bound the memory: nothing of images times labels is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.evaluate.calibration import Reliability, brier_of_shares
from satseek.evaluate.intervals import bootstrap, wilson
from satseek.evaluate.retrieval import TIE, average_precisions, first_ranks
from satseek.evaluate.zero_shot import zero_shot
from satseek.model.scores import cosines, match, share
from satseek.search.evaluating_figures import (
    CONFUSED,
    Calibration,
    CalibrationFigures,
    ConfusedPair,
    LabelFigures,
    RecallFigures,
    RetrievalFigures,
    TemplateFigures,
    ZeroShotFigures,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.evaluate.zero_shot import ZeroShot
    from satseek.types import ModelCard, Vectors

_BLOCK = 2048
"""Images whose shares are taken at once: 16 MB at 1,000 labels."""

_GALLERY_BLOCK = 4_000_000
"""Cosines of labels with images that are sorted at once: 32 MB of places."""

SHOWN_LABELS = 3
"""First labels of an image that are kept, for its example."""


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
        near = np.round((labels[some] @ vectors.T) / TIE)  # what is nearly equal ties
        parts.append(average_precisions(near, relevant))
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
