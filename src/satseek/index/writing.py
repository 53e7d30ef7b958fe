"""Blocks of chips and vectors → one durable change each, all of it or nothing.

Does not know how to search. Vectors reach the disk first; the database's commit makes them visible.
"""

from __future__ import annotations

import re
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import SatseekError
from satseek.index import changing, ledger, traits
from satseek.index.acknowledging import Notice
from satseek.index.changing import OF_SCENES, bury
from satseek.index.editions import edition_of, find_pending
from satseek.index.halves import to_halves
from satseek.index.lock import WriterLock
from satseek.index.merging import Merging
from satseek.index.proving import rows_kept
from satseek.index.reading import DATABASE
from satseek.index.records import (
    CHIP_COLUMNS,
    values_of,
    write_footprints,
    write_moments,
)
from satseek.index.schema import connect, storage_errors
from satseek.index.segments import append, cut_tail
from satseek.index.spec import (
    FORMAT_VERSION,
    LEDGER_VERSION,
    TRAITS_VERSION,
    codes_name,
    segments_name,
    tuning_name,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from satseek.index.halves import Halves
    from satseek.index.segments import Block
    from satseek.index.spec import SceneBlock
    from satseek.types import Chip, Refusal, Scene, Vectors

LOCK = "writer.lock"
"""Name of the lock file inside a collection's folder."""

_VECTORS = re.compile(r"segments(-\d+)?|codes(-\d+)?\.bin|tuning(-\d+)?\.json")
"""Names of files that belong to one edition."""

_UNFINISHED = re.compile(r"(codes|tuning)(-\d+)?\.(bin|json)\.\d+")
"""Names of derived files whose writer may have been killed."""

COMPACTING = "compacting"
"""Folder of a copy that is being made of the living rows; its next writer clears it away."""

_RAISED = (("collection", "spec"), ("collection", "generation"))
"""What alone changes where a format is raised."""

_CHIP_SLOTS = ", ".join("?" * 17)
_INSERT_CHIP = (
    f"INSERT INTO chips (row, {CHIP_COLUMNS}, west, south, east, north)"  # noqa: S608 - ours
    f" VALUES ({_CHIP_SLOTS})"
)
_NOWHERE = (None,) * 4


class Writer:
    """The only writer of a folder."""

    def __init__(self, folder: Path, *, rows_per_segment: int) -> None:
        """Take the folder's lock and clear away what an interrupted writer left.

        Raises:
            CollectionLocked: Another living writer has it.
        """
        self.folder = folder
        self.rows_per_segment = rows_per_segment
        self._guard = threading.Lock()
        self.compacting = threading.Lock()
        """Held by the one compaction."""
        self._notice = Notice(folder)
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="segments")
        with storage_errors(folder / LOCK):
            self._lock = WriterLock(folder / LOCK)
        try:
            with storage_errors(folder / DATABASE):
                self._db = connect(folder / DATABASE, mode="rw")
                self._take_over()
                self._ledger = ledger.Ledger(self._db)
                self._notice.write(ledger.read(self._db))
                self._cut_tails()
                self.sweep()
                self._clear_unfinished()
                shutil.rmtree(folder / COMPACTING, ignore_errors=True)
        except BaseException:
            self._disk.shutdown()
            self._notice.close()
            self._lock.release()
            raise

    def add(self, chips: Sequence[Chip], vectors: Vectors) -> None:
        """Commit checked chips and vectors."""
        with self.change() as db:
            self.append(db, chips, to_halves(vectors))

    def add_blocks(self, blocks: Sequence[SceneBlock]) -> None:
        """Commit checked blocks together; the old chips of a changed scene go with them."""
        chips = [chip for block in blocks for chip in block.chips]
        vectors = np.concatenate([block.vectors for block in blocks])
        with self.change() as db:
            for block in blocks:
                changing.advance(
                    db,
                    block.scene,
                    next_position=block.next_position,
                    chips=len(block.chips),
                    skipped=block.skipped,
                    finished=block.finished,
                )
            self.append(db, chips, to_halves(vectors))

    @contextmanager
    def merging(self) -> Iterator[Merging]:
        """Commit all that is said meanwhile as one change, or nothing of it."""
        try:
            with self.change() as db:
                merging = Merging(db, self.append)
                yield merging
                merging.flush()
        except BaseException:
            with suppress(SatseekError), storage_errors(self.folder):
                self._cut_tails()  # their room may be what was short
            raise

    def refuse_scene(self, scene_id: str, refusal: Refusal) -> int:
        """Commit that a scene cannot be used: its chips go; returns how many there were."""
        with self.change() as db:
            return changing.refuse_scene(db, scene_id, refusal)

    def move_scene(self, scene: Scene) -> None:
        """Commit where the file of a scene lies now."""
        with self.change() as db:
            changing.move_scene(db, scene)

    def remove(self, chip_ids: Iterable[str]) -> int:
        """Commit the removal of chips; returns how many were there."""
        wanted = sorted(set(chip_ids))
        with self.change() as db:
            return bury(db, "id IN (SELECT value FROM wanted)", wanted)

    def remove_scenes(self, scene_ids: Iterable[str]) -> int:
        """Commit the removal of scenes with their chips; returns how many chips were there."""
        wanted = sorted(set(scene_ids))
        with self.change() as db:
            buried = bury(db, OF_SCENES, wanted)
            db.executemany("DELETE FROM scenes WHERE id = ?", [(scene_id,) for scene_id in wanted])
            return buried

    def record_refusal(self, refusal: Refusal, digest: str) -> None:
        """Commit that a file could not be used; again replaces."""
        with self.change() as db:
            changing.record_refusal(db, refusal, digest=digest)

    def forget_refusal(self, path: str) -> None:
        """Commit that a file can be used after all."""
        with self.change() as db:
            changing.forget_refusal(db, path)

    def close(self) -> None:
        """Close the connection and let go of the lock."""
        with self._guard:
            try:
                self._disk.shutdown()
                self._db.close()
                self._notice.close()
            finally:
                self._lock.release()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done to the connection as one change that every reader follows."""
        with self.aside() as db:
            yield db
            db.execute("UPDATE collection SET generation = generation + 1")

    @contextmanager
    def aside(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done to the connection, none of which a search could answer with."""
        with self._transaction() as db:
            self._ledger.begin()
            yield db
            entry = self._ledger.settle()
            db.execute("COMMIT")
            self._notice.write(entry)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Roll back whatever was not committed."""
        with self._guard, storage_errors(self.folder / DATABASE):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def sweep(self) -> None:
        """Remove the files of editions that are neither in use nor pending.

        Who still reads them has them mapped; a mapped file stays readable without its name.
        """
        pending = find_pending(self._db)
        numbers = {edition_of(self._db).number} | ({pending.number} if pending else set())
        names = (segments_name, codes_name, tuning_name)
        wanted = {name(number) for number in numbers for name in names}
        for path in self.folder.iterdir():
            if _VECTORS.fullmatch(path.name) and path.name not in wanted:
                with suppress(OSError):  # the next writer tries again
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _clear_unfinished(self) -> None:
        """Remove derived files that were never finished; who still writes one does without it."""
        for path in self.folder.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def shrink(self, *, free_share: float) -> None:
        """Write the database anew where so many of its pages are free; adding waits meanwhile.

        Raises:
            DiskFull: There is no room for that; nothing is lost.
        """
        path = self.folder / DATABASE
        with self._guard, storage_errors(path), closing(connect(path, mode="rw")) as db:
            (free,) = db.execute("PRAGMA freelist_count").fetchone()
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            if free < pages * free_share:
                return
            db.execute("PRAGMA temp_store = FILE")  # the copy may be larger than the memory
            db.execute("VACUUM")
            db.execute("PRAGMA busy_timeout = 1000")  # for who reads what is in the log
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _take_over(self) -> None:
        """Raise an older format to the newest, in one step that readers follow like any change."""
        edition = edition_of(self._db)
        version = edition.spec.format_version
        if version >= LEDGER_VERSION:
            return
        raised = replace(edition, spec=replace(edition.spec, format_version=FORMAT_VERSION))
        with self._transaction() as db:
            with rows_kept(db, dropped=("footprints",), altered=_RAISED):
                if version < TRAITS_VERSION:
                    db.execute("ALTER TABLE chips ADD COLUMN level INTEGER NOT NULL DEFAULT 1")
                    db.execute("DROP TABLE footprints")
                    traits.take_over(db)
                text = "UPDATE collection SET spec = ?, generation = generation + 1"
                db.execute(text, (raised.to_json(),))
                ledger.found(db)
            db.execute("COMMIT")

    def append(self, db: sqlite3.Connection, chips: Sequence[Chip], halves: Halves) -> None:
        """Put chips behind the rows there are, within a change; their vectors reach the disk."""
        start = _committed(db)
        name = edition_of(db).segments
        writing = self._disk.submit(self._write_rows, name, halves, start)
        try:  # meanwhile
            self._insert(db, chips, start)
        finally:  # nobody else may write behind the committed rows before it has ended
            wait([writing])
        db.executemany(
            "INSERT INTO blocks VALUES (?, ?, ?)",
            [(block.start, block.count, block.sha256) for block in writing.result()],
        )
        db.execute("UPDATE collection SET committed = ?", (start + len(chips),))

    def _write_rows(self, name: str, halves: Halves, start: int) -> list[Block]:
        return append(
            self.folder / name,
            halves,
            start=start,
            rows_per_segment=self.rows_per_segment,
        )

    def _insert(self, db: sqlite3.Connection, chips: Sequence[Chip], start: int) -> None:
        """Put chips into the tables, in place of those that have their ids."""
        bury(db, "id IN (SELECT value FROM wanted)", [chip.id for chip in chips])
        footprints, boxes = write_footprints(chips)
        moments = write_moments(chips)
        laid = zip(chips, footprints, moments, boxes, strict=True)
        db.executemany(
            _INSERT_CHIP,
            [
                (row, *values_of(chip, footprint, moment), *(box or _NOWHERE))
                for row, (chip, footprint, moment, box) in enumerate(laid, start)
            ],
        )
        numbers = traits.number_scenes(db, (chip.scene_id for chip in chips))
        packed = traits.pack(
            chips, footprints=footprints, moments=moments, boxes=boxes, numbers=numbers
        )
        traits.store(db, start, packed)

    def _cut_tails(self) -> None:
        edition, pending = edition_of(self._db), find_pending(self._db)
        self._cut_tail(edition.segments, _committed(self._db), edition.spec.dim)
        if pending is not None:
            self._cut_tail(segments_name(pending.number), pending.next_row, pending.dim)

    def _cut_tail(self, name: str, rows: int, dim: int) -> None:
        cut_tail(
            self.folder / name, committed=rows, dim=dim, rows_per_segment=self.rows_per_segment
        )


def _committed(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT committed FROM collection").fetchone()[0])
