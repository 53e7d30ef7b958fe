"""A collection's folder → what lies in it: rows by their state, bytes by their kind.

Does not know what is found in it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.index import codes as coded
from satseek.index.editions import find_pending
from satseek.index.reading import DATABASE
from satseek.index.spec import codes_name, segments_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from satseek.index.pinned import Pinned
    from satseek.index.spec import Pending

KINDS = ("database", "log", "vectors", "codes", "pending", "other")
"""What bytes are counted as: chips, scenes and footprints; what was committed to them last; vectors
in use; codes of them; vectors beside them; whatever else lies in the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What lies in a collection's folder at one generation."""

    format_version: int
    """Version of the folder's layout."""
    edition: int
    """Which of the editions of its vectors is in use."""
    rows: int
    """Rows of vectors, dead ones included."""
    dead: int
    """Rows of chips that were replaced or removed: compaction gives their room back."""
    coded: int | None
    """Rows that have codes in the file of codes; None: there is none."""
    bytes: Mapping[str, int]
    """Sizes of files by what they hold; see ``KINDS``."""
    pending: Pending | None
    """Vectors beside those in use; None: there are none."""

    @property
    def dead_share(self) -> float:
        """Dead rows among all."""
        return self.dead / self.rows if self.rows else 0.0


def take_inventory(folder: Path, pinned: Pinned) -> Inventory:
    """Count what lies in a folder."""
    view, pending = pinned.view, find_pending(pinned.db)
    kinds = {
        DATABASE: "database",
        f"{DATABASE}-wal": "log",
        f"{DATABASE}-shm": "log",
        f"{DATABASE}-journal": "log",
        view.edition.segments: "vectors",
        view.edition.codes: "codes",
    }
    if pending is not None:
        kinds |= {segments_name(pending.number): "pending", codes_name(pending.number): "pending"}
    return Inventory(
        format_version=view.edition.spec.format_version,
        edition=view.edition.number,
        rows=view.segments.rows,
        dead=int(view.dead.size),
        coded=coded.covered_by(folder / view.edition.codes),
        bytes=_sizes(folder, kinds),
        pending=pending,
    )


def _sizes(folder: Path, kinds: Mapping[str, str]) -> dict[str, int]:
    """Add up the sizes of files by kind; one that goes away meanwhile counts nothing."""
    sizes = dict.fromkeys(KINDS, 0)
    for path in folder.rglob("*"):
        kind = kinds.get(path.relative_to(folder).parts[0], "other")
        with suppress(FileNotFoundError):
            sizes[kind] += path.stat().st_size if path.is_file() else 0
    return sizes


def bytes_below(folder: Path) -> int:
    """Add up the sizes of all files in a folder; one that goes away meanwhile counts nothing."""
    return sum(_sizes(folder, {}).values())
