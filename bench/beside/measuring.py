"""Work → what it took: wall and processor time, memory, on one core or on all.

Knows no engine.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL_CORES = frozenset(os.sched_getaffinity(0))

_steps: dict[str, dict[str, float]] = defaultdict(lambda: {"s": 0.0, "cpu_s": 0.0})


@contextmanager
def step(name: str) -> Iterator[None]:
    """Add what is done within to a named step of building."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    _steps[name]["s"] += time.perf_counter() - wall
    _steps[name]["cpu_s"] += time.process_time() - cpu


def steps() -> dict[str, dict[str, float]]:
    """Give the seconds of each step so far."""
    return {
        name: {unit: round(value, 3) for unit, value in took.items()}
        for name, took in _steps.items()
    }


def keep_to(cores: int) -> None:
    """Keep all threads of this process, whoever started them, on the first so many cores."""
    allowed = set(sorted(ALL_CORES)[:cores])
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.sched_setaffinity(int(thread.name), allowed)


def memory(pid: int | str = "self") -> dict[str, int]:
    """Give the resident bytes of a process: of its own (``anon``), and of files (``file``)."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {
        "anon": int(found["RssAnon"].split()[0]) * 1024,
        "file": int(found["RssFile"].split()[0]) * 1024,
    }
