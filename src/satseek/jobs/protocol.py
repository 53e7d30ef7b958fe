"""Work that takes minutes → a job: the noun, and the contract of every queue.

Does not know where jobs are kept, nor how they are run. Code never travels: a job is the name of a
task and JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TaskName: TypeAlias = Literal["index", "reembed", "verify", "repair", "compact", "tune"]
"""What there is to do."""

JobState: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
"""Where a job stands; the last three are final."""

STATES: tuple[JobState, ...] = ("queued", "running", "done", "failed", "cancelled")
"""All of them, in the order of a job's life."""

FINAL: frozenset[JobState] = frozenset({"done", "failed", "cancelled"})
"""States that never change again."""


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
    """Collection that it is about: who does not see that does not see the job."""
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
    """How often it was begun: again after the server died meanwhile."""
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
    """Why it failed, on one line."""
    cancelling: bool = False
    """True while it runs though somebody wants it to end."""


class JobQueue(Protocol):
    """Jobs, in the order of asking; safe from any number of threads and processes.

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
    ) -> Job:
        """Write a job down; durable when it returns.

        Args:
            task: What is to be done.
            parameters: What the task needs to know: JSON.
            collection: Collection that it is about.
            asked_by: Name of the principal.
            key: The same from the same principal means the same job, which is then given again.

        Raises:
            InvalidRequest: the key came before with another job.
            Overloaded: too many are waiting.
            DiskFull: there is no room.
        """

    def find(self, job_id: str) -> Job:
        """Give a job as it stands.

        Raises:
            JobNotFound: there is none of that id, or it ended long ago.
        """

    def jobs(self) -> list[Job]:
        """Give all that are kept, the newest first, without what they logged."""

    def cancel(self, job_id: str) -> Job:
        """Have a job end: at once where it waits, soon where it runs; what is final stays so.

        Raises:
            JobNotFound: as ``find``.
        """

    def claim(self) -> Job | None:
        """Take the oldest that waits, which is running from then on; None: none waits."""

    def recover(self) -> list[Job]:
        """Put back what was running when its worker died; fail what died too often with it.

        Only for the one worker, before it takes anything.

        Returns:
            Those that changed, as they stand now.
        """

    def report(self, job_id: str, *, done: int, total: int, note: str, log: str) -> bool:
        """Write down how far a running job is; returns whether somebody wants it to end."""

    def finish(
        self,
        job_id: str,
        state: JobState,
        *,
        result: Mapping[str, Any] | None = None,
        error: str = "",
        log: str = "",
    ) -> Job:
        """Write down what came of a running job."""

    def put_back(self, job_id: str) -> Job:
        """Have a running job wait again, as if it had not been begun: its server stops."""

    def counts(self) -> Mapping[JobState, int]:
        """Count the jobs that are kept, by state."""

    def close(self) -> None:
        """Let go of whatever is open."""
