"""An assembly → what all routes of one application share: threads, permits, figures, readiness.

Does not know the routes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from satseek.embed.batching import LONGEST_RETRY_S
from satseek.embed.patience import current_patience
from satseek.errors import CollectionNotFound, Overloaded, SatseekError
from satseek.jobs.answers import Answers
from satseek.jobs.queues import open_queue, worker_for
from satseek.jobs.working import FOLDER
from satseek.service.access.admitting import Admission
from satseek.service.access.principals import LOCAL
from satseek.service.access.sessions import Sessions
from satseek.service.decoding import Decoders
from satseek.service.limits import Permits
from satseek.service.metrics import Metrics
from satseek.service.monitor.stores import Stores
from satseek.service.remembering import AnswerMemory
from satseek.service.sampling import Sampling
from satseek.service.stocktaking import Stocktaking
from satseek.service.tiling_drawing import Tiling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from satseek.assemble import Assembly, Matched
    from satseek.assemble.served import ServedModel
    from satseek.embed.batching import TowerName
    from satseek.index.collection import Collection
    from satseek.jobs.protocol import JobQueue
    from satseek.jobs.working import Worker
    from satseek.service.access.principals import Principal

T = TypeVar("T")

SPARE_THREADS = 16
"""Threads beyond one for each permit, whose requests may all wait for a batch: probes and figures
need no permit, and answer all the same."""

LITTLE_BYTES = 64 * 1024
"""So much is read or written in a fraction of a millisecond."""

WATCHERS = 64
"""Answers about jobs that are held at once: each looks at its job once a second or more often."""

EXPORTS = 2
"""Exports of whole collections that are written at once."""

EXPORTS_WAITING = 8
"""Exports that may wait for these; more get 429."""

ATTEMPTS = 3
"""How often a question is asked again because its collection was replaced meanwhile."""


@dataclass(slots=True)
class Readiness:
    """Whether a model is loaded, and which: written by the following task; and whether it ends."""

    model: str = ""
    """``name@version`` in force; empty before the first one is warm."""
    reason: str = "the model is being loaded"
    """Why there is none; empty once there is one."""
    refused: str = ""
    """Why the version activated last is not the one in force; empty: it is."""
    stopping: bool = False
    """True once the server ends: clients are told to leave with their next answer."""
    closed: bool = False
    """True a little later: what was taken is answered, nothing more is taken."""
    in_flight: int = 0
    """Requests over HTTP that are being answered, those of probes not counted."""
    seen: int = 0
    """Requests over HTTP that have come, whatever became of them."""

    @property
    def ready(self) -> bool:
        """True once both towers of a model have run."""
        return bool(self.model)


@dataclass(frozen=True, slots=True)
class Running:
    """What all routes of one application share."""

    assembly: Assembly
    """The working parts."""
    permits: Permits
    """How much is worked on at once."""
    threads: CapacityLimiter
    """Threads for towers and index, so that the event loop stays free."""
    decoders: CapacityLimiter
    """Threads for decoding images: fewer, as memory is short before processors are."""
    decoding: Decoders
    """Processes that decode what comes from outside; as many as those threads."""
    stocktaking: Stocktaking
    """How much lies there."""
    jobs: JobQueue
    """Work for later."""
    worker: Worker | None
    """Who does it in this process; None: others do."""
    answers: Answers
    """What writes were answered, for those who send them again."""
    admission: Admission
    """Who may come in."""
    tiling: Tiling
    """Draws maps."""
    monitor: Stores
    """What is kept of watching the land."""
    metrics: Metrics = field(default_factory=Metrics)
    """Figures."""
    remembered: AnswerMemory = field(default_factory=AnswerMemory)
    """What searches were answered, for those who ask the same again."""
    readiness: Readiness = field(default_factory=Readiness)
    """Whether the model is loaded."""
    sampling: Sampling = field(default_factory=lambda: Sampling(0))
    """Compares some searches with their exact answers."""
    exporters: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(EXPORTS))
    """Threads for files of whole collections: they take the disk for long."""
    watchers: Permits = field(default_factory=lambda: Permits(WATCHERS))
    """How many answers about jobs are held at once, until there is news."""

    @classmethod
    def of(cls, assembly: Assembly) -> Running:
        """Make room for as many requests as the settings allow."""
        settings = assembly.settings
        count = settings.max_concurrent_requests
        metrics = Metrics()
        jobs = open_queue(settings)
        assembly.models.share_calls(metrics)
        sampling = Sampling(assembly.settings.recall_sample)
        stores = Stores.of(settings)
        return cls(
            assembly,
            Permits(count, retry_after_s=lambda: _retry_after_s(assembly)),
            CapacityLimiter(count + SPARE_THREADS),
            CapacityLimiter(assembly.settings.decoders),
            Decoders.of(assembly.settings),
            Stocktaking(assembly, jobs, sampling, stores),
            jobs,
            worker_for(jobs, settings, observer=metrics) if settings.server_worker else None,
            Answers(settings.data_dir / FOLDER / "answers.sqlite"),
            Admission.of(assembly.settings, logins=Sessions.of(assembly.settings)),
            Tiling.of(decoders=assembly.settings.decoders, requests=count),
            stores,
            metrics,
            AnswerMemory(assembly.caches.open(metrics), observer=metrics),
            sampling=sampling,
            watchers=Permits(min(WATCHERS, max(1, count // 4))),
        )

    def wake(self) -> None:
        """Have the worker of this process, if there is one, look for what it is to do."""
        if self.worker is not None:
            self.worker.wake()

    def collections(self, who: Principal) -> list[str]:
        """Names of the collections that somebody sees, sorted."""
        limits = self.assembly.settings.collection_groups
        return [name for name in self.assembly.collections() if who.sees(name, limits)]

    def reader(self, name: str, who: Principal) -> Collection:
        """Open a collection that somebody sees, for reading.

        Raises:
            CollectionNotFound: they see none of that name; names those that they do see.
            InvalidName: the name could be no collection's.
        """
        self.require(name, who)
        try:
            return self.assembly.reader(name)
        except CollectionNotFound as error:
            raise self._unseen(name, who) from error

    def local_folder(self, name: str, who: Principal) -> Path:
        """Find the folder of a collection that somebody sees, which may be too damaged to open.

        Raises:
            CollectionNotFound, InvalidName: as ``reader``.
            Conflict: its files do not lie here.
        """
        self.require(name, who)
        try:
            return self.assembly.local_folder(name)
        except CollectionNotFound as error:
            raise self._unseen(name, who) from error

    def require(self, name: str, who: Principal) -> None:
        """Go on only with a collection that somebody sees; raises CollectionNotFound.

        What they do not see is told as what is not there, word for word.
        """
        if not who.sees(name, self.assembly.settings.collection_groups):
            raise self._unseen(name, who)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run what computes or reads off the event loop.

        Raises:
            Abandoned, DeadlineExceeded: nobody waits any more; nothing was begun.
        """
        return await to_thread.run_sync(_while_wanted(work), limiter=self.threads)

    async def weighed(self, work: Callable[[], T], *, size: int) -> T:
        """Run what reads or writes so many bytes: a few at once, more of them off the event loop.

        Waking a thread takes longer than a little work does.
        """
        return work() if size <= LITTLE_BYTES else await self.in_thread(work)

    async def model(self, ref: str | None = None) -> ServedModel:
        """Give the model that a request names; None, or its name alone: the one in force.

        Raises:
            ModelNotServed: there is none of that name, or the settings pin another one.
        """
        now = self.assembly.models.now
        if now is not None and (ref is None or ref == now.ref):
            return now
        return await self.in_thread(lambda: self.assembly.model_named(ref))

    def refusal(self, tower: TowerName) -> Overloaded | None:
        """What an image or a text for the model in force would be refused with now; None: nothing.

        Waits for nothing.
        """
        model = self.assembly.models.now
        return model.shared.refusal(tower) if model is not None and model.shared else None

    async def in_decoder(self, work: Callable[[], T]) -> T:
        """Run what decodes an image off the event loop, few at once; the others wait.

        Raises:
            Overloaded: too many wait already.
        """
        waiting, most = self.decoders.statistics().tasks_waiting, self.assembly.settings.queue_rows
        if waiting >= most:
            raise Overloaded(f"{most} images wait to be decoded already; try again soon")
        return await to_thread.run_sync(_while_wanted(work), limiter=self.decoders)

    async def in_exporter(self, work: Callable[[], T]) -> T:
        """Run what writes a large file off the event loop, two at once; the others wait.

        Raises:
            Overloaded: too many wait already.
        """
        if self.exporters.statistics().tasks_waiting >= EXPORTS_WAITING:
            raise Overloaded(f"{EXPORTS_WAITING} exports wait already; try again soon")
        return await to_thread.run_sync(_while_wanted(work), limiter=self.exporters)

    async def with_collection(
        self,
        name: str | None,
        work: Callable[[str, Matched], Awaitable[T]],
        *,
        who: Principal = LOCAL,
    ) -> T:
        """Do something with a collection and the model that made it, both taken once.

        Where that fails because the collection was replaced meanwhile (made again, embedded by
        another model), both are taken again.

        Raises:
            CollectionNotFound, ModelMismatch: it cannot be searched, or is not there for ``who``.
            Overloaded: it is replaced faster than a question is answered.
        """
        assembly = self.assembly
        if not name:
            seen = await self.in_thread(lambda: self.collections(who))
            name = assembly.chosen(None, among=seen)
        chosen = name
        for _ in range(ATTEMPTS):
            matched = await self.in_thread(lambda: self._matched(chosen, who))
            try:
                return await work(chosen, matched)
            except SatseekError:
                if await self.in_thread(matched.is_current):
                    raise
        raise Overloaded(f"collection {chosen!r} is being replaced; try again soon")

    def _matched(self, name: str, who: Principal) -> Matched:
        self.require(name, who)
        try:
            return self.assembly.matched(name)
        except CollectionNotFound as error:
            raise self._unseen(name, who) from error

    def _unseen(self, name: str, who: Principal) -> CollectionNotFound:
        known = ", ".join(self.collections(who)) or "none yet: make one with `satseek index`"
        return CollectionNotFound(f"no collection {name!r}; there are: {known}")


def _retry_after_s(assembly: Assembly) -> int:
    """Whole seconds after which what waits for the model in force now should be computed."""
    model = assembly.models.now
    shared = model.shared if model is not None else None
    longest_s = max(shared.wait_s("image"), shared.wait_s("text")) if shared else 0.0
    return min(max(math.ceil(longest_s), 1), LONGEST_RETRY_S)


def _while_wanted(work: Callable[[], T]) -> Callable[[], T]:
    """Make work that is not begun once nobody waits for it; threads may have been short."""

    def wanted() -> T:
        current_patience().check()
        return work()

    return wanted


async def running(request: Request) -> Running:
    """Return what the application of this request shares (FastAPI runs functions in threads)."""
    shared: Running = request.app.state.running
    return shared
