"""What an operator looks after: counted now and then, each figure by itself, for who may see it."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from findingmaking import make_finding
from prometheus_client import CollectorRegistry, generate_latest

from satseek.jobs.overdue import Overdue
from satseek.jobs.protocol import Schedule
from satseek.jobs.queues import open_queue
from satseek.monitor.tables import DATABASE, FOLDER
from satseek.service.monitor.stores import Stores
from satseek.service.upkeep import BackupSeen, Upkeep, Upkeeping, read_backup
from satseek.service.upkeep_figures import UpkeepFigures
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.jobs.protocol import LeasingQueue

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


class Office:
    """A data folder with a queue and stores."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder)
        self.queue: LeasingQueue = open_queue(self.settings)
        self.stores = Stores.of(self.settings)

    def upkeep(self, fresh_seconds: float = 0.0) -> Upkeeping:
        return Upkeeping(
            self.settings, jobs=self.queue, stores=self.stores, fresh_seconds=fresh_seconds
        )


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    one = Office(tmp_path / "data")
    one.settings.data_dir.mkdir()
    yield one
    one.queue.close()
    one.stores.close()


def shown(seen: Upkeep, sees: Callable[[str], bool] = lambda _: True) -> dict[str, float]:
    """Give the figures by what stands before their value."""
    registry, figures = CollectorRegistry(), UpkeepFigures()
    registry.register(figures)
    figures.show(seen, sees=sees)
    lines = generate_latest(registry).decode().splitlines()
    pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in pairs}


def test_an_empty_folder_is_told_as_such_and_nothing_is_made_in_it(office: Office) -> None:
    found = shown(office.upkeep().take())
    assert 0.0 == found["satseek_job_wait_seconds"]
    assert 0.0 == found["satseek_queue_attended"]
    assert 0.0 == found['satseek_findings{state="new"}']
    assert 0.0 == found["satseek_letters_dead"]
    assert found['satseek_disk_bytes{folder="data"}'] > 0
    assert not [name for name in found if "backup" in name or "certificate" in name]
    assert [] == list(office.settings.data_dir.iterdir())


def test_what_waits_and_what_is_late_is_told(office: Office) -> None:
    office.queue.submit("verify", {"collection": "c"}, collection="c", asked_by="local")
    office.queue.put_schedule(
        Schedule(
            name="watch-mines",
            cron="* * * * *",
            timezone="UTC",
            task="watch",
            parameters={"collection": "county", "watch": "mines"},
            collection="county",
            asked_by="local",
            created=datetime.now(UTC) - timedelta(hours=1),
        )
    )
    office.stores.findings.keep([make_finding(at) for at in range(3)])
    found = shown(office.upkeep().take())
    assert found["satseek_job_wait_seconds"] > 0.0
    assert found['satseek_schedule_overdue_seconds{schedule="watch-mines"}'] > 3400
    assert found['satseek_watch_overdue_seconds{watch="mines"}'] > 3400
    assert 3.0 == found['satseek_findings{state="new"}']
    assert found["satseek_finding_wait_seconds"] > 0.0


def test_it_is_counted_once_in_a_while(office: Office) -> None:
    upkeep = office.upkeep(fresh_seconds=3600.0)
    first = upkeep.take()
    office.queue.submit("verify", {"collection": "c"}, collection="c", asked_by="local")
    assert first is upkeep.take()
    assert shown(office.upkeep().take())["satseek_job_wait_seconds"] > 0.0


def test_what_cannot_be_read_takes_no_other_figure_along(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    (office.settings.data_dir / FOLDER).mkdir()
    (office.settings.data_dir / FOLDER / DATABASE).write_bytes(b"no database " * 100)
    upkeep = office.upkeep()
    for _ in range(3):
        found = shown(upkeep.take())
    assert 0.0 == found["satseek_job_wait_seconds"]
    assert not [name for name in found if "finding" in name or "letters" in name]
    told = [one.getMessage() for one in caplog.records if "no figures of" in one.getMessage()]
    assert ["alerts", "findings"] == sorted(one.split()[3].rstrip(":") for one in told)


def test_only_what_somebody_may_see_is_named() -> None:
    late = (
        Overdue(name="open", collection="county", seconds=1.0),
        Overdue(name="shut", collection="secret", seconds=2.0),
        Overdue(name="backup", collection="", seconds=3.0),
    )
    found = shown(Upkeep(schedules=late, watches=late), sees=lambda name: name != "secret")
    assert {
        'satseek_schedule_overdue_seconds{schedule="open"}': 1.0,
        'satseek_schedule_overdue_seconds{schedule="backup"}': 3.0,
        'satseek_watch_overdue_seconds{watch="open"}': 1.0,
        'satseek_watch_overdue_seconds{watch="backup"}': 3.0,
    } == found


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {"finished": NOW.isoformat(), "outcome": "complete", "bytes_added": 7},
            BackupSeen(finished=NOW, completed=NOW, failed=False, added_bytes=7),
        ),
        (
            {"finished": NOW.isoformat(), "outcome": "failed", "completed": "2026-11-21T03:00:00Z"},
            BackupSeen(finished=NOW, completed=NOW - timedelta(days=1), failed=True),
        ),
        ({"finished": None, "outcome": "failed"}, BackupSeen(failed=True)),
        ({"finished": "yesterday"}, None),
        ([], None),
    ],
)
def test_what_came_of_a_backup_is_read(
    told: object, expected: BackupSeen | None, tmp_path: Path
) -> None:
    (tmp_path / "backup.json").write_text(json.dumps(told), encoding="utf-8")
    assert expected == read_backup(tmp_path)


def test_no_backup_has_no_figure(tmp_path: Path) -> None:
    assert read_backup(tmp_path) is None


def test_a_failed_backup_shows_beside_the_age_of_the_last_whole_one() -> None:
    seen = BackupSeen(finished=NOW, completed=NOW - timedelta(days=1), failed=True, added_bytes=3)
    assert {
        "satseek_backup_finished_timestamp_seconds": NOW.timestamp(),
        "satseek_backup_completed_timestamp_seconds": NOW.timestamp() - 86400,
        "satseek_backup_failed": 1.0,
        "satseek_backup_added_bytes": 3.0,
    } == shown(Upkeep(backup=seen))


def test_a_worker_tells_of_its_machine_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with closing(open_queue(settings)) as queue:
        found = shown(Upkeeping(settings, jobs=queue, stores=None).take())
    assert {"satseek_memory_limit_bytes", "satseek_memory_used_bytes"} < set(found)
    assert not [name for name in found if "job" in name or "finding" in name]
