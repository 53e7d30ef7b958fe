"""Logits of labels at one or two dates → which cells are affected, and which were not seen.

Does not know places, parcels or models. Both dates of a cell are decided together: it is affected
where the labels say damage after and not before, *and* its step towards damage is larger than what
cells do whose labels are sound at both dates. What season, light and sensor do to all of those is
their median step, and taken out first. What chips that overlap make of the ground is blended before
anything is decided.

A chip half under water takes about half the step of one that is under water altogether. So how much
of a cell is affected is told by how far its step goes: from where sound cells stay, which is none,
to the lower quartile of affected cells, which is all. Both ends are the pair's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.monitor.change.blending import Around

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]

LEAST_SOUND: Final = 30
"""Cells sound at both dates from which their median step is taken out: its standard error is
1.25 / √30, a quarter of a robust deviation. With fewer nothing is taken out."""

QUANTILE: Final = 0.975
"""Of the steps of sound cells: a step that a cell takes to be affected is larger, unless somebody
asks for another one."""

WHOLE: Final = 0.25
"""Quantile of the steps of affected cells from which a cell is affected as a whole. Their steps
scatter: were it the median, half of those that are under water altogether would be told as less,
and none as more; see bench/monitoring/damage.py."""

_DEVIATION: Final = 1.4826
"""Standard deviations in a median absolute deviation of a normal law."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kinds:
    """Which classes mean what; each of shape (classes,)."""

    affected: Marks
    """Damage, whenever it is seen."""
    new: Marks
    """Damage where it was not before."""
    hidden: Marks
    """Cloud, smoke."""
    least_hidden: float = 0.0
    """Logits by which one of those must fit better than anything else; see `clouds`."""

    @property
    def sound(self) -> Marks:
        """No damage: all others."""
        return ~(self.affected | self.new | self.hidden)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decided:
    """What was decided of cells; each of shape (n,)."""

    affected: Marks
    """Affected by the event."""
    before: Marks
    """Looking affected before it; all False with one date."""
    after: Marks
    """Looking affected after it, whether new or not."""
    shares: Floats
    """Share of each cell that is affected, 0–1: with two dates the share expected of its step, also
    of cells at a side of affected ones whose labels do not agree; with one 0 or 1."""
    margins: Floats
    """Logits by which damage fits better after than anything sound; with two dates the change of
    that, beyond what sound cells do: the larger, the plainer."""
    shift: float
    """What was taken out of every step, in logits; 0 with one date or too few sound cells."""


def hidden_cells(logits: Floats, kinds: Kinds) -> Marks:
    """Mark the cells that show a cloud rather than ground, shape (n,); NaN rows are not seen."""
    if not kinds.hidden.any():
        return np.zeros(len(logits), dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        margins = _best(logits, kinds.hidden) - _best(logits, ~kinds.hidden)
        return np.asarray(margins > kinds.least_hidden)


def decide_alone(logits: Floats, kinds: Kinds) -> Decided:
    """Decide by the date after the event alone.

    Args:
        logits: Shape (n, classes); NaN rows: not seen.
        kinds: What the classes mean; ``new`` ones count as sound.
    """
    margins = _best(logits, kinds.affected) - _best(logits, kinds.sound | kinds.new)
    with np.errstate(invalid="ignore"):
        after = np.asarray(margins > 0)
    none = np.zeros_like(after)
    return Decided(
        affected=after,
        before=none,
        after=after,
        shares=after.astype(np.float64),
        margins=margins,
        shift=0.0,
    )


def decide_paired(
    before: Floats, after: Floats, kinds: Kinds, *, near: Around, quantile: float = QUANTILE
) -> Decided:
    """Decide by both dates together.

    Args:
        before: Shape (n, classes); NaN rows: not seen, which decides nothing.
        after: The same cells after the event.
        kinds: What the classes mean; ``new`` ones count as damage at both dates.
        near: Neighbours of the cells.
        quantile: Of the steps of sound cells, 0.5–1, as of a normal law: an affected cell's step is
            larger.

    Raises:
        InvalidRequest: the shapes differ.
    """
    if before.shape != after.shape:
        raise InvalidRequest(
            f"expected logits of the same cells, came {before.shape}, {after.shape}"
        )
    damage = kinds.affected | kinds.new
    ends = [_best(one, damage) - _best(one, kinds.sound) for one in (before, after)]
    both = np.isfinite(ends[0]) & np.isfinite(ends[1])
    first, last = (near.blend(np.where(both, one, np.nan)) for one in ends)
    with np.errstate(invalid="ignore"):
        sound = (first <= 0) & (last <= 0)
        shift, spread = middle_and_spread(last[sound] - first[sound])
        was, steps = first > 0, last - shift - first
        is_now = last - shift > 0
        stepped = ~was & (steps > NormalDist().inv_cdf(quantile) * spread)
        affected = stepped & is_now
    return Decided(
        affected=affected,
        before=was,
        after=is_now,
        shares=np.where(near.reach(affected) & stepped, _parts(steps, affected), 0.0),
        margins=steps,
        shift=shift,
    )


def middle_and_spread(values: Floats) -> tuple[float, float]:
    """Give the median of what sound cells do, and its robust deviation; 0, 0 where they are few."""
    if values.size < LEAST_SOUND:
        return 0.0, 0.0
    middle = float(np.median(values))
    return middle, float(np.median(np.abs(values - middle))) * _DEVIATION


def _parts(steps: Floats, affected: Marks) -> Floats:
    """Give the share of each cell that its step speaks for, 0–1."""
    if not affected.any():
        return np.zeros(len(steps))
    whole = float(np.quantile(steps[affected], WHOLE))
    return np.clip(np.nan_to_num(steps) / whole, 0.0, 1.0)


def _best(logits: Floats, classes: Marks) -> Floats:
    """Give the largest logit among some classes, shape (n,); −inf where there are none."""
    if not classes.any():
        return np.full(len(logits), -np.inf)
    return np.asarray(logits[:, classes].max(axis=1))
