"""satseek's embedded index as a whole: durable chips with footprints, asked through its verbs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from beside.measuring import step

from satseek.index import (
    Collection,
    CollectionSpec,
    bbox_area,
    create_collection,
    open_collection,
)
from satseek.types import Chip, Filter, GridSpec, Recipe, Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from beside.engine import Effort, Where
    from numpy.typing import NDArray

SIDE = 0.01
"""Edge of a chip in degrees."""
BLOCK = 4_096
"""Chips of a commit while the collection is filled."""


class Embedded:
    """A collection on disk."""

    one_by_one = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "collection"
        self._collection: Collection | None = None
        self._filters: dict[int, Filter] = {}

    def build(
        self, vectors: NDArray[np.float32], columns: int, tuning: Mapping[str, NDArray[np.float32]]
    ) -> None:
        """Write everything into the folder."""
        with create_collection(self._folder, spec(vectors.shape[1])) as made:
            for start in range(0, len(vectors), BLOCK):
                chips = lattice(start, len(vectors[start : start + BLOCK]), columns)
                with step("fill"):
                    made.add(chips, vectors[start : start + BLOCK])
            with step("build"):
                made.prepare()
            self._tune(made, tuning)

    def efforts(self, rows: int, kind: str) -> Sequence[Effort]:  # noqa: ARG002
        """Give settings to try."""
        return [{"kind": kind}]

    def open(self) -> None:
        """Open what was built."""
        self._collection = open_collection(self._folder, mode="read")

    def ask(
        self, query: NDArray[np.float32], k: int, effort: Effort, where: Where | None
    ) -> Sequence[int]:
        """Give the rows nearest to one query."""
        found = self._opened().search(
            query[None], k=k, where=self._filter(where), kind=effort["kind"]
        )
        return [int(row) for row in found.rows[0] if row >= 0]

    def told(self, query: NDArray[np.float32], effort: Effort, where: Where | None) -> str:
        """Say which way a search goes."""
        found = self._opened().search(
            query[None], k=10, where=self._filter(where), kind=effort["kind"]
        )
        return found.plan

    def open_to_add(self) -> None:
        """Open for writing: another process may be searching meanwhile."""
        self._collection = open_collection(self._folder, mode="write")

    def add(self, vectors: NDArray[np.float32], start: int, columns: int) -> Any:
        """Make chips first, then give what commits them: only that is timed."""
        chips = lattice(start, len(vectors), columns)
        return lambda: self._opened().add(chips, vectors)

    def close(self) -> None:
        """Let go of the folder."""
        self._opened().close()

    def _tune(self, made: Collection, tuning: Mapping[str, NDArray[np.float32]]) -> None:
        if hasattr(made, "tune"):
            with step("tune"):
                made.tune(dict(tuning))

    def _opened(self) -> Collection:
        assert self._collection is not None
        return self._collection

    def _filter(self, where: Where | None) -> Filter:
        if where is None:
            return Filter()
        if where.number not in self._filters:
            low, high = (
                (at * SIDE) for at in (where.square.first + 0.25, where.square.last - 0.25)
            )
            self._filters[where.number] = Filter(area=bbox_area(low, low, high, high))
        return self._filters[where.number]


def spec(dim: int) -> CollectionSpec:
    """Describe a collection of vectors of so many numbers."""
    return CollectionSpec(
        name="collection",
        model_name="published",
        model_version="0" * 12,
        dim=dim,
        recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
        grid=GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None),
        min_valid=0.5,
    )


def lattice(start: int, count: int, columns: int) -> list[Chip]:
    """Lay chips on a square lattice, row by row, a minute apart."""
    made = []
    for number in range(start, start + count):
        row, column = divmod(number, columns)
        west, south = column * SIDE, row * SIDE
        made.append(
            Chip(
                id=f"bench/{number:09d}",
                scene_id="bench",
                cell=f"{number:09d}",
                scene_path="/bench.tif",
                window=Window(column=column * 64, row=row * 64, width=64, height=64),
                footprint=bbox_area(west, south, west + SIDE, south + SIDE),
                datetime=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
                valid_fraction=1.0,
            )
        )
    return made
