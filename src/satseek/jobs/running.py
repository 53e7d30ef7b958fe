"""Jobs → done one after the other in one process of their own, which is warm from the second on.

Does not know queues. Nothing happens but in calls: who runs a job waits for it often.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from satseek.errors import SatseekError
from satseek.jobs.children import Child
from satseek.jobs.protocol import MAX_LOG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.jobs.protocol import Job
    from satseek.settings import Settings

MAX_LINES = 400
"""Lines kept of what a job logs."""

ALIVE_SECONDS = 0.2
"""How often it is looked whether a silent process lives; its words are heard at once."""

WORN_JOBS = 1000
"""Jobs after which a process is replaced: what libraries leak is given back. A start takes about a
second, which is a millisecond a job."""

WORN_BYTES = 1 << 30
"""Memory held between jobs from which a process is replaced; one that loaded all it needs for
indexing with the shipped model holds a quarter of that."""

STARTS = 3
"""Processes that are tried where one dies before it takes a job."""

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
    "max_image_pixels",
    "work_dir",
    "executor_address",
    "alert_channels",
    "log_level",
}
"""Settings that a job is told: no credentials are among them."""


class Runner:
    """One process for one job at a time."""

    def __init__(self, settings: Settings, program: Sequence[str] | None = None) -> None:
        """Start nothing yet.

        Args:
            settings: Of the worker; jobs are told what they need.
            program: Command that speaks as ``satseek.jobs.obeying`` does; None: that of our tasks.
        """
        self._settings = settings
        self._program = tuple(program or (sys.executable, "-m", "satseek.jobs"))
        self._child: Child | None = None
        self._at_work = False
        self._jobs = 0
        self._worn = False
        self._forget()

    def begin(self, job: Job) -> None:
        """Have a job done, after the one before has ended.

        Raises:
            SatseekError: no process can be started.
        """
        assert not self._at_work, "one job at a time"
        self._forget()
        line = json.dumps(self._asked(job)).encode()
        for _ in range(STARTS):
            child = self._child or self._start()
            child.listen(0)  # what it said since the job before is no job's
            child.last_words()
            if not child.has_ended() and child.ask(line):
                self._at_work = True
                self._jobs += 1
                return
            self._retire(child)
        raise SatseekError(f"no process can be started: {self._program[0]} ends at once")

    def wait(self, seconds: float) -> bool:
        """Wait for the job to end; returns whether it has, or never began."""
        deadline = time.monotonic() + seconds
        while self._at_work:
            child = self._present()
            left = deadline - time.monotonic()
            self._hear(child, min(max(left, 0.0), ALIVE_SECONDS))
            if self._at_work and child.has_ended():
                self._hear(child, 0)
                self._hear_of_death(child)
            if left <= 0:
                break
        return not self._at_work

    def end(self) -> None:
        """End the job with everything that it started; where it has ended, nothing.

        The process for the next one is started meanwhile.
        """
        if self._at_work:
            self._end(spare=True)

    def close(self) -> None:
        """End the process, and the job at work; another one is started for the next job."""
        if self._child is not None:
            self._end(spare=False)

    @property
    def pid(self) -> int | None:
        """Id of the process; None: there is none."""
        return None if self._child is None else self._child.pid

    @property
    def log(self) -> str:
        """The end of what the job logged."""
        return "\n".join(self._lines)

    def _asked(self, job: Job) -> dict[str, Any]:
        return {
            "settings": self._settings.model_dump(mode="json", include=PASSED),
            "task": job.task,
            "parameters": dict(job.parameters),
            "job": job.id,
            "attempt": job.attempts,
        }

    def _forget(self) -> None:
        """Begin a new page: nothing has been said of this job."""
        self.progress: Mapping[str, Any] = {}
        """The last it told of ``done``, ``total`` and ``note``."""
        self.result: Mapping[str, Any] | None = None
        """What came of it; None: nothing, or not yet."""
        self.error = ""
        """Why it failed, on one line; empty: it did not, or was ended."""
        self.error_kind = ""
        """Name of the class of that error; empty: it told none."""
        self.exit_code: int | None = None
        """How its process ended, below zero: by which signal; None: it lives, or was ended."""
        self._lines: list[str] = []

    def _present(self) -> Child:
        assert self._child is not None
        return self._child

    def _start(self) -> Child:
        self._jobs, self._worn = 0, False
        self._child = Child(self._program)
        return self._child

    def _retire(self, child: Child) -> None:
        child.end()
        child.close()
        self._child = None

    def _end(self, *, spare: bool) -> None:
        child, self._child = self._present(), None
        child.begin_to_end()
        if spare:
            with suppress(SatseekError):  # whoever begins the next job is told
                self._start()
        child.end()
        if self._at_work:
            self._hear(child, 0, ended=True)
        self._at_work = False
        child.close()

    def _hear(self, child: Child, seconds: float, *, ended: bool = False) -> None:
        told, logged = child.listen(seconds)
        self._keep(logged)
        for line in told:
            self._note(line)
        if not self._at_work or ended:
            self._keep(child.last_words())
        if not self._at_work and not ended:
            self._renew(child)

    def _note(self, line: bytes) -> None:
        try:
            told = json.loads(line)
        except ValueError:
            told = None
        match told:
            case {"result": result, **more}:
                self.result, self._at_work = result, False
                self._worn = bool(more.get("worn"))
            case {"error": error, **more}:
                self.error, self._at_work = str(error), False
                self.error_kind = str(more.get("kind", ""))
                self._worn = bool(more.get("worn"))
            case dict():
                self.progress = told
            case _:  # a program that prints where it should tell
                self._keep([line])

    def _hear_of_death(self, child: Child) -> None:
        code = child.exit_code
        if self._at_work:
            self._at_work = False
            self.exit_code = code
            self.error = _how_it_ended(code)
        if self._child is child:
            self._retire(child)

    def _renew(self, child: Child) -> None:
        """Replace a process that has done enough."""
        if self._worn or self._jobs >= WORN_JOBS or child.resident_bytes() >= WORN_BYTES:
            self._end(spare=True)

    def _keep(self, lines: list[bytes]) -> None:
        told = (line.decode("utf-8", errors="replace") for line in lines)
        self._lines += [line[-MAX_LOG:] for line in told]
        del self._lines[:-MAX_LINES]


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):  # real-time signals have no names
            return f"the job was killed by {signal.Signals(-code).name}"
        return f"the job was killed by signal {-code}"
    return f"the job ended with exit code {code} without a result; see its log"
