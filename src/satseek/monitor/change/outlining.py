"""Names of cells → their places on the ground: which ones touch, and their outlines.

Does not know rasters: a cell's name tells where it lies. Where chips overlap, a cell stands for the
middle of its chip, as wide as the stride, so that cells tile the ground and none counts twice.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.imagery.grid import parse_cell
from satseek.imagery.ground import footprints as ground_footprints
from satseek.search.mapping_cells import columns_of, keys_of, place, rows_of
from satseek.types import Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.search.mapping_cells import Placed
    from satseek.types import GeoJSON

    Shapes = NDArray[np.object_]

Touching: TypeAlias = Literal[4, 8]
"""Whether cells that meet at a corner alone touch (8) or not (4)."""

_STEPS = {4: ((1, 0), (0, 1)), 8: ((1, 0), (0, 1), (1, 1), (-1, 1))}
"""Columns east and rows north to those neighbours that come later in the order of keys."""


def find_touching(cells: Sequence[str], *, touching: Touching = 8) -> NDArray[np.int64]:
    """Find the pairs of cells that lie beside each other on the same lattice.

    Args:
        cells: Names, none twice.
        touching: Which cells do.

    Returns:
        int64, shape (pairs, 2): their places in ``cells``, each pair once.

    Raises:
        InvalidRequest: ``touching`` is neither 4 nor 8.
    """
    if touching not in _STEPS:
        raise InvalidRequest(f"expected 4 or 8 neighbours of a cell, came {touching!r}")
    found = [np.empty((0, 2), dtype=np.int64)]
    for placed in place(cells).lattices:
        order = np.argsort(placed.keys)
        keys, places = placed.keys[order], placed.places[order]
        columns, rows = columns_of(keys), rows_of(keys)
        for east, north in _STEPS[touching]:
            wanted = keys_of(columns + east, rows + north)
            at = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
            there = keys[at] == wanted
            found.append(np.column_stack([places[there], places[at[there]]]))
    return np.concatenate(found)


def outline_cells(
    cells: Sequence[str], *, footprints: Mapping[str, GeoJSON | None] | None = None
) -> Shapes:
    """Outline each cell on WGS 84.

    Args:
        cells: Names.
        footprints: Of cells that lie on no lattice (images that are one chip each), by name.

    Returns:
        Shapely polygons or multipolygons in degrees, shape (n,); None where nothing is known.
        ``export.areas.shape_areas_ha`` measures them.
    """
    outlines: list[GeoJSON | None] = [None] * len(cells)
    placing = place(cells)
    for placed in placing.lattices:
        for at, outline in zip(placed.places.tolist(), _squares(cells, placed), strict=True):
            outlines[at] = outline
    for at in placing.others.tolist():
        outlines[at] = (footprints or {}).get(cells[at])
    texts = [None if outline is None else json.dumps(outline) for outline in outlines]
    return np.asarray(shapely.from_geojson(np.array(texts, dtype=np.object_)))


def join_outlines(shapes: Shapes) -> GeoJSON | None:
    """Join outlines to one GeoJSON (Multi)Polygon, counterclockwise; None where there is none."""
    known = shapes[~shapely.is_missing(shapes)]
    if not known.size:
        return None
    joined = shapely.orient_polygons(shapely.union_all(known))
    outline: dict[str, Any] = json.loads(shapely.to_geojson(joined))
    return outline


def _squares(cells: Sequence[str], placed: Placed) -> list[GeoJSON | None]:
    """Outline the cells of one lattice, in their order."""
    parsed = parse_cell(cells[int(placed.places[0])])
    assert parsed is not None  # else it would be among the others
    lattice, _ = parsed
    margin = (lattice.chip_px - lattice.stride_px) / 2 * lattice.level
    transform = (
        lattice.step_x,
        0.0,
        margin * lattice.pixel_x,
        0.0,
        -lattice.step_y,
        margin * lattice.pixel_y,
    )
    windows = [
        Window(column=column, row=-row - 1, width=1, height=1)
        for column, row in zip(
            columns_of(placed.keys).tolist(), rows_of(placed.keys).tolist(), strict=True
        )
    ]
    return ground_footprints(lattice.crs, transform, windows)
