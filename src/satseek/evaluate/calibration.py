"""Turns scores from 0 to 1 and what was right into calibration figures: ECE, Brier, reliability.

Does not know which score it is told. What is measured here says how far a score is from being
readable as a probability; it makes none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

BINS = 15
"""Equal-width bins, as in Guo et al., On Calibration of Modern Neural Networks, 2017
(arXiv 1706.04599, section 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Outcomes whose score lies in one interval."""

    low: float
    """Lower end, excluded (but for 0)."""
    high: float
    """Upper end, included."""
    count: int
    """Outcomes."""
    mean_score: float | None
    """Their mean score, 0–1; None where there are none."""
    right: float | None
    """Share of them that is right, 0–1; None where there are none."""


class Reliability:
    """Sums over outcomes, bin by bin, so that any number of them can be told piece by piece."""

    def __init__(self) -> None:
        self._counts = np.zeros(BINS, dtype=np.int64)
        self._scores = np.zeros(BINS)
        self._right = np.zeros(BINS)
        self._squares = 0.0

    def add(self, scores: ArrayLike, right: ArrayLike) -> None:
        """Tell scores, 0–1, and whether each was right: the same shape, any.

        Raises:
            InvalidRequest: a score is not from 0 to 1, or the shapes differ.
        """
        told = np.ravel(np.asarray(scores, dtype=np.float64))
        truth = np.ravel(np.asarray(right, dtype=np.float64))
        if told.shape != truth.shape or not ((told >= 0) & (told <= 1)).all():
            raise InvalidRequest("expected scores from 0 to 1, and for each whether it was right")
        # ((m − 1) / M, m / M], Guo et al., before equation 2; 0 falls into the first
        at = np.clip(np.ceil(told * BINS).astype(np.int64) - 1, 0, BINS - 1)
        self._counts += np.bincount(at, minlength=BINS)
        self._scores += np.bincount(at, weights=told, minlength=BINS)
        self._right += np.bincount(at, weights=truth, minlength=BINS)
        self._squares += float(((told - truth) ** 2).sum())

    @property
    def count(self) -> int:
        """Outcomes told."""
        return int(self._counts.sum())

    @property
    def right(self) -> float:
        """Share of all outcomes that is right, 0–1."""
        return float(self._right.sum() / self._told())

    @property
    def mean_score(self) -> float:
        """Mean of all scores, 0–1."""
        return float(self._scores.sum() / self._told())

    @property
    def ece(self) -> float:
        """Expected calibration error, 0–1: Σ over bins of n_b / n · |right in b − mean score in b|.

        Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015;
        Guo et al. 2017, equation 3.
        """
        return float(np.abs(self._right - self._scores).sum() / self._told())

    @property
    def brier(self) -> float:
        """Mean of (score − right)², 0–1 (Brier 1950, for one outcome each)."""
        return self._squares / self._told()

    def bins(self) -> tuple[Bin, ...]:
        """All bins, from 0 to 1."""
        return tuple(
            Bin(
                low=at / BINS,
                high=(at + 1) / BINS,
                count=int(count),
                mean_score=float(self._scores[at] / count) if count else None,
                right=float(self._right[at] / count) if count else None,
            )
            for at, count in enumerate(self._counts)
        )

    def _told(self) -> int:
        if not self.count:
            raise InvalidRequest("expected at least one score, got none")
        return self.count


def brier_of_shares(shares: NDArray[np.float64], truth: Sequence[int]) -> NDArray[np.float64]:
    """Brier score of each row: Σ over labels of (share − 1 for the true label, else 0)², 0–2.

    Brier, Verification of Forecasts Expressed in Terms of Probability, 1950, equation 2, before the
    mean over images. Equal shares of L labels score 1 − 1/L.

    Args:
        shares: (n, labels), rows that sum to 1.
        truth: column of the right label of each row.
    """
    right = np.asarray(truth, dtype=np.int64)
    own: NDArray[np.float64] = np.take_along_axis(shares, right[:, None], axis=1)[:, 0]
    found: NDArray[np.float64] = (shares**2).sum(axis=1) - own**2 + (1 - own) ** 2
    return found
