"""Cells to sample from, and labels → strata that are worth drawing from, and what may be answered.

Does not know how many places are drawn.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.monitor.landuse.sampling import change_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.samples.drawing import SamplingFrame

RARE = "rare ones"
"""Stratum of all that is too rare to be a stratum each."""

LEAST_CELLS = 10
"""Cells of a stratum below which it joins the other rare ones: each stratum costs two places at
least, and two of ten tell next to nothing of it."""


def gather_rare(frame: SamplingFrame, *, least: int = LEAST_CELLS) -> SamplingFrame:
    """Make one stratum of all that have fewer cells than ``least``; what the map says stays.

    Where only one is so rare it stays as it is: gathered or not, it is as small.
    """
    counts = Counter(frame.strata)
    rare = {name for name, count in counts.items() if count < least}
    if len(rare) < 2:  # noqa: PLR2004 - one alone gathers nothing
        return frame
    return replace(frame, strata=[RARE if one in rare else one for one in frame.strata])


def answers_for(names: Sequence[str], *, dates: int) -> tuple[str, ...]:
    """List what can be answered of a place: the classes, and of two dates every change as well."""
    if dates == 1:
        return tuple(names)
    changes = (change_label(one, other) for one in names for other in names if one != other)
    return (*names, *changes)
