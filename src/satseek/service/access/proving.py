"""An audit trail → what it says, and whether every line of it is as it was written.

Writes nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.errors import DamagedData
from satseek.service.access.audit import BEGINNING, days

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What a whole trail amounts to."""

    lines: int
    """Lines that are as they were written."""
    first: int
    """Number of the first; more than 1 where earlier days were moved away; 0: there is none."""
    last: int
    """Number of the last; 0: there is none."""
    digest: str
    """SHA-256 of the last line: kept elsewhere, it proves later that no end was cut off."""
    unfinished: bool
    """Whether a killed writer left a piece of a line at the end; nobody relied on it."""


def verify(folder: Path, *, contains: str | None = None) -> Proved:
    """Read a whole trail back.

    Args:
        folder: Where it lies.
        contains: A digest that it had once; it must still be in it.

    Raises:
        DamagedData: a line was altered, taken out or put in; names its file and line.
    """
    first, last, lines, before = 0, 0, 0, BEGINNING
    missing, unfinished = contains, False
    for path, at, content in _lines(folder):
        line = content.removesuffix(b"\n")
        if line == content:
            unfinished = True
            continue
        if unfinished:
            raise DamagedData(f"{path.name}, line {at}: the line before it is cut off")
        fields = _read(line, path=path, at=at)
        if not lines:
            first, before = fields["n"], fields["before"] if fields["n"] > 1 else BEGINNING
            last = first - 1
        if fields["before"] != before or fields["n"] != last + 1:
            raise DamagedData(
                f"{path.name}, line {at}: it does not follow the line before it; one of them was "
                "altered, taken out or put in"
            )
        last, lines, before = fields["n"], lines + 1, hashlib.sha256(line).hexdigest()
        missing = None if before == missing else missing
    if missing:
        raise DamagedData(f"no line has the digest {missing}: the trail was cut off or replaced")
    return Proved(lines=lines, first=first, last=last, digest=before, unfinished=unfinished)


def entries(folder: Path, *, since: str = "") -> Iterator[dict[str, Any]]:
    """Yield what the lines say, the earliest first.

    Args:
        folder: Where the trail lies.
        since: Earliest day or moment, as ``2026-05-01``; empty: from the beginning.

    Raises:
        DamagedData: a line cannot be read.
    """
    for path, at, line in _lines(folder, since=since):
        if line.endswith(b"\n"):
            fields = _read(line, path=path, at=at)
            if fields["at"] >= since:
                yield fields


def _lines(folder: Path, *, since: str = "") -> Iterator[tuple[Path, int, bytes]]:
    for path in days(folder):
        if path.stem < since[:10]:
            continue
        with path.open("rb") as file:
            for at, line in enumerate(file, start=1):
                yield path, at, line


def _read(line: bytes, *, path: Path, at: int) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = json.loads(line)
        if isinstance(fields["n"], int) and isinstance(fields["before"], str):
            fields["at"] = str(fields["at"])
            return fields
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedData(f"{path.name}, line {at}: not a line of the trail") from error
    raise DamagedData(f"{path.name}, line {at}: not a line of the trail")
