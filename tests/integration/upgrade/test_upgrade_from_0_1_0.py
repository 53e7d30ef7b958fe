"""What release 0.1.0 left is opened, upgraded, killed at it, and handed back."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from releasing import copied, dumped, files, recorded, schema, told, unpacked

from satseek.errors import Conflict, FormatTooNew, InvalidRequest
from satseek.index import open_collection
from satseek.jobs.embedded import EmbeddedQueue
from satseek.jobs.protocol import Schedule
from satseek.jobs.scheduling import Scheduler
from satseek.search.concepts import ConceptStore
from satseek.service.access.keys import KeyStore
from satseek.settings import Settings
from satseek.types import Concept
from satseek.upgrade.lowering import downgrade, planned
from satseek.upgrade.raising import upgrade
from satseek.upgrade.releases import FORMER, release_named
from satseek.upgrade.stores import NEWEST, state_of, stores_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMER_FORMATS = {"county": 4, "first": 1, "late": 4, "second": 2, "third": 3}
LAST = FORMER[0]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("release"))


@pytest.fixture
def data(packed: Path, tmp_path: Path) -> Path:
    return copied(packed, tmp_path / "data")


def raised(data: Path) -> tuple[list[str], tuple[str, ...]]:
    done = upgrade(data, on_progress=lambda _note, _done, _total: None)
    return sorted(one.path.name for one in done.changed), done.refused


def lowered(data: Path, *, drop: bool = False) -> Any:
    settings = Settings(data_dir=data)
    return downgrade(settings, LAST, drop=drop, on_begin=lambda: None)


def numbers(data: Path) -> dict[str, tuple[int, str]]:
    return {
        one.path.relative_to(data).as_posix(): (one.format, state_of(one))
        for one in stores_of(data)
    }


def without_cosines(said: dict[str, Any]) -> dict[str, Any]:
    """What is said, but for the last bits of cosines, which are another processor's own."""
    collections = {
        name: one
        | {
            "hits": {
                where: [[(chip, digest) for chip, digest, _ in hits] for hits in answers]
                for where, answers in one["hits"].items()
            }
        }
        for name, one in said["collections"].items()
    }
    return said | {"collections": collections}


def cosines(said: dict[str, Any]) -> list[float]:
    return [
        float.fromhex(cosine)
        for one in said["collections"].values()
        for answers in one["hits"].values()
        for hits in answers
        for _, _, cosine in hits
    ]


def test_all_is_as_0_1_0_said_and_stays_so_to_the_bit(data: Path) -> None:
    before = told(data)
    assert without_cosines(recorded()) == without_cosines(before)
    assert pytest.approx(cosines(recorded()), abs=1e-6) == cosines(before)
    assert sum(map(len, before["collections"]["third"]["hits"]["larger"])) > 0
    assert ["compact", "verify", "verify", "export", "index"] == [
        one["task"] for one in before["jobs"]["jobs"]
    ]
    raised(data)
    assert before == told(data)


def test_each_store_is_told_raised_once_and_current_after(data: Path) -> None:
    told_first = numbers(data)
    assert FORMER_FORMATS == {name: told_first[f"collections/{name}"][0] for name in FORMER_FORMATS}
    assert {"current", "to be raised", "to be numbered"} == {
        said for _, said in told_first.values()
    }
    changed, refused = raised(data)
    everything = ["access.db", "answers.sqlite", "audit", "concepts", "first", "second", "third"]
    assert (everything, ()) == (changed, refused)
    assert {"current"} == {said for _, said in numbers(data).values()}
    before = files(data)
    assert ([], ()) == raised(data)
    assert before == files(data)


def test_looking_changes_nothing(data: Path) -> None:
    before = files(data)
    numbers(data)
    planned(Settings(data_dir=data), LAST)
    assert before == files(data)


