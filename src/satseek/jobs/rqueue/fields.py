"""A job of ours ↔ the hash that RQ keeps for one, with what RQ has no place for.

Does not know when a job is whose turn. What RQ would unpickle is JSON here: whoever writes into the
Redis cannot have code run.
"""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from satseek.errors import DamagedData
from satseek.jobs.protocol import FINAL, Job, Schedule
from satseek.jobs.rqueue.steps import QUEUE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.jobs.protocol import JobState, Terms

DONE_BY = "satseek.jobs.rqueue.refusing.refuse"
"""What RQ's own workers would call: they know no leases."""

STATE_OF: Mapping[str, JobState] = {
    "queued": "queued",
    "scheduled": "queued",
    "deferred": "queued",
    "started": "running",
    "finished": "done",
    "failed": "failed",
    "canceled": "cancelled",
    "stopped": "cancelled",
}
"""States by RQ's words."""

STATUS_OF: Mapping[JobState, str] = {
    "done": "finished",
    "failed": "failed",
    "cancelled": "canceled",
}
"""RQ's words for what is final."""

_OURS = "satseek."

_NUMBERS = ("attempts", "done", "total", "priority")
_MOMENTS = ("created", "started", "finished", "begun", "expires", "not_before")
_TEXTS = ("note", "result", "error", "error_kind", "cancelling")

SHOWN = (
    *("data", "status", "worker_name"),
    *(_OURS + name for name in (*_NUMBERS, *_MOMENTS, *_TEXTS)),
)
"""Fields that a ``Job`` is made of, but for the end of its log."""

_BY_RQ = "a worker or a tool of RQ's own ended it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a job is about."""

    task: str
    """As ``Job.task``."""
    parameters: Mapping[str, Any]
    """As ``Job.parameters``."""
    collection: str
    """As ``Job.collection``."""
    asked_by: str
    """As ``Job.asked_by``."""
    schedule: str
    """As ``Job.schedule``."""


def fields_of(asked: Asked, terms: Terms, client: Any) -> list[str | bytes]:
    """Give the fields of a new job, as RQ writes them, and ours."""
    from rq.job import Job as RqJob  # noqa: PLC0415 (an extra)
    from rq.serializers import JSONSerializer  # noqa: PLC0415

    kept = math.ceil(terms.keep_seconds)
    made = RqJob.create(
        DONE_BY,
        kwargs=_said(asked),
        connection=client,
        serializer=JSONSerializer,
        description=f"{asked.task} {asked.collection}".strip(),
        origin=queue_name(terms.priority),
        timeout=-1,
        result_ttl=kept,
        failure_ttl=kept,
    )
    ours: dict[str, str | int] = {
        "most": terms.attempts,
        "keep": f"{terms.keep_seconds:.6f}",
        "priority": terms.priority,
    }
    if terms.not_before is not None:
        ours["not_before"] = f"{terms.not_before.timestamp():.6f}"
    written = {name: value for name, value in made.to_dict().items() if value != ""}
    return flat(written) + our_fields(**ours)


def _said(asked: Asked) -> dict[str, Any]:
    return {field.name: getattr(asked, field.name) for field in dataclass_fields(asked)}


def queue_name(priority: int) -> str:
    """Name the queue of RQ's that jobs of a priority wait in."""
    return f"{QUEUE}{priority:+d}" if priority else QUEUE


def our_fields(**values: str | float) -> list[str | bytes]:
    """Give fields that RQ has no place for."""
    return flat({_OURS + name: value for name, value in values.items()})


def flat(fields: Mapping[str, Any]) -> list[str | bytes]:
    """Give names and values in turn, as HSET takes them."""
    found: list[str | bytes] = []
    for name, value in fields.items():
        found += [name, value if isinstance(value, bytes | str) else str(value)]
    return found


