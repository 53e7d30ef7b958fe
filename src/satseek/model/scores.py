"""Turns cosines into the scores a person reads: match, share, percentile.

Does not know texts, chips or models beyond a card's two numbers; pure NumPy. None of these is a
confidence: docs/concepts/scores.md says what each of them is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from satseek.types import ModelCard, ScoreKind


def cosines(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine of every row of ``left`` (m, dim) with every row of ``right`` (n, dim): (m, n).

    Both must be vectors, that is unit rows. Clipped to −1…1, which rounding can leave by 1e-7.
    """
    clipped: NDArray[np.float32] = np.clip(left @ right.T, np.float32(-1), np.float32(1))
    return clipped


def logits(cosine: ArrayLike, card: ModelCard) -> NDArray[np.float64]:
    """``cosine · exp(logit_scale) + logit_bias`` (SigLIP, arXiv 2303.15343, algorithm 1).

    CLIP's is the same without a bias (arXiv 2103.00020, figure 3).
    """
    return np.asarray(cosine, dtype=np.float64) * math.exp(card.logit_scale) + card.logit_bias


def match(cosine: ArrayLike, card: ModelCard) -> NDArray[np.float64]:
    """``sigmoid(logit)``, 0–1, one by one: what is asked beside it does not change it.

    The same shape as ``cosine``.

    Raises:
        ValueError: the model was trained under a softmax; it never learnt what a pair alone means.
    """
    if card.score_head != "sigmoid":
        raise ValueError(f"{card.name}: a model trained under a {card.score_head} has no match")
    logit = logits(cosine, card)
    # exp of a negative number only, so that neither end overflows.
    small = np.exp(-np.abs(logit))
    return np.where(logit >= 0, 1.0, small) / (1.0 + small)


def pair_scores(cosine: NDArray[np.float32], card: ModelCard) -> list[dict[ScoreKind, float]]:
    """Scores of each pair alone, one mapping per cosine of a vector (n,).

    ``cosine`` always, ``match`` where the model learnt one: CLIP, trained under a softmax, did not.
    """
    found: list[dict[ScoreKind, float]] = [{"cosine": float(one)} for one in cosine]
    if card.score_head == "sigmoid":
        for scores, one in zip(found, match(cosine, card), strict=True):
            scores["match"] = float(one)
    return found


def share(cosine: ArrayLike, card: ModelCard) -> NDArray[np.float64]:
    """Softmax over the last axis, the labels asked (with distractors): 0–1, each row sums to 1.

    The factor on the cosine is the model's own, ``exp(logit_scale)``; the bias is the same for all
    labels and cancels out. The same shape as ``cosine``; a last axis of one gives 1.
    """
    logit = logits(cosine, card)
    weights = np.exp(logit - logit.max(axis=-1, keepdims=True))
    normalised: NDArray[np.float64] = weights / weights.sum(axis=-1, keepdims=True)
    return normalised


def percentile(cosine: ArrayLike, background: ArrayLike) -> NDArray[np.float64]:
    """Percent of the background whose cosine is lower, 0–100; ties count half.

    Args:
        cosine: any shape; the query's cosine with the chips in question.
        background: one or more of the query's cosines with chips of the collection, in any order.

    Returns:
        The same shape as ``cosine``. Its finest step is 100 / the background's size.

    Raises:
        ValueError: the background is empty.
    """
    ordered = np.sort(np.ravel(background))
    if ordered.size == 0:
        raise ValueError("expected a background of at least one cosine, got none")
    wanted = np.asarray(cosine, dtype=ordered.dtype)
    lower = np.searchsorted(ordered, wanted, side="left")
    not_higher = np.searchsorted(ordered, wanted, side="right")
    return np.asarray((lower + not_higher) * (50.0 / ordered.size), dtype=np.float64)
