"""Keeps in the user's cache what tests fetch from registries: once, and whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def fetched(name: str, *, of: bytes, fill: Callable[[Path], None]) -> Path:
    """Give the folder that holds it, filled unless it is there.

    Args:
        name: What it is called.
        of: What says what is in it: another, another folder.
        fill: Puts it into an empty folder.
    """
    cache = Path(platformdirs.user_cache_dir("satseek-tests"))
    place = cache / f"{name}-{hashlib.sha256(of).hexdigest()[:16]}"
    if place.is_dir():
        return place
    fresh = cache / f"fetching-{name}-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    fill(fresh)
    fresh.rename(place)
    return place


def fetch(command: Sequence[str], *, else_: str, folder: Path | None = None) -> None:
    """Run what asks a registry; where it cannot, skip for the reason that is given, but in CI."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode and os.environ.get("CI") != "true":
        pytest.skip(else_)
    assert done.returncode == 0, done.stderr


def npm_installed(name: str, *, source: Path, files: Sequence[str], else_: str) -> Path:
    """Install what the lock file of a folder names, beside these files of it."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine: apt-get install nodejs npm")

    def fill(folder: Path) -> None:
        for file in files:
            shutil.copy(source / file, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        fetch(command, folder=folder, else_=else_)

    of = b"".join((source / file).read_bytes() for file in files)
    return fetched(name, of=of, fill=fill)
