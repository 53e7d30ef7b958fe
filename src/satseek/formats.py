"""Numbers that stored things carry → whether this release may read them, or a refusal.

Does not know what is stored. Databases and documents carry their number themselves; a folder whose
files have no place for one has it in a file beside them, where older releases do not look.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from satseek.errors import DamagedData, FormatTooNew
from satseek.syncing import sync

if TYPE_CHECKING:
    from pathlib import Path

MARK = "FORMAT"
"""File in a folder: the number of its format, on one line. No reader of 0.1.0 takes it for its own:
they look for names that end in ``.json`` and ``.jsonl``."""

FIRST = 1
"""Format of a folder without a mark: releases up to 0.1.0 wrote none."""


def check_format(where: object, found: object, known: int) -> None:
    """Go on only with what this release can read.

    Args:
        where: What it is, for the message.
        found: The number that it carries.
        known: The newest that this release knows.

    Raises:
        FormatTooNew: it is newer.
        DamagedData: it is no number.
    """
    if isinstance(found, bool) or not isinstance(found, int):
        raise DamagedData(f"{where}: expected the number of a format, came {str(found)[:40]!r}")
    if found > known:
        raise FormatTooNew(
            f"{where}: written by a newer satseek (format {found}); satseek {version('satseek')} "
            f"reads up to {known}: upgrade it, or restore the backup made before"
        )


def format_of(folder: Path) -> int:
    """Read the mark of a folder; `FIRST` where there is none, or one whose writer was killed.

    Raises:
        DamagedData: it is no number.
    """
    try:
        text = (folder / MARK).read_text(encoding="ascii", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return FIRST
    if not text.isdecimal():
        if not text:
            return FIRST
        raise DamagedData(f"{folder / MARK}: expected a number, came {text[:40]!r}")
    return int(text)


def check_folder(folder: Path, known: int) -> None:
    """Go on only with a folder that this release can read; raises as ``check_format``."""
    check_format(folder, format_of(folder), known)


def is_marked(folder: Path) -> bool:
    """Tell whether a folder says what format it has."""
    return (folder / MARK).is_file() and (folder / MARK).stat().st_size > 0


def mark_folder(folder: Path, number: int) -> None:
    """Write down what format a folder has, in place of what it said; it is there already.

    In one step: a file that was written takes the other's name. What a killed writer has left of
    it is the next one's.
    """
    draft = folder / f".{MARK}.new"
    try:
        draft.write_text(f"{number}\n", encoding="ascii")
        draft.chmod(0o644)
        sync(draft)
        draft.replace(folder / MARK)
    except FileNotFoundError:  # another has just given it the name
        if format_of(folder) != number:
            raise
    finally:
        draft.unlink(missing_ok=True)
    sync(folder)


def unmark_folder(folder: Path) -> None:
    """Take the mark away again, as older releases have it."""
    (folder / MARK).unlink(missing_ok=True)
    sync(folder)
