"""What jobs may be asked for → one message a task, made from what each task needs to know.

Does not know who asks. A task that is added is asked for at every door without a line here.
"""

from __future__ import annotations

import operator
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from fastapi import Body
from pydantic import AwareDatetime, Field, create_model, field_validator

from satseek.errors import InvalidRequest
from satseek.jobs.asking import Task
from satseek.jobs.protocol import KEEP_SECONDS, MAX_ATTEMPTS, TaskName, Terms
from satseek.jobs.tasks import TASKS
from satseek.service.bodies import validated

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PRIORITY = 10

MAX_TRIES = 10
"""Attempts that may be asked for: what dies so often will not live the next time."""

MIN_KEEP_SECONDS = 60.0
"""Whoever waits for a job must be able to read what came of it."""

MAX_KEEP_SECONDS = 30 * 24 * 3600.0
"""Results lie on the server's disk."""

MAX_DELAY = timedelta(days=366)
"""Nothing waits for longer than a year."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

EXAMPLES: Mapping[TaskName, Mapping[str, Any]] = {
    "index": {"collection": "county", "folder": "2025"},
    "classify": {"folder": "2025", "labels": ["a quarry", "a forest"]},
    "reembed": {"collection": "county"},
    "quantize": {"folder": "2025"},
    "evaluate": {"folder": "labelled"},
    "export": {"collection": "county"},
    "verify": {"collection": "county"},
    "repair": {"collection": "county"},
    "compact": {"collection": "county"},
    "tune": {"collection": "county"},
    "landuse": {"collection": "county", "folder": "2025"},
    "watch": {"collection": "county", "watch": "mines"},
    "assess": {"collection": "county", "parcels": "parcels.gpkg", "after": "2025-08"},
    "report": {"collection": "county"},
    "sample": {"collection": "county", "name": "june"},
}
"""What the OpenAPI document shows of each task."""


class AskedTask(Task):
    """Something to be done: a task, and what it needs to know."""

    task: TaskName = Field(description="What is to be done.")

    def parameters(self) -> dict[str, Any]:
        """Give what the task needs to know, as JSON."""
        return self.model_dump(mode="json", include=set(TASKS[self.task].model_fields))


class AskedJob(AskedTask):
    """The same once, and how."""

    priority: int = Field(
        0, ge=-MAX_PRIORITY, le=MAX_PRIORITY, description="Higher ones are begun first."
    )
    attempts: int = Field(
        MAX_ATTEMPTS,
        ge=1,
        le=MAX_TRIES,
        description="How often it is begun at most: after a worker's death, or what may pass.",
    )
    keep_seconds: float = Field(
        KEEP_SECONDS,
        ge=MIN_KEEP_SECONDS,
        le=MAX_KEEP_SECONDS,
        description="How long it is kept once it has ended, with its result and files.",
    )
    not_before: AwareDatetime | None = Field(
        None, description="It waits until then: RFC 3339 with a zone, at most a year ahead."
    )

    @field_validator("not_before")
    @classmethod
    def _near(cls, moment: datetime | None) -> datetime | None:
        if moment is None:
            return None
        if moment > datetime.now(UTC) + MAX_DELAY:
            raise ValueError(f"expected a moment at most {MAX_DELAY.days} days from now")
        return max(moment, _EPOCH).astimezone(UTC)

    def terms(self) -> Terms:
        """Give how it is to be done."""
        return Terms(
            priority=self.priority,
            attempts=self.attempts,
            keep_seconds=self.keep_seconds,
            not_before=self.not_before,
        )


def _message(name: TaskName, base: type[AskedTask], suffix: str) -> type[AskedTask]:
    kind: Any = TASKS[name]
    only: Any = Literal.__getitem__(name)
    return create_model(
        f"{name.title()}{suffix}",
        __base__=(base, kind),
        __doc__=kind.__doc__,
        __module__=__name__,
        task=(only, Field(description="What is to be done.")),
    )


JOBS: Mapping[TaskName, type[AskedTask]] = {name: _message(name, AskedJob, "Job") for name in TASKS}
"""Messages that ask for a job, by task."""

WORKS: Mapping[TaskName, type[AskedTask]] = {
    name: _message(name, AskedTask, "Work") for name in TASKS
}
"""Messages that say what is to be done, by task, without how."""

if TYPE_CHECKING:
    JobAsked: TypeAlias = AskedJob
    WorkAsked: TypeAlias = AskedTask
else:
    JobAsked = Annotated[
        reduce(operator.or_, JOBS.values()),
        Body(
            discriminator="task",
            openapi_examples={
                name: {"value": {"task": name, **EXAMPLES.get(name, {})}} for name in JOBS
            },
        ),
    ]
    WorkAsked = Annotated[reduce(operator.or_, WORKS.values()), Field(discriminator="task")]


def job_asked(task: str, fields: Mapping[str, Any]) -> AskedJob:
    """Check a job that another door asks for.

    Raises:
        InvalidRequest: there is no such task.
        RequestValidationError: it needs to know something else.
    """
    for name, kind in JOBS.items():
        if name == task:
            asked = validated(kind, {**fields, "task": task})
            assert isinstance(asked, AskedJob)
            return asked
    raise InvalidRequest(f"task: expected one of {', '.join(JOBS)}, came {task[:32]!r}")


def work_asked(task: str, fields: Mapping[str, Any]) -> AskedTask:
    """Check what a schedule is to ask for; raises as ``job_asked``."""
    for name, kind in WORKS.items():
        if name == task:
            return validated(kind, {**fields, "task": task})
    raise InvalidRequest(f"task: expected one of {', '.join(WORKS)}, came {task[:32]!r}")
