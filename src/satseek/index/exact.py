"""Vectors and chips → the nearest chips, by looking at every one of them in memory.

The oracle that every other index is held against. Does not know files.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import ChipNotFound
from satseek.index.attributes import meets
from satseek.index.checks import check_batch, check_k, check_vectors
from satseek.index.filters import check_filter, prepare_area
from satseek.index.halves import from_halves, to_halves, unit
from satseek.index.protocol import Found
from satseek.index.ranking import best, exact_cosines, padded
from satseek.index.records import chip_from, chip_values, footprint_boxes, footprint_text
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from satseek.index.filters import Area
    from satseek.index.protocol import QueryKind, Rows
    from satseek.index.spec import SceneBlock
    from satseek.types import BBox, Chip, Scene, Vectors

_ANY = Filter()


class ExactIndex:
    """An index in memory that compares every chip with every query."""

    def __init__(self, dim: int) -> None:
        """Start empty.

        Args:
            dim: Numbers in a vector.
        """
        self._dim = dim
        self._chips: list[Chip] = []
        self._stored = np.empty((0, dim), dtype=np.float32)
        self._rows: dict[str, int] = {}
        self._generation = 0
        self._scenes: dict[str, Scene] = {}
        """Those that were told, by id."""

    @property
    def model(self) -> None:
        """Nobody told whose vectors these are."""

    def pinned(self) -> AbstractContextManager[ExactIndex]:
        """Lend itself: nobody else changes it meanwhile."""
        return nullcontext(self)

    @property
    def generation(self) -> int:
        """Raised by every change."""
        return self._generation

    def __len__(self) -> int:
        """Count the chips."""
        return len(self._rows)

    def add(self, chips: Sequence[Chip], vectors: Vectors) -> None:
        """Add chips with their vectors; see ``Index.add``."""
        checked = check_batch(chips, vectors, dim=self._dim)
        footprint_boxes(chips)
        self._stored = np.concatenate([self._stored, from_halves(to_halves(checked))])
        for chip in chips:
            self._rows[chip.id] = len(self._chips)
            self._chips.append(chip_from(chip_values(chip)))
        self._generation += 1

    def add_blocks(self, blocks: Sequence[SceneBlock]) -> None:
        """Add chips along with what is known of their scenes; see ``Collection.add_blocks``."""
        for block in blocks:
            self._advance(block.scene)
            self.add(block.chips, block.vectors)

    def remove(self, chip_ids: Iterable[str]) -> int:
        """Remove chips; returns how many were there."""
        removed = [self._rows.pop(chip_id) for chip_id in set(chip_ids) if chip_id in self._rows]
        self._generation += bool(removed)
        return len(removed)

    def search(
        self,
        queries: Vectors,
        *,
        k: int,
        where: Filter = _ANY,
        kind: QueryKind = "mixed",  # noqa: ARG002 - an exact answer is the same for all
    ) -> Found:
        """Compare every passing chip with every query; see ``Index.search``."""
        check_k(k)
        checked = check_vectors(queries, dim=self._dim)
        rows = self._passing(check_filter(where))
        answers = [
            best(rows, exact_cosines(query, self._stored[rows]), k=k, names=self._names)
            for query in checked
        ]
        found, cosines = padded(answers, k)
        return Found(rows=found, cosines=cosines, plan=f"exact scan of {rows.size} chips in memory")

    def chips(self, rows: Iterable[int]) -> list[Chip]:
        """Give the chips of rows."""
        return [self._chips[row] for row in self._known(rows)]

    def row_of(self, chip_id: str) -> int:
        """Give the row of a chip."""
        if chip_id not in self._rows:
            message = f"expected the id of a chip in this index, came {chip_id!r}"
            raise ChipNotFound(message)
        return self._rows[chip_id]

    def vectors(self, rows: Iterable[int]) -> Vectors:
        """Give the unit vectors of rows."""
        return unit(self._stored[self._known(rows)], source="index in memory")

    def sample(self, n: int, *, seed: int = 0) -> Vectors:
        """Give up to n vectors drawn without replacement."""
        return self.vectors(draw(self._living(), n, seed=seed))

    def extent(self) -> BBox | None:
        """Give the box around all footprints."""
        boxes = [box for box in footprint_boxes(self.chips(self._living())) if box]
        if not boxes:
            return None
        west, south, east, north = zip(*boxes, strict=True)
        return min(west), min(south), max(east), max(north)

    def dates(self) -> tuple[datetime, datetime] | None:
        """Give the first and last acquisition time."""
        moments = [moment for row in self._living() if (moment := self._chips[row].datetime)]
        return (min(moments), max(moments)) if moments else None

    def _living(self) -> Rows:
        return np.array(sorted(self._rows.values()), dtype=np.int64)

    def _names(self, rows: Rows) -> list[str]:
        return [self._chips[row].id for row in rows]

    def _known(self, rows: Iterable[int]) -> list[int]:
        known = [int(row) for row in rows]
        for row in known:
            if not 0 <= row < len(self._chips):
                message = f"expected a row from 0 to {len(self._chips) - 1}, came {row}"
                raise ChipNotFound(message)
        return known

    def _passing(self, where: Filter) -> Rows:
        passing = [
            row
            for row in self._living().tolist()
            if _in_time(self._chips[row], where) and self._by_name(self._chips[row], where)
        ]
        if where.area is not None:
            passing = self._within(prepare_area(where.area), passing)
        return np.array(passing, dtype=np.int64)

    def _within(self, area: Area, rows: list[int]) -> list[int]:
        """Give those of the rows whose footprint meets an area."""
        texts = {row: footprint_text(self._chips[row].footprint) for row in rows}
        laid = {row: text for row, text in texts.items() if text is not None}
        met = area.meets(list(laid.values()))
        return [row for row, meeting in zip(laid, met, strict=True) if meeting]

    def _advance(self, scene: Scene) -> None:
        """Note a scene; the chips of one that has changed go."""
        known = self._scenes.get(scene.id)
        if known is not None and known.digest != scene.digest:
            self.remove([one.id for one in self.chips(self._living()) if one.scene_id == scene.id])
        self._scenes[scene.id] = scene

    def _properties(self, scene_id: str) -> Mapping[str, Any]:
        known = self._scenes.get(scene_id)
        return {} if known is None else known.properties

    def _by_name(self, chip: Chip, where: Filter) -> bool:
        """Tell whether level, scene and the scene's properties are of those that are asked for."""
        return (
            (not where.levels or chip.level in where.levels)
            and (not where.scene_ids or chip.scene_id in where.scene_ids)
            and meets(self._properties(chip.scene_id), where.attributes)
        )


def draw(rows: Rows, n: int, *, seed: int) -> Rows:
    """Draw up to n of the rows without replacement, in ascending order; same seed, same rows."""
    count = min(max(n, 0), rows.size)
    chosen = np.random.default_rng(seed).choice(rows.size, size=count, replace=False)
    return rows[np.sort(chosen)]


def _in_time(chip: Chip, where: Filter) -> bool:
    if where.start is None and where.end is None:
        return True
    if chip.datetime is None:
        return False
    return (where.start is None or where.start <= chip.datetime) and (
        where.end is None or chip.datetime <= where.end
    )
