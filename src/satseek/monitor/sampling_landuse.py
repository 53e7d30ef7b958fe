"""What each place was at each date → the cells from which a sample is drawn, with their strata.

Does not know how many are drawn, nor who judges them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.export.areas import SQUARE_METRES
from satseek.monitor.drawing_samples import SamplingFrame
from satseek.monitor.outlining import outline_cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.index.pinned import Pinned
    from satseek.monitor.landuse import LandUse
    from satseek.types import GeoJSON

ARROW = " → "
"""Between what a place was and what it became: ``forest → mine``; what stayed has no arrow."""

OTHER_CHANGES = "other changes"
"""Stratum of all changes that are too rare to be one each."""

LEAST_CELLS = 10
"""Cells of a change below which it is among the others: of fewer, a sample tells next to nothing,
and each stratum takes two places at least."""

Given = TypeVar("Given")


def landuse_frame(
    found: LandUse, *, index: Pinned, date: str, since: str | None = None
) -> SamplingFrame:
    """Lay the cells of a land-use map out for sampling.

    Args:
        found: What each place was at each date.
        index: The generation that it was read from.
        date: Whose map is judged; with ``since`` the later of two.
        since: Another date: change from it to ``date`` is judged; strata are what stayed, by class,
            and what changed, by change. None: strata are the classes of ``date``.

    Raises:
        InvalidRequest: there is no such date, they come in another order, or no cell was seen.
    """
    dates = [_number(found, one) for one in ((date,) if since is None else (since, date))]
    if dates != sorted(set(dates)):
        raise InvalidRequest(f"expected a date before {date}, came {since}")
    at = np.flatnonzero(found.seen[dates].all(axis=0))
    if not at.size:
        raise InvalidRequest(f"no cell was seen at {' and '.join(found.dates[d] for d in dates)}")
    classes = found.classes[np.ix_(dates, at)]
    mapped = [change_label(*(found.names[n] for n in column)) for column in classes.T.tolist()]
    cells = [found.cells[n] for n in at.tolist()]
    outlines = outline_cells(cells, footprints=found.footprints)
    chips = found.rows[np.ix_(dates, at)]
    return SamplingFrame(
        cells=cells,
        strata=_strata(mapped),
        mapped=mapped,
        areas_m2=found.cell_ha[at] * SQUARE_METRES,
        footprints=_Made(len(cells), lambda n: _geojson(outlines[n])),
        chips=_Made(
            len(cells), lambda n: tuple(one.id for one in index.chips(chips[:, n].tolist()))
        ),
    )


def change_label(before: str, after: str | None = None) -> str:
    """Name what a place was and became; what stayed the same has its class's name."""
    return before if after in {None, before} else f"{before}{ARROW}{after}"


def answers_for(names: Sequence[str], *, dates: int) -> tuple[str, ...]:
    """List what can be answered of a place: the classes, and of two dates every change, too."""
    if dates == 1:
        return tuple(names)
    changes = (change_label(one, other) for one in names for other in names if one != other)
    return (*names, *changes)


def _number(found: LandUse, date: str) -> int:
    if date not in found.dates:
        raise InvalidRequest(f"expected one of the dates {', '.join(found.dates)}, came {date!r}")
    return found.dates.index(date)


def _strata(mapped: Sequence[str]) -> list[str]:
    """Take each label for a stratum, and rare changes together for one."""
    counts = Counter(mapped)
    rare = {name for name, count in counts.items() if ARROW in name and count < LEAST_CELLS}
    return [OTHER_CHANGES if name in rare else name for name in mapped]


def _geojson(outline: shapely.Geometry | None) -> GeoJSON | None:
    if outline is None:
        return None
    found: dict[str, Any] = json.loads(shapely.to_geojson(outline))
    return found


class _Made(Sequence[Given], Generic[Given]):
    """A sequence whose items are made when they are looked at: few of them are drawn."""

    def __init__(self, length: int, make: Callable[[int], Given]) -> None:
        self._length, self._make = length, make

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, at: int) -> Given: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Given]: ...
    def __getitem__(self, at: int | slice) -> Given | Sequence[Given]:
        if isinstance(at, slice):
            return [self._make(one) for one in range(self._length)[at]]
        return self._make(range(self._length)[at])
