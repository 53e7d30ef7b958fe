"""A collection and a filter → what was seen of each cell on each date.

Does not know what the vectors of the cells mean, nor what becomes of them.

An occasion is all that was seen on one day, or in one month or year: several scenes of one pass
are one occasion. Where several of its scenes show a cell, the one that shows most of it counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from satseek.errors import InvalidRequest
from satseek.index.cells import UNDATED
from satseek.index.filters import check_filter
from satseek.index.records import from_microseconds
from satseek.index.sightings import read_sightings
from satseek.types import Filter

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.index.protocol import Rows
    from satseek.index.sightings import Sightings
    from satseek.types import Vectors

By: TypeAlias = Literal["day", "month", "year"]
"""What is one occasion: a day, a month or a year, all UTC."""

_UNITS = {"day": "datetime64[D]", "month": "datetime64[M]", "year": "datetime64[Y]"}

_SAME_VALID = 0.01
"""Valid fractions that differ by less count as equal: a swath's edge cuts them off by pixels."""

_ANY = Filter()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Occasion:
    """What was seen of the ground on one date."""

    name: str
    """Such as ``2024-06-02``, ``2024-06`` or what the caller calls it: ``before``."""
    first: datetime | None
    """Acquisition time of its first scene, UTC; None where no scene has one."""
    last: datetime | None
    """Acquisition time of its last scene."""
    scenes: tuple[str, ...]
    """Ids of the scenes that count for at least one cell, ascending."""
    cells: tuple[str, ...]
    """Names of the cells that were seen, ascending, none twice."""
    rows: Rows
    """Shape (n,): row of the chip that counts for each cell; of the generation that was read."""
    sources: NDArray[np.int32]
    """Shape (n,): number in ``scenes`` of the scene that it was cut from."""
    valid_fractions: NDArray[np.float32]
    """Shape (n,): share of the cell that was measured, 0–1."""

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.cells)

    def vectors(self, index: Pinned) -> Vectors:
        """Give the vectors of its cells, in their order: float32, shape (n, dim), unit rows.

        Raises:
            ChipNotFound: The collection was compacted since: read the series again.
        """
        return index.vectors(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """All cells of a series beside all of its dates."""

    cells: tuple[str, ...]
    """Names of the cells seen on any date, ascending."""
    rows: NDArray[np.int64]
    """Shape (dates, cells): row of the chip; −1 where the cell was not seen."""
    valid_fractions: NDArray[np.float32]
    """Shape (dates, cells): share that was measured; 0 where the cell was not seen."""

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Shape (dates, cells): True where the cell was seen."""
        return np.asarray(self.rows >= 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """What was seen of a collection's cells, date by date."""

    occasions: tuple[Occasion, ...]
    """Earliest first."""
    undated: int
    """Chips that passed the filter and have no date: they are on no occasion."""

    def __len__(self) -> int:
        """Count the occasions."""
        return len(self.occasions)

    def occasion(self, name: str) -> Occasion:
        """Give the occasion of a date.

        Raises:
            InvalidRequest: There is none of this name.
        """
        for one in self.occasions:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.occasions) or "no date at all"
        raise InvalidRequest(f"expected one of the dates {known:.400}, came {name!r}")

    def table(self) -> Table:
        """Lay all cells and dates out side by side."""
        cells = sorted({cell for one in self.occasions for cell in one.cells})
        places = {cell: place for place, cell in enumerate(cells)}
        rows = np.full((len(self), len(cells)), -1, dtype=np.int64)
        valid = np.zeros(rows.shape, dtype=np.float32)
        for date, one in enumerate(self.occasions):
            at = np.array([places[cell] for cell in one.cells], dtype=np.int64)
            rows[date, at] = one.rows
            valid[date, at] = one.valid_fractions
        return Table(cells=tuple(cells), rows=rows, valid_fractions=valid)


def read_series(
    index: Pinned, *, where: Filter = _ANY, by: By = "day", least_valid: float = 0.0
) -> Series:
    """Read what was seen on each date.

    Args:
        index: One generation of a collection, whose smallest chips are taken unless the filter asks
            for other levels.
        where: Which chips count.
        by: What is one occasion.
        least_valid: Least share of a cell that must have been measured, 0–1.

    Raises:
        InvalidFilter: The area or the dates cannot be.
        InvalidRequest: ``by`` or ``least_valid`` cannot be.
    """
    if by not in _UNITS:
        raise InvalidRequest(f"occasions by day, month or year, came {by!r}")
    found = _sighted(index, where, least_valid)
    dated = np.flatnonzero(found.taken != UNDATED)
    periods = found.taken[dated].astype("datetime64[us]").astype(_UNITS[by])
    names, starts = np.unique(np.sort(periods), return_index=True)
    parts = np.split(dated[np.argsort(periods, kind="stable")], starts[1:])
    occasions = tuple(
        _occasion(str(name), found, part) for name, part in zip(names, parts, strict=False)
    )
    return Series(occasions=occasions, undated=len(found) - dated.size)


def see(index: Pinned, *, name: str, where: Filter = _ANY, least_valid: float = 0.0) -> Occasion:
    """Read all that passes a filter as one occasion, dated or not: the scenes after a storm.

    Args:
        index: One generation of a collection.
        name: What the occasion is called: ``after``.
        where: Which chips count: by their scenes, dates or attributes.
        least_valid: Least share of a cell that must have been measured, 0–1.

    Raises:
        InvalidFilter: The area or the dates cannot be.
        InvalidRequest: ``least_valid`` cannot be.
    """
    found = _sighted(index, where, least_valid)
    return _occasion(name, found, np.arange(len(found)))


def _sighted(index: Pinned, where: Filter, least_valid: float) -> Sightings:
    if not 0 <= least_valid <= 1:
        raise InvalidRequest(f"expected a least valid share of 0 to 1, came {least_valid}")
    found = read_sightings(index, on_one_level(check_filter(where), index))
    kept = np.flatnonzero(found.valid_fractions >= np.float32(least_valid))
    return replace(
        found,
        rows=found.rows[kept],
        cells=tuple(found.cells[place] for place in kept.tolist()),
        sources=found.sources[kept],
        taken=found.taken[kept],
        valid_fractions=found.valid_fractions[kept],
    )


def on_one_level(where: Filter, index: Pinned) -> Filter:
    """Keep to the smallest chips unless others are asked for: a cell is to be one place."""
    levels = index.spec.grid.levels
    return where if where.levels or len(levels) == 1 else replace(where, levels=(min(levels),))


def _occasion(name: str, found: Sightings, places: NDArray[np.int64]) -> Occasion:
    """Take of each cell the chip that shows most of it; among equals the newest, the last row."""
    cells = np.array([found.cells[place] for place in places.tolist()], dtype=np.str_)
    valid = np.floor(found.valid_fractions[places] / _SAME_VALID)
    order = np.lexsort((found.rows[places], found.taken[places], valid, cells))
    ends = np.flatnonzero(np.append(cells[order][1:] != cells[order][:-1], True)[: order.size])
    best = places[order[ends]]
    used, sources = np.unique(found.sources[best], return_inverse=True)
    moments = found.taken[places][found.taken[places] != UNDATED]
    return Occasion(
        name=name,
        first=from_microseconds(int(moments.min())) if moments.size else None,
        last=from_microseconds(int(moments.max())) if moments.size else None,
        scenes=tuple(found.scenes[number] for number in used.tolist()),
        cells=tuple(found.cells[place] for place in best.tolist()),
        rows=found.rows[best],
        sources=sources.astype(np.int32).reshape(-1),
        valid_fractions=found.valid_fractions[best],
    )