def test_work_goes_on_after_it(data: Path) -> None:
    raised(data)
    with closing(EmbeddedQueue(data / "jobs" / "jobs.sqlite")) as queue:
        assert ["yearly"] == [one.name for one in queue.schedules()]
        lease = queue.claim("somebody")
        assert lease
        assert ("verify", "first", "key:nightly") == (
            lease.job.task,
            lease.job.collection,
            lease.job.asked_by,
        )
        queue.finish(lease, "done", result={})
        clock = datetime(2027, 1, 1, 12, tzinfo=UTC)
        (fired,) = Scheduler(queue, clock=lambda: clock).fire_due()
        assert ("verify", "yearly") == (fired.task, fired.schedule)
    keys = KeyStore(data)
    assert keys.verify(recorded()["key"])
    keys.create("later", scopes=frozenset({"findings"}), created_by="me")
    saved = ConceptStore(data / "concepts").save(
        Concept(name="quarries", version=0, prompts=("a pit",))
    )
    assert 3 == saved.version
    with open_collection(data / "collections" / "first", mode="write") as opened:
        assert [] == opened.verify()


_HOLD = """
import fcntl, sys, time
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_collection_that_is_written_to_waits_and_the_others_do_not(data: Path) -> None:
    lock = data / "collections" / "first" / "writer.lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(lock)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert "held\n" == holder.stdout.readline()
        changed, (refused,) = raised(data)
        holder.kill()
    assert "first: expected no other writer" in refused
    assert {"second", "third"} < set(changed)
    assert 1 == numbers(data)["collections/first"][0]
    assert (["first"], ()) == raised(data)


def test_a_queue_of_a_former_layout_is_not_raised_under_a_worker(data: Path) -> None:
    with closing(EmbeddedQueue(data / "jobs" / "jobs.sqlite")) as queue:
        queue.counts()
        with closing(sqlite3.connect(data / "jobs" / "jobs.sqlite")) as db:
            db.execute("PRAGMA user_version = 0")
            db.commit()
            _, (refused,) = raised(data)
            db.execute("PRAGMA user_version = 1")
            db.commit()
    assert "jobs.sqlite: a server or a worker has it open; stop it" in refused
    assert ([], ()) == raised(data)


# --- killed


@pytest.fixture(scope="module")
def mortal() -> Iterator[subprocess.Popen[str]]:
    """A process with everything open that forks: each child upgrades a folder, and is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", _MORTAL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


_MORTAL = """
import os, signal, sys, time
from pathlib import Path
from satseek.upgrade.raising import upgrade
import satseek.index.collection
for line in sys.stdin:
    folder, seconds = line.rsplit(" ", 1)
    child = os.fork()
    if child == 0:
        upgrade(Path(folder), on_progress=lambda note, done, total: None)
        os._exit(0)
    if float(seconds):
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


def killed(mortal: subprocess.Popen[str], data: Path, seconds: float) -> int:
    assert mortal.stdin
    assert mortal.stdout
    mortal.stdin.write(f"{data} {seconds}\n")
    mortal.stdin.flush()
    return int(mortal.stdout.readline())


def names(data: Path) -> list[str]:
    """Files there, but for what a collection's next writer makes anew after a kill."""
    return [name for name in files(data) if not name.endswith("/acknowledged")]


def test_killed_at_any_moment_and_run_again_it_ends_the_same(
    packed: Path, tmp_path: Path, mortal: subprocess.Popen[str]
) -> None:
    expected = copied(packed, tmp_path / "whole")
    assert 0 == killed(mortal, expected, 0)
    chance, ends, seen = random.Random(5), [], set()
    for number in range(6):
        data = copied(packed, tmp_path / f"killed{number}")
        longest, end = 0.02, -9
        while end:
            end = killed(mortal, data, chance.uniform(0.001, longest))
            ends.append(end)
            longest *= 1.3
            states = numbers(data)  # each store is whole, of one format or the other
            seen.add(tuple(sorted(name for name, (_, said) in states.items() if said != "current")))
        assert numbers(expected) == numbers(data)
        assert names(expected) == names(data)
        for name in ("access.db", "jobs/jobs.sqlite", "jobs/answers.sqlite"):
            assert dumped(expected / name) == dumped(data / name)
        for name in FORMER_FORMATS:
            path = f"collections/{name}/collection.sqlite"
            assert dumped(expected / path) == dumped(data / path)
    assert told(expected) == told(data)
    assert ends.count(-9) >= 6
    assert len(seen) > 2  # it was killed between stores, too


