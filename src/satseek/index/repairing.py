"""A damaged collection → one that verifies clean and a report of what that took, or a refusal.

Does not know models or rasters: what is lost with vectors is embedded by the next indexing.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import TYPE_CHECKING

from satseek.errors import CollectionNotFound, DamagedData
from satseek.index import acknowledging, auditing
from satseek.index.accounts import Account, Repair
from satseek.index.changing import bury
from satseek.index.collection import open_collection
from satseek.index.compacting import ignore_progress
from satseek.index.editions import edition_of, find_pending, forget_pending
from satseek.index.lock import WriterLock
from satseek.index.reading import DATABASE
from satseek.index.rebuilding import finish_exchange, mend_database
from satseek.index.schema import connect, storage_errors
from satseek.index.segments import BYTES_PER_NUMBER, Segments, overwrite, segment_path, stored_bytes
from satseek.index.spec import segments_name
from satseek.index.writing import LOCK, Writer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.index.compacting import OnProgress
    from satseek.index.spec import Pending

__all__ = ["Repair", "repair_collection"]


def repair_collection(folder: Path, *, on_progress: OnProgress = ignore_progress) -> Repair:
    """Mend what can be mended: what is derived is made again, damaged vectors are taken out.

    The database is mended in a copy that takes its place as a whole, vectors in one transaction:
    who is killed meanwhile can repair again. Who reads the collection has to open it anew. Progress
    is told in rows: the vectors are read twice, to find damages and to prove that none is left.

    Raises:
        CollectionNotFound: There is none.
        CollectionLocked: Another living process writes to it.
        DamagedData: What is damaged is said nowhere else: a snapshot has to be restored.
        DiskFull: There is no room for the copy; nothing was changed.
    """
    if not (folder / DATABASE).is_file():
        message = f"{folder}: expected a collection, came none"
        raise CollectionNotFound(message)
    account = Account()
    on_progress("database", 0, 0)
    account.found += acknowledging.damages(folder)
    account.mended += [f"{folder / acknowledging.ACKNOWLEDGED}: written anew"] * len(account.found)
    with storage_errors(folder / DATABASE):
        lock = WriterLock(folder / LOCK)
        try:
            finish_exchange(folder)
            rows_per_segment = mend_database(folder, account)
        finally:
            lock.release()
    with closing(Writer(folder, rows_per_segment=rows_per_segment)) as writer:
        _mend_vectors(writer, account, on_progress)
    with closing(open_collection(folder, mode="read")) as collection:
        left = collection.verify(on_progress=on_progress)
    if left:
        message = f"{left[0]}; it cannot be mended: restore a snapshot or index anew"
        raise DamagedData(message)
    return account.closed()


def _mend_vectors(writer: Writer, account: Account, on_progress: OnProgress) -> None:
    """Take out the chips whose vectors are damaged, in one transaction; drop derived files."""
    with closing(connect(writer.folder / DATABASE, mode="query")) as db:
        pending = find_pending(db)
        beside = _pending_damages(writer, db, pending) if pending else []
        damaged = list(_damaged_blocks(writer, db, on_progress))
        derived = auditing.derived_damages(db, writer.folder)
    if pending and beside:
        account.found += beside
        whose = "were kept" if pending.kept else "were being made"
        account.lost.append(f"the vectors of {pending.model} that {whose}")
        with writer.aside() as db:
            forget_pending(db)
        writer.sweep()
    if damaged:
        with writer.change() as db:
            for start, count in damaged:
                _take_out(writer, db, start, count, account)
    for path in derived:
        account.found.append(f"{path}: {auditing.REMADE}")
        path.unlink(missing_ok=True)
        account.mended.append(f"{path}: removed, it is made anew when it is wanted")


def _pending_damages(writer: Writer, db: sqlite3.Connection, pending: Pending) -> list[str]:
    try:
        segments = Segments(
            writer.folder / segments_name(pending.number),
            rows=pending.next_row,
            dim=pending.dim,
            rows_per_segment=writer.rows_per_segment,
        )
    except DamagedData as error:
        return [str(error)]
    return auditing.pending_damages(db, segments)


def _damaged_blocks(
    writer: Writer, db: sqlite3.Connection, on_progress: OnProgress
) -> Iterator[tuple[int, int]]:
    """Give first row and rows of blocks that are not as they were written, or not there."""
    edition = edition_of(db)
    (rows,) = db.execute("SELECT coalesce(sum(count), 0) FROM blocks").fetchone()
    done = 0
    for start, count, expected in db.execute("SELECT start, count, sha256 FROM blocks"):
        path, at = _place(writer, db, start)
        content = stored_bytes(path, at=at, length=count * edition.spec.dim * BYTES_PER_NUMBER)
        if hashlib.sha256(content).hexdigest() != expected:
            yield start, count
        done += count
        on_progress("vectors", done, rows)


def _take_out(
    writer: Writer, db: sqlite3.Connection, start: int, count: int, account: Account
) -> None:
    """Lay zeros where vectors were, as dead rows have, and set the scenes of their chips back."""
    path, at = _place(writer, db, start)
    zeros = bytes(count * edition_of(db).spec.dim * BYTES_PER_NUMBER)
    overwrite(path, zeros, at=at)
    within = (start, start + count)
    text = "SELECT DISTINCT scene_id FROM chips WHERE dead = 0 AND row >= ? AND row < ?"
    scenes = [scene_id for (scene_id,) in db.execute(text, within)]
    chips = bury(db, f"row >= {start} AND row < {start + count}", [])
    db.executemany(
        "UPDATE scenes SET next_position = 0, kept = 0, skipped = 0, finished = 0 WHERE id = ?",
        [(scene_id,) for scene_id in scenes],
    )
    checksum = hashlib.sha256(zeros).hexdigest()
    db.execute("UPDATE blocks SET sha256 = ? WHERE start = ?", (checksum, start))
    rows = f"{path}: rows {start} to {start + count - 1}"
    account.found.append(f"{rows} are not what was written")
    account.lost.append(f"{rows}: {chips} chips of {len(scenes)} scenes")
    account.scenes.update(scenes)
    account.chips += chips


def _place(writer: Writer, db: sqlite3.Connection, row: int) -> tuple[Path, int]:
    """File and offset of a row."""
    edition = edition_of(db)
    number, offset = divmod(row, writer.rows_per_segment)
    path = segment_path(writer.folder / edition.segments, number)
    return path, offset * edition.spec.dim * BYTES_PER_NUMBER
