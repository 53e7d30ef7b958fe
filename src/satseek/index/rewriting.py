"""New vectors for every row of a collection → an edition beside the old one, then in its place.

Does not know models or rasters. Of a pending edition only rows below ``next_row`` are ever read;
the old one answers until one transaction puts the new one into its place.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from satseek.errors import Conflict, DamagedData, UnreadableImage
from satseek.index import auditing, editions
from satseek.index.answering import Answering
from satseek.index.changing import refuse_scene
from satseek.index.checks import check_vectors
from satseek.index.halves import to_halves, unit
from satseek.index.ranking import padded
from satseek.index.schema import storage_errors
from satseek.index.segments import Segments, append
from satseek.index.spec import segments_name
from satseek.index.view import View
from satseek.syncing import sync
from satseek.types import Refusal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from satseek.index.protocol import Rows
    from satseek.index.reading import Reader
    from satseek.index.segments import Block
    from satseek.index.spec import Loss, Pending
    from satseek.index.writing import Writer
    from satseek.types import Vectors

_ROWS_AT_ONCE = 4096
"""Rows written at a time: 6 MB at 768 numbers each, however many dead ones lie between."""

_CHIPS_AT_ONCE = 1024
"""Chips listed at a time."""


class Side:
    """One of two editions that are compared; always looks at every chip."""

    def __init__(self, *, db: sqlite3.Connection, view: View) -> None:
        """Take the rows of an edition and the snapshot that they belong to."""
        self._db = db
        self._view = view

    def living(self) -> Rows:
        """Give the rows that may answer, ascending."""
        return self._view.living()

    def vectors(self, rows: Rows) -> Vectors:
        """Give the unit vectors of rows, in their order."""
        segments = self._view.segments
        return unit(segments.gather(rows), source=segments.source)

    def nearest(self, queries: Vectors, *, k: int) -> Rows:
        """Give the k nearest rows of each query, shape (queries, k), padded with −1."""
        answering = Answering(db=self._db, view=self._view, rows=None, k=k)
        return padded(answering.answers(queries, None, None), k)[0]


class Rewriting:
    """The making of a pending edition; only the collection's writer has one."""

    def __init__(self, *, reader: Reader, writer: Writer) -> None:
        """Put the parts together."""
        self._reader = reader
        self._writer = writer

    @property
    def name(self) -> str:
        """Name of the collection."""
        return self._reader.folder.name

    @property
    def pending(self) -> Pending:
        """The edition that is made.

        Raises:
            Conflict: There is none.
        """
        found = self.find()
        if found is None:
            message = f"{self.name}: expected vectors that are being made, came none"
            raise Conflict(message)
        return found

    def find(self) -> Pending | None:
        """Give the edition that is made; None where there is none."""
        with self._reader.connections.snapshot() as db:
            return editions.find_pending(db)

    def check(self) -> None:
        """Make sure that the pending edition can be gone on with.

        Raises:
            DamagedData: Segments of it are missing or too short.
        """
        self._segments(self.pending)

    def begin(self, *, model_name: str, model_version: str, dim: int) -> Pending:
        """Commit that an edition begins."""
        with self._writer.aside() as db:
            editions.start_pending(db, name=model_name, version=model_version, dim=dim)
            pending = editions.find_pending(db)
            assert pending is not None
            folder = self._writer.folder / segments_name(pending.number)
            shutil.rmtree(folder, ignore_errors=True)  # of one that was thrown away half
            folder.mkdir()
            sync(folder.parent)
        return pending

    def discard(self) -> None:
        """Throw the pending edition away; nothing happens where there is none."""
        with self._writer.aside() as db:
            editions.forget_pending(db)
        self._writer.sweep()

    def living(self, start: int) -> Iterator[tuple[int, str, str]]:
        """Walk over living rows from ``start`` on: row, chip id, scene id, ascending by row."""
        text = (
            "SELECT row, id, scene_id FROM chips WHERE dead = 0 AND row >= ? ORDER BY row LIMIT ?"
        )
        while True:
            with self._reader.connections.snapshot() as db:
                found = db.execute(text, (start, _CHIPS_AT_ONCE)).fetchall()
            if not found:
                return
            yield from found
            start = found[-1][0] + 1

    def waiting(self) -> tuple[int, list[str]]:
        """Count the chips that have no vector in the pending edition yet; list their scenes."""
        condition = "FROM chips WHERE dead = 0 AND row >= ?"
        first = (self.pending.next_row,)
        with self._reader.connections.snapshot() as db:
            (count,) = db.execute(f"SELECT count(*) {condition}", first).fetchone()
            scenes = db.execute(
                f"SELECT DISTINCT scene_id {condition} ORDER BY scene_id",
                first,
            ).fetchall()
        return count, [scene_id for (scene_id,) in scenes]

    def add(
        self, rows: Rows, vectors: Vectors, *, next_row: int, scene_id: str, next_position: int
    ) -> None:
        """Commit vectors of rows; durable when it returns. Rows left out get none.

        Args:
            rows: Ascending, from the pending edition's next row to below ``next_row``.
            vectors: float32, shape (len(rows), dim), unit rows.
            next_row: First row that is not embedded then.
            scene_id: Scene of the last row; empty where the next row's is to be read anew.
            next_position: First candidate of that scene behind the last row.

        Raises:
            ModelMismatch: The vectors are not of the pending edition's length.
        """
        pending = self.pending
        checked = check_vectors(vectors, dim=pending.dim)
        with self._writer.aside() as db:
            blocks: list[Block] = []
            for start in range(pending.next_row, next_row, _ROWS_AT_ONCE):
                stop = min(start + _ROWS_AT_ONCE, next_row)
                first, last = np.searchsorted(rows, (start, stop))
                halves = np.zeros((stop - start, pending.dim), dtype=np.float16)
                halves[rows[first:last] - start] = to_halves(checked[first:last])
                blocks += append(
                    self._writer.folder / segments_name(pending.number),
                    halves,
                    start=start,
                    rows_per_segment=self._writer.rows_per_segment,
                )
            editions.advance_pending(
                db, blocks, next_row=next_row, scene_id=scene_id, next_position=next_position
            )

    def lose(self, scene_id: str, *, state: str, reason: str) -> None:
        """Commit that a scene cannot be embedded again; see ``Loss``."""
        with self._writer.aside() as db:
            editions.record_loss(db, scene_id=scene_id, state=state, reason=reason)

    def losses(self) -> list[Loss]:
        """List the scenes that the pending edition lacks, by id."""
        with self._reader.connections.snapshot() as db:
            return editions.find_losses(db)

    def retry(self, scene_ids: Iterable[str]) -> None:
        """Commit that scenes are no longer lost: rows from the first of theirs on come again."""
        with self._writer.aside() as db:
            editions.go_back(db, scene_ids)

    @contextmanager
    def sides(self) -> Iterator[tuple[Side, Side]]:
        """Lend the edition in use and the pending one, to be compared."""
        with self._reader.pinned() as pinned:
            pending = self.pending
            lost = [loss.scene_id for loss in editions.find_losses(pinned.db)]
            text = "SELECT row FROM chips WHERE dead = 0 AND scene_id = ?"
            gone = [row for one in lost for (row,) in pinned.db.execute(text, (one,))]
            view = View(
                generation=pinned.generation,
                edition=replace(pinned.view.edition, number=pending.number),
                segments=self._segments(pending),
                dead=np.union1d(pinned.view.dead, np.array(gone, dtype=np.int64)),
                matrix_bytes=0,
            )
            yield Side(db=pinned.db, view=pinned.view), Side(db=pinned.db, view=view)

    def switch(self, *, lost: Literal["refuse", "drop"], old: Literal["drop", "keep"]) -> None:
        """Commit that the pending edition takes the place of the one in use.

        Args:
            lost: Whether scenes that it lacks go, or forbid the switch.
            old: Whether the old vectors go, or are kept as a pending edition.

        Raises:
            Conflict: Rows are missing, or scenes are and must not.
            DamagedData: The new vectors are not what was written.
        """
        pending = self.pending
        self._check(pending, lost=lost)
        with self._writer.change() as db:
            for loss in editions.find_losses(db):
                _drop(db, loss)
            editions.swap(db, pending)
            if old == "drop":
                editions.forget_pending(db)
        self._writer.sweep()

    def _check(self, pending: Pending, *, lost: Literal["refuse", "drop"]) -> None:
        name = self.name
        if not pending.finished:
            message = (
                f"{name}: expected {pending.rows} rows embedded again, came {pending.next_row}"
            )
            raise Conflict(message)
        losses = self.losses()
        if losses and lost == "refuse":
            raise Conflict(
                f"{name}: expected every scene embedded again, {len(losses)} could not be read"
            )
        with self._reader.connections.snapshot() as db:
            damages = auditing.pending_damages(db, self._segments(pending))
        if damages:
            raise DamagedData(f"{damages[0]}; throw the new vectors away and begin again")

    def _segments(self, pending: Pending) -> Segments:
        folder = self._reader.folder / segments_name(pending.number)
        with storage_errors(folder):
            return Segments(
                folder,
                rows=pending.next_row,
                dim=pending.dim,
                rows_per_segment=self._reader.rows_per_segment,
            )


def _drop(db: sqlite3.Connection, loss: Loss) -> None:
    """Take a scene out with its chips, so that it counts as new once it can be read again."""
    refusal = Refusal(path=loss.scene_id, reason=loss.reason, kind=UnreadableImage.__name__)
    refuse_scene(db, loss.scene_id, refusal)
