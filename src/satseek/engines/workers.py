"""Starts one process for each engine that is timed and asks it for figures.

Does not know what the figures are for; ``timing.py`` is the other end.
"""

from __future__ import annotations

import dataclasses
import json
import os
import selectors
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import OutOfMemory, SatseekError, kind_named

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from satseek.engines.choice import EngineChoice
    from satseek.model.bundle import Bundle
    from satseek.types import Features

ANSWER_SECONDS = 900.0
"""Longest wait for one figure: compiling a large model for a GPU takes minutes."""

_STOP_SECONDS = 10.0
_KILLED = -9


class TimedEngine:
    """An engine in a process of its own; a context, which ends with the process."""

    def __init__(self, bundle: Bundle, choice: EngineChoice, *, probes: Path) -> None:
        """Start the process; ``probes`` is an ``.npz`` of ``image`` and ``text`` rows."""
        self.choice = choice
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "satseek.engines.timing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._rest = b""
        self._opening = {
            "folder": str(bundle.folder),
            "choice": dataclasses.asdict(choice),
            "probes": str(probes),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> dict[str, Any]:
        """Let it open its engine: ``opened_s`` and ``resident_bytes``."""
        return self._ask("open", **self._opening)

    def features(self) -> tuple[dict[str, Features], int]:
        """Features of all probes by tower, and resident memory once both towers have run."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "features.npz"
            found = self._ask("features", path=str(path))
            with np.load(path) as written:
                return {tower: written[tower] for tower in written.files}, found["resident_bytes"]

    def rate(self, tower: str, *, batch: int, seconds: float) -> tuple[float, int]:
        """Rows a second, and the most resident memory while they were timed."""
        found = self._ask("rate", tower=tower, batch=batch, seconds=seconds)
        return found["rows_per_s"], found["peak_bytes"]

    def latency_ms(self, tower: str, *, seconds: float) -> float:
        """Median wait for one row alone, in milliseconds."""
        return float(self._ask("latency", tower=tower, seconds=seconds)["ms"])

    def close(self) -> None:
        """End the process."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._errors.close()

    def _ask(self, verb: str, **command: Any) -> dict[str, Any]:
        """Send a command and wait for its answer.

        Raises:
            OutOfMemory: the system killed the process, as it does where memory is short.
            SatseekError: the engine refused, its process ended, or gave no answer in time.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": verb, **command}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        answer: dict[str, Any] = json.loads(self._line())
        if "refused" in answer:
            raise kind_named(answer["refused"])(answer["reason"])
        return answer

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not ready.select(ANSWER_SECONDS):
                    self._process.kill()
                    raise SatseekError(f"{self.choice.name}: no answer in {ANSWER_SECONDS:.0f} s")
                read = os.read(self._process.stdout.fileno(), 1 << 16)
                if not read:
                    raise self._ended()
                self._rest += read
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _ended(self) -> SatseekError:
        """What to say of a process that is gone."""
        self._process.wait()
        if self._process.returncode == _KILLED:
            return OutOfMemory(f"{self.choice.name}: killed by the system, memory was too short")
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        last = said[-1] if said else f"exit code {self._process.returncode}"
        return SatseekError(f"{self.choice.name}: its process ended: {last}")
