"""Fetches, once, the wheels that an archive of ``satseek bundle make`` is made of.

They lie in the user's cache and stand for a registry where tests have no way out: pip is pointed at
them by ``PIP_FIND_LINKS``. The versions are those that run here.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from fetching import fetch, fetched

from satseek.airgap.requirements import needed
from satseek.airgap.target import target_of

if TYPE_CHECKING:
    from pathlib import Path

EXTRAS = ("web", "faiss")
BUILDING = ("hatchling",)
"""What builds satseek's own wheel, with what that needs."""


def installed() -> Path:
    """Fetch the wheels into the user's cache unless they are there."""
    lines = _lines()

    def fill(folder: Path) -> None:
        _download(folder, "--no-deps", *lines, "pip")
        _download(folder, *BUILDING)

    of = "\n".join([sys.version, *BUILDING, *lines]).encode()
    return fetched("wheelhouse", of=of, fill=fill)


def pip_settings(house: Path) -> dict[str, str]:
    """What makes pip find wheels in the house, and ask nobody else."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(house), "PIP_CONFIG_FILE": os.devnull}


def _lines() -> list[str]:
    root = f"satseek[{','.join(EXTRAS)}]"
    wanted = needed(root, requires=_requires, target=target_of())
    return [_pinned(name, str(allowed)) for name, allowed in wanted.items() if name != "satseek"]


def _requires(name: str) -> list[str] | None:
    try:
        return distribution(name).requires
    except PackageNotFoundError:
        return None


def _pinned(name: str, allowed: str) -> str:
    try:
        return f"{name}=={distribution(name).version.partition('+')[0]}"
    except PackageNotFoundError:
        return f"{name}{allowed}"


def _download(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder)]
    command += ["--only-binary", ":all:", "--disable-pip-version-check", *words]
    fetch(
        command, else_="wheels of what runs here are not on this machine and pip cannot fetch them"
    )
