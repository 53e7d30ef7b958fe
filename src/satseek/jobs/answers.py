"""A write that a client may send twice → the answer that the first one got, kept for a day.

Does not know what was written, nor the wire.
"""

from __future__ import annotations

import secrets
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import IdempotencyConflict, InvalidRequest
from satseek.formats import check_format
from satseek.index.storing import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEEP_SECONDS = 24 * 3600.0
"""How long an answer can be had again."""

MAX_KEPT = 10_000
"""Answers kept; beyond it the oldest go."""

BEGUN_SECONDS = 120.0
"""A request begun longer ago than this by another process is taken for one that died with it: no
write takes as long. Done again, it does no harm: jobs know their keys themselves, and a collection
that is gone or a model that is active stays so."""

LAYOUT = 1
"""Number of this layout, kept in the file (``PRAGMA user_version``); 0.1.0 wrote the same and no
number."""

_TABLES = (
    """
CREATE TABLE IF NOT EXISTS answers (
  who TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  begun REAL NOT NULL,
  by TEXT NOT NULL,
  status INTEGER,
  media_type TEXT,
  body BLOB,
  location TEXT,
  PRIMARY KEY (who, key)
)
""",
    "CREATE INDEX IF NOT EXISTS answers_by_age ON answers (begun)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer as it was given."""

    status: int
    """HTTP's number of it."""
    media_type: str
    """What the body is; empty: there is none."""
    body: bytes
    """The body."""
    location: str = ""
    """Path of what was made; empty: nothing was."""


class Answers:
    """The answers of one machine; safe from any number of threads and processes."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open nothing yet.

        Args:
            path: The file; made when the first key comes.
            clock: Seconds since 1970.
        """
        self._store = Store(path, _lay_out)
        self._clock = clock
        self._own = secrets.token_hex(8)
        """Tells requests begun by this process from others'."""
        self._open: set[tuple[str, str]] = set()
        """Those of this process that have not ended."""

    def begin(self, who: str, key: str, fingerprint: str) -> Kept | None:
        """Note that a request begins; or give the answer that it got before.

        Args:
            who: Names the principal and what they may do: keys of others are others.
            key: As the client made it up.
            fingerprint: Digest of everything that makes the request the same.

        Raises:
            InvalidRequest: the key came before with another request.
            IdempotencyConflict: the same request is still being worked on.
        """
        now = self._clock()
        with self._store.transaction() as db:
            db.execute("DELETE FROM answers WHERE begun < ?", (now - KEEP_SECONDS,))
            row = db.execute(
                "SELECT * FROM answers WHERE who = ? AND key = ?", (who, key)
            ).fetchone()
            if row is not None and row["fingerprint"] != fingerprint:
                raise InvalidRequest(
                    "Idempotency-Key: came before with another request; take a new key for it"
                )
            if row is not None and row["status"] is not None:
                return _kept(row)
            if row is not None and self._is_on(row, now):
                raise IdempotencyConflict(
                    "Idempotency-Key: the first request with it is still being worked on"
                )
            db.execute(
                "INSERT OR REPLACE INTO answers (who, key, fingerprint, begun, by)"
                " VALUES (?, ?, ?, ?, ?)",
                (who, key, fingerprint, now, self._own),
            )
            db.execute(
                "DELETE FROM answers WHERE status IS NOT NULL AND rowid IN"
                " (SELECT rowid FROM answers ORDER BY begun DESC LIMIT -1 OFFSET ?)",
                (MAX_KEPT,),
            )
            self._open.add((who, key))
        return None

    def keep(self, who: str, key: str, answer: Kept) -> None:
        """Keep what a request was answered.

        Raises:
            DiskFull, DamagedData, Overloaded: it cannot be kept; the same may be done again.
        """
        with self._ending(who, key), self._store.transaction() as db:
            db.execute(
                "UPDATE answers SET status = ?, media_type = ?, body = ?, location = ?"
                " WHERE who = ? AND key = ? AND by = ?",
                (*_values(answer), who, key, self._own),
            )

    def forget(self, who: str, key: str) -> None:
        """Forget a request that was refused: the same one may be sent again and be done."""
        with self._ending(who, key), self._store.transaction() as db:
            db.execute(
                "DELETE FROM answers WHERE who = ? AND key = ? AND by = ? AND status IS NULL",
                (who, key, self._own),
            )

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    @contextmanager
    def _ending(self, who: str, key: str) -> Iterator[None]:
        """Take a request for ended, whether that can be written down or not."""
        try:
            yield
        finally:
            self._open.discard((who, key))

    def _is_on(self, row: sqlite3.Row, now: float) -> bool:
        """Tell whether a request without an answer may still get one."""
        if row["by"] == self._own:
            return (row["who"], row["key"]) in self._open
        return bool(now - row["begun"] < BEGUN_SECONDS)


def opened_answers(path: Path) -> None:
    """Bring a file to the newest layout.

    Raises:
        FormatTooNew: a later release has written it.
        Overloaded, DiskFull, DamagedData, SatseekError: as ``Store.transaction``.
    """
    with closing(Store(path, _lay_out)) as store, store.reading():
        pass


def _lay_out(db: sqlite3.Connection) -> None:
    found = db.execute("PRAGMA user_version").fetchone()[0]
    check_format("the file of answers", found, LAYOUT)
    for statement in _TABLES:
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {LAYOUT}")


def _values(answer: Kept) -> tuple[int, str, bytes, str]:
    return answer.status, answer.media_type, answer.body, answer.location


def _kept(row: sqlite3.Row) -> Kept:
    return Kept(
        status=row["status"],
        media_type=row["media_type"],
        body=bytes(row["body"]),
        location=row["location"],
    )
