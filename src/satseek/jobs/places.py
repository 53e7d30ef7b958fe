"""A folder that a request names → where it lies, if it is below a root that the settings list.

Does not know what is done with it. Links are followed before anything is compared.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from satseek.errors import FolderNotFound, UnsafeReference

if TYPE_CHECKING:
    from collections.abc import Sequence


def folder_under(asked: str, roots: Sequence[Path]) -> Path:
    """Find a folder or scene below one of the roots.

    Args:
        asked: Relative to a root, or absolute and below one.
        roots: Folders whose content may be named.

    Raises:
        UnsafeReference: no root holds it; it does not say whether it exists elsewhere.
        FolderNotFound: it would be below a root, but is not there.
    """
    if "\0" in asked or ".." in PurePosixPath(asked).parts:
        raise UnsafeReference("folder: expected a path without .. in it")
    bases = [root.resolve() for root in roots if root.is_dir()]
    found = [real for base in bases if (real := _below(base, asked)) is not None]
    for real in found:
        if _is_there(real):
            return real
    if found:
        raise FolderNotFound(f"folder {asked[:200]!r}: there is none of that name")
    raise UnsafeReference(
        f"folder {asked[:200]!r}: expected one below the server's `reference_roots`"
        + ("" if bases else ", which name none")
    )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name longer than any
        return False


def _below(base: Path, asked: str) -> Path | None:
    """Resolve a path against a root; None: it leads out of it."""
    try:
        real = (base / asked).resolve()
    except (OSError, RuntimeError):  # links in a circle, names longer than any
        return None
    return real if real.is_relative_to(base) else None
