"""Tasks on standard input → what comes of them on standard output, one line of JSON each.

Does not know what the tasks are, nor who asks; but it ends when they do, with everything that it
started: its standard input is closed then. One process does one task after the other, so that only
the first waits for Python to start.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from satseek.errors import SatseekError
from satseek.logs import set_up_logging
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from satseek.jobs.asking import OnProgress
    from satseek.jobs.protocol import TaskName

NICE = 10
"""Steps below the server in the scheduler's eyes: whoever waits for an answer goes first."""

OOM_SCORE = "500"
"""Half of the memory of the machine is added to what this process is taken to hold, proc(5)."""

REPORT_SECONDS = 0.2
"""Progress is told no more often than this."""

LEFT_ALONE = 70
"""Exit code where whoever asks died (EX_SOFTWARE of sysexits.h)."""

_PIPE_BYTES = 1 << 16
"""What Linux keeps of a pipe, pipe(7); longer lines come in parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One line of what is asked."""

    settings: Settings
    """What the task may know of the worker's settings."""
    task: TaskName
    """Its name."""
    parameters: Mapping[str, Any]
    """What it needs to know: JSON."""
    job: str
    """Id of the job that it is a try of."""
    attempt: int
    """Which try it is, from 1."""


def obey(
    do: Callable[[Asked, OnProgress], Mapping[str, Any]],
    *,
    is_worn: Callable[[], bool] = lambda: False,
) -> None:
    """Do every task on standard input, until that is closed.

    Args:
        do: Does one; what it raises of our errors is told, whatever else ends the process.
        is_worn: Tells after a task whether the process had better be replaced.
    """
    asks, tells = _private_pipes()
    os.nice(NICE)
    _go_first_where_memory_ends()
    lines: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(asks, lines), daemon=True).start()
    while True:
        said = _outcome(json.loads(lines.get()), do, tells)
        tells.say(said | {"worn": True} if is_worn() else said)


def _outcome(
    line: Mapping[str, Any],
    do: Callable[[Asked, OnProgress], Mapping[str, Any]],
    tells: _Tells,
) -> dict[str, Any]:
    """Do one task; returns what is told of it at last."""
    settings = Settings.model_validate(line["settings"])
    set_up_logging(settings.log_level)
    asked = Asked(
        settings=settings,
        task=line["task"],
        parameters=line["parameters"],
        job=line["job"],
        attempt=line["attempt"],
    )
    progress = _Progress(tells)
    try:
        result = do(asked, progress)
    except SatseekError as error:
        return {"error": str(error), "kind": type(error).__name__}
    finally:
        progress.tell_last()
        for stream in (sys.stdout, sys.stderr):  # before the last word: it is the log's last line
            stream.flush()
    return {"result": result}


class _Tells:
    """The pipe to whoever asks."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()  # tasks may tell of progress from threads

    def say(self, said: Mapping[str, Any]) -> None:
        line = memoryview(json.dumps(said, default=str).encode() + b"\n")
        with self._lock:
            while line:
                line = line[os.write(self._descriptor, line) :]


class _Progress:
    def __init__(self, tells: _Tells) -> None:
        self._tells = tells
        self._told = 0.0
        self._last: dict[str, Any] | None = None

    def __call__(self, done: int, total: int, note: str) -> None:
        self._last = {"done": done, "total": total, "note": note}
        now = time.monotonic()
        if now - self._told >= REPORT_SECONDS:
            self._told = now
            self.tell_last()

    def tell_last(self) -> None:
        """Tell what came too soon after the one before."""
        last, self._last = self._last, None
        if last is not None:
            self._tells.say(last)


def _private_pipes() -> tuple[int, _Tells]:
    """Keep the pipes from whatever else reads or prints: what is printed belongs to the log."""
    asks, tells = os.dup(0), os.dup(1)  # not inherited by what tasks start
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return asks, _Tells(tells)


def _go_first_where_memory_ends() -> None:
    """Have Linux kill this process rather than the server: a job is begun again."""
    with suppress(OSError):  # another system
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")


def _listen(asks: int, lines: SimpleQueue[bytes]) -> None:
    for line in _lines_of(asks):
        lines.put(line)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(LEFT_ALONE)


def _lines_of(descriptor: int) -> Iterator[bytes]:
    """Read lines without a file object: Python cannot end while a thread waits in one."""
    rest: list[bytes] = []
    while chunk := os.read(descriptor, _PIPE_BYTES):
        first, *more = chunk.split(b"\n")
        rest.append(first)
        for part in more:
            yield b"".join(rest)
            rest = [part]
