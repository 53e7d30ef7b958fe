"""Pictures that nothing shows any more → gone; what a killed process left half written, too.

Does not know who shows them. A picture that a run has just drawn may belong to a finding that is
not kept yet: what is younger than `LEAST_AGE_SECONDS` stays, and drawing one again makes it young.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

LEAST_AGE_SECONDS = 3 * 24 * 3600.0
"""No run takes longer from the first of its pictures to the change that keeps its findings."""

_NAME = re.compile(r"([0-9a-f]{64})\.png")
_DRAFT = re.compile(r"\.[0-9a-f]{64}-[0-9a-f]{8}")
_ASIDE = ".swept"
"""Ends the name of a picture that is about to go."""


def sweep_pictures(folder: Path, *, shown: Collection[str], now: float) -> int:
    """Remove old pictures that nothing shows, and old drafts; returns how many files went.

    Args:
        folder: Of the pictures.
        shown: Digests of those that stay, read after which nothing old can be shown anew but by
            being drawn again.
        now: Seconds since 1970.

    Raises:
        OSError: the folder cannot be read or written.
    """
    return sum(
        _removed(path, before=now - LEAST_AGE_SECONDS)
        for path in _files(folder)
        if (named := _NAME.fullmatch(path.name)) is None or named[1] not in shown
    )


def _files(folder: Path) -> Iterator[Path]:
    """Give pictures, drafts and what an earlier sweep set aside; nobody else's files."""
    for part in sorted(folder.glob("[0-9a-f][0-9a-f]")):
        for path in sorted(part.iterdir()):
            name = path.name.removesuffix(_ASIDE)
            if _NAME.fullmatch(name) or _DRAFT.fullmatch(name):
                yield path


def _removed(path: Path, *, before: float) -> bool:
    """Remove a file that is old.

    It is set aside first: where it was drawn again between the look and that, it goes back, and
    where it is drawn again later, it is written anew.
    """
    with suppress(FileNotFoundError):  # somebody else sweeps
        if path.stat().st_mtime >= before:
            return False
        aside = path.with_name(path.name.removesuffix(_ASIDE) + _ASIDE)
        os.replace(path, aside)  # noqa: PTH105 - a file's own name for what it does
        if aside.stat().st_mtime >= before:
            aside.replace(path)
            return False
        aside.unlink()
        return True
    return False
