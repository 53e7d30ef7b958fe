"""Verbs about jobs and schedules → requests, and what to read of their answers.

Knows the routes; sends nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from satseek.client.asking import Ask
from satseek.client.jobs import job_of, schedule_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from satseek.client.jobs import Job, Schedule

PAGE = 1000
"""Jobs asked for at a time."""

JobPage = tuple[list["Job"], str | None]
"""Jobs, and the cursor of the next page; None: there is none."""


def ask_submit(
    task: str,
    *,
    key: str | None = None,
    priority: int = 0,
    attempts: int | None = None,
    keep_seconds: float | None = None,
    not_before: datetime | str | None = None,
    **parameters: Any,
) -> Ask[Job]:
    """Ask for a job.

    Args:
        task: ``index``, ``classify``, ``reembed``, ``quantize``, ``evaluate``, ``export``,
            ``verify``, ``repair``, ``compact`` or ``tune``.
        key: Of your making: asked again under it, the same job is given; None: one is made up.
        priority: -10 to 10: higher ones are begun first.
        attempts: How often it is begun at most; None: 3 times.
        keep_seconds: How long it is kept once it has ended, with its files; None: a day.
        not_before: It waits until then, a moment with its zone; None: not for any moment.
        parameters: What the task needs to know, such as ``collection`` and ``folder``.
    """
    terms = {
        "priority": priority or None,
        "attempts": attempts,
        "keep_seconds": keep_seconds,
        "not_before": not_before if isinstance(not_before, str | None) else not_before.isoformat(),
    }
    given = {"task": task, **parameters, **{k: v for k, v in terms.items() if v is not None}}
    headers = {"idempotency-key": key or secrets.token_urlsafe(18)}
    return Ask(method="POST", path="/v1/jobs", json=given, headers=headers, read=job_of)


def ask_job(job_id: str, *, wait_s: float = 0, seen: str | None = None) -> Ask[Job]:
    """Show how far a job is.

    Args:
        job_id: Which.
        wait_s: The server may hold its answer so long, until there is news.
        seen: Revision that is known; None: only its end is news.
    """
    given = {"wait": f"{wait_s:g}"} if wait_s else {}
    query = urlencode(given | ({"seen": seen} if seen else {}))
    path = f"{_job(job_id)}?{query}" if query else _job(job_id)
    return Ask(method="GET", path=path, read=job_of)


def ask_jobs(*, state: str | None = None, cursor: str | None = None) -> Ask[JobPage]:
    """List jobs, the newest first: a page of them."""
    given = {"limit": str(PAGE), "state": state, "cursor": cursor}
    query = urlencode({name: value for name, value in given.items() if value})

    def read(answer: Any) -> JobPage:
        return [job_of(one) for one in answer["jobs"]], _cursor(answer["next"])

    return Ask(method="GET", path=f"/v1/jobs?{query}", read=read)


def ask_cancel(job_id: str) -> Ask[Job]:
    """Have a job end."""
    return _write("POST", f"{_job(job_id)}/cancel", None, job_of)


def ask_file(job_id: str, name: str) -> Ask[None]:
    """Take a file that a job left."""
    path = f"{_job(job_id)}/files/{quote(name, safe='')}"
    return Ask(method="GET", path=path, read=lambda _: None)


def ask_schedules() -> Ask[list[Schedule]]:
    """List the schedules that you see."""
    return Ask(
        method="GET",
        path="/v1/schedules",
        read=lambda answer: [schedule_of(one) for one in answer["schedules"]],
    )


def ask_schedule(name: str) -> Ask[Schedule]:
    """Show one schedule."""
    return Ask(method="GET", path=_schedule(name), read=schedule_of)


def ask_put_schedule(
    name: str,
    cron: str,
    task: str,
    *,
    timezone: str = "UTC",
    priority: int = 0,
    **parameters: Any,
) -> Ask[Schedule]:
    """Have a job asked for at every moment that a cron expression names.

    Args:
        name: Letters, digits and ``-_.``; replaces the schedule of the same name.
        cron: Minute, hour, day of the month, month, day of the week, as crontab(5) has them.
        task: As in ``submit``.
        timezone: IANA name of the zone that these are read in.
        priority: Of its jobs.
        parameters: What the task needs to know, such as ``collection``.
    """
    job = {"task": task, **parameters}
    given = {"cron": cron, "timezone": timezone, "priority": priority, "job": job}
    return _write("PUT", _schedule(name), given, schedule_of)


def ask_remove_schedule(name: str) -> Ask[None]:
    """Forget a schedule; jobs that it has asked for stay."""
    return _write("DELETE", _schedule(name), None, lambda _: None)


def _cursor(path: str | None) -> str | None:
    return None if path is None else parse_qs(urlsplit(path).query)["cursor"][0]


def _job(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _schedule(name: str) -> str:
    return f"/v1/schedules/{quote(name, safe='')}"


def _write(method: str, path: str, given: Any, read: Callable[[Any], Any]) -> Ask[Any]:
    key = {"idempotency-key": secrets.token_urlsafe(18)}
    return replace(Ask(method=method, path=path, json=given, read=read), headers=key)
