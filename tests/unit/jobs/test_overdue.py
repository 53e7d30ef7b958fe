"""What was due and has not come is told, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from satseek.jobs.overdue import late_schedules, late_watches
from satseek.jobs.protocol import Schedule

MADE = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
DUE = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


def nightly(**changes: Any) -> Schedule:
    given = {
        "name": "nightly",
        "cron": "30 2 * * *",
        "timezone": "UTC",
        "task": "watch",
        "parameters": {"collection": "county", "watch": "mines"},
        "collection": "county",
        "asked_by": "local",
        "created": MADE,
    }
    return Schedule(**given | changes)


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        (None, DUE - timedelta(seconds=1), 0.0),
        (None, DUE + timedelta(minutes=5), 300.0),
        (DUE, DUE + timedelta(hours=23), 0.0),
        (DUE, DUE + timedelta(days=3), 2 * 86400.0),  # since the first moment that was missed
    ],
)
def test_a_schedule_is_late_since_its_first_missed_moment(
    last: datetime | None, now: datetime, expected: float
) -> None:
    (late,) = late_schedules([nightly(last=last)], now)
    assert ("nightly", "county", expected) == (late.name, late.collection, late.seconds)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (None, 3600.0),
        (DUE - timedelta(minutes=1), 3600.0),
        (DUE + timedelta(minutes=1), 0.0),
        (MADE - timedelta(days=9), 3600.0),  # it had no hours then
    ],
)
def test_a_watch_is_late_until_it_was_run(run: datetime | None, expected: float) -> None:
    asked: list[str] = []

    def last_run(name: str) -> datetime | None:
        asked.append(name)
        return run

    others = [nightly(name="x", task="verify", parameters={"collection": "county"})]
    (late,) = late_watches([nightly(last=DUE), *others], last_run, DUE + timedelta(hours=1))
    assert ("mines", expected, ["mines"]) == (late.name, late.seconds, asked)


def test_what_has_no_moments_is_not_told() -> None:
    assert [] == list(late_schedules([nightly(timezone="Mars/Olympus"), nightly(cron="x")], DUE))
