"""Collections of made-up vectors on a lattice, seen on several dates: what changed is known.

A cell has one of a few covers. Between two dates the light adds something to all cells and the
season something to all cells of a cover; where the land changed, the cell takes on another cover.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from satseek.imagery.ground import footprints
from satseek.imagery.lattices import Lattice
from satseek.imagery.recipes import recipe_named
from satseek.index import CollectionSpec, create_collection
from satseek.types import Chip, GridSpec, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.types import Vectors

DIM = 48
COVERS = 4
LATTICE = Lattice(crs="EPSG:32633", pixel_x=1.0, pixel_y=1.0, chip_px=100, stride_px=100)
LEFT, BOTTOM = 5000, 52000
"""Column and row of the first cell: 500 km east, 5,200 km north."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Land:
    """Vectors of the same cells on two dates."""

    before: Vectors
    after: Vectors
    covers: NDArray[np.int64]
    """Before."""
    changed: NDArray[np.bool_]
    centres: Vectors
    """Vector of each cover before."""


def unit(rows: NDArray[np.float64]) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def make_land(
    cells: int,
    *,
    changed: int = 0,
    light: float = 0.0,
    season: float = 0.0,
    noise: float = 0.02,
    seed: int = 0,
) -> Land:
    """Make vectors: the last ``changed`` cells take on the cover behind their own.

    Light and season are lengths of what is added; a vector of a cover is 1 long, and cells of a
    cover differ from it by about 0.35.
    """
    rng = np.random.default_rng(seed)

    def drawn(rows: int, length: float) -> NDArray[np.float64]:
        return rng.normal(0, length / np.sqrt(DIM), (rows, DIM))

    centres, seasons, shine = drawn(COVERS, 1), drawn(COVERS, season), drawn(1, light)
    covers = rng.integers(0, COVERS, cells)
    own, other = drawn(cells, 0.35), drawn(cells, 0.35)
    is_changed = np.arange(cells) >= cells - changed
    later = np.where(is_changed, (covers + 1) % COVERS, covers)
    kept = np.where(is_changed[:, None], other, own)
    return Land(
        before=unit(centres[covers] + own),
        after=unit(centres[later] + kept + seasons[later] + shine + drawn(cells, noise)),
        covers=covers,
        changed=is_changed,
        centres=unit(centres),
    )


def cell_at(column: int, row: int, lattice: Lattice = LATTICE) -> str:
    return lattice.cell(LEFT + column, BOTTOM + row)


def make_chip(
    cell: tuple[int, int],
    *,
    day: str | None,
    scene: str,
    valid: float = 1.0,
    lattice: Lattice = LATTICE,
) -> Chip:
    column, row = LEFT + cell[0], BOTTOM + cell[1]
    left = column * lattice.step_x
    top = row * lattice.step_y + lattice.chip_px * lattice.pixel_y
    window = Window(column=0, row=0, width=lattice.chip_px, height=lattice.chip_px)
    transform = (lattice.pixel_x, 0.0, left, 0.0, -lattice.pixel_y, top)
    (outline,) = footprints(lattice.crs, transform, [window])
    name = lattice.cell(column, row)
    return Chip(
        id=f"{scene}/{name}",
        scene_id=scene,
        cell=name,
        scene_path=f"/{scene}.tif",
        window=window,
        footprint=outline,
        datetime=None if day is None else datetime.fromisoformat(day).replace(tzinfo=UTC),
        valid_fraction=valid,
    )


def square(cells: int) -> list[tuple[int, int]]:
    """Columns and rows of so many cells, row by row of a square."""
    edge = int(np.ceil(np.sqrt(cells)))
    return [(number % edge, number // edge) for number in range(cells)]


def seen_on(days: Mapping[str, Vectors]) -> tuple[list[Chip], Vectors]:
    """Give chips and vectors of a square of cells that was seen on some days, by a scene each."""
    chips = [
        make_chip(cell, day=day, scene=f"scene {day}")
        for day, own in days.items()
        for cell in square(len(own))
    ]
    return chips, np.concatenate(list(days.values()))


@contextmanager
def collected(folder: Path, chips: Sequence[Chip], vectors: Vectors) -> Iterator[Pinned]:
    """Lend a collection of chips with their vectors."""
    spec = CollectionSpec(
        name="made",
        model_name="made-up",
        model_version="0123456789ab",
        dim=vectors.shape[1],
        recipe=recipe_named("rgb8"),
        grid=GridSpec(crs=None, chip_px=100, stride_px=100, pixel_size=None),
        min_valid=0.0,
    )
    with create_collection(folder / "made", spec) as collection:
        collection.add(chips, vectors)
        with collection.pinned() as index:
            yield index
