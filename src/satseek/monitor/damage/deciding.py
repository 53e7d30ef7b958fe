"""Logits of labels at one or two dates → which cells are affected, and which were not seen.

Does not know places, parcels or models. Both dates of a cell are decided together: it is affected
where the labels say damage after and not before, *and* its step towards damage is larger than what
cells do whose labels are sound at both dates. What season, light and sensor do to all of those is
their median step, and taken out first. Beside affected cells the labels may waver by as much as
sound cells do (two thresholds, as Canny 1986 has them for edges).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]

LEAST_SOUND: Final = 30
"""Cells sound at both dates from which their median step is taken out: its standard error is
1.25 / √30, a quarter of a robust deviation. With fewer nothing is taken out."""

QUANTILE: Final = 0.975
"""Of the steps of sound cells: a step that a cell takes to be affected is larger."""

_DEVIATION: Final = 1.4826
"""Standard deviations in a median absolute deviation of a normal law."""

_NORMAL_QUANTILE: Final = 1.959963984540054
"""Standard deviations at `QUANTILE` of a normal law."""


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
    """Logits by which one of those must fit better than anything else; see `damage_clouds`."""

    @property
    def sound(self) -> Marks:
        """No damage: all others."""
        return ~(self.affected | self.new | self.hidden)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decided:
    """What was decided of cells; each of shape (n,)."""

    affected: Marks
    """Affected by the event."""
    beside: Marks
    """Affected if a neighbour is: the step towards damage is one, but the labels do not agree by
    less than sound cells scatter. All False with one date."""
    before: Marks
    """Looking affected before it; all False with one date."""
    after: Marks
    """Looking affected after it, whether new or not."""
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
        affected=after, beside=none, before=none, after=after, margins=margins, shift=0.0
    )


def decide_paired(before: Floats, after: Floats, kinds: Kinds) -> Decided:
    """Decide by both dates together.

    Args:
        before: Shape (n, classes); NaN rows: not seen, which decides nothing.
        after: The same cells after the event.
        kinds: What the classes mean; ``new`` ones count as damage at both dates.

    Raises:
        InvalidRequest: the shapes differ.
    """
    if before.shape != after.shape:
        raise InvalidRequest(
            f"expected logits of the same cells, came {before.shape}, {after.shape}"
        )
    damage = kinds.affected | kinds.new
    first, last = (_best(one, damage) - _best(one, kinds.sound) for one in (before, after))
    with np.errstate(invalid="ignore"):
        sound = (first <= 0) & (last <= 0)
        shift, spread = _steps(last[sound] - first[sound])
        was, steps = first > 0, last - shift - first
        least = _NORMAL_QUANTILE * spread
        is_now, may_be = last - shift > 0, last - shift > -least
        stepped = ~was & (steps > least)
    return Decided(
        affected=stepped & is_now,
        beside=stepped & may_be & ~is_now,
        before=was,
        after=is_now,
        margins=steps,
        shift=shift,
    )


def grown(decided: Decided, touching: NDArray[np.int64], *, reach: int) -> Decided:
    """Take cells beside affected ones for affected where they may be: a flood is in one piece.

    Args:
        decided: Cells, each for itself.
        touching: Shape (pairs, 2): places of neighbours, each pair once.
        reach: Steps from neighbour to neighbour at most.
    """
    one, other = touching.T
    affected = decided.affected.copy()
    for _ in range(reach):
        near = np.zeros_like(affected)
        near[other[affected[one]]] = True
        near[one[affected[other]]] = True
        affected |= near & decided.beside
    return replace(decided, affected=affected, after=decided.after | affected)


def _steps(steps: Floats) -> tuple[float, float]:
    """Give the median of sound cells' steps and their robust deviation; 0, 0 where they are few."""
    if steps.size < LEAST_SOUND:
        return 0.0, 0.0
    middle = float(np.median(steps))
    return middle, float(np.median(np.abs(steps - middle))) * _DEVIATION


def _best(logits: Floats, classes: Marks) -> Floats:
    """Give the largest logit among some classes, shape (n,); −inf where there are none."""
    if not classes.any():
        return np.full(len(logits), -np.inf)
    return np.asarray(logits[:, classes].max(axis=1))
