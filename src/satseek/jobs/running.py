"""One job → a process of its own: what it says is read, and it can be ended at any moment.

Does not know queues.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from satseek.errors import SatseekError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    from satseek.jobs.protocol import Job
    from satseek.settings import Settings

END_SECONDS = 5.0
"""How long a job has between SIGTERM and SIGKILL; what it committed is safe in either case."""

MAX_LINES = 400
"""Lines kept of what a job logs."""

PASSED = {
    "data_dir",
    "model",
    "engine",
    "device",
    "precision",
    "threads",
    "batch",
    "reference_roots",
    "stac_hosts",
    "compact_from",
    "log_level",
}
"""Settings that a job is told: no credentials are among them."""


class Child:
    """The process of one job."""

    def __init__(self, job: Job, settings: Settings) -> None:
        """Start it.

        Raises:
            SatseekError: no process can be started.
        """
        asked = {
            "settings": settings.model_dump(mode="json", include=PASSED),
            "task": job.task,
            "parameters": dict(job.parameters),
        }
        command = [sys.executable, "-m", "satseek.jobs"]
        environment = {
            name: text for name, text in os.environ.items() if not name.startswith("SATSEEK_")
        }
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,  # an interrupt on the server's terminal is not for it
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise SatseekError(f"no process can be started: {error.strerror}") from error
        self.progress: Mapping[str, Any] = {}
        """The last it told of ``done``, ``total`` and ``note``."""
        self.result: Mapping[str, Any] | None = None
        """What came of it; None: it has not told."""
        self.error = ""
        """Why it failed, as it told itself."""
        self._lines: list[str] = []
        self._readers = [
            threading.Thread(target=read, args=(pipe,), daemon=True)
            for read, pipe in (
                (self._read_told, self._process.stdout),
                (self._read_log, self._process.stderr),
            )
        ]
        for reader in self._readers:
            reader.start()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def log(self) -> str:
        """The end of what it logged."""
        return "\n".join(list(self._lines))

    def wait(self, seconds: float) -> bool:
        """Wait for it to end; returns whether it has."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> None:
        """End it, with everything that it started."""
        if self.wait(0):
            return
        self._signal(signal.SIGTERM)
        if not self.wait(END_SECONDS):
            self._signal(signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """Read the last of what it said, and let go of it."""
        for reader in self._readers:
            reader.join(END_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def how_it_ended(self) -> str:
        """Say why there is no result, on one line."""
        code = self._process.returncode
        if self.error:
            return self.error
        if code is not None and code < 0:
            return f"the job was killed by {signal.Signals(-code).name}"
        return f"the job ended with exit code {code} without a result; see its log"

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read_told(self, pipe: IO[str]) -> None:
        for line in pipe:
            try:
                told = json.loads(line)
            except ValueError:  # a library that prints
                self._keep(line)
                continue
            if "result" in told:
                self.result = told["result"]
            elif "error" in told:
                self.error = str(told["error"])
            else:
                self.progress = told

    def _read_log(self, pipe: IO[str]) -> None:
        for line in pipe:
            self._keep(line)

    def _keep(self, line: str) -> None:
        self._lines.append(line.rstrip("\n"))
        del self._lines[:-MAX_LINES]
