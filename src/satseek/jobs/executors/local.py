"""Partitions → processes on this machine, each of which keeps the model from one to the next.

Does not know what a partition is. One thread waits for all processes; where one dies, another takes
its place and its partition.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from satseek.engines.machine import this_machine
from satseek.errors import Abandoned, Overloaded, SatseekError
from satseek.jobs.executors.telling import TRIES, ask, gave_up, read_answer
from satseek.logs import log_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.jobs.protocol import PartitionProgress
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.2
"""Longest wait before somebody who wants an end is heard."""

DEATH_SECONDS = 1.0
"""How long a process that has closed its pipe has to end by itself, so that it tells how;
and a line that nobody takes any more."""

_CHUNK = 1 << 16


class LocalExecutor:
    """Does partitions in processes on this machine."""

    def __init__(
        self,
        *,
        workers: int | None,
        settings: Settings,
        program: Sequence[str] | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            workers: Processes at most; None: one a core. Each holds the model.
            settings: Where ``threads`` is unset, processes share the cores evenly.
            program: What is started instead of our own worker.
        """
        cores = this_machine().cores
        self._workers = workers or cores
        self._threads = settings.threads or max(1, cores // self._workers)
        self._program = program or (sys.executable, "-m", "satseek.jobs.executors.serving")

    @property
    def name(self) -> str:
        """``local``."""
        return "local"

    def run(self, partitions: Sequence[Mapping[str, Any]], progress: PartitionProgress) -> None:
        """Have every partition done; see `satseek.jobs.protocol.Executor`.

        Raises:
            Abandoned: somebody wanted an end; no process is left.
            Overloaded: processes are killed while they start.
            SatseekError: as a partition's worker met it, or too many died of one.
        """
        crew = _Crew(self._program)
        waiting = deque(range(len(partitions)))
        deaths: Counter[int] = Counter()
        try:
            while waiting or crew.busy:
                if progress.cancelled():
                    raise Abandoned("cancelled; the partitions that are done are kept")
                while waiting and crew.busy < self._workers:
                    crew.begin(index := waiting.popleft(), self._ask(partitions[index]))
                for index, text, how, began in crew.ended(TICK_SECONDS):
                    if text is not None:
                        progress.done(index, read_answer(text))
                        continue
                    deaths[index] += began
                    log_line(logger, "worker died", partition=index, deaths=deaths[index], how=how)
                    if deaths[index] >= TRIES:
                        raise gave_up(index, partitions, tries=TRIES, how=how)
                    waiting.appendleft(index)
        finally:
            crew.kill()

    def _ask(self, partition: Mapping[str, Any]) -> str:
        settings = {**partition["settings"], "threads": self._threads}
        return ask({**partition, "settings": settings})


class _Ended(NamedTuple):
    """What became of a partition in a process."""

    partition: int
    text: str | None
    """The answer; None: the process died."""
    how: str
    """How it died; empty: it lives."""
    began: bool
    """Whether it had started: one that dies before that does not die of its partition."""


class _Crew:
    """The processes, idle and at work; of one thread."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program
        self._selector = selectors.DefaultSelector()
        self._idle: list[_Process] = []
        self._busy: dict[_Process, int] = {}
        self._failed_starts = 0

    @property
    def busy(self) -> int:
        """Count those at work."""
        return len(self._busy)

    def begin(self, index: int, text: str) -> None:
        """Give a partition to one that waits, or to a new one."""
        process = self._idle.pop() if self._idle else self._hired()
        self._busy[process] = index
        process.ask(text)

    def ended(self, seconds: float) -> list[_Ended]:
        """Wait a moment; give what became of partitions.

        Raises:
            Overloaded, SatseekError: so many in a row died while they started.
        """
        ended: list[_Ended] = []
        for key, _ in self._selector.select(seconds):
            process: _Process = key.data
            text = process.listen()
            if process.began:
                self._failed_starts = 0
            if text is None and process.lives:
                continue
            index = self._busy.pop(process, None)
            if text is not None:
                self._idle.append(process)
            else:
                self._bury(process)
            if not process.began:
                self._check_start(process)
            if index is not None:
                ended.append(_Ended(index, text, process.how_it_ended(), process.began))
        return ended

    def kill(self) -> None:
        """End every process at once, whatever it is doing."""
        for process in (*self._busy, *self._idle):
            process.kill()
        self._busy, self._idle = {}, []
        self._selector.close()

    def _check_start(self, process: _Process) -> None:
        self._failed_starts += 1
        if self._failed_starts >= TRIES:
            kind = Overloaded if process.killed else SatseekError
            raise kind(
                f"{TRIES} workers in a row ended while they started, the last one "
                f"{process.how_it_ended()}; see the logs, and run again: what is done is kept"
            )

    def _hired(self) -> _Process:
        process = _Process(self._program)
        self._selector.register(process.pipe, selectors.EVENT_READ, process)
        return process

    def _bury(self, process: _Process) -> None:
        self._selector.unregister(process.pipe)
        process.wait()
        if process in self._idle:
            self._idle.remove(process)
        process.kill()


class _Process:
    """One worker: tells an empty line once it has started; takes a line, tells a line."""

    def __init__(self, program: Sequence[str]) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                list(program),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                process_group=0,  # an interrupt on the terminal is for whoever asked alone
            )
        except OSError as error:
            raise SatseekError(f"no process can be started: {error.strerror}") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asks = self._process.stdin
        self.pipe = self._process.stdout
        self.lives = True
        self.began = False
        self._heard = bytearray()
        self._writing: threading.Thread | None = None

    def ask(self, text: str) -> None:
        """Hand it a line, which it may take once it has started; nobody waits for that."""
        line = text.encode() + b"\n"
        self._writing = threading.Thread(target=self._write, args=(line,), daemon=True)
        self._writing.start()

    def _write(self, line: bytes) -> None:
        left = memoryview(line)
        with suppress(OSError):  # one that is dead is noticed when it is listened to
            while left:
                left = left[self._asks.write(left) or 0 :]

    def listen(self) -> str | None:
        """Take what it says; gives its line once that is whole."""
        chunk = os.read(self.pipe.fileno(), _CHUNK)
        self.lives = bool(chunk)
        self._heard += chunk
        if not self.began and self._heard.startswith(b"\n"):
            self.began = True
            del self._heard[:1]
        if not self._heard.endswith(b"\n"):
            return None
        text, self._heard = self._heard.decode(), bytearray()
        return text

    @property
    def killed(self) -> bool:
        """Whether a signal has ended it."""
        return (self._process.poll() or 0) < 0

    def wait(self) -> None:
        """Let it end by itself."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(DEATH_SECONDS)

    def how_it_ended(self) -> str:
        """Say how it died; empty: it lives."""
        code = self._process.poll()
        if code is None:
            return ""
        return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"

    def kill(self) -> None:
        """End it, and let go of its pipes."""
        self._process.kill()
        self._process.wait()
        if self._writing is not None:
            self._writing.join(DEATH_SECONDS)  # its pipe is broken
        self._asks.close()
        self.pipe.close()
