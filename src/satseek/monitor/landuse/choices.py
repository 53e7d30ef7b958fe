"""How land use is read from a collection: what counts, and what it takes to tell a change.

Does not know collections, nor how anything is decided.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from satseek.errors import InvalidRequest
from satseek.monitor.change.patches import PatchRule
from satseek.monitor.change.series import By
from satseek.monitor.change.shift import SHIFTS
from satseek.monitor.labels.jointly import OVERLAPPING, STICKINESS, Stickiness
from satseek.types import Filter

if TYPE_CHECKING:
    from satseek.monitor.change.shift import Shift

PATCHES = PatchRule(seed=95.0, grow=50.0)
"""Which changed cells make a patch: lower than where the change alone decides, as labels and change
were decided together before. Of two made-up counties' changed cells said to be so, hardly any
lay below this seed (recall 0.50 instead of 0.51); see docs/guides/landuse.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How land use is read from a collection."""

    where: Filter = field(default_factory=Filter)
    """Which chips count."""
    by: By = "month"
    """What is one date: scenes of one day, month or year are seen together."""
    least_valid: float = 0.5
    """Least share of a cell that must have been measured, 0–1."""
    least_of_best: float = 0.8
    """A date counts for a cell where it measured at least so much of it, 0–1, as the date that
    measured most: half a cell below a cloud looks like another one."""
    stickiness: Stickiness = STICKINESS
    """What it takes for a place to change its label…"""
    overlapping: Stickiness = OVERLAPPING
    """…and where chips overlap, so that several of them look at each place."""
    shift: Shift = "fitted"
    """What of the step between two dates is season, light and sensor."""
    patches: PatchRule = PATCHES
    """Which changed cells make a patch."""
    persist: int = 1
    """Dates on which a new label must have been seen before it is told as a change; positive."""

    def __post_init__(self) -> None:
        if self.by not in get_args(By):
            raise InvalidRequest(f"by: expected day, month or year, came {self.by!r}")
        if self.shift not in SHIFTS:
            raise InvalidRequest(f"shift: expected one of {', '.join(SHIFTS)}, came {self.shift!r}")
        for name in ("least_valid", "least_of_best"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidRequest(f"{name}: expected 0 to 1, came {getattr(self, name)}")
        if self.persist < 1:
            raise InvalidRequest(f"persist: expected 1 date or more, came {self.persist}")
