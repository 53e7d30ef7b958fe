"""API keys → who they belong to; kept as digests in one SQLite file for servers and commands.

Knows neither HTTP nor the terminal. The text of a key is shown once, when it is made, and never
written anywhere.

A key is ``satsk_<id>_<secret>``. The secret is 256 random bits, so that one SHA-256 is enough at
rest: a slow hash protects words that people choose, which can be guessed; here there is nothing to
guess, and every request would pay for it (NIST SP 800-63B, 5.1.2.2: secrets of 112 bits and more
are hashed with an approved one-way function; only those with fewer need salt and a slow one).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import sqlite3
import threading
import time
from collections import OrderedDict
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.errors import Conflict, DamagedData, DiskFull, InvalidName, KeyNotFound
from satseek.formats import check_format
from satseek.index.placing import journal_for
from satseek.service.access.keyrows import INSERT, LAYOUT, SCHEMA, Key, key_of, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.service.access.principals import Scope

FILE_NAME = "access.db"

PREFIX = "satsk_"
"""How every key begins, so that scanners for leaked secrets find it."""

SECRET_BYTES = 32

FRESH_SECONDS = 0.5
"""What was read of a key is believed this long: a revocation is in force within a second."""

REMEMBERED = 4096
"""Keys whose rows are remembered for that long."""

USES_SECONDS = 5.0
"""How often the times of last use are written, all at once."""

BUSY_SECONDS = 5.0
"""Longest wait for another process that writes."""

_TEXT = re.compile(rf"{PREFIX}([0-9a-f]{{12}})_([0-9a-f]{{{2 * SECRET_BYTES}}})")
_NAME = re.compile(r"(?![0-9a-f]{12}$)[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")  # none looks like an id
_NOBODY = "0" * 64
_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE})


class KeyStore:
    """The keys of one data folder; safe to use from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Open the store, or make an empty one that only its owner can read.

        Raises:
            DamagedData: the file is no such store.
            FormatTooNew: a later release has written it.
            DiskFull: there is no room for one.
        """
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._remembered: OrderedDict[str, tuple[float, Key, str]] = OrderedDict()
        self._uses: dict[str, float] = {}
        self._written_at = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._writing() as database:
            database.execute(f"PRAGMA journal_mode = {journal_for(self._path)}")
            found = database.execute("PRAGMA user_version").fetchone()[0]
            check_format(self._path, found, LAYOUT)
            if found != LAYOUT:
                database.executescript(SCHEMA)
                database.execute(f"PRAGMA user_version = {LAYOUT}")

    def create(
        self,
        name: str,
        *,
        scopes: frozenset[Scope],
        created_by: str,
        groups: frozenset[str] = frozenset(),
        collections: frozenset[str] | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[Key, str]:
        """Make a key; returns it with its text, which nobody can ever show again.

        Raises:
            InvalidName: the name has characters that are not allowed.
            Conflict: a key in force has this name.
            DiskFull: there is no room; no key was made.
        """
        if not _NAME.fullmatch(name):
            raise InvalidName(
                f"expected a name of 1 to 64 letters, digits, '.', '_', '@' or '-', got {name!r}"
            )
        secret = secrets.token_hex(SECRET_BYTES)
        key = Key(
            id=secrets.token_hex(6),
            name=name,
            scopes=scopes,
            collections=collections,
            groups=groups,
            created_at=datetime.now(UTC),
            created_by=created_by,
            expires_at=expires_at,
        )
        text = f"{PREFIX}{key.id}_{secret}"
        try:
            with self._writing() as database:
                database.execute(INSERT, row_of(key, digest=_digest(text)))
        except sqlite3.IntegrityError as error:
            raise Conflict(
                f"a key named {name!r} is not revoked yet; revoke it or choose another name"
            ) from error
        return key, text

    def list(self) -> list[Key]:
        """Return every key there ever was, the newest first."""
        self.write_uses()
        with self._writing() as database:
            rows = database.execute("SELECT * FROM keys ORDER BY created_at DESC, id").fetchall()
        return [key_of(row) for row in rows]

    def revoke(self, named: str) -> Key:
        """Refuse a key from now on, here at once and in every other process within a second.

        Args:
            named: Its id, or the name of a key in force.

        Raises:
            KeyNotFound: there is none, or it is revoked already.
        """
        with self._writing() as database:
            row = database.execute(
                "UPDATE keys SET revoked_at = ? WHERE (id = ? OR name = ?) AND revoked_at IS NULL "
                "RETURNING *",
                (time.time(), named, named),
            ).fetchone()
        if row is None:
            raise KeyNotFound(f"no key in force is called {named!r}; `satseek key list` shows all")
        with self._lock:
            self._remembered.pop(row["id"], None)
        return key_of(row)

    def remembered(self, text: str) -> Key | None:
        """Return the key of a text if its row was read just now, else None; reads no file."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        with self._lock:
            read_at, key, digest = self._remembered.get(found[1], (-FRESH_SECONDS, None, ""))
        if key is None or time.monotonic() - read_at >= FRESH_SECONDS:
            return None
        return self._checked(key, text=text, digest=digest)

    def verify(self, text: str) -> Key | None:
        """Return the key of a text; None: there is none, or it is expired, revoked or wrong."""
        found = _TEXT.fullmatch(text)
        if found is None:
            hmac.compare_digest(_digest(text), _NOBODY)  # as much work as for a wrong secret
            return None
        if time.monotonic() - self._written_at >= USES_SECONDS:
            self.write_uses()
        with self._reading() as database:
            row = database.execute("SELECT * FROM keys WHERE id = ?", (found[1],)).fetchone()
        if row is None:
            hmac.compare_digest(_digest(text), _NOBODY)
            return None
        key = key_of(row)
        with self._lock:
            self._remembered[key.id] = (time.monotonic(), key, row["digest"])
            self._remembered.move_to_end(key.id)
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return self._checked(key, text=text, digest=row["digest"])

    def in_force(self, key_id: str) -> Key | None:
        """Return a key by its id, for logins that were made with it; None: not any more."""
        with self._reading() as database:
            row = database.execute("SELECT * FROM keys WHERE id = ?", (key_id,)).fetchone()
        key = key_of(row) if row is not None else None
        return key if key is not None and key.in_force(datetime.now(UTC)) else None

    def write_uses(self) -> None:
        """Write when keys were last used; where there is no room, the times are lost, no more."""
        with self._lock:
            uses, self._uses = self._uses, {}
            self._written_at = time.monotonic()
        if not uses:
            return
        try:
            with self._writing() as database:
                database.executemany(
                    "UPDATE keys SET used_at = max(coalesce(used_at, 0), ?) WHERE id = ?",
                    [(used_at, key_id) for key_id, used_at in uses.items()],
                )
        except (DiskFull, DamagedData):
            return

    def _checked(self, key: Key, *, text: str, digest: str) -> Key | None:
        same = hmac.compare_digest(_digest(text), digest)
        if not same or not key.in_force(datetime.now(UTC)):
            return None
        with self._lock:
            self._uses[key.id] = time.time()
        return key

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connect()) as database:
                yield database
        except sqlite3.DatabaseError as error:
            raise _told(error) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done to the disk, or nothing of it."""
        try:
            with closing(self._connect()) as database, database:
                yield database
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            raise _told(error) from error

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA synchronous = FULL")  # a revocation outlives a power cut
        return database


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _told(error: sqlite3.DatabaseError) -> DiskFull | DamagedData:
    if getattr(error, "sqlite_errorcode", None) in _NO_ROOM:
        return DiskFull(f"no room to write {FILE_NAME}; nothing was changed")
    return DamagedData(f"{FILE_NAME} cannot be used: {error}")
