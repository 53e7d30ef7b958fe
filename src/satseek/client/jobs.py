"""JSON of a server → jobs, the files that they left, and schedules.

Does not know how it travelled, nor how jobs are waited for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, Any]

FINAL = frozenset({"done", "failed", "cancelled"})
"""States that never change again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file that a job left."""

    name: str
    """As it is asked for."""
    bytes: int
    """Its size."""
    sha256: str
    """Of its bytes, 64 hex digits."""
    media_type: str
    """What is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Long work that was asked for, as it stood when it was read."""

    id: str
    """Its id."""
    task: str
    """What is done, such as ``index``."""
    collection: str
    """What it works on; empty: no collection."""
    state: str
    """``queued``, ``running``, ``done``, ``failed`` or ``cancelled``."""
    done: int
    """How much is done so far, such as files or chips."""
    total: int
    """Of how much; 0: not known yet."""
    note: str = ""
    """What is at work, such as a scene."""
    seconds_left: float | None = None
    """Guessed from the pace of the try at work; None: no telling."""
    result: Mapping[str, Any] | None = None
    """What came of it; None unless it is done."""
    error: str | None = None
    """Why it failed, the last time where it is tried again; None: it did not."""
    error_kind: str | None = None
    """Name of the class in ``satseek.errors``; None: none, or not known."""
    asked_by: str = ""
    """Who asked."""
    priority: int = 0
    """Higher ones are begun first."""
    attempts: int = 0
    """How often it was begun."""
    cancelling: bool = False
    """True while it runs though it is to end."""
    created: datetime
    """When it was asked for."""
    started: datetime | None = None
    """When it first began; None: it has not."""
    finished: datetime | None = None
    """When it ended; None: it has not."""
    expires: datetime | None = None
    """When it is forgotten, with its files; None: it has not ended."""
    schedule: str | None = None
    """Schedule that asked for it; None: none did."""
    log: str = ""
    """The end of what it logged; empty in lists."""
    revision: str = ""
    """Another one as soon as anything of it is; empty in lists."""

    @property
    def ended(self) -> bool:
        """True once it will not change any more."""
        return self.state in FINAL

    @property
    def files(self) -> tuple[JobFile, ...]:
        """What it left, by name."""
        told = (self.result or {}).get("files") or ()
        return tuple(file_of(one) for one in sorted(told, key=lambda one: str(one["name"])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a job is asked for, again and again."""

    name: str
    """Its name."""
    cron: str
    """Minute, hour, day of the month, month, day of the week, as crontab(5) has them."""
    timezone: str
    """IANA name of the zone that these are read in."""
    task: str
    """What is done."""
    collection: str
    """What it works on; empty: no collection."""
    parameters: Mapping[str, Any]
    """What the task needs to know."""
    priority: int
    """Of its jobs."""
    asked_by: str
    """Who set it up."""
    last: datetime | None
    """The latest moment that it asked for; None: none yet."""
    next: tuple[datetime, ...]
    """The next ones."""


def job_of(answer: Json) -> Job:
    """Read how far a job is."""
    progress = answer["progress"]
    return Job(
        id=answer["id"],
        task=answer["task"],
        collection=answer["collection"],
        state=answer["state"],
        done=progress["done"],
        total=progress["total"],
        note=progress["note"],
        seconds_left=progress["seconds_left"],
        result=answer["result"],
        error=answer["error"],
        error_kind=answer["error_kind"],
        asked_by=answer["asked_by"],
        priority=answer["priority"],
        attempts=answer["attempts"],
        cancelling=answer["cancelling"],
        created=datetime.fromisoformat(answer["created"]),
        started=_time(answer["started"]),
        finished=_time(answer["finished"]),
        expires=_time(answer["expires"]),
        schedule=answer["schedule"],
        log=answer.get("log", ""),
        revision=answer.get("revision", ""),
    )


def file_of(told: Json) -> JobFile:
    """Read what a file is."""
    return JobFile(
        name=told["name"],
        bytes=told["bytes"],
        sha256=told["sha256"],
        media_type=told["media_type"],
    )


def schedule_of(answer: Json) -> Schedule:
    """Read a schedule."""
    return Schedule(
        name=answer["name"],
        cron=answer["cron"],
        timezone=answer["timezone"],
        task=answer["task"],
        collection=answer["collection"],
        parameters=answer["parameters"],
        priority=answer["priority"],
        asked_by=answer["asked_by"],
        last=_time(answer["last"]),
        next=tuple(datetime.fromisoformat(moment) for moment in answer["next"]),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
