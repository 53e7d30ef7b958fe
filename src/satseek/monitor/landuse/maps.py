"""What each place was at each date → one class map a date, all on the same raster.

Does not know files. A pixel is a cell of the collection's grid; where chips overlap, a cell stands
for the middle of its chip, so that maps and outlines of cells are the same ground.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.export.ground_map import GroundMap
from satseek.imagery.grid import parse_cell
from satseek.imagery.ground import between
from satseek.imagery.views import View
from satseek.monitor.labels.jointly import NOT_SEEN
from satseek.search.mapping import MAX_CELLS, NO_CLASS, filled, view_of
from satseek.search.mapping_cells import Layer, place
from satseek.search.mapping_colours import file_colours
from satseek.search.mapping_outlines import Outlines
from satseek.search.mapping_values import CellMap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.monitor.labels.labelling import LabelSet
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.search.mapping_cells import Ground, Placed, Placing
    from satseek.types import GeoJSON

_WGS84 = "EPSG:4326"

_CODE = re.compile(r"epsg(\d+)_")
"""At the beginning of a cell's name: the CRS of its image."""

_PIXELS_ACROSS = 16
"""Pixels across an image that is one chip, on a map of nothing else: its borders then lie within a
thirtieth of its edge of where they are."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassMaps:
    """Makes the class map of any date; all of them lie on one raster."""

    found: LandUse
    """What each place was."""
    placing: Placing
    """Where its cells lie."""
    grounds: tuple[Ground, ...]
    """Of each lattice, where the middles of its chips lie."""
    view: View
    """The raster."""

    @classmethod
    def of(cls, found: LandUse) -> ClassMaps:
        """Lay out a raster that shows all cells of all dates.

        Raises:
            InvalidRequest: the cells lie too far apart for one map.
        """
        placing = place(found.cells)
        grounds = tuple(_middles(found.cells, one) for one in placing.lattices)
        maps = cls(found=found, placing=placing, grounds=grounds, view=_NO_VIEW)
        everything = maps._cells(np.zeros(len(found.cells), dtype=np.int16))
        view = view_of(everything) if grounds else _view_of_images(found)
        return replace(maps, view=view)

    def at(self, date: int) -> GroundMap:
        """Give the class map of a date: uint8, `NO_CLASS` where nothing was seen.

        Args:
            date: Number of the date, 0 the earliest.
        """
        values = filled(self._cells(self.found.classes[date]), self.view)
        return GroundMap(
            values=np.where(np.isfinite(values), values, NO_CLASS).astype(np.uint8),
            crs=self.view.crs,
            transform=self.view.transform,
            nodata=NO_CLASS,
            names=self.found.names,
        )

    def _cells(self, classes: NDArray[np.int16]) -> CellMap:
        """Lay the classes of all cells out, shape (cells,)."""
        layers = []
        for placed, ground in zip(self.placing.lattices, self.grounds, strict=True):
            own = classes[placed.places]
            seen = own != NOT_SEEN
            order = np.argsort(placed.keys[seen])
            keys, values = placed.keys[seen][order], own[seen][order].astype(np.float32)
            layers.append(Layer(ground, keys, values))
        others = [at for at in self.placing.others.tolist() if classes[at] != NOT_SEEN]
        shown = [self.found.footprints.get(self.found.cells[at]) for at in others]
        outlines = Outlines(shown, classes[others].tolist())
        return CellMap(layers=tuple(layers), outlines=outlines, names=self.found.names)


_NO_VIEW = View(crs=_WGS84, transform=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0), width=1, height=1)


def colours_of(labels: LabelSet, names: Sequence[str]) -> list[tuple[int, int, int]]:
    """Give each class its colour: its label's own, or one of the palette's."""
    own: Mapping[str, tuple[int, int, int] | None] = {
        label.name: label.colour for label in labels.labels
    }
    usual = file_colours(names)
    return [own.get(name) or usual[at] for at, name in enumerate(names)]


def _middles(cells: Sequence[str], placed: Placed) -> Ground:
    """Move a lattice to the middles of chips that overlap: cells as wide as the stride."""
    parsed = parse_cell(cells[int(placed.places[0])])
    assert parsed is not None  # its name tells where it lies, or it were on no lattice
    lattice, ground = parsed[0], placed.ground
    beside = (lattice.chip_px / lattice.stride_px - 1) / 2  # of a step, on either side
    return replace(
        ground,
        left=ground.left + beside * ground.step_x,
        bottom=ground.bottom + beside * ground.step_y,
        reach=1,
    )


def _view_of_images(found: LandUse) -> View:
    """Lay a raster over images that are one chip each, in the CRS of the first of them."""
    named = (_CODE.match(cell) for cell in found.cells)
    crs = next((f"EPSG:{code[1]}" for code in named if code), _WGS84)
    boxes = np.array([_box(one, crs) for one in found.footprints.values() if one is not None])
    if not boxes.size:
        raise InvalidRequest("no map: none of the images says where it lies")
    left, bottom = map(float, boxes[:, :2].min(axis=0))
    right, top = map(float, boxes[:, 2:].max(axis=0))
    step = float(np.median(boxes[:, 2:] - boxes[:, :2], axis=0).min()) / _PIXELS_ACROSS
    width, height = (int(np.ceil(span / step)) for span in (right - left, top - bottom))
    if width * height > MAX_CELLS:
        raise InvalidRequest(
            f"no map: {width} x {height} pixels, at most {MAX_CELLS}; give an area"
        )
    transform = (step, 0.0, left, 0.0, -step, top)
    return View(crs=crs, transform=transform, width=max(width, 1), height=max(height, 1))


def _box(footprint: GeoJSON, crs: str) -> tuple[float, float, float, float]:
    parts = footprint["coordinates"]
    outer = [parts[0]] if footprint["type"] == "Polygon" else [part[0] for part in parts]
    points = np.concatenate([np.asarray(ring, dtype=np.float64) for ring in outer])
    xs, ys = between(_WGS84, crs, points[:, 0], points[:, 1])
    return float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())
