"""Outlines of districts → hectares of each class in each of them, at each date.

Does not know how a file of outlines is read. Cells on a border belong to both sides by the ground
that they share.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.export.areas import shape_areas_ha
from satseek.monitor.change.outlining import outline_cells
from satseek.monitor.damage.overlaps import overlaps
from satseek.monitor.damage.parcel_outlines import sound
from satseek.monitor.damage.parcels_reading import ParcelColumns, raw_parcels
from satseek.monitor.labels.jointly import NOT_SEEN
from satseek.monitor.landuse.deciding import CELLS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.monitor.landuse.landuse import LandUse
    from satseek.types import GeoJSON


@dataclass(frozen=True, slots=True, kw_only=True)
class District:
    """A part of the ground with a name."""

    name: str
    """No other district has it."""
    geometry: GeoJSON
    """(Multi)Polygon on WGS 84."""
    area_ha: float
    """Hectares, equal-area."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DistrictAreas:
    """Hectares by district, date and class."""

    districts: tuple[District, ...]
    """In the order of the file."""
    dates: tuple[str, ...]
    """Earliest first."""
    names: tuple[str, ...]
    """Classes."""
    hectares: NDArray[np.float64]
    """Shape (districts, dates, classes)."""

    def seen_share(self, district: int, date: int) -> float:
        """Tell how much of a district was seen at a date, 0–1."""
        seen = float(self.hectares[district, date].sum())
        return min(seen / self.districts[district].area_ha, 1.0)


def read_districts(
    path: Path, *, column: str | None = None, crs: str | None = None, layer: str | None = None
) -> tuple[tuple[District, ...], tuple[str, ...]]:
    """Read districts from a file of polygons; also tells what was wrong, a line each.

    Args:
        path: GeoJSON, GeoPackage, Shapefile, GeoParquet and whatever else parcels are read from.
        column: Which column names them; None: one of the usual names, or ``name``.
        crs: CRS of the coordinates; None: the one that the file names.
        layer: Of a file that has several; None: its first.

    Raises:
        FolderNotFound: there is no such file.
        InvalidRequest: it has no such column, no CRS, or no polygon.
        DependencyMissing: reading it takes a package that is not installed.
    """
    rows = raw_parcels(path, columns=ParcelColumns(district=column), crs=crs, layer=layer)
    if column is None and not any(row.fields.get("district") for row in rows):
        columns = ParcelColumns(district="name")
        rows = raw_parcels(path, columns=columns, crs=crs, layer=layer)
    named = ((str(row.fields.get("district") or ""), row.shape) for row in rows)
    return make_districts(named, source=path.name)


def make_districts(
    named: Iterable[tuple[str, shapely.Geometry | None]], *, source: str
) -> tuple[tuple[District, ...], tuple[str, ...]]:
    """Check outlines and join those of one name; also tells what was wrong, a line each.

    Args:
        named: Name and outline in degrees, row by row.
        source: What they come from, by its name.

    Raises:
        InvalidRequest: not one of them can be used.
    """
    parts: dict[str, list[shapely.Geometry]] = {}
    told = []
    for row, (given, shape) in enumerate(named, start=1):
        name = given.strip() or f"row {row}"
        polygon, problem = sound(shape)
        if problem:
            told.append(f"{source}: row {row} ({name}): {problem}")
        if polygon is not None:
            parts.setdefault(name, []).append(polygon)
    if not parts:
        raise InvalidRequest(f"{source}: expected polygons of districts: {'; '.join(told[:3])}")
    joined = np.array([shapely.union_all(own) for own in parts.values()], dtype=np.object_)
    districts = tuple(
        District(name=name, geometry=json.loads(shapely.to_geojson(shape)), area_ha=float(area))
        for name, shape, area in zip(parts, joined, shape_areas_ha(joined), strict=True)
    )
    return districts, tuple(told)


def areas_by_district(found: LandUse, districts: Sequence[District]) -> DistrictAreas:
    """Share the ground of cells out among districts; what lies in none of them counts for none."""
    texts = [json.dumps(one.geometry) for one in districts]
    shapes = np.asarray(shapely.from_geojson(np.array(texts, dtype=np.object_)))
    hectares = np.zeros((len(districts), len(found.dates), len(found.names)), dtype=np.float64)
    for of_district, cells, shared in _pieces(found, shapes):
        for date, classes in enumerate(found.classes[:, cells]):
            seen = classes != NOT_SEEN
            places = of_district[seen], classes[seen]
            np.add.at(hectares[:, date], places, shared[seen])
    return DistrictAreas(
        districts=tuple(districts), dates=found.dates, names=found.names, hectares=hectares
    )


def _pieces(
    found: LandUse, shapes: NDArray[np.object_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Cut cells by districts, some at a time: place of the district, of the cell, hectares."""
    for start in range(0, len(found.cells), CELLS_AT_ONCE):
        names = found.cells[start : start + CELLS_AT_ONCE]
        outlines = outline_cells(names, footprints=found.footprints)
        pieces = overlaps(shapes, outlines)
        yield pieces.parcels, pieces.cells + start, pieces.hectares