def same(task: str, parameters: str) -> str:
    """Digest what makes two jobs with one key the same.

    Args:
        task: Name of the task.
        parameters: What it needs to know, as it is written.
    """
    return blake2b(f"{task}\0{parameters}".encode(), digest_size=16).hexdigest()


def key_of(asked_by: str, key: str) -> str:
    """Digest a key, which is another one for another principal."""
    return blake2b(f"{asked_by}\0{key}".encode(), digest_size=16).hexdigest()


def told_to_rq(client: Any, job_id: str, worker: str, result: Mapping[str, Any]) -> list[str]:
    """Give the entry that RQ keeps of a result."""
    from rq.results import Result  # noqa: PLC0415 (an extra)
    from rq.serializers import JSONSerializer  # noqa: PLC0415

    entry = Result(
        job_id,
        Result.Type.SUCCESSFUL,
        connection=client,
        return_value=dict(result),
        worker_name=worker,
        serializer=JSONSerializer,
    )
    return [str(one) for one in flat(entry.serialize())]


def job_of(job_id: bytes, fields: Sequence[bytes]) -> Job:
    """Read a job from names and values in turn, as HGETALL gives them.

    Raises:
        DamagedData: they are not what was written.
    """
    found = dict(zip(fields[::2], fields[1::2], strict=True))
    return _job(job_id.decode(), {name.decode(): value for name, value in found.items()})


def listed_job_of(job_id: bytes, values: Sequence[bytes | None]) -> Job:
    """Read a job from the values of ``SHOWN``.

    Raises:
        DamagedData: they are not what was written.
    """
    found = {name: one for name, one in zip(SHOWN, values, strict=True) if one is not None}
    return _job(job_id.decode(), found)


def _job(job_id: str, fields: Mapping[str, bytes]) -> Job:
    texts = {name: one.decode(errors="replace") for name, one in fields.items() if name != "data"}
    ours = {name[len(_OURS) :]: one for name, one in texts.items() if name.startswith(_OURS)}
    try:
        # what RQ writes: the name of the function, its object, arguments, and those with names
        _, _, _, said = json.loads(zlib.decompress(fields["data"]))
        state = STATE_OF[texts["status"]]
        result = json.loads(ours["result"]) if state == "done" and ours.get("result") else None
        numbers: dict[str, Any] = {name: int(ours.get(name) or 0) for name in _NUMBERS}
        moments: dict[str, Any] = {name: _moment(ours.get(name)) for name in _MOMENTS}
        return Job(
            id=job_id,
            **_said(Asked(**said)),
            state=state,
            result=result,
            worker=texts.get("worker_name", ""),
            cancelling=state == "running" and ours.get("cancelling") == "1",
            note=ours.get("note", ""),
            log=ours.get("log", ""),
            error=ours.get("error", "") if moments["finished"] or state not in FINAL else _BY_RQ,
            error_kind=ours.get("error_kind", ""),
            **numbers,
            **moments,
        )
    except (zlib.error, ValueError, TypeError, KeyError) as error:
        raise DamagedData(
            f"job {job_id}: what Redis keeps of it is not what was written"
        ) from error


def _moment(text: str | None) -> datetime | None:
    return datetime.fromtimestamp(float(text), tz=UTC) if text else None


def definition_of(schedule: Schedule) -> str:
    """Write down what a schedule asks for and when, the same for the same."""
    said = {field.name: getattr(schedule, field.name) for field in dataclass_fields(schedule)}
    del said["created"], said["last"]
    return json.dumps(said | {"parameters": dict(schedule.parameters)}, sort_keys=True)


def schedule_of(answer: Sequence[Any]) -> Schedule:
    """Read a schedule, as a step gives it.

    Raises:
        DamagedData: it is not what was written.
    """
    _, _, definition, created, last = answer
    try:
        return Schedule(
            **json.loads(definition),
            created=datetime.fromisoformat(created.decode()),
            last=None if last is None else datetime.fromtimestamp(float(last), tz=UTC),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedData("a schedule in Redis is not what was written") from error
