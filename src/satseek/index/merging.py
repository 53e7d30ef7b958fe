"""What many workers made → one change of a collection, of which nobody sees a part.

Does not know where it comes from, nor when it is committed. Memory is bounded by what is added at
once: rows go to the disk as they come, behind those that were committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from satseek.index import changing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from satseek.index.halves import Halves
    from satseek.types import Chip, Refusal, Scene

_ROWS_AT_ONCE = 4096
"""Rows written and synced together, 6 MB at 768 numbers each: many scenes have few chips, and each
would otherwise wait for the disk by itself."""


class Merging:
    """One change while it is made; see ``Collection.merging``."""

    def __init__(
        self,
        db: sqlite3.Connection,
        append: Callable[[sqlite3.Connection, Sequence[Chip], Halves], None],
    ) -> None:
        """Take the change, and what puts chips behind the rows there are."""
        self._db = db
        self._append = append
        self._chips: list[Chip] = []
        self._halves: list[Halves] = []

    def add(
        self,
        scene: Scene,
        chips: Sequence[Chip],
        halves: Halves,
        *,
        next_position: int,
        skipped: int,
        finished: bool,
    ) -> None:
        """Add successive candidates of one scene; the old chips of a changed one go.

        Args:
            scene: Of which the chips are.
            chips: May be none.
            halves: float16, shape (len(chips), dim): as ``to_halves`` of checked vectors gives
                them; they are stored as they are.
            next_position: First candidate behind them.
            skipped: Candidates passed over among them.
            finished: True where no candidate is left.
        """
        changing.advance(
            self._db,
            scene,
            next_position=next_position,
            chips=len(chips),
            skipped=skipped,
            finished=finished,
        )
        if chips:
            self._chips += chips
            self._halves.append(halves)
        if len(self._chips) >= _ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits for more; the last thing before the commit."""
        if self._chips:
            self._append(self._db, self._chips, np.concatenate(self._halves))
        self._chips, self._halves = [], []

    def refuse_scene(self, scene_id: str, refusal: Refusal) -> None:
        """Say that a scene cannot be used; its chips go."""
        self.flush()
        changing.refuse_scene(self._db, scene_id, refusal)

    def record_refusal(self, refusal: Refusal) -> None:
        """Say that a file could not be used; what was committed of it before stays."""
        changing.record_refusal(self._db, refusal, digest="")

    def forget_refusal(self, path: str) -> None:
        """Say that a file can be used after all."""
        changing.forget_refusal(self._db, path)

    def move_scene(self, scene: Scene) -> None:
        """Say where the file of an indexed scene lies now."""
        self.flush()
        changing.move_scene(self._db, scene)