# --- back


def test_handed_back_it_is_as_0_1_0_writes_it(packed: Path, data: Path) -> None:
    raised(data)
    done = lowered(data)
    assert ["access.db", "answers.sqlite", "audit", "concepts"] == sorted(
        one.path.name for one in done.changed
    )
    assert without_cosines(recorded()) == without_cosines(told(copied(data, data.parent / "look")))
    assert set(files(packed)) | {
        f"collections/{name}/acknowledged" for name in FORMER_FORMATS
    } == set(files(data))
    for name in ("access.db", "jobs/jobs.sqlite", "jobs/answers.sqlite"):
        assert dumped(packed / name) == dumped(data / name)
    own = packed / "collections" / "county" / "collection.sqlite"  # written by 0.1.0 itself
    for name, former in FORMER_FORMATS.items():
        path = data / "collections" / name / "collection.sqlite"
        if former == 4:
            assert dumped(packed / "collections" / name / "collection.sqlite") == dumped(path)
        with closing(sqlite3.connect(path)) as db:
            (spec,) = db.execute("SELECT spec FROM collection").fetchone()
        assert LAST.newest["collection"] == json.loads(spec)["format_version"]
        columns = {one: text for one, text in schema(path) if "pending" not in one}
        assert columns.keys() == {one for one, _ in schema(own) if "pending" not in one}


def watching(data: Path) -> EmbeddedQueue:
    queue = EmbeddedQueue(data / "jobs" / "jobs.sqlite")
    queue.submit("watch", {"watch": "mines"}, collection="county", asked_by="me")
    queue.put_schedule(
        Schedule(
            name="watch-mines",
            cron="30 2 * * *",
            timezone="UTC",
            task="watch",
            parameters={"watch": "mines"},
            collection="county",
            asked_by="me",
            created=datetime.now(UTC),
        )
    )
    return queue


def test_what_0_1_0_would_fail_at_is_named_and_goes_only_if_told_to(data: Path) -> None:
    raised(data)
    queue = watching(data)
    with pytest.raises(Conflict, match="somebody has it open; stop servers"):
        lowered(data, drop=True)
    queue.close()
    losses = planned(Settings(data_dir=data), LAST).losses.told()
    assert ["job", "schedule"] == [line.split()[0] for line in losses]
    before = numbers(data)
    with pytest.raises(Conflict, match=r"0\.1\.0 does not know all .* and 1 more; --check"):
        lowered(data)
    assert before == numbers(data)
    lowered(data, drop=True)
    with closing(EmbeddedQueue(data / "jobs" / "jobs.sqlite")) as left:
        assert ["yearly"] == [one.name for one in left.schedules()]
        assert "cancelled" == left.jobs()[0].state
        waiting = [one.task for one in left.jobs() if one.state == "queued"]
    assert ["verify"] == waiting
    assert [] == planned(Settings(data_dir=data), LAST).losses.told()


def test_a_release_that_nobody_knows_is_refused() -> None:
    assert LAST is release_named("v0.1.0")
    with pytest.raises(InvalidRequest, match=r"expected a release to go back to \(0\.1\.0\)"):
        release_named("0.0.9")


def test_a_format_of_later_is_refused_by_everybody_and_changes_nothing(data: Path) -> None:
    with closing(sqlite3.connect(data / "collections" / "late" / "collection.sqlite")) as db:
        db.execute("UPDATE collection SET spec = json_set(spec, '$.format_version', 5)")
        db.commit()
    before = files(data)
    with pytest.raises(FormatTooNew, match=r"late: written by a newer satseek \(format 5\)"):
        raised(data)
    with pytest.raises(FormatTooNew):
        planned(Settings(data_dir=data), LAST)
    assert before == files(data)


def test_each_format_is_known_to_the_guide() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "upgrade.md").read_text()
    rows = {
        line.split("|")[1].strip().strip("`"): line.split("|")[3].strip()
        for line in guide.splitlines()
        if line.startswith("| `")
    }
    for kind, newest in NEWEST.items():
        assert str(newest) == rows[kind], kind
