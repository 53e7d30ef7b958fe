"""Who did what, when → one line each in files by day, chained so that no line can be altered.

Does not know what the actions are. Each line carries the SHA-256 of the line before it; several
processes may append at once. What changes something is on the disk before it is done; what only
asks is written within a second. Words, images and vectors that are asked about are never written.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from satseek.errors import DamagedData, DiskFull
from satseek.formats import check_folder, is_marked, mark_folder
from satseek.logs import log_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from satseek.service.access.principals import Principal

logger = logging.getLogger(__name__)

FORMAT = 1
"""Of the trail's lines. Kept in a file beside them."""

FOLDER = "audit"
SUFFIX = ".jsonl"
BEGINNING = "0" * 64
"""What the very first line carries in place of a digest."""

NOTE_SECONDS = 0.5
"""How often what only asks is written: a process killed at once loses at most these seconds."""

MAX_NOTES = 10_000
"""Notes that wait for room on the disk; later ones are dropped, counted and logged."""

MAX_LETTERS = 500
"""Longest text in a line; the rest is cut off."""

_TAIL_BYTES = 1 << 16


class Audit:
    """The audit trail of one data folder; safe to use from several threads and processes."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER
        self.lost = 0
        """Notes dropped since the start, as the disk had no room for them."""
        self._writing = threading.Lock()
        """Held while lines are written; always taken before the other one."""
        self._lock = threading.Lock()
        """Guards what follows, for moments only: who notes never waits for the disk."""
        self._notes: list[dict[str, Any]] = []
        self._closed = threading.Event()
        self._writer: threading.Thread | None = None
        self._alarmed = False

    def append(
        self, principal: Principal, action: str, target: str, outcome: str, **pairs: Any
    ) -> None:
        """Write one line, after the notes that wait, and see it onto the disk.

        Raises:
            DiskFull: there is no room, so that what was to be done must not be done.
            DamagedData: the trail was altered; likewise.
        """
        fields = _fields(principal, action, target, outcome, pairs)
        with self._writing:
            try:
                self._write_all([fields], durable=True)
            except OSError as error:
                self._alarm(str(error.strerror))
                raise DiskFull(
                    "the audit trail cannot be written, so nothing was changed; make room on the "
                    "disk of the data folder"
                ) from error

    def note(
        self, principal: Principal, action: str, target: str, outcome: str, **pairs: Any
    ) -> None:
        """Have one line written within a second; never fails and never waits for the disk."""
        fields = _fields(principal, action, target, outcome, pairs)
        with self._lock:
            if len(self._notes) >= MAX_NOTES:
                self.lost += 1
            else:
                self._notes.append(fields)
            if self._writer is None and not self._closed.is_set():
                self._writer = threading.Thread(target=self._go_on, name="audit", daemon=True)
                self._writer.start()

    def flush(self) -> None:
        """Write the notes that wait; where there is no room, they go on waiting."""
        with self._writing:
            if not self._notes:
                return
            try:
                self._write_all([], durable=False)
            except (OSError, DamagedData) as error:
                self._alarm(str(error))
                return
            self._alarmed = False

    def close(self) -> None:
        """Write what waits and stop."""
        self._closed.set()
        if self._writer is not None:
            self._writer.join(timeout=10)
        self.flush()

    def _go_on(self) -> None:
        while not self._closed.wait(NOTE_SECONDS):
            self.flush()

    def _alarm(self, reason: str) -> None:
        """Say once that nothing can be written, until it can be again."""
        if not self._alarmed:
            logger.error("the audit trail cannot be written: %s", reason)
        self._alarmed = True

    def _write_all(self, lines: Sequence[Mapping[str, Any]], *, durable: bool) -> None:
        """Append the notes that wait, then these lines; where that fails, the notes go on waiting.

        Notes that come meanwhile are written next time.
        """
        with self._lock:
            notes, lost = tuple(self._notes), self.lost
        told = [
            {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **_LOST, "lines": lost}
        ]
        self._write([*(told if lost else []), *notes, *lines], durable=durable)
        with self._lock:
            del self._notes[: len(notes)]
            self.lost -= lost

    def _write(self, lines: Sequence[Mapping[str, Any]], *, durable: bool) -> None:
        """Append lines to today's file: all of them or none."""
        with _held(self.folder):
            path = self.folder / f"{datetime.now(UTC).date().isoformat()}{SUFFIX}"
            number, before = _end(self.folder)
            if not is_marked(self.folder):
                mark_folder(self.folder, FORMAT)
            if not path.exists() and number:
                log_line(logger, "audit day", number=number, digest=before)
            content = bytearray()
            for fields in lines:
                number += 1
                line = json.dumps({"n": number, **fields, "before": before}).encode()
                before = hashlib.sha256(line).hexdigest()
                content += line + b"\n"
            _append(path, bytes(content), durable=durable)


_LOST = {"who": "satseek", "action": "audit", "target": "lines", "outcome": "lost"}


def days(folder: Path) -> list[Path]:
    """Return the files of the trail, the earliest first.

    Raises:
        FormatTooNew: a later release has written them.
    """
    check_folder(folder, FORMAT)
    return sorted(folder.glob(f"????-??-??{SUFFIX}"))


def _fields(
    principal: Principal, action: str, target: str, outcome: str, pairs: Mapping[str, Any]
) -> dict[str, Any]:
    fields: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="milliseconds")}
    fields |= {"who": principal.name, "action": action, "target": target, "outcome": outcome}
    more = {key: value for key, value in pairs.items() if key not in {*fields, "n", "before"}}
    return {key: _cut(value) for key, value in {**fields, **more}.items()}


def _cut(value: Any) -> Any:
    if isinstance(value, int | float | None):
        return value
    return str(value)[:MAX_LETTERS]


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Exclude every other writer, of this process and of others."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _end(folder: Path) -> tuple[int, str]:
    """Return number and digest of the last whole line; what a killed writer left of one goes."""
    for path in reversed(days(folder)):
        with path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            tail = file.read()
            whole = tail.rfind(b"\n") + 1
            if whole < len(tail):
                file.truncate(size - len(tail) + whole)
                logger.warning("audit trail: an unfinished line of %s was taken off", path.name)
        lines = tail[:whole].splitlines()
        if lines:
            return _number(lines[-1], path), hashlib.sha256(lines[-1]).hexdigest()
    return 0, BEGINNING


def _number(line: bytes, path: Path) -> int:
    try:
        return int(json.loads(line)["n"])
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedData(
            f"the audit trail's {path.name} ends in no line of its own; see `satseek audit verify`"
        ) from error


def _append(path: Path, content: bytes, *, durable: bool) -> None:
    fresh = not path.exists()
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        try:
            written = os.write(descriptor, content)
            if written < len(content):
                os.write(descriptor, content[written:])  # raises what kept it from being whole
            if durable:
                os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if fresh and durable:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
