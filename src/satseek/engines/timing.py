"""Turns commands, one JSON object a line, into figures of one engine: a process of its own.

Does not know which engine is best; ``workers.py`` starts it, so that its memory is its alone.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.engines.choice import EngineChoice
from satseek.engines.choosing import open_engine
from satseek.errors import SatseekError
from satseek.model.bundle import open_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from numpy.typing import NDArray

    from satseek.engines.protocol import Engine

_STATUS = Path("/proc/self/status")
_PEAK_RESET = Path("/proc/self/clear_refs")
_FEWEST_WAITS = 3  # a median of fewer is whatever happened to come first
_RESET_PEAK = "5"  # proc(5): 5 resets the peak resident size


class Timer:
    """One opened engine and the rows that it is timed with."""

    def __init__(self, *, folder: str, choice: dict[str, Any], probes: str) -> None:
        self._rows: dict[str, NDArray[Any]] = dict(np.load(probes))
        started = time.perf_counter()
        self.choice = EngineChoice(**choice)
        self._engine: Engine = open_engine(open_bundle(Path(folder)), self.choice)
        self._pool = ThreadPoolExecutor(self.choice.streams)
        self._tower("image", self._rows["image"][:1])
        self.opened_s = time.perf_counter() - started

    def features(self, *, path: str) -> dict[str, Any]:
        """Write the features of all probes: ``image`` and ``text``."""
        image, text = (self._tower(tower, self._rows[tower]) for tower in ("image", "text"))
        np.savez(path, image=image, text=text)
        return {"resident_bytes": _memory("VmRSS")}

    def rate(self, *, tower: str, batch: int, seconds: float) -> dict[str, Any]:
        """Rows a second with ``streams`` calls at once, for at least ``seconds`` and one round."""
        rows = self._batch(tower, batch)
        _reset_peak()
        streams, done = self.choice.streams, 0
        started = time.perf_counter()
        while not done or time.perf_counter() - started < seconds:
            list(self._pool.map(lambda _: self._tower(tower, rows), range(streams)))
            done += streams
        spent = time.perf_counter() - started
        return {"rows_per_s": done * batch / spent, "peak_bytes": _memory("VmHWM")}

    def latency(self, *, tower: str, seconds: float) -> dict[str, Any]:
        """Median wait for one row alone, in milliseconds."""
        # In a thread of the pool, where a service calls engines too: under PyTorch the main thread
        # was seen to wait for its helpers 40 times as long on a busy machine.
        waits = self._pool.submit(self._waits, tower, seconds).result()
        return {"ms": float(np.median(waits)) * 1e3}

    def _waits(self, tower: str, seconds: float) -> list[float]:
        row, waits = self._batch(tower, 1), list[float]()
        self._tower(tower, row)
        until = time.perf_counter() + seconds
        while len(waits) < _FEWEST_WAITS or time.perf_counter() < until:
            started = time.perf_counter()
            self._tower(tower, row)
            waits.append(time.perf_counter() - started)
        return waits

    def _tower(self, tower: str, rows: NDArray[Any]) -> NDArray[Any]:
        call: Callable[[Any], NDArray[Any]] = getattr(self._engine, f"{tower}_features")
        return call(rows)

    def _batch(self, tower: str, batch: int) -> NDArray[Any]:
        probes = self._rows[tower]
        return np.ascontiguousarray(probes[np.arange(batch) % len(probes)])


def main() -> None:
    """Answer commands until standard input ends."""
    # Runtimes write to standard output as they like: answers get a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    timer: Timer | None = None
    for line in sys.stdin:
        command = json.loads(line)
        verb = command.pop("do")
        try:
            if timer is None:
                timer = Timer(**command)
                _answer(answers, opened_s=timer.opened_s, resident_bytes=_memory("VmRSS"))
            else:
                _answer(answers, **getattr(timer, verb)(**command))
        except SatseekError as error:
            _answer(answers, refused=type(error).__name__, reason=str(error))


def _answer(answers: TextIO, **figures: Any) -> None:
    answers.write(json.dumps(figures) + "\n")
    answers.flush()


def _reset_peak() -> None:
    try:
        _PEAK_RESET.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:  # not Linux, or forbidden: the peak is then that of the process's whole life
        return


def _memory(name: str) -> int:
    """Bytes under a name of ``/proc/self/status``; 0 where there is no such file."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


if __name__ == "__main__":
    main()
