"""Work that takes minutes → a job: the noun, and the contract of every queue.

Does not know where jobs are kept, nor how they are run. Code never travels: a job is the name of a
task and JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

TaskName: TypeAlias = Literal[
    "index",
    "classify",
    "reembed",
    "quantize",
    "evaluate",
    "export",
    "verify",
    "repair",
    "compact",
    "tune",
    "landuse",
    "watch",
    "assess",
    "report",
    "sample",
]
"""What there is to do."""

TASKS: tuple[TaskName, ...] = get_args(TaskName)
"""All of it."""

JobState: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
"""Where a job stands; the last three are final."""

STATES: tuple[JobState, ...] = ("queued", "running", "done", "failed", "cancelled")
"""All of them, in the order of a job's life."""

FINAL: frozenset[JobState] = frozenset({"done", "failed", "cancelled"})
"""States that never change again."""

KEEP_SECONDS = 24 * 3600.0
"""How long a job is kept once it is final, unless it was asked otherwise."""

MAX_ATTEMPTS = 3
"""How often a job is begun at most: what dies with its worker every time may be what kills it."""

MAX_LOG = 16_000
"""Letters kept of what a job logs: its end, where it says why it failed."""

LEASE_SECONDS = 15.0
"""How long a worker is believed to live after it was last heard of; its job is another's then."""

