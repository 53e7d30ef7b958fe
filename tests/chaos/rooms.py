"""A disk that is as large as a test says, and that fills up and empties as it says.

A mount is seen by this process alone and what it starts: the program that uses this is run in a
mount namespace of its own, and leaves nothing behind however it ends.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chaos.crew import Process

TESTS = Path(__file__).parents[1]

ALONE = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")
"""Runs a program where it may mount what nobody else sees; see unshare(1)."""


def _can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    attempt = [*ALONE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(attempt, check=False, capture_output=True).returncode == 0


needs_rooms = pytest.mark.skipif(
    not _can_mount(),
    reason="a right to mount is not on this machine: run as root, or allow user namespaces",
)


def alone(module: str, *words: object, seconds: float) -> str:
    """Run a program of the tests in a mount namespace of its own; returns what it prints."""
    command = [*ALONE, sys.executable, "-m", module, *map(str, words)]
    around = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=seconds, env=around
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(slots=True)
class Room:
    """A file system in memory, of which any part can be taken away."""

    folder: Path
    size: int
    """Bytes in all."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        words = ["mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", str(self.folder)]
        subprocess.run(words, check=True)

    @property
    def free(self) -> int:
        """Bytes that can still be written."""
        told = os.statvfs(self.folder)
        return told.f_bavail * told.f_frsize

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def leave(self, free: int) -> None:
        """Take everything away but so many bytes."""
        self.give_back()
        with self._ballast.open("wb") as file:
            while (taken := self.free - free) > 0:
                with suppress(OSError):  # others have written meanwhile
                    os.posix_fallocate(file.fileno(), 0, taken)
                    return

    def give_back(self) -> None:
        """Give everything back that was taken away."""
        self._ballast.unlink(missing_ok=True)


@dataclass(slots=True)
class Tide:
    """Takes all room away at random moments, and gives it back a little later."""

    room: Room
    floods: int
    seed: int
    gap: float
    """Seconds with room, in the mean."""
    flood: float
    """Seconds without, in the mean."""
    killed: Counter[str] = field(default_factory=Counter)
    """How often there was no room."""
    _chance: random.Random = field(default_factory=random.Random)
    _full: bool = False
    _next: float = 0.0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._next = time.monotonic() + self._chance.expovariate(1 / self.gap)

    @property
    def left(self) -> int:
        """Floods to come, and the one that there is."""
        return self.floods - self.killed["disk"] + self._full

    def act(self, _: Callable[[str], Sequence[Process]]) -> None:
        """Turn, if the moment has come."""
        if not self.left or time.monotonic() < self._next:
            return
        if self._full:
            self.room.give_back()
        else:
            # nothing at all, or so little that something larger fails in its middle
            self.room.leave(self._chance.choice((0, 0, 16_384, 65_536, 262_144)))
            self.killed["disk"] += 1
        self._full = not self._full
        mean = self.flood if self._full else self.gap
        self._next = time.monotonic() + self._chance.expovariate(1 / mean)
