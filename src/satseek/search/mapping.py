"""A query, or labels → a map of the ground at the resolution of the collection's cells.

Knows neither tiles nor files; the room of exports writes such maps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.export.ground_map import GroundMap
from satseek.imagery.ground import between
from satseek.imagery.views import View
from satseek.model.prompts import DISTRACTORS, TEMPLATES
from satseek.search.mapping_cells import columns_of, rows_of
from satseek.search.mapping_values import class_cells, heat_cells
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.index.pinned import Pinned
    from satseek.search.glossary import Glossary
    from satseek.search.mapping_cells import Layer
    from satseek.search.mapping_values import CellMap
    from satseek.types import BBox, Query, Vectors

MAX_CELLS = 100_000_000
"""Rows times columns of a map: 400 MB of scores."""

NO_CLASS = 255
"""Number of no class: nothing is known there."""

_STRIP = 2_000_000
"""Cells that are filled at a time."""

_EDGE_STEPS = 33
"""Places looked at along each edge where one lattice is brought to the CRS of another."""

_ANY = Filter()


def heat_map(
    query: Query, *, index: Pinned, embedder: Embedder, glossary: Glossary | None = None
) -> GroundMap:
    """Map how well each place fits a query: percentiles, NaN where there is no chip.

    Args:
        query: What is looked for, and where and when; ``k`` and ``least`` do not matter.
        index: One pinned generation.
        embedder: Of the model that made the index' vectors.
        glossary: Chinese words; None: the shipped ones.

    Raises:
        EmptyText, Untranslatable, InvalidFilter, ChipNotFound: as ``search``.
        InvalidRequest: no chip that passes the filter lies on a grid, or they lie too far apart.
    """
    cells = heat_cells(query, index=index, embedder=embedder, glossary=glossary)
    view = view_of(cells)
    return GroundMap(
        values=filled(cells, view),
        crs=view.crs,
        transform=view.transform,
        nodata=float("nan"),
        names=("percentile",),
    )


def class_map(
    labels: Sequence[str],
    *,
    index: Pinned,
    embedder: Embedder,
    where: Filter = _ANY,
    templates: Sequence[str] = TEMPLATES,
    distractors: Sequence[str] = DISTRACTORS,
    known: Mapping[str, Vectors] | None = None,
) -> GroundMap:
    """Map what each place is, zero-shot: numbers of labels in their order, `NO_CLASS` for none.

    “None of these” is a class of its own behind the labels, unless there are no distractors.

    Args:
        labels: As asked.
        index: One pinned generation.
        embedder: Of the model that made the index' vectors.
        where: Which chips count.
        templates: Prompt templates.
        distractors: What stands for “none of these”.
        known: Vectors (1, dim) of labels that are not to be embedded as they are written.

    Raises:
        EmptyText, InvalidRequest, InvalidFilter: labels or filter cannot be.
        InvalidRequest: as ``heat_map``.
    """
    cells = class_cells(
        labels,
        index=index,
        embedder=embedder,
        where=where,
        templates=templates,
        distractors=distractors,
        known=known,
    )
    view = view_of(cells)
    values = filled(cells, view)
    return GroundMap(
        values=np.where(np.isfinite(values), values, NO_CLASS).astype(np.uint8),
        crs=view.crs,
        transform=view.transform,
        nodata=NO_CLASS,
        names=cells.names,
    )


def view_of(cells: CellMap) -> View:
    """Take the lattice of most cells as the raster, as large as it takes to show all of them.

    Raises:
        InvalidRequest: no chip lies on a lattice, or they lie too far apart.
    """
    if not cells.layers:
        reason = "are whole images on no common grid" if len(cells.outlines) else "lie on no ground"
        raise InvalidRequest(
            f"no map: the chips that pass the filter {reason}; search and export the hits instead"
        )
    main = cells.layers[0]
    left, bottom, right, top = _span(main, main)
    for layer in cells.layers[1:]:
        west, south, east, north = _span(layer, main)
        left, bottom = min(left, west), min(bottom, south)
        right, top = max(right, east), max(top, north)
    width, height = int(right - left), int(top - bottom)
    if width * height > MAX_CELLS:
        raise InvalidRequest(
            f"no map: {width} x {height} cells, at most {MAX_CELLS}; give an area or a box"
        )
    ground = main.ground
    x, y = ground.left + left * ground.step_x, ground.bottom + top * ground.step_y
    transform = (ground.step_x, 0.0, x, 0.0, -ground.step_y, y)
    return View(crs=ground.crs, transform=transform, width=width, height=height)


def _span(layer: Layer, main: Layer) -> BBox:
    """First and last-but-one column and row of a layer, counted in the cells of another one."""
    columns, rows = columns_of(layer.keys), rows_of(layer.keys)
    span = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    if layer is main:
        return tuple(float(edge) for edge in span)  # type: ignore[return-value]  # four
    own, ground = layer.ground, main.ground
    xs = own.left + own.step_x * np.linspace(span[0], span[2], _EDGE_STEPS)
    ys = own.bottom + own.step_y * np.linspace(span[1], span[3], _EDGE_STEPS)
    grid = np.meshgrid(xs, ys)
    there = between(own.crs, ground.crs, grid[0].ravel(), grid[1].ravel())
    across = _known((there[0] - ground.left) / ground.step_x)
    up = _known((there[1] - ground.bottom) / ground.step_y)
    return (
        float(np.floor(across.min())),
        float(np.floor(up.min())),
        float(np.ceil(across.max())),
        float(np.ceil(up.max())),
    )


def _known(places: NDArray[np.float64]) -> NDArray[np.float64]:
    known = places[np.isfinite(places)]
    if not known.size:
        raise InvalidRequest("no map: the lattices of these chips share no CRS; give an area")
    return known


def filled(cells: CellMap, view: View) -> NDArray[np.float32]:
    """Fill a raster strip by strip, so that positions take little memory."""
    values = np.empty((view.height, view.width), dtype=np.float32)
    deep = max(1, _STRIP // view.width)
    a, b, c, d, e, f = view.transform
    for top in range(0, view.height, deep):
        rows = min(deep, view.height - top)
        strip = View(
            crs=view.crs, transform=(a, b, c, d, e, f + e * top), width=view.width, height=rows
        )
        values[top : top + rows] = cells.fill(strip)
    return values
