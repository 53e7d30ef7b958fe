"""Shares of labels at several dates, and how much each cell changed → its label at every date.

Does not know where cells lie, nor how the change was scored. Labels of all dates are decided
together: a label changes from one date to the next only where the label fits otherwise *and* the
pair of images says that something changed. The most likely run of labels is found by Viterbi's
algorithm (Rabiner 1989, "A tutorial on hidden Markov models", equations 30–35), cell by cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.monitor.labels.labelling import Shares

NOT_SEEN = -1
"""Instead of a class: the cell was not seen at that date."""

_LEAST = 1e-12
"""Least share and probability whose logarithm is taken."""

_EXTREME = 1e-6
"""Least distance of a percentile from 0 and 1: what single precision still tells from 1."""

_LEAST_TURNED = 1e-3
"""Least distance of a turned share from 0 and 1: models are not surer of a label."""

_OWN_LIGHT = 30
"""Cells of one class from which light is told by themselves: forest turns in autumn, roads do
not."""

_MOST_FOR_CHANGE = 1.5
"""Logarithm of how much likelier another label may be than the same one, whatever has changed: it
must fit at least a fifth as well, at both dates together. Of the made-up counties' changes as many
are found as without any such bound."""

_CELLS_AT_ONCE = 32_768
"""Cells that are decided at a time: 100 MB for a hundred classes at two dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stickiness:
    """How much it takes for a label to change between two dates."""

    change: float = 0.1
    """Chance that a cell changes its label from one date to the next where nothing is known of the
    pair of images, 0–1, exclusive."""
    steepness: float = 3.0
    """How fast the pair's change speaks for another label: the odds of the percentile, to this
    power, multiply the chance. 0 or more; 0: the pair's change does not matter."""
    even: float = 90.0
    """Percentile, 0–100, exclusive, that is as frequent among changed cells as among unchanged
    ones: the pair speaks for a change above it, and against one below."""
    turn_steepness: float = 0.0
    """How fast the turned share speaks for another label, as ``steepness`` does of the percentile;
    see ``turned_shares``. 0 or more; 0: it does not matter."""
    turn_even: float = 0.18
    """Turned share, 0–1, exclusive, that is as frequent among changed cells as among unchanged
    ones."""

    def __post_init__(self) -> None:
        if not 0 < self.change < 1:
            raise InvalidRequest(f"change: expected a chance between 0 and 1, came {self.change}")
        if not self.steepness >= 0:
            raise InvalidRequest(f"steepness: expected 0 or more, came {self.steepness}")
        if not self.turn_steepness >= 0:
            raise InvalidRequest(
                f"steepness of the turned share: expected 0 or more, came {self.turn_steepness}"
            )
        if not 0 < self.even < 100:  # noqa: PLR2004 -- percent
            raise InvalidRequest(f"even: expected a percentile, 0 to 100, came {self.even}")
        if not 0 < self.turn_even < 1:
            raise InvalidRequest(f"even: expected a turned share, 0 to 1, came {self.turn_even}")

    def chances(
        self, percentiles: NDArray[np.float32], turned: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Chance of another label, by how much a cell changed: the same shape.

        The logarithm of a percentile's odds grows with the deviations of a normal law, about 1.7
        for each, as does that of the likelihood ratio of two normal laws side by side.

        Args:
            percentiles: 0–100 against cells that are likely unchanged; NaN: not known.
            turned: Of ``turned_shares``, the same shape; None: not known.
        """
        known = np.isfinite(percentiles)
        p = np.clip(np.where(known, percentiles, self.even) / 100, _EXTREME, 1 - _EXTREME)
        speaks = self.steepness * (_log_odds(p) - _log_odds(self.even / 100))
        odds = _log_odds(self.change) + np.where(known, speaks, 0.0)
        if turned is not None:
            share = np.clip(turned, _LEAST_TURNED, 1 - _LEAST_TURNED)
            odds = odds + self.turn_steepness * (_log_odds(share) - _log_odds(self.turn_even))
        return np.clip(1 / (1 + np.exp(-odds)), _LEAST, 1 - _LEAST)


def _log_odds(chance: float | NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(np.log(chance) - np.log1p(-np.asarray(chance, dtype=np.float64)))


STICKINESS = Stickiness()
"""Measured on made-up counties: of what was tried, nearest to four changed cells in five found with
seven right of ten that are told; see docs/guides/landuse.md."""


OVERLAPPING = Stickiness(steepness=0.75, even=80.0, turn_steepness=6.0, turn_even=0.18)
"""The same where chips overlap: several of them look at each cell, so that how much of it turned is
told by its labels, and the percentile says less beside it."""


def turned_shares(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Estimate how much of each cell is of another class than when it was last seen, 0–1.

    What light and season do is taken out first: the median step of all cells that looked like the
    same class. Shares of a softmax are surer than a cell is uniform: that half of it is under water
    hardly shows in them. Those of half the logits are about as large as the parts of the cell; see
    docs/guides/landuse.md.

    Args:
        logits: Shape (dates, cells, classes); a row of NaN: not seen.

    Returns:
        float64, shape (dates − 1, cells): half the sum of what the classes gain and lose; 0 where
        the cell was not seen, or never before.
    """
    turned = np.zeros((max(len(logits) - 1, 0), logits.shape[1]))
    last = logits[0].astype(np.float64)
    for date, now in enumerate(logits[1:]):
        steps = now - last
        known = np.isfinite(steps).all(axis=1)
        if known.any():
            level = now[known] - _usual(steps[known], last[known].argmax(axis=1))
            turned[date, known] = np.abs(_parts(level) - _parts(last[known])).sum(axis=1) / 2
        last = np.where(np.isfinite(now), now, last)
    return turned


def _usual(steps: NDArray[np.float64], classes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Give the median step of the cells that were of the same class; of few such, that of all."""
    found = np.broadcast_to(np.median(steps, axis=0), steps.shape).copy()
    for one in np.unique(classes).tolist():
        own = classes == one
        if own.sum() >= _OWN_LIGHT:
            found[own] = np.median(steps[own], axis=0)
    return found


def _parts(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Give the shares of half the logits."""
    weights = np.exp((logits - logits.max(axis=1, keepdims=True)) / 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def decide(
    shares: Shares,
    changes: NDArray[np.float32],
    *,
    turned: NDArray[np.float64] | None = None,
    stickiness: Stickiness = STICKINESS,
) -> NDArray[np.int16]:
    """Decide the labels of cells at all dates together.

    Args:
        shares: Shape (dates, cells, classes), dates ascending; a row of NaN: not seen.
        changes: Shape (dates − 1, cells): percentile of the change up to each date but the first,
            since the cell was last seen; NaN where that was not compared.
        turned: Of ``turned_shares``, likewise; None: not asked.
        stickiness: What a change of label takes.

    Returns:
        int16, shape (dates, cells): the class, `NOT_SEEN` where the cell was not seen.

    Raises:
        InvalidRequest: the shapes do not go together.
    """
    if shares.ndim != 3 or changes.shape != (max(len(shares) - 1, 0), shares.shape[1]):  # noqa: PLR2004 (dates, cells, classes)
        raise InvalidRequest(
            "expected shares (dates, cells, classes) and changes (dates - 1, cells), came "
            f"{shares.shape} and {changes.shape}"
        )
    decided = np.full(shares.shape[:2], NOT_SEEN, dtype=np.int16)
    if not shares.size:
        return decided
    for at in range(0, shares.shape[1], _CELLS_AT_ONCE):
        part = slice(at, at + _CELLS_AT_ONCE)
        chances = stickiness.chances(changes[:, part], None if turned is None else turned[:, part])
        decided[:, part] = _decided(shares[:, part], chances)
    return decided


def _decided(shares: Shares, chances: NDArray[np.float64]) -> NDArray[np.int16]:
    """Find the most likely run of each cell; a date that did not see it passes it on unchanged."""
    dates, cells, classes = shares.shape
    seen: NDArray[np.bool_] = np.asarray(np.isfinite(shares).all(axis=2))
    fits = np.log(np.maximum(np.where(seen[:, :, None], shares, 1.0), _LEAST))
    stay = np.where(seen[1:], np.log1p(-chances), 0.0)
    drawn = np.log(chances / max(classes - 1, 1))
    move = np.where(seen[1:], np.minimum(drawn, stay + _MOST_FOR_CHANGE), -np.inf)
    best = fits[0].astype(np.float64)
    came = np.empty((dates, cells, classes), dtype=np.int16)
    """From which class, at each date."""
    for date in range(1, dates):
        others, came_from = _best_other(best)
        moved = others + move[date - 1][:, None]
        stayed = best + stay[date - 1][:, None]
        keeps = stayed >= moved
        came[date] = np.where(keeps, np.arange(classes), came_from)
        best = np.where(keeps, stayed, moved) + fits[date]
    run = np.empty((dates, cells), dtype=np.int16)
    run[-1] = best.argmax(axis=1)
    for date in range(dates - 1, 0, -1):
        run[date - 1] = np.take_along_axis(came[date], run[date][:, None], axis=1)[:, 0]
    return np.where(seen, run, np.int16(NOT_SEEN))


def _best_other(best: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Give of each class the best of the other classes, and which that is: two of (cells, k)."""
    cells, classes = best.shape
    if classes == 1:
        return np.full(best.shape, -np.inf), np.zeros(best.shape, dtype=np.intp)
    rows = np.arange(cells)
    first = best.argmax(axis=1)
    rest = best.copy()
    rest[rows, first] = -np.inf
    second = rest.argmax(axis=1)
    came = np.repeat(first[:, None], classes, axis=1)
    came[rows, first] = second
    return np.take_along_axis(best, came, axis=1), came
