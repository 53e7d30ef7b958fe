"""Schedules come when crontab(5) says, whatever clocks do, and each moment once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from gated import wait_until

from satseek.errors import InvalidRequest
from satseek.jobs.embedded import EmbeddedQueue
from satseek.jobs.protocol import Schedule
from satseek.jobs.scheduling import Scheduler, check_schedule, latest_due, moments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def schedule(cron: str, timezone: str = "UTC", *, name: str = "s") -> Schedule:
    return Schedule(
        name=name,
        cron=cron,
        timezone=timezone,
        task="verify",
        parameters={"collection": "c"},
        collection="c",
        asked_by="local",
        created=at("2026-01-01"),
    )


BERLIN = "Europe/Berlin"
"""Its clocks go forward on 2026-03-29 at 02:00 and back on 2026-10-25 at 03:00, 01:00 UTC both."""

CASES = [
    # each minute, hour, weekday; lists, ranges, steps, names
    ("* * * * *", "UTC", "2026-01-01T00:00:30", ["2026-01-01T00:01", "2026-01-01T00:02"]),
    ("5,10-12 * * * *", "UTC", "2026-01-01T00:05", ["2026-01-01T00:10", "2026-01-01T00:11"]),
    ("*/20 4 * * *", "UTC", "2026-01-01T04:30", ["2026-01-01T04:40", "2026-01-02T04:00"]),
    ("0 9 * * MON-FRI", "UTC", "2026-01-02T09:00", ["2026-01-05T09:00", "2026-01-06T09:00"]),
    ("0 9 * * 7", "UTC", "2026-01-02", ["2026-01-04T09:00", "2026-01-11T09:00"]),
    ("0 0 31 * *", "UTC", "2026-01-31", ["2026-03-31T00:00", "2026-05-31T00:00"]),
    ("0 0 29 feb *", "UTC", "2026-01-01", ["2028-02-29T00:00", "2032-02-29T00:00"]),
    # crontab(5): where both days are restricted, either
    ("0 0 13 * FRI", "UTC", "2026-01-09T12:00", ["2026-01-13T00:00", "2026-01-16T00:00"]),
    # another time zone, without and with another date
    ("0 8 * * *", "Asia/Shanghai", "2026-01-01T00:00", ["2026-01-02T00:00", "2026-01-03T00:00"]),
    ("0 1 1 * *", "Asia/Kolkata", "2026-01-01", ["2026-01-31T19:30", "2026-02-28T19:30"]),
    # cron(8): a moment that is jumped over comes right behind the gap
    ("30 2 * * *", BERLIN, "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
    ("0 3 * * *", BERLIN, "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T01:00"]),
    ("10,50 2 * * *", BERLIN, "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:10"]),
    # and one that comes twice by name comes the first time only
    ("30 2 * * *", BERLIN, "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
    ("30 2 * * *", BERLIN, "2026-10-25T00:30", ["2026-10-26T01:30"]),
    ("30 2 * * *", BERLIN, "2026-10-25T01:10", ["2026-10-26T01:30"]),
    ("0 3 * * *", BERLIN, "2026-10-24T12:00", ["2026-10-25T02:00", "2026-10-26T02:00"]),
    # what comes every hour goes on by the time that passes
    ("0 * * * *", BERLIN, "2026-03-28T23:30", ["2026-03-29T00:00", "2026-03-29T01:00"]),
    ("0 * * * *", BERLIN, "2026-10-25T00:00", ["2026-10-25T01:00", "2026-10-25T02:00"]),
    ("*/30 2 * * *", BERLIN, "2026-03-29T00:15", ["2026-03-30T00:00", "2026-03-30T00:30"]),
    ("*/30 2 * * *", BERLIN, "2026-10-25T00:15", ["2026-10-25T00:30", "2026-10-25T01:00"]),
]


@pytest.mark.parametrize(("cron", "zone", "after", "expected"), CASES)
def test_moments_are_those_of_cron(cron: str, zone: str, after: str, expected: list[str]) -> None:
    found = islice(moments(schedule(cron, zone), at(after)), len(expected))
    assert [at(one) for one in expected] == list(found)


@pytest.mark.parametrize(
    ("cron", "zone", "last", "now", "expected"),
    [
        ("* * * * *", "UTC", "2026-01-01T00:01", "2026-01-01T00:01:59", None),
        ("* * * * *", "UTC", "2026-01-01T00:01", "2026-01-01T00:02:00", "2026-01-01T00:02"),
        ("* * * * *", "UTC", None, "2029-06-01T00:00:30", "2029-06-01T00:00"),
        ("0 5 * * *", "UTC", None, "2026-01-09T04:00", "2026-01-08T05:00"),
        ("0 5 * * MON", "UTC", None, "2026-02-01", "2026-01-26T05:00"),
        ("0 5 1 * *", "UTC", None, "2026-02-28", "2026-02-01T05:00"),
        ("0 5 1 7 *", "UTC", None, "2029-03-01", "2028-07-01T05:00"),
        ("0 5 29 2 *", "UTC", None, "2031-03-01", "2028-02-29T05:00"),
        ("0 5 29 2 *", "UTC", None, "2027-03-01", None),
        ("0 5 1 1 *", "UTC", "2027-01-01T05:00", "2027-12-01", None),
        ("0 5 1 1 *", "UTC", "2027-01-01T05:00", "2026-12-01", None),
        ("30 2 * * *", BERLIN, "2026-10-24T00:30", "2026-10-25T01:10", "2026-10-25T00:30"),
        ("30 2 * * *", BERLIN, "2026-03-28T01:30", "2026-03-29T01:00", "2026-03-29T01:00"),
    ],
)
def test_of_missed_moments_the_latest_is_due(
    cron: str, zone: str, last: str | None, now: str, expected: str | None
) -> None:
    asked = replace(schedule(cron, zone), last=last and at(last))
    assert (expected and at(expected)) == latest_due(asked, at(now))


def test_what_names_no_moment_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="names no moment of the next 50 years"):
        check_schedule(schedule("0 0 */31 * 1#5"))  # a fifth Monday on the first
    with pytest.raises(InvalidRequest, match="expected 5 fields"):
        check_schedule(schedule("@daily"))


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[EmbeddedQueue]:
    with closing(EmbeddedQueue(tmp_path / "jobs.sqlite")) as queue:
        yield queue


def test_what_was_missed_is_fired_once(queue: EmbeddedQueue) -> None:
    queue.put_schedule(schedule("0 * * * *"))
    now = [at("2026-01-01T00:10")]
    scheduler = Scheduler(queue, clock=lambda: now[0])
    fired = list[int]()
    for moment in ("00:20", "01:00", "01:00:01", "01:59", "07:30", "07:31", "02:00", "08:00"):
        now[0] = at(f"2026-01-01T{moment}")
        fired.append(len(scheduler.fire_due()))
    assert [0, 1, 0, 0, 1, 0, 0, 1] == fired
    assert ["s"] * 3 == [job.schedule for job in queue.jobs()]
    (stored,) = queue.schedules()
    assert at("2026-01-01T08:00") == stored.last


def test_a_schedule_that_changes_is_fired_as_it_is_now(queue: EmbeddedQueue) -> None:
    now = [at("2026-01-01T00:10")]
    scheduler = Scheduler(queue, clock=lambda: now[0])
    queue.put_schedule(schedule("0 5 * * *"))
    assert [] == scheduler.fire_due()
    queue.put_schedule(replace(schedule("0 1 * * *"), created=now[0]))
    now[0] = at("2026-01-01T01:00")
    assert 1 == len(scheduler.fire_due())
    queue.remove_schedule("s")
    now[0] = at("2026-01-02T09:00")
    assert [] == scheduler.fire_due()


def test_one_that_no_longer_reads_does_not_stop_the_others(
    queue: EmbeddedQueue, caplog: pytest.LogCaptureFixture
) -> None:
    queue.put_schedule(schedule("* * * * *", name="bad"))
    queue.put_schedule(schedule("* * * * *", name="good"))
    with closing(sqlite3.connect(queue._store.path)) as db, db:
        db.execute("UPDATE schedules SET timezone = 'Gone/Away' WHERE name = 'bad'")
    scheduler = Scheduler(queue, clock=lambda: at("2026-01-01T00:05"))
    assert ["good"] == [job.schedule for job in scheduler.fire_due()]
    scheduler.fire_due()
    assert ["schedule bad: timezone"] == [text[:22] for text in caplog.messages]


def test_a_running_scheduler_fires(queue: EmbeddedQueue) -> None:
    queue.put_schedule(schedule("* * * * *"))
    scheduler = Scheduler(queue)
    scheduler.start()
    wait_until(lambda: queue.jobs() != [])
    scheduler.stop()
    assert ["s"] == [job.schedule for job in queue.jobs()]
