"""What every queue keeps to whose jobs our own workers take, whichever it is."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redisserving import KEEPS, needs_redis, running_redis

from satseek.errors import InvalidRequest, JobNotFound, LeaseLost, Overloaded, ScheduleNotFound
from satseek.jobs import ledger, turns
from satseek.jobs.clocks import Moment
from satseek.jobs.embedded import EmbeddedQueue
from satseek.jobs.presence import Presence
from satseek.jobs.protocol import (
    KEEP_SECONDS,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    MAX_LOG,
    STATES,
    Schedule,
    Terms,
)
from satseek.jobs.rqueue import ledger as rq_ledger
from satseek.jobs.rqueue.queue import RqQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redisserving import RedisServer

    from satseek.jobs.protocol import Job, Lease, LeasingQueue

PROCESS = Path(__file__).with_name("queue_process.py")
START = 1_700_000_000.0


@dataclass
class Clock:
    """Time that tests move."""

    wall: float = START
    ticks: float = 5000.0
    boot: str = "first"

    def __call__(self) -> Moment:
        return Moment(wall=self.wall, ticks=self.ticks, boot=self.boot)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.wall, tz=UTC)

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.ticks += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis"), *KEEPS) as running:
        yield running


@pytest.fixture(params=["embedded", pytest.param("redis", marks=needs_redis)])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> Iterator[Callable[[], LeasingQueue]]:
    """Opens the queue, as often as there are processes that do."""
    queues: list[LeasingQueue] = []

    def embedded() -> LeasingQueue:
        queues.append(EmbeddedQueue(tmp_path / "jobs" / "jobs.sqlite", clock=clock))
        return queues[-1]

    def redis() -> LeasingQueue:
        queues.append(RqQueue(server.url, clock=lambda: clock().wall))
        return queues[-1]

    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("server")
        with server.client() as client:
            client.flushdb()
    yield {"embedded": embedded, "redis": redis}[request.param]
    for one in queues:
        one.close()


@pytest.fixture
def queue(opened: Callable[[], LeasingQueue]) -> LeasingQueue:
    return opened()


def submit(queue: LeasingQueue, name: str = "a", *, who: str = "local", **more: Any) -> Job:
    return queue.submit("verify", {"collection": name}, collection=name, asked_by=who, **more)


def claim(queue: LeasingQueue, worker: str = "w") -> Lease:
    lease = queue.claim(worker)
    assert lease is not None
    return lease


def nightly(clock: Clock, **more: Any) -> Schedule:
    """Give a schedule for half past two."""
    schedule = Schedule(
        name="nightly",
        cron="30 2 * * *",
        timezone="UTC",
        task="verify",
        parameters={"collection": "c"},
        collection="c",
        asked_by="key:ä",
        created=clock.now,
    )
    return replace(schedule, **more)


def test_jobs_are_taken_in_the_order_of_asking(queue: LeasingQueue) -> None:
    ids = [submit(queue, name).id for name in "abcd"]
    assert ids == sorted(ids)
    taken = [claim(queue) for _ in ids]
    assert ids == [lease.job.id for lease in taken]
    assert {"running"} == {lease.job.state for lease in taken}
    assert len(ids) == len({lease.token for lease in taken})
    assert queue.claim("w") is None
    assert ids[::-1] == [job.id for job in queue.jobs()]


def test_higher_priorities_go_first(queue: LeasingQueue) -> None:
    asked = [("a", 0), ("b", -1), ("c", 10), ("d", 0), ("e", 10)]
    for name, priority in asked:
        assert priority == submit(queue, name, terms=Terms(priority=priority)).priority
    assert list("ceadb") == [claim(queue).job.collection for _ in asked]


def test_a_job_is_kept_as_it_was_asked(opened: Callable[[], LeasingQueue], clock: Clock) -> None:
    asked = {"folder": "дир", "chip_px": 64, "deep": {"a": [1, None]}}
    later = clock.now + timedelta(hours=1)
    terms = Terms(priority=3, not_before=later)
    job = opened().submit("index", asked, collection="c", asked_by="key:ä", terms=terms)
    found = opened().find(job.id)
    assert job == found
    assert (asked, "c", "key:ä", "queued", 0, 3, later, clock.now) == (
        found.parameters,
        found.collection,
        found.asked_by,
        found.state,
        found.attempts,
        found.priority,
        found.not_before,
        found.created,
    )


def test_progress_and_result_are_written_down(queue: LeasingQueue, clock: Clock) -> None:
    job_id = submit(queue).id
    clock.pass_(2)
    lease = claim(queue, "host:1")
    clock.pass_(3)
    log = "x" * (MAX_LOG + 5)
    assert queue.report(lease, done=3, total=9, note="north.tif", log=log) is False
    job = queue.find(job_id)
    assert (3, 9, "north.tif", MAX_LOG) == (job.done, job.total, job.note, len(job.log))
    assert ("host:1", START + 2, 6.0) == (
        job.worker,
        job.begun and job.begun.timestamp(),
        job.seconds_left(clock.now),
    )
    assert [""] == [one.log for one in queue.jobs()]
    ended = queue.finish(lease, "done", result={"chips": 4}, log="end")
    assert ("done", {"chips": 4}, "end") == (ended.state, ended.result, ended.log)
    assert (START + 5, START + 5 + KEEP_SECONDS) == (
        ended.finished and ended.finished.timestamp(),
        ended.expires and ended.expires.timestamp(),
    )


def test_what_is_final_stays_so(queue: LeasingQueue) -> None:
    job_id = submit(queue).id
    lease = claim(queue)
    queue.finish(lease, "failed", error="no")
    for change in (
        lambda: queue.finish(lease, "done", result={}),
        lambda: queue.put_back(lease),
        lambda: queue.retry(lease, error="again"),
        lambda: queue.report(lease, done=1, total=1, note="", log=""),
    ):
        with pytest.raises(LeaseLost, match=job_id):
            change()
    job = queue.cancel(job_id)
    assert ("failed", "no", None, 0) == (job.state, job.error, job.result, job.done)


def test_what_waits_is_cancelled_at_once_and_what_runs_is_told(queue: LeasingQueue) -> None:
    first, second = submit(queue).id, submit(queue).id
    lease = claim(queue)
    assert "cancelled" == queue.cancel(second).state
    assert queue.claim("w") is None
    running = queue.cancel(first)
    assert ("running", True) == (running.state, running.cancelling)
    assert queue.report(lease, done=0, total=0, note="", log="") is True
    ended = queue.finish(lease, "cancelled")
    assert ("cancelled", False) == (ended.state, ended.cancelling)


@pytest.mark.parametrize("verb", ["put_back", "retry"])
def test_what_was_to_end_does_not_wait_again(queue: LeasingQueue, verb: str) -> None:
    job_id = submit(queue).id
    lease = claim(queue)
    queue.cancel(job_id)
    said = {"error": "busy"} if verb == "retry" else {}
    assert "cancelled" == getattr(queue, verb)(lease, **said).state


def test_who_is_heard_of_keeps_the_job(queue: LeasingQueue, clock: Clock) -> None:
    submit(queue)
    lease = claim(queue)
    for _ in range(5):
        clock.pass_(LEASE_SECONDS - 1)
        queue.report(lease, done=0, total=0, note="", log="")
        assert queue.claim("other") is None
    assert "done" == queue.finish(lease, "done", result={}).state


def test_a_silent_workers_job_is_anothers_and_what_it_says_is_refused(
    opened: Callable[[], LeasingQueue], clock: Clock
) -> None:
    job_id = submit(opened()).id
    silent = claim(opened(), "dead")
    clock.pass_(LEASE_SECONDS + 1)
    lease = claim(opened(), "next")
    assert (job_id, 2, "next") == (lease.job.id, lease.job.attempts, lease.job.worker)
    for change in (
        lambda: opened().report(silent, done=9, total=9, note="late", log=""),
        lambda: opened().finish(silent, "done", result={"of": "the dead"}),
        lambda: opened().retry(silent, error="late"),
        lambda: opened().put_back(silent),
    ):
        with pytest.raises(LeaseLost):
            change()
    job = opened().find(job_id)
    assert ("running", 0, "", None) == (job.state, job.done, job.note, job.result)
    result = {"of": "the living"}
    assert result == opened().finish(lease, "done", result=result).result


def test_what_died_with_its_worker_is_begun_again_but_not_for_ever(
    opened: Callable[[], LeasingQueue], clock: Clock
) -> None:
    job_id = submit(opened()).id
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert attempt == claim(opened()).job.attempts
        clock.pass_(LEASE_SECONDS + 1)
    assert opened().claim("w") is None
    job = opened().find(job_id)
    assert ("failed", "its worker died; it was begun 3 times and is not begun again") == (
        job.state,
        job.error,
    )


def test_it_is_begun_as_often_as_was_asked(queue: LeasingQueue, clock: Clock) -> None:
    job_id = submit(queue, terms=Terms(attempts=1)).id
    claim(queue)
    clock.pass_(LEASE_SECONDS + 1)
    assert queue.claim("w") is None
    assert "failed" == queue.find(job_id).state


def test_what_was_to_end_when_its_worker_died_has_ended(queue: LeasingQueue, clock: Clock) -> None:
    job_id = submit(queue).id
    claim(queue)
    queue.cancel(job_id)
    clock.pass_(LEASE_SECONDS + 1)
    assert queue.claim("w") is None
    assert "cancelled" == queue.find(job_id).state


def test_what_failed_and_may_pass_is_made_again_later(queue: LeasingQueue, clock: Clock) -> None:
    job_id = submit(queue).id
    waits = queue.retry(claim(queue), error="busy", log="tried")
    assert ("queued", "busy", "tried", 1) == (waits.state, waits.error, waits.log, waits.attempts)
    assert waits.not_before is not None
    assert waits.not_before > clock.now
    clock.pass_((waits.not_before - clock.now).total_seconds() - 0.1)
    assert queue.claim("w") is None
    clock.pass_(0.2)
    again = claim(queue)
    assert (job_id, 2, "") == (again.job.id, again.job.attempts, again.job.error)


def test_what_failed_often_enough_has_failed(queue: LeasingQueue, clock: Clock) -> None:
    submit(queue, terms=Terms(attempts=2))
    queue.retry(claim(queue), error="busy")
    clock.pass_(1000)
    ended = queue.retry(claim(queue), error="still busy")
    assert ("failed", "still busy", 2) == (ended.state, ended.error, ended.attempts)


def test_what_is_put_back_counts_as_not_begun(queue: LeasingQueue) -> None:
    submit(queue)
    waits = queue.put_back(claim(queue))
    assert ("queued", 0, None) == (waits.state, waits.attempts, waits.started)
    assert 1 == claim(queue).job.attempts


def test_what_waits_again_goes_by_the_order_of_asking(queue: LeasingQueue, clock: Clock) -> None:
    ids = [submit(queue).id for _ in range(4)]
    first, second = claim(queue), claim(queue)
    queue.put_back(second)
    queue.put_back(first)
    assert ids[:2] == [claim(queue).job.id, queue.retry(claim(queue), error="busy").id]
    clock.pass_(1000)  # nothing was heard of the first, and the second is due
    assert ids == [claim(queue).job.id for _ in ids]


def test_it_waits_for_its_moment(queue: LeasingQueue, clock: Clock) -> None:
    later = submit(queue, terms=Terms(priority=9, not_before=clock.now + timedelta(minutes=5))).id
    first, second = submit(queue).id, submit(queue).id
    lease = claim(queue)
    assert first == lease.job.id
    queue.finish(lease, "done", result={})
    clock.pass_(301)
    assert [later, second] == [claim(queue).job.id for _ in range(2)]


def test_the_same_key_is_the_same_job(queue: LeasingQueue, clock: Clock) -> None:
    first = submit(queue, key="k")
    assert first.id == submit(queue, key="k").id
    assert first.id != submit(queue, key="k", who="another").id
    assert first.id != submit(queue).id
    with pytest.raises(InvalidRequest, match="another job"):
        submit(queue, "b", key="k")
    queue.cancel(first.id)
    clock.pass_(KEEP_SECONDS + 1)
    assert first.id != submit(queue, "b", key="k").id


def test_the_key_of_an_expired_job_is_free_though_many_more_expired(
    queue: LeasingQueue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = submit(queue, key="k")
    queue.cancel(first.id)
    clock.pass_(KEEP_SECONDS + 1)
    monkeypatch.setattr(turns, "BATCH", 0)  # as if a thousand others were forgotten before it
    assert first.id != submit(queue, "b", key="k").id


def test_ended_jobs_are_kept_as_long_as_was_asked(queue: LeasingQueue, clock: Clock) -> None:
    old = submit(queue).id
    short = submit(queue, terms=Terms(keep_seconds=60)).id
    waiting = submit(queue).id
    for _ in range(2):
        queue.finish(claim(queue), "done", result={})
    clock.pass_(59)
    assert "done" == queue.find(short).state
    clock.pass_(1)
    with pytest.raises(JobNotFound):
        queue.find(short)
    with pytest.raises(JobNotFound):
        queue.cancel(short)
    assert [waiting, old] == [job.id for job in queue.jobs()]
    assert (1, 1) == (queue.counts()["done"], queue.counts()["queued"])
    clock.pass_(KEEP_SECONDS)
    submit(queue)
    assert [waiting] == [job.id for job in queue.jobs()][1:]
    assert 0 == queue.counts()["done"]


def test_a_clock_that_goes_back_changes_no_order(queue: LeasingQueue, clock: Clock) -> None:
    first = submit(queue).id
    clock.wall -= 1000
    assert first < submit(queue).id
    assert first == claim(queue).job.id


@pytest.mark.parametrize("opened", ["embedded"], indirect=True)  # Redis has one clock for all
@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_clock_that_is_set_takes_no_job_from_its_worker(
    queue: LeasingQueue, clock: Clock, jump: float
) -> None:
    submit(queue)
    lease = claim(queue)
    clock.wall += jump
    clock.pass_(LEASE_SECONDS - 1)
    assert queue.claim("other") is None
    clock.pass_(2)
    assert lease.job.id == claim(queue, "other").job.id


@pytest.mark.parametrize("opened", ["embedded"], indirect=True)
@pytest.mark.parametrize("wall", [-3600.0, LEASE_SECONDS + 1])
def test_a_machine_that_started_again_has_no_worker_of_before(
    queue: LeasingQueue, clock: Clock, wall: float
) -> None:
    job_id = submit(queue).id
    claim(queue)
    clock.wall, clock.ticks, clock.boot = clock.wall + wall, 30.0, "second"
    assert job_id == claim(queue).job.id


def test_too_many_are_refused(queue: LeasingQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (ledger, rq_ledger):
        monkeypatch.setattr(kind, "MAX_WAITING", 2)
    submit(queue)
    submit(queue)
    with pytest.raises(Overloaded):
        submit(queue)
    claim(queue)
    submit(queue)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (Terms(priority=11), "priority: expected -10 to 10, came 11"),
        (Terms(attempts=0), "attempts: expected 1 to 100, came 0"),
        (Terms(keep_seconds=math.nan), "keep_seconds"),
        (Terms(keep_seconds=0), "keep_seconds"),
        (Terms(keep_seconds=1e12), "keep_seconds"),
        (Terms(not_before=datetime(2030, 1, 1)), "not_before: expected a time zone"),  # noqa: DTZ001
    ],
)
def test_terms_that_none_can_have_are_refused(queue: LeasingQueue, terms: Terms, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        submit(queue, terms=terms)
    assert [] == queue.jobs()


@pytest.mark.parametrize("value", [math.nan, {1, 2}, object(), "x" * 2_000_000])
def test_parameters_that_are_no_json_are_refused(queue: LeasingQueue, value: object) -> None:
    with pytest.raises(InvalidRequest, match="parameters: expected"):
        queue.submit("verify", {"of": value}, collection="c", asked_by="local")


def test_odd_bytes_in_what_a_job_says_do_no_harm(queue: LeasingQueue) -> None:
    with pytest.raises(InvalidRequest, match="Unicode"):
        submit(queue, key="\udcff")
    submit(queue)
    lease = claim(queue)
    queue.report(lease, done=0, total=0, note="a\udcff.tif", log="\udcff\0")
    ended = queue.finish(lease, "failed", error="a\udcff.tif: no image")
    assert "a?.tif: no image" == ended.error


def test_jobs_are_counted_by_state(opened: Callable[[], LeasingQueue]) -> None:
    assert dict.fromkeys(STATES, 0) == opened().counts()
    for name in "abcdef":
        submit(opened(), name)
    queue = opened()
    queue.finish(claim(queue), "done", result={})
    queue.finish(claim(queue), "failed", error="no")
    queue.cancel(claim(queue).job.id)
    queue.cancel(submit(queue).id)
    assert {"queued": 3, "running": 1, "done": 1, "failed": 1, "cancelled": 1} == queue.counts()


def test_jobs_are_given_page_by_page(queue: LeasingQueue) -> None:
    ids = [submit(queue).id for _ in range(7)][::-1]
    pages, before = list[list[str]](), ""
    while page := [job.id for job in queue.jobs(before=before, limit=3)]:
        pages.append(page)
        before = page[-1]
    assert [ids[:3], ids[3:6], ids[6:]] == pages
    queue.cancel(ids[2])
    assert ids[3:] == [job.id for job in queue.jobs(before=ids[2])]


def test_nobody_finds_what_is_not_there(queue: LeasingQueue) -> None:
    for ask in (queue.find, queue.cancel):
        with pytest.raises(JobNotFound):
            ask("0" * 16)
    with pytest.raises(ScheduleNotFound):
        queue.remove_schedule("nightly")


def test_schedules_are_kept_by_name(opened: Callable[[], LeasingQueue], clock: Clock) -> None:
    asked = nightly(clock)
    assert [] == opened().schedules()
    assert asked == opened().put_schedule(asked)
    other = opened().put_schedule(nightly(clock, name="hourly", cron="0 * * * *", priority=-3))
    assert [other, asked] == opened().schedules()
    opened().remove_schedule("hourly")
    assert [asked] == opened().schedules()


@pytest.mark.parametrize(
    "more",
    [
        {"cron": "30 2 * *"},
        {"cron": "0 30 2 * * *"},
        {"cron": "61 2 * * *"},
        {"cron": "0 0 30 2 *"},
        {"cron": "0 0 1 1 " + "1," * 200},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"timezone": "Europe"},
        {"timezone": ""},
        {"name": "a/b"},
        {"name": ""},
        {"priority": 99},
        {"parameters": {"a": math.nan}},
        {"created": datetime(2030, 1, 1)},  # noqa: DTZ001
    ],
)
def test_a_schedule_that_cannot_be_is_refused(
    queue: LeasingQueue, clock: Clock, more: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        queue.put_schedule(nightly(clock, **more))
    assert [] == queue.schedules()


def test_a_moment_is_asked_for_once(opened: Callable[[], LeasingQueue], clock: Clock) -> None:
    schedule = opened().put_schedule(nightly(clock, priority=5))
    moment = clock.now + timedelta(hours=1)
    job = opened().fire(schedule, moment)
    assert job is not None
    assert ("verify", {"collection": "c"}, "key:ä", "nightly", 5, "queued") == (
        job.task,
        job.parameters,
        job.asked_by,
        job.schedule,
        job.priority,
        job.state,
    )
    assert opened().fire(schedule, moment) is None
    assert opened().fire(schedule, moment - timedelta(minutes=1)) is None
    (stored,) = opened().schedules()
    assert moment == stored.last
    assert opened().fire(stored, moment + timedelta(days=1)) is not None
    assert 2 == opened().counts()["queued"]


def test_what_is_gone_or_changed_is_not_fired(queue: LeasingQueue, clock: Clock) -> None:
    before = queue.put_schedule(nightly(clock))
    clock.pass_(60)
    after = queue.put_schedule(nightly(clock, cron="30 3 * * *"))
    moment = clock.now + timedelta(hours=1)
    assert queue.fire(before, moment) is None
    queue.remove_schedule(after.name)
    assert queue.fire(after, moment) is None
    clock.pass_(60)
    queue.put_schedule(replace(after, created=clock.now))  # set up again: nothing of before
    assert queue.fire(after, moment) is None
    assert [] == queue.jobs()


def test_the_same_schedule_again_changes_nothing(queue: LeasingQueue, clock: Clock) -> None:
    schedule = queue.put_schedule(nightly(clock))
    queue.fire(schedule, clock.now)
    clock.pass_(60)
    again = queue.put_schedule(nightly(clock))
    assert (schedule.created, schedule.created) == (again.created, again.last)
    changed = queue.put_schedule(nightly(clock, priority=1))
    assert (clock.now, None) == (changed.created, changed.last)


def test_the_longest_wait_of_those_in_line_is_told(queue: LeasingQueue, clock: Clock) -> None:
    assert 0.0 == queue.wait_seconds()
    first = submit(queue, "a")
    clock.pass_(60)
    submit(queue, "b", terms=Terms(priority=5))
    clock.pass_(30)
    assert 90.0 == pytest.approx(queue.wait_seconds(), abs=0.01)
    assert "b" == claim(queue).job.collection  # it passed the other, which waits on
    assert 90.0 == pytest.approx(queue.wait_seconds(), abs=0.01)
    queue.cancel(first.id)
    assert 0.0 == queue.wait_seconds()


def test_who_waits_for_a_moment_waits_from_then_on(queue: LeasingQueue, clock: Clock) -> None:
    submit(queue, terms=Terms(not_before=clock.now + timedelta(hours=1)))
    clock.pass_(3500)
    assert 0.0 == queue.wait_seconds()
    clock.pass_(200)
    assert 100.0 == pytest.approx(queue.wait_seconds(), abs=0.01)
    claim(queue)
    assert 0.0 == queue.wait_seconds()


def test_behind_those_that_were_cancelled_the_next_waits(queue: LeasingQueue, clock: Clock) -> None:
    gone = [submit(queue, name).id for name in "abc"]
    clock.pass_(10)
    submit(queue, "d")
    for one in gone:
        queue.cancel(one)
    clock.pass_(5)
    assert 5.0 == pytest.approx(queue.wait_seconds(), abs=0.01)


def test_it_is_told_whether_anybody_takes_jobs(queue: LeasingQueue, tmp_path: Path) -> None:
    assert not queue.is_attended()
    worker = Presence(tmp_path / "jobs")  # what a worker does, whichever queue it is
    worker.enter()
    queue.attend("w")
    assert queue.is_attended()
    worker.leave()


def test_no_two_threads_take_the_same_job(opened: Callable[[], LeasingQueue]) -> None:
    ids = {submit(opened()).id for _ in range(20)}
    shared = opened()
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda at: (shared, opened())[at % 2].claim("w"), range(20)))
    assert ids == {lease.job.id for lease in taken if lease}


def _started(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROCESS, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_no_two_processes_take_the_same_job(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    queue = EmbeddedQueue(path)
    ids = [submit(queue).id for _ in range(40)]
    workers = [_started("claim", path) for _ in range(2)]
    taken = [one.communicate("\n", timeout=60)[0].split() for one in workers]
    assert ids == sorted(taken[0] + taken[1])


def test_two_schedulers_in_two_processes_ask_once(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "jobs.sqlite"
    EmbeddedQueue(path).put_schedule(nightly(clock, cron="* * * * *"))
    schedulers = [_started("fire", path) for _ in range(2)]
    for minute in range(1, 41):
        for one in schedulers:
            assert one.stdin is not None
            one.stdin.write(f"{START + minute * 60}\n")
            one.stdin.flush()
        said = [one.stdout.readline().strip() for one in schedulers if one.stdout]
        assert [0, 1] == sorted(len(json.loads(text)) for text in said)
    for one in schedulers:
        one.communicate(timeout=60)
    assert 40 == EmbeddedQueue(path).counts()["queued"]


def test_a_kill_within_any_statement_loses_nothing(tmp_path: Path) -> None:
    done = _started("kill", tmp_path, "97")
    told = json.loads(done.communicate(timeout=120)[0])
    assert [] == told["wrong"]
    assert told["kills"] > 20


def test_no_room_is_said_and_loses_nothing(tmp_path: Path) -> None:
    done = _started("fill", tmp_path / "jobs.sqlite")
    told = json.loads(done.communicate(timeout=120)[0])
    assert ["DiskFull"] * 5 == told["refused"]
    assert told["acknowledged"]
    assert told["acknowledged"] == told["found"][: len(told["acknowledged"])]
    assert 1 == len(told["found"]) - len(told["acknowledged"])  # asked for once there was room
    assert {"queued": len(told["found"]), "running": 0, "done": 1} == told["counts"]
