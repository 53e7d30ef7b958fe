"""A square of made-up ground, seen on some days, in a collection of the shipped model's vectors.

A cell looks as the model's own words for its cover do, and a little like nothing. A quarry is there
from the first day; where the mine is, was forest. No image is ever read: scenes lie nowhere.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from madeground import LATTICE, make_chip

from satseek.assemble import Assembly, Layout
from satseek.jobs.watching import opened_watches, watch_now
from satseek.monitor.watch.watch import OperatingPoint, Watch, WatchedConcept, check_watch
from satseek.settings import Settings
from satseek.types import GridSpec, Scene

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from satseek.monitor.watch.running import WatchRun
    from satseek.types import Chip, GeoJSON, Vectors

Cell = tuple[int, int]

EDGE = 12
"""Columns and rows."""
NAME = "ground"
COVERS = {"forest": "a forest", "field": "a farmland", "quarry": "a quarry", "mine": "a mine"}
"""Words that each cover looks like."""
QUARRY: tuple[Cell, ...] = ((2, 2), (3, 2), (2, 3))
MINE: tuple[Cell, ...] = ((8, 8), (9, 8), (8, 9), (9, 9))
NOISE = 0.5
"""Length of what a cell has of its own, beside its cover's 1; a tenth of it is another each day."""

MINES = Watch(
    name="mines",
    collection=NAME,
    concept=WatchedConcept(label="mine", prompts=("a mine",), negatives=("a quarry",)),
    operating_point=OperatingPoint(value=0.98, grow_quantile=0.95),
)


def cell_name(cell: Cell) -> str:
    return make_chip(cell, day=None, scene="").cell


def chip_name(day: str, cell: Cell) -> str:
    return f"{NAME}/{scene_name(day)}/{cell_name(cell)}"


def scene_name(day: str) -> str:
    return f"scene {day}"


def box_around(cells: Sequence[Cell]) -> GeoJSON:
    """The outline of a rectangle of cells, a little smaller, as GeoJSON."""
    corners = np.array(
        [make_chip(cell, day=None, scene="").footprint["coordinates"][0] for cell in cells]
    )  # type: ignore[index]
    (west, south), (east, north) = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    inset = 1e-5
    west, south, east, north = west + inset, south + inset, east - inset, north - inset
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@contextmanager
def parts_in(home: Path) -> Iterator[Assembly]:
    parts = Assembly(Settings(data_dir=home, model="starter"))
    try:
        yield parts
    finally:
        parts.close()


def see(
    parts: Assembly,
    day: str,
    *,
    mine: bool,
    light: float = 0.0,
    hidden: Sequence[Cell] = (),
    finished: bool = True,
) -> None:
    """Add what is seen on a day.

    Args:
        parts: Of the data folder.
        day: Such as ``2024-07-04``.
        mine: Whether the mine is there.
        light: What is added to all cells, in a direction of its own.
        hidden: Cells that are not seen.
        finished: False: indexing stopped before its end.
    """
    cells = [(column, row) for row in range(EDGE) for column in range(EDGE)]
    covers = {cell: "field" if cell[0] < EDGE // 2 else "forest" for cell in cells}
    covers |= dict.fromkeys(QUARRY, "quarry") | (dict.fromkeys(MINE, "mine") if mine else {})
    words = parts.embedder.label_vectors(list(COVERS.values()))
    looks = dict(zip(COVERS, words, strict=True))
    dim = words.shape[1]
    own = _drawn(len(cells), dim, seed=1)
    passing = _drawn(len(cells), dim, seed=int(day.replace("-", "")))
    vectors = np.array([looks[covers[cell]] for cell in cells]) + NOISE * own
    vectors += 0.1 * NOISE * passing + light * _drawn(1, dim, seed=3)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    seen = [at for at, cell in enumerate(cells) if cell not in hidden]
    chips = [make_chip(cells[at], day=day, scene=scene_name(day)) for at in seen]
    _add(parts, day, chips, vectors[seen].astype(np.float32), finished=finished)


def run(parts: Assembly, watch: Watch = MINES, **changes: Any) -> WatchRun:
    """Save a watch as it is now, and run it."""
    with opened_watches(parts.settings) as watches:
        watches.save(check_watch(replace(watch, **changes)))
    return watch_now(watch.name, parts, on_stage=lambda *_: None).run


def _drawn(rows: int, dim: int, *, seed: int) -> Vectors:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1 / np.sqrt(dim), (rows, dim)).astype(np.float32)


def _add(
    parts: Assembly, day: str, chips: Sequence[Chip], vectors: Vectors, *, finished: bool
) -> None:
    grid = GridSpec(crs=None, chip_px=LATTICE.chip_px, stride_px=LATTICE.stride_px, pixel_size=None)
    with parts.writer(NAME, Layout(grid=grid)) as collection:
        collection.add_block(
            _scene(day, chips),
            chips,
            vectors,
            next_position=len(chips),
            skipped=0,
            finished=finished,
        )


def _scene(day: str, chips: Sequence[Chip]) -> Scene:
    name = scene_name(day)
    return Scene(
        id=name,
        path=f"/nowhere/{name}.tif",
        width=EDGE * LATTICE.chip_px,
        height=EDGE * LATTICE.chip_px,
        bands=3,
        dtype="uint8",
        crs=LATTICE.crs,
        transform=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
        nodata=None,
        datetime=chips[0].datetime,
        digest=f"digest of {len(chips)} chips",
    )
