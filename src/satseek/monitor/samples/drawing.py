"""All cells of a map → some of them at random, stratum by stratum, to be looked at by people.

Does not know who looks, nor what the answers are for: areas, or where surveyors go. Each cell has a
number that follows from the seed and its name alone; a sample is the cells of the lowest numbers
(permanent random numbers: Ohlsson 1995, "Coordination of samples using permanent random numbers").
So the same seed gives the same sample on every machine, in whatever order the cells come, and a
larger sample is the smaller one and more: nothing is ever drawn twice.
"""

from __future__ import annotations

import heapq
import json
import math
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.monitor.areas.estimating import Stratum

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.types import GeoJSON

    Floats = NDArray[np.float64]

Unit: TypeAlias = Literal["cell", "point"]
"""What is drawn and judged. ``cell``: a whole cell, by what covers most of it, so that areas are
those of such cells. ``point``: a place anywhere in a cell, by what lies there, so that what is
narrower than a cell has its true area."""

_UNIT_BYTES = 8
"""Of a random number: 2⁻⁶⁴ apart, so that no two cells of a collection share one."""

_TRIES = 10_000
"""Points tried within the box around a footprint: even one that fills a 1,000th of it is hit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SamplingFrame:
    """All cells of a map, from which a sample is drawn; its parts are of equal length."""

    cells: Sequence[str]
    """Names of the cells, none twice; their ground does not overlap."""
    strata: Sequence[str]
    """Stratum of each: a class of the map, a change, a grade of damage."""
    mapped: Sequence[str]
    """What the map says of each; often the same."""
    areas_m2: Floats
    """Shape (n,): equal-area, positive."""
    footprints: Sequence[GeoJSON | None]
    """(Multi)Polygons on WGS 84; None: without a place on Earth, so that no points can be drawn."""
    chips: Sequence[tuple[str, ...]]
    """Chips that show each, earliest first; empty: none are at hand."""

    def __post_init__(self) -> None:
        parts = (self.strata, self.mapped, self.areas_m2, self.footprints, self.chips)
        if any(len(part) != len(self.cells) for part in parts):
            raise InvalidRequest("sampling frame: expected as much of everything as it has cells")
        if len(set(self.cells)) != len(self.cells):
            name, times = Counter(self.cells).most_common(1)[0]
            raise InvalidRequest(f"sampling frame: cell {name!r} came {times} times")
        if not (np.isfinite(self.areas_m2) & (self.areas_m2 > 0)).all():
            raise InvalidRequest("sampling frame: expected a positive area of every cell")

    @property
    def digest(self) -> str:
        """SHA-256, as hex, over cells, strata and labels in any order: what a sample speaks of."""
        rows = sorted(zip(self.cells, self.strata, self.mapped, strict=True))
        return sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()

    def counted(self, *, unit: Unit) -> tuple[Stratum, ...]:
        """Give the strata with their areas, in the order of their names."""
        names, inverse = np.unique(np.asarray(self.strata, dtype=object), return_inverse=True)
        areas = np.bincount(inverse, weights=self.areas_m2)
        cells = np.bincount(inverse)
        return tuple(
            Stratum(name=str(name), area_m2=float(area), cells=int(n) if unit == "cell" else None)
            for name, area, n in zip(names, areas, cells, strict=True)
        )

    def unevenness(self) -> float:
        """Tell by how much a cell's area differs from its stratum's mean at most, as a share."""
        _, inverse = np.unique(np.asarray(self.strata, dtype=object), return_inverse=True)
        means = np.bincount(inverse, weights=self.areas_m2) / np.bincount(inverse)
        return float(np.abs(self.areas_m2 / means[inverse] - 1).max(initial=0.0))

    def mapped_m2(self) -> dict[str, float]:
        """Give the area of each class on the map."""
        areas: dict[str, float] = {}
        for name, area in zip(self.mapped, self.areas_m2.tolist(), strict=True):
            areas[name] = areas.get(name, 0.0) + area
        return areas


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place that was drawn."""

    id: str
    """The cell's name; of a point with its number behind it: ``<cell>@<turn>``."""
    cell: str
    """In which cell it lies."""
    stratum: str
    """From which it was drawn."""
    mapped: str
    """What the map says."""
    turn: int
    """As the how many-th of its stratum it was drawn, 0 first."""
    area_m2: float
    """Of its cell."""
    footprint: GeoJSON | None
    """Of its cell, on WGS 84."""
    point: tuple[float, float] | None
    """Longitude and latitude of what is to be judged; None: the cell is."""
    chips: tuple[str, ...]
    """Chips that show the cell, earliest first."""