ATTENDED_SECONDS = 3 * LEASE_SECONDS
"""How long a queue counts as attended after a worker without a job was heard of: these tell seldom,
as a Redis writes down each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a job is to be done."""

    priority: int = 0
    """-10 to 10: higher ones are begun first, equal ones in the order of asking."""
    attempts: int = MAX_ATTEMPTS
    """How often it is begun at most: after a worker's death, or where what failed may pass."""
    keep_seconds: float = KEEP_SECONDS
    """How long it is kept once it is final, with its result."""
    not_before: datetime | None = None
    """It waits until then; None: not for any moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work, as it stood when it was read."""

    id: str
    """16 hex digits; later ones sort behind earlier ones."""
    task: TaskName
    """What is done."""
    parameters: Mapping[str, Any]
    """What the task needs to know: JSON."""
    collection: str
    """Collection that it is about, and who does not see that does not see the job; empty: about
    none, and only who asked and administrators see it."""
    asked_by: str
    """Name of the principal."""
    state: JobState
    """Where it stands."""
    created: datetime
    """When it was asked for, UTC."""
    started: datetime | None = None
    """When it first began; None: it has not."""
    finished: datetime | None = None
    """When it reached its final state; None: it has not."""
    attempts: int = 0
    """How often it was begun: again after a worker died, or what failed may pass."""
    done: int = 0
    """Of what there is to do, how much is done."""
    total: int = 0
    """How much there is to do; 0: not known yet."""
    note: str = ""
    """What is at work, such as a scene's name."""
    log: str = ""
    """The end of what it logged."""
    result: Mapping[str, Any] | None = None
    """What came of it; None unless it is done."""
    error: str = ""
    """Why it failed, on one line; while it waits to be tried again, why it failed the last time."""
    error_kind: str = ""
    """Name of the class of errors.py that this is; empty: of none, as where a try was killed."""
    cancelling: bool = False
    """True while it runs though somebody wants it to end."""
    priority: int = 0
    """Higher ones are begun first."""
    not_before: datetime | None = None
    """It waits until then, UTC; None: not for any moment."""
    begun: datetime | None = None
    """When the try at work began, UTC; None: none has."""
    worker: str = ""
    """Who runs it, or ran it last."""
    expires: datetime | None = None
    """When it is forgotten, UTC; None: it is not final."""
    schedule: str = ""
    """Name of the schedule that asked for it; empty: none did."""

    def seconds_left(self, now: datetime) -> float | None:
        """Guess how long it still takes, from the pace of the try at work; None: no telling."""
        if self.state != "running" or self.begun is None or not 0 < self.done <= self.total:
            return None
        passed = (now - self.begun).total_seconds()
        return max(0.0, passed / self.done * (self.total - self.done))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When to ask for a job, again and again."""

    name: str
    """Its name, unique in a queue."""
    cron: str
    """Five fields as crontab(5) knows them."""
    timezone: str
    """Name of the IANA time zone that the fields are read in."""
    task: TaskName
    """What is done."""
    parameters: Mapping[str, Any]
    """What the task needs to know: JSON."""
    collection: str
    """As ``Job.collection``."""
    asked_by: str
    """Name of the principal who set it up."""
    priority: int = 0
    """Of its jobs."""
    created: datetime
    """When it was set up, UTC."""
    last: datetime | None = None
    """The latest moment that it has asked for, UTC; None: none yet."""


class JobQueue(Protocol):
    """Jobs, by priority and in the order of asking; safe from any number of threads and processes.

    What was given out as queued is not lost, whatever dies; one that is final is kept for a day.
    """

    def submit(
        self,
        task: TaskName,
        parameters: Mapping[str, Any],
        *,
        collection: str,
        asked_by: str,
        key: str | None = None,
        terms: Terms = ...,
        schedule: str = "",
    ) -> Job:
        """Write a job down; durable when it returns.

        Args:
            task: What is to be done.
            parameters: What the task needs to know: JSON.
            collection: Collection that it is about; empty: none.
            asked_by: Name of the principal.
            key: The same from the same principal means the same job, which is then given again.
            terms: How it is to be done.
            schedule: Name of the schedule that asks.

        Raises:
            InvalidRequest: the key came before with another job, or terms that none can have.
            Overloaded: too many are waiting.
            DiskFull: there is no room.
        """

    def find(self, job_id: str) -> Job:
        """Give a job as it stands.

        Raises:
            JobNotFound: there is none of that id, or it ended long ago.
        """

    def jobs(self, *, before: str = "", limit: int | None = None) -> list[Job]:
        """Give those that are kept, the newest first, without what they logged.

        Args:
            before: Only those older than the job of this id, which may be gone; empty: all.
            limit: At most so many; None: all, of which there may be millions.
        """

    def cancel(self, job_id: str) -> Job:
        """Have a job end: at once where it waits, soon where it runs; what is final stays so.

        Raises:
            JobNotFound: as ``find``.
        """

    def counts(self) -> Mapping[JobState, int]:
        """Count the jobs that are kept, by state."""

    def wait_seconds(self) -> float:
        """Say how long a job has waited for its turn; 0: none could begin now.

        Of each priority the first in line is asked, from when it was asked for or was to begin; the
        longest of these waits is told.
        """

    def is_attended(self) -> bool:
        """Tell whether any worker takes its jobs."""

    def put_schedule(self, schedule: Schedule) -> Schedule:
        """Set a schedule up, or another one under its name; durable when it returns.

        Raises:
            InvalidRequest: no cron expression or no time zone.
        """

    def schedules(self) -> list[Schedule]:
        """Give all schedules, by name."""

    def remove_schedule(self, name: str) -> None:
        """Forget a schedule; jobs that it has asked for stay.

        Raises:
            ScheduleNotFound: there is none of that name.
        """

    def fire(self, schedule: Schedule, moment: datetime) -> Job | None:
        """Ask for the job of one moment of a schedule, once whoever else fires it, too.

        Returns:
            The job; None: that moment or a later one has been asked for before, or the schedule
            is gone or changed meanwhile.
        """

    def close(self) -> None:
        """Let go of whatever is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One try of a job, held by one worker for as long as it is heard of."""

    job: Job
    """The job as it stood when it was taken."""
    token: str
    """Names the try: what comes with another one is of a try that was given up."""


class LeasingQueue(JobQueue, Protocol):
    """A queue whose jobs our own workers take, on one machine or several."""

    def claim(self, worker: str) -> Lease | None:
        """Take the first that waits, which is running from then on; None: none waits.

        Those whose worker was not heard of for ``LEASE_SECONDS`` are put back, or fail where they
        were begun too often, before one is taken.
        """

    def attend(self, worker: str) -> None:
        """Tell who asks that a worker takes its jobs, for ``ATTENDED_SECONDS`` from now on."""

    def report(self, lease: Lease, *, done: int, total: int, note: str, log: str) -> bool:
        """Write down how far a try is, and that its worker lives.

        Returns:
            Whether somebody wants it to end.

        Raises:
            LeaseLost: the job is another's by now, or final.
        """

    def finish(
        self,
        lease: Lease,
        state: JobState,
        *,
        result: Mapping[str, Any] | None = None,
        error: str = "",
        error_kind: str = "",
        log: str = "",
    ) -> Job:
        """Write down what came of a job.

        Raises:
            LeaseLost: as ``report``; what is written there stays.
        """

    def retry(self, lease: Lease, *, error: str, error_kind: str = "", log: str = "") -> Job:
        """Have a failed try be made again later, or fail the job where it was made often enough.

        Raises:
            LeaseLost: as ``report``.
        """

    def put_back(self, lease: Lease) -> Job:
        """Have a job wait again, as if it had not been begun: its worker stops.

        Raises:
            LeaseLost: as ``report``.
        """


class Executor(Protocol):
    """Where the partitions of one job are done; the result is the same to the bit for all."""

    @property
    def name(self) -> str:
        """Say what it is called: ``local``, ``ray`` or ``dask``."""

    def run(self, partitions: Sequence[Mapping[str, Any]], progress: PartitionProgress) -> None:
        """Have every partition done, in any order, again where its worker died.

        Each is JSON for ``satseek.jobs.partitions.do_partition``, which leaves what comes of it in
        shared storage; done again it does no harm.

        Args:
            partitions: What is to be done.
            progress: Told of every partition that is done; says whether somebody wants an end.

        Raises:
            SatseekError: a partition cannot be done however often it is tried, or no worker can be
                reached.
            Abandoned: somebody wanted an end; workers have been told.
        """


class PartitionProgress(Protocol):
    """Whoever waits for partitions."""

    def done(self, index: int, told: Mapping[str, Any]) -> None:
        """Hear that a partition is done, and what came of it."""

    def cancelled(self) -> bool:
        """Say whether somebody wants an end."""
