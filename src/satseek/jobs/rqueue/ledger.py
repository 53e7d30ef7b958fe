"""What is asked of a queue → steps in Redis: jobs and schedules written down, found, ended.

Does not know who does the jobs. What was given out as queued or cancelled is on Redis' disk.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from satseek.errors import (
    InvalidRequest,
    JobNotFound,
    Overloaded,
    ScheduleNotFound,
    ServerUnreachable,
)
from satseek.jobs.checks import check_terms, check_text, plain, written
from satseek.jobs.protocol import STATES, Terms
from satseek.jobs.rqueue.connecting import connect, reason, redis_errors
from satseek.jobs.rqueue.fields import (
    SHOWN,
    Asked,
    definition_of,
    fields_of,
    job_of,
    key_of,
    listed_job_of,
    same,
    schedule_of,
)
from satseek.jobs.rqueue.steps import Steps
from satseek.jobs.scheduling import check_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from satseek.jobs.protocol import Job, JobState, Schedule, TaskName

MAX_WAITING = 2_000_000
"""Jobs that may wait; more are refused. A queue of a million is as fast as an empty one, and this
many take 3 GB of Redis' memory (bench/job_queue_redis.py), which is what this bounds."""

LISTED_AT_ONCE = 200
"""Jobs read by one step of a listing: a few milliseconds in which Redis does nothing else."""

STATE_SECONDS = 0.25
"""Longest wait for whoever only asks whether Redis is there."""

_TERMS = Terms()


class RqLedger:
    """Jobs in Redis; see ``JobQueue``."""

    def __init__(
        self, url: str, *, replicas: int = 0, clock: Callable[[], float] | None = None
    ) -> None:
        """Connect when first asked, not yet.

        Args:
            url: ``redis://…``, ``rediss://…`` or ``redis+sentinel://…``.
            replicas: How many replicas must have what was accepted.
            clock: Seconds since 1970; None: as Redis has it.

        Raises:
            DependencyMissing: RQ is not installed.
            InvalidSettings: the address is none.
        """
        self._steps = Steps(url, replicas=replicas, clock=clock)
        self._prober = connect(url, seconds=STATE_SECONDS)

    def submit(
        self,
        task: TaskName,
        parameters: Mapping[str, Any],
        *,
        collection: str,
        asked_by: str,
        key: str | None = None,
        terms: Terms = _TERMS,
        schedule: str = "",
    ) -> Job:
        """Write a job down; see ``JobQueue.submit``."""
        check_terms(terms)
        for what, name in (("collection", collection), ("asked_by", asked_by), ("key", key or "")):
            check_text(what, name)
        asked = Asked(
            task=task,
            parameters=parameters,
            collection=collection,
            asked_by=asked_by,
            schedule=schedule,
        )
        job = self._written_down(
            "submit", asked, terms, key=None if key is None else key_of(asked_by, key)
        )
        assert job is not None
        return job

    def find(self, job_id: str) -> Job:
        """Give a job as it stands; see ``JobQueue.find``."""
        return self._found(self._steps.take("find", id=plain(job_id)), job_id)

    def jobs(self, *, before: str = "", limit: int | None = None) -> list[Job]:
        """Give those that are kept, the newest first; see ``JobQueue.jobs``."""
        found: list[Job] = []
        last = plain(before)
        while limit is None or len(found) < limit:
            count = LISTED_AT_ONCE if limit is None else min(limit - len(found), LISTED_AT_ONCE)
            _, end, rows = self._steps.take("page", fields=SHOWN, before=last, limit=count)
            found += [
                listed_job_of(job_id, values)
                for job_id, values in rows
                if values[0] is not None  # None: Redis forgets it right now
            ]
            if not end:
                break
            last = end.decode()
        return found

    def cancel(self, job_id: str) -> Job:
        """Have a job end; see ``JobQueue.cancel``."""
        return self._found(self._steps.take("cancel", lasting=True, id=plain(job_id)), job_id)

    def counts(self) -> Mapping[JobState, int]:
        """Count the jobs that are kept, by state."""
        return dict(zip(STATES, self._steps.take("counts")[1:], strict=True))

    def wait_seconds(self) -> float:
        """Say how long a job has waited for its turn; see ``JobQueue.wait_seconds``."""
        return float(self._steps.take("waited")[1])

    def is_attended(self) -> bool:
        """Tell whether a worker of any machine takes its jobs."""
        return bool(self._steps.take("is_attended")[1])

    def put_schedule(self, schedule: Schedule) -> Schedule:
        """Set a schedule up; see ``JobQueue.put_schedule``."""
        check_schedule(schedule)
        answer = self._steps.take("put_schedule", lasting=True, **_defined(schedule))
        return schedule_of(answer)

    def schedules(self) -> list[Schedule]:
        """Give all schedules, by name."""
        found = [schedule_of(answer) for answer in self._steps.take("schedules")[1:]]
        return sorted(found, key=lambda schedule: schedule.name)

    def remove_schedule(self, name: str) -> None:
        """Forget a schedule; see ``JobQueue.remove_schedule``."""
        if self._steps.take("remove_schedule", lasting=True, name=plain(name))[0] == b"none":
            raise ScheduleNotFound(f"no schedule {name[:64]!r}")

    def fire(self, schedule: Schedule, moment: datetime) -> Job | None:
        """Ask for the job of one moment, once; see ``JobQueue.fire``."""
        asked = Asked(
            task=schedule.task,
            parameters=schedule.parameters,
            collection=schedule.collection,
            asked_by=schedule.asked_by,
            schedule=schedule.name,
        )
        return self._written_down(
            "fire",
            asked,
            Terms(priority=schedule.priority),
            moment=moment.timestamp(),
            **_defined(schedule),
        )

    def state(self) -> str:
        """Ask Redis how it is: ``up``, or ``down: `` and why; takes half a second at most."""
        try:
            with redis_errors():
                self._prober.ping()
        except ServerUnreachable as error:
            return f"down: {reason(error.__cause__ or error)}"
        return "up"

    def examined(self) -> str:
        """Look whether Redis keeps jobs as it must; says how, on one line.

        Raises:
            SatseekError: it would forget them.
            ServerUnreachable: it is away.
        """
        return self._steps.lasting().said()

    def close(self) -> None:
        """Let go of the connections; they are made again when needed."""
        self._steps.close()
        self._prober.connection_pool.disconnect()

    def _written_down(self, step: str, asked: Asked, terms: Terms, **given: Any) -> Job | None:
        """Take a step that makes a job; None: there was no moment for one."""
        text = written(asked.parameters)
        answer = self._steps.take(
            step,
            fields=fields_of(asked, terms, self._steps.client),
            lasting=True,
            same=same(asked.task, text),
            chance=secrets.token_hex(2),
            priority=terms.priority,
            not_before=None if terms.not_before is None else terms.not_before.timestamp(),
            most_waiting=MAX_WAITING,
            **given,
        )
        match answer[0]:
            case b"full":
                raise Overloaded(f"{MAX_WAITING} jobs are waiting already; try again later")
            case b"conflict":
                raise InvalidRequest("key: came before with another job; take a new one")
            case b"none":
                return None
        return job_of(answer[1], answer[2])

    def _found(self, answer: list[Any], job_id: str) -> Job:
        if answer[0] == b"none":
            raise JobNotFound(
                f"no job {job_id[:32]!r}; those that ended are kept for a day unless told otherwise"
            )
        return job_of(answer[1], answer[2])


def _defined(schedule: Schedule) -> dict[str, str]:
    return {
        "name": schedule.name,
        "definition": definition_of(schedule),
        "created": schedule.created.isoformat(),
    }
