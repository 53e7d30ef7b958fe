"""A class map that is kept, and a tile → its picture.

Does not know addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import NotFound
from satseek.imagery.ground import to_pixels
from satseek.search.mapping import NO_CLASS
from satseek.service.tiling_drawing import Painted
from satseek.service.tiling_pictures import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.monitor.runs.keeping import Runs
    from satseek.monitor.runs.run import KeptRun
    from satseek.service.tiling_drawing import Shape

_ALPHA = 190
"""Of 255: imagery is to be seen below; as class maps of labels have it."""


def check_date(run: KeptRun, date: str) -> None:
    """Go on only with a date that a run has a map of; raises NotFound."""
    dates = [] if run.facts["bbox"] is None else run.facts["dates"]
    if date not in dates:
        there = ", ".join(dates[:20]) or "none"
        raise NotFound(f"run {run.name} has no map of {date[:32]!r}; there are: {there}")


def paint(run: KeptRun, date: str, shape: Shape, *, runs: Runs) -> Painted:
    """Draw a tile of the class map of a date; raises NotFound where there is none."""
    check_date(run, date)
    raster = run.facts["raster"]
    values = runs.array(run, date)
    view = shape.tile.view(scale=shape.scale)
    columns, rows = to_pixels(tuple(raster["transform"]), *view.positions(raster["crs"]))
    shades = _shades(run)[_numbers(values, columns, rows)]
    return Painted(content=encode(shades, shape.how), whole=True)


def _numbers(
    values: NDArray[np.uint8], columns: NDArray[np.float64], rows: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Look up the class under each place: `NO_CLASS` beyond the raster."""
    height, width = values.shape
    with np.errstate(invalid="ignore"):
        within = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    found = np.full(columns.shape, NO_CLASS, dtype=np.uint8)
    found[within] = values[rows[within].astype(np.int64), columns[within].astype(np.int64)]
    return found


def _shades(run: KeptRun) -> NDArray[np.uint8]:
    """Give the colour of each number, shape (256, 4); what has no class is not coloured."""
    table = np.zeros((256, 4), dtype=np.uint8)
    for number, one in enumerate(run.facts["classes"]):
        table[number] = (*bytes.fromhex(one["colour"][1:]), _ALPHA)
    return table
