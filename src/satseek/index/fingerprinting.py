"""One generation of a collection → a digest that no other collection's generation has.

Does not know what it is compared with. A collection that was deleted and made again under its name
counts its generations from the start, and a replica with disks of its own counts its own: the
number alone says nothing about what is found.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from satseek.index.view import View

_BLOCKS = "SELECT start, count, sha256 FROM blocks WHERE start >= ? ORDER BY start"

_SCENES = (
    "SELECT count(*) FROM scenes",
    "SELECT id, digest, record, next_position, kept FROM scenes ORDER BY rowid DESC LIMIT 64",
    "SELECT min(id) FROM chips WHERE dead = 0",
    "SELECT max(id) FROM chips WHERE dead = 0",
)
"""Where chips come from, as far as it can be asked without reading every row: the scenes written
last, which have the highest row ids, and the ends of the chips' ids."""


class Fingerprints:
    """The digests of one collection's generations; safe to share between threads.

    Blocks of vectors are only ever added to an edition, so that of each new generation only the new
    blocks are read.
    """

    def __init__(self) -> None:
        """Know no generation yet."""
        self._lock = threading.Lock()
        self._newest: tuple[int, str] | None = None
        """Generation and digest."""
        self._edition = -1
        self._rows = 0
        self._blocks = hashlib.sha256()

    def of(self, db: sqlite3.Connection, view: View) -> str:
        """SHA-256, as hex, of what decides which chips a query finds in this generation.

        That is: name, model, recipe and grid; the generation's number; the checksums of all its
        vectors; which rows are gone; the newest scenes.

        Args:
            db: A snapshot of the generation.
            view: Its rows.
        """
        with self._lock:
            if self._newest is not None and self._newest[0] == view.generation:
                return self._newest[1]
            digest = hashlib.sha256(view.edition.to_json().encode())
            digest.update(f"\n{view.generation} {view.segments.rows} {view.dead.size}\n".encode())
            digest.update(view.dead.tobytes())
            digest.update(self._of_blocks(db, view))
            for query in _SCENES:
                for row in db.execute(query):
                    digest.update(repr(row).encode())
            found = digest.hexdigest()
            if self._newest is None or self._newest[0] < view.generation:
                self._newest = view.generation, found
            return found

    def _of_blocks(self, db: sqlite3.Connection, view: View) -> bytes:
        """Digest of the checksums of all vectors, going on from where the last one ended."""
        edition, rows = view.edition.number, view.segments.rows
        if edition == self._edition and rows < self._rows:  # somebody still reads an older one
            return _added(hashlib.sha256(), db, start=0).digest()
        if edition != self._edition:
            self._edition, self._rows, self._blocks = edition, 0, hashlib.sha256()
        _added(self._blocks, db, start=self._rows)
        self._rows = rows
        return self._blocks.digest()


def _added(digest: hashlib._Hash, db: sqlite3.Connection, *, start: int) -> hashlib._Hash:
    """Add the checksums of the blocks from a row on."""
    for first, count, checksum in db.execute(_BLOCKS, (start,)):
        digest.update(f"{first} {count} {checksum}\n".encode())
    return digest
