"""Jobs and schedules → what every door tells of them.

Does not know which door it is, nor who looks: whoever may not see a job never comes here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from satseek.jobs.protocol import JobState, TaskName
from satseek.jobs.revisions import revision_of
from satseek.service.withholding import without_folders

if TYPE_CHECKING:
    from satseek.jobs.protocol import Job, Schedule


class ProgressShown(BaseModel):
    """How far a job is."""

    model_config = ConfigDict(frozen=True)

    done: int
    total: int = Field(description="0: not known yet.")
    note: str = Field(description="What is at work, such as a scene.")
    seconds_left: float | None = Field(
        description="Guessed from the pace of the try at work; null: no telling."
    )


class JobShown(BaseModel):
    """One job."""

    model_config = ConfigDict(frozen=True)

    id: str
    task: TaskName
    collection: str = Field(description="What it is about; empty: no collection.")
    parameters: dict[str, Any]
    state: JobState
    asked_by: str
    schedule: str | None = Field(description="Schedule that asked for it; null: none did.")
    priority: int
    created: str = Field(description="ISO 8601, UTC.")
    not_before: str | None = Field(description="It waits until then; null: for no moment.")
    started: str | None
    finished: str | None
    expires: str | None = Field(description="When it is forgotten; null unless it has ended.")
    attempts: int = Field(
        description="How often it was begun: again after a worker died, or what failed may pass."
    )
    cancelling: bool = Field(description="True while it runs though it is to end.")
    worker: str = Field(description="Who runs it, or ran it last.")
    progress: ProgressShown = Field(
        description="Files of an index job, chips of a reembed job, rows of a compact job."
    )
    result: dict[str, Any] | None = Field(description="What came of it; null unless it is done.")
    error: str | None = Field(
        description="Why it failed, the last time where it is tried again; null: it did not."
    )
    error_kind: str | None = Field(
        description="Kind of problem, such as `UnreadableImage`; null: none, or not known."
    )


class JobDetails(JobShown):
    """The same, and the end of what it logged."""

    log: str
    revision: str = Field(
        description="Another one as soon as anything of the job is; give it as `seen` to wait for "
        "that."
    )


class ScheduleShown(BaseModel):
    """One schedule."""

    model_config = ConfigDict(frozen=True)

    name: str
    cron: str
    timezone: str
    task: TaskName
    collection: str
    parameters: dict[str, Any]
    priority: int
    asked_by: str
    created: str = Field(description="ISO 8601, UTC.")
    last: str | None = Field(description="The latest moment that it asked for; null: none yet.")
    next: list[str] = Field(description="The next moments that it asks for.")


def shown(job: Job) -> JobShown:
    """Show a job without its log."""
    return JobShown(**_fields(job))


def details(job: Job) -> JobDetails:
    """Show all of a job."""
    return JobDetails(**_fields(job), log=without_folders(job.log), revision=revision_of(job))


def shown_schedule(schedule: Schedule, following: list[datetime]) -> ScheduleShown:
    """Show a schedule with the moments that follow."""
    return ScheduleShown(
        name=schedule.name,
        cron=schedule.cron,
        timezone=schedule.timezone,
        task=schedule.task,
        collection=schedule.collection,
        parameters=dict(schedule.parameters),
        priority=schedule.priority,
        asked_by=schedule.asked_by,
        created=schedule.created.isoformat(),
        last=_text(schedule.last),
        next=[moment.isoformat() for moment in following],
    )


def files_of(job: Job) -> list[dict[str, Any]]:
    """Give what a job says of the files that it left, by name, but for where they lie."""
    told = (job.result or {}).get("files") or ()
    named = sorted(told, key=lambda one: str(one["name"]))
    return [{key: value for key, value in one.items() if key != "path"} for one in named]


def _fields(job: Job) -> dict[str, Any]:
    left = job.seconds_left(datetime.now(UTC))
    return {
        "id": job.id,
        "task": job.task,
        "collection": job.collection,
        "parameters": dict(job.parameters),
        "state": job.state,
        "asked_by": job.asked_by,
        "schedule": job.schedule or None,
        "priority": job.priority,
        "created": job.created.isoformat(),
        "not_before": _text(job.not_before),
        "started": _text(job.started),
        "finished": _text(job.finished),
        "expires": _text(job.expires),
        "attempts": job.attempts,
        "cancelling": job.cancelling,
        "worker": job.worker,
        "progress": ProgressShown(
            done=job.done,
            total=job.total,
            note=job.note,
            seconds_left=None if left is None else round(left, 1),
        ),
        "result": _result(job),
        "error": without_folders(job.error) if job.error else None,
        "error_kind": job.error_kind or None,
    }


def _result(job: Job) -> dict[str, Any] | None:
    if job.result is None:
        return None
    files = {"files": files_of(job)} if "files" in job.result else {}
    return {**job.result, **files}


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
