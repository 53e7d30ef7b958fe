"""A job → something to hold on to: look at it, wait for it, end it, take what it left.

Does not know where the job lies: whoever made the handle asks there.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from satseek.errors import JobNotFound, Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from satseek.client.jobs import Job, JobFile

    OnProgress = Callable[[Job], None]

HOLD_SECONDS = 20.0
"""A server is asked to hold its answer at most so long: proxies close what is silent for longer."""

LEAST_SECONDS = 0.2
"""Between two looks at least, also where answers come at once."""

AWAY_SECONDS = 300.0
"""Whoever waits for a job outlasts a server that is away for so long: one that is restarted, or
moved to another machine, comes back within minutes, and its jobs with it."""

AWAY_PAUSE_SECONDS = 2.0
"""Between two tries meanwhile."""


class Jobs(Protocol):
    """Where jobs lie."""

    def look(self, job_id: str, *, wait_s: float, seen: str | None) -> Job:
        """Give a job as it stands, or once it is another than was seen, after so long."""

    def end(self, job_id: str, /) -> Job:
        """Have a job end."""

    def fetch(self, job_id: str, one: JobFile, place: Path) -> None:
        """Write a file that a job left, whole or not at all."""


class AsyncJobs(Protocol):
    """The same, awaited."""

    async def look(self, job_id: str, *, wait_s: float, seen: str | None) -> Job:
        """As ``Jobs.look``."""

    async def end(self, job_id: str, /) -> Job:
        """As ``Jobs.end``."""

    async def fetch(self, job_id: str, one: JobFile, place: Path) -> None:
        """As ``Jobs.fetch``."""


class _Held:
    """A job as it was seen last."""

    def __init__(self, job: Job) -> None:
        self.job = job
        """All that is known of it."""

    @property
    def id(self) -> str:
        """Its id."""
        return self.job.id

    @property
    def state(self) -> str:
        """``queued``, ``running``, ``done``, ``failed`` or ``cancelled``."""
        return self.job.state

    @property
    def ended(self) -> bool:
        """True once it will not change any more."""
        return self.job.ended

    @property
    def result(self) -> Mapping[str, Any] | None:
        """What came of it; None unless it is done."""
        return self.job.result

    @property
    def error(self) -> str | None:
        """Why it failed; None: it did not."""
        return self.job.error

    @property
    def log(self) -> str:
        """The end of what it logged."""
        return self.job.log

    @property
    def files(self) -> tuple[JobFile, ...]:
        """What it left, by name."""
        return self.job.files

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.job.id} {self.job.task} {self.job.state}>"


class JobHandle(_Held):
    """A job that was asked for; its properties tell how it was when it was looked at last."""

    def __init__(self, jobs: Jobs, job: Job) -> None:
        super().__init__(job)
        self._jobs = jobs

    def look(self) -> Self:
        """Look at it again."""
        self.job = self._jobs.look(self.id, wait_s=0, seen=None)
        return self

    def wait(
        self, timeout_s: float | None = None, *, on_progress: OnProgress | None = None
    ) -> Self:
        """Wait until it has ended, however it has.

        Args:
            timeout_s: Longest wait; None: as long as it takes. ``ended`` tells whether it was.
            on_progress: Called with the job whenever it has changed.

        Raises:
            JobNotFound: it has ended and expired meanwhile.
            ServerUnreachable: the server has been away for minutes; it may be waited for again.
        """
        waiting = _Waiting(timeout_s)
        while not self.ended and not waiting.over:
            seen = self.job.revision
            asked = seen if on_progress is not None else None
            try:
                self.job = self._jobs.look(self.id, wait_s=waiting.hold_s(), seen=asked)
            except Overloaded as error:
                time.sleep(waiting.outlast(error))
                continue
            waiting.heard()
            if on_progress is not None and self.job.revision != seen:
                on_progress(self.job)
            if not self.ended:
                time.sleep(waiting.pause_s())
        return self

    def cancel(self) -> Self:
        """Have it end: at once where it waits, soon where it runs; what it committed stays."""
        self.job = self._jobs.end(self.id)
        return self

    def download(self, name: str, to: Path | str = ".") -> Path:
        """Write a file that it left to a folder, or to a file; returns where it lies.

        Raises:
            JobNotFound: it left none of that name.
            DamagedData: what came is not what the job wrote.
            DiskFull, FolderNotFound: it cannot be written.
        """
        one, place = _placed(self.job, name, to)
        self._jobs.fetch(self.id, one, place)
        return place


class AsyncJobHandle(_Held):
    """The same, awaited."""

    def __init__(self, jobs: AsyncJobs, job: Job) -> None:
        super().__init__(job)
        self._jobs = jobs

    async def look(self) -> Self:
        """Look at it again."""
        self.job = await self._jobs.look(self.id, wait_s=0, seen=None)
        return self

    async def wait(
        self, timeout_s: float | None = None, *, on_progress: OnProgress | None = None
    ) -> Self:
        """Wait as ``JobHandle.wait`` does."""
        waiting = _Waiting(timeout_s)
        while not self.ended and not waiting.over:
            seen = self.job.revision
            asked = seen if on_progress is not None else None
            try:
                self.job = await self._jobs.look(self.id, wait_s=waiting.hold_s(), seen=asked)
            except Overloaded as error:
                await asyncio.sleep(waiting.outlast(error))
                continue
            waiting.heard()
            if on_progress is not None and self.job.revision != seen:
                on_progress(self.job)
            if not self.ended:
                await asyncio.sleep(waiting.pause_s())
        return self

    async def cancel(self) -> Self:
        """Have it end as ``JobHandle.cancel`` does."""
        self.job = await self._jobs.end(self.id)
        return self

    async def download(self, name: str, to: Path | str = ".") -> Path:
        """Write a file as ``JobHandle.download`` does; raises likewise."""
        one, place = _placed(self.job, name, to)
        await self._jobs.fetch(self.id, one, place)
        return place


class _Waiting:
    """How long is still waited, and how often is looked."""

    def __init__(self, timeout_s: float | None) -> None:
        self._ends = None if timeout_s is None else time.monotonic() + timeout_s
        self._looked = self._heard = time.monotonic()

    @property
    def over(self) -> bool:
        """True once the time is."""
        return self._left() <= 0

    def hold_s(self) -> float:
        """How long the next answer may be held."""
        self._looked = time.monotonic()
        return min(HOLD_SECONDS, self._left())

    def pause_s(self) -> float:
        """How long to do nothing after an answer that came at once."""
        passed = time.monotonic() - self._looked
        return max(0.0, min(LEAST_SECONDS - passed, self._left()))

    def heard(self) -> None:
        """Note that an answer came."""
        self._heard = time.monotonic()

    def outlast(self, error: Overloaded) -> float:
        """How long to do nothing after none came; raises the error once that was so for long."""
        if time.monotonic() - self._heard > AWAY_SECONDS:
            raise error
        return min(AWAY_PAUSE_SECONDS, self._left())

    def _left(self) -> float:
        return HOLD_SECONDS if self._ends is None else max(0.0, self._ends - time.monotonic())


def _placed(job: Job, name: str, to: Path | str) -> tuple[JobFile, Path]:
    for one in job.files:
        if one.name == name:
            place = Path(to)
            return one, place / Path(name).name if place.is_dir() else place
    names = ", ".join(one.name for one in job.files) or "none"
    raise JobNotFound(f"job {job.id} left no file {name!r}; its files: {names}")