def draw(
    frame: SamplingFrame,
    sizes: Mapping[str, int],
    *,
    seed: int,
    unit: Unit = "cell",
    drawn: Mapping[str, int] | None = None,
) -> tuple[Place, ...]:
    """Draw places at random, the same ones for the same frame, sizes and seed.

    Args:
        frame: From what.
        sizes: How many of each stratum; a stratum that is not named has none drawn.
        seed: 0 or more; another seed draws others.
        unit: What is drawn.
        drawn: How many of each stratum were drawn before: those that follow them are drawn.

    Returns:
        Stratum by stratum, in the order in which they were drawn.

    Raises:
        InvalidRequest: an unknown stratum, a size that is negative or more than the stratum has
            left, a negative seed, or points in cells without a footprint.
    """
    if seed < 0:
        raise InvalidRequest(f"seed: expected 0 or more, came {seed}")
    before = drawn or {}
    strata = {one.name: one for one in frame.counted(unit=unit)}
    for name, size in sizes.items():
        _check_size(name, size, before.get(name, 0), strata)
    members = _members(frame, {name for name, size in sizes.items() if size})
    work = _drawn_cells if unit == "cell" else _drawn_points
    return tuple(
        place
        for name in sorted(members)
        for place in work(frame, members[name], seed, _turns(before.get(name, 0), sizes[name]))
    )


def _turns(before: int, size: int) -> range:
    return range(before, before + size)


def _check_size(name: str, size: int, before: int, strata: Mapping[str, Stratum]) -> None:
    if name not in strata:
        raise InvalidRequest(f"stratum {name!r}: expected one of {', '.join(strata)}")
    if size < 0:
        raise InvalidRequest(f"stratum {name!r}: expected 0 or more to draw, came {size}")
    cells = strata[name].cells
    if cells is not None and before + size > cells:
        raise InvalidRequest(
            f"stratum {name!r} has {cells} cells, of which {before} were drawn: expected at most "
            f"{cells - before} more, came {size}"
        )


def _members(frame: SamplingFrame, names: Iterable[str]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {name: [] for name in names}
    for at, name in enumerate(frame.strata):
        if name in members:
            members[name].append(at)
    return members


def _drawn_cells(
    frame: SamplingFrame, members: Sequence[int], seed: int, turns: range
) -> list[Place]:
    ranked = heapq.nsmallest(
        turns.stop, members, key=lambda at: (_number(seed, frame.cells[at]), frame.cells[at])
    )
    return [_place(frame, ranked[turn], frame.cells[ranked[turn]], turn, None) for turn in turns]


def _drawn_points(
    frame: SamplingFrame, members: Sequence[int], seed: int, turns: range
) -> list[Place]:
    stratum = frame.strata[members[0]]
    ordered = sorted(members, key=lambda at: frame.cells[at])
    reached = np.cumsum(frame.areas_m2[ordered])
    places = []
    for turn in turns:
        named = (str(seed), stratum, str(turn))
        aim = _number(*named) * float(reached[-1])
        at = ordered[min(int(np.searchsorted(reached, aim, side="right")), len(ordered) - 1)]
        point = _point_in(frame, at, named)
        places.append(_place(frame, at, f"{frame.cells[at]}@{turn}", turn, point))
    return places


def _place(
    frame: SamplingFrame, at: int, name: str, turn: int, point: tuple[float, float] | None
) -> Place:
    return Place(
        id=name,
        cell=frame.cells[at],
        stratum=frame.strata[at],
        mapped=frame.mapped[at],
        turn=turn,
        area_m2=float(frame.areas_m2[at]),
        footprint=frame.footprints[at],
        point=point,
        chips=tuple(frame.chips[at]),
    )


def _point_in(frame: SamplingFrame, at: int, named: tuple[str, ...]) -> tuple[float, float]:
    """Draw a point of a cell: equal areas are equally likely, by the sine of the latitude."""
    footprint = frame.footprints[at]
    if footprint is None:
        raise InvalidRequest(f"cell {frame.cells[at]!r} has no place on Earth: draw cells instead")
    shape = shapely.from_geojson(json.dumps(footprint))
    west, south, east, north = shape.bounds
    low, high = math.sin(math.radians(south)), math.sin(math.radians(north))
    for attempt in range(_TRIES):
        across, along = (_number(*named, str(attempt), axis) for axis in ("lon", "lat"))
        lon = west + across * (east - west)
        lat = math.degrees(math.asin(low + along * (high - low)))
        if shapely.intersects_xy(shape, lon, lat):
            return lon, lat
    raise InvalidRequest(f"cell {frame.cells[at]!r}: expected a footprint with an area")


def _number(*named: int | str) -> float:
    """Give the random number that belongs to a name, 0 or more and less than 1."""
    text = "\0".join(str(part) for part in named)
    found = blake2b(text.encode(), digest_size=_UNIT_BYTES).digest()
    return math.ldexp(int.from_bytes(found, "big"), -8 * _UNIT_BYTES)
