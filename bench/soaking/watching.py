"""A process and its children → memory, threads and who is left of them, from ``/proc``.

Does not know what they do.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How many there are."""

    threads: int
    """Of the server's own process."""
    children: int
    """Processes below it."""


@dataclass(slots=True)
class Memory:
    """Resident memory, once a second."""

    at: list[float] = field(default_factory=list)
    """Seconds since the load began."""
    server_mb: list[float] = field(default_factory=list)
    all_mb: list[float] = field(default_factory=list)
    """The server and its children."""

    def mean_mb(self, start: float, end: float) -> tuple[float, float]:
        """Mean of the server, and of all, between two times."""
        inside = [number for number, at in enumerate(self.at) if start <= at < end]
        means = [
            statistics.fmean(series[number] for number in inside)
            for series in (self.server_mb, self.all_mb)
        ]
        return means[0], means[1]

    async def follow(self, pid: int) -> None:
        """Take a sample each second, until cancelled."""
        began = time.monotonic()
        while True:
            self.at.append(time.monotonic() - began)
            own = rss_mb(pid)
            self.server_mb.append(own)
            self.all_mb.append(own + sum(rss_mb(one) for one in children(pid)))
            await asyncio.sleep(1)


def head(pid: int) -> Head:
    """Count threads and children."""
    threads = len(list((PROC / str(pid) / "task").iterdir()))
    return Head(threads=threads, children=len(children(pid)))


def children(pid: int) -> list[int]:
    """Processes below one, at any depth."""
    found: list[int] = []
    for task in (PROC / str(pid) / "task").glob("*/children"):
        try:
            below = [int(one) for one in task.read_text(encoding="ascii").split()]
        except OSError:  # it has ended meanwhile
            continue
        for one in below:
            found += [one, *children(one)]
    return found


def rss_mb(pid: int) -> float:
    """Resident memory; 0 where the process has ended."""
    try:
        pages = int((PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * 4096 / 1e6


def alive(pids: list[int]) -> list[int]:
    """Which of these processes there still are."""
    return [one for one in pids if _state(one) not in {"", "Z", "X"}]


def _state(pid: int) -> str:
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[0]
