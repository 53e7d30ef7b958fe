"""One database file → the tables of each part of this room in it, of the layout that it knows.

Does not know what any part keeps there. What belongs together (a finding, its delivery, the mark
that its scene was looked at) is changed in one transaction, and so lies in one file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.formats import check_format
from satseek.index.storing import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.index.storing import Database

FOLDER = "monitor"
"""Of the data folder: where this room keeps everything."""

DATABASE = "findings.sqlite"
"""Name of the file in it."""

_LAYOUTS = "CREATE TABLE IF NOT EXISTS layouts (part TEXT PRIMARY KEY, layout INTEGER NOT NULL)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Tables that one part of the room has in the file."""

    name: str
    """Unique among the parts; its tables begin with it."""
    layouts: tuple[tuple[str, ...], ...]
    """For each layout the statements that lead to it from the one before, the first from nothing.
    None is ever changed once it was shipped: a new layout is added behind."""

    def lay_out(self, db: Database) -> None:
        """Make what is missing, within a change.

        Raises:
            FormatTooNew: a later release has written it.
        """
        db.execute(_LAYOUTS)
        row = db.execute("SELECT layout FROM layouts WHERE part = ?", (self.name,)).fetchone()
        found, known = (0 if row is None else int(row[0])), len(self.layouts)
        check_format(f"{self.name} in {DATABASE}", found, known)
        for statements in self.layouts[found:]:
            for statement in statements:
                db.execute(statement)
        if found != known:
            db.execute("INSERT OR REPLACE INTO layouts VALUES (?, ?)", (self.name, known))


def opened(folder: Path, *parts: Part) -> Store:
    """Give the room's database with the tables of some parts; nothing is opened before it is used.

    Args:
        folder: ``<data_dir>/monitor``.
        parts: Those that are needed; others in the file stay as they are.
    """
    return Store(folder / DATABASE, _all(parts))


def _all(parts: tuple[Part, ...]) -> Callable[[Database], None]:
    def lay_out(db: Database) -> None:
        for part in parts:
            part.lay_out(db)

    return lay_out
