"""A queue in a real Redis that is killed, away, full, forgetful, copied, or looked into by RQ."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from redisserving import KEEPS, needs_redis, running_redis, running_sentinel

from satseek.errors import (
    DamagedData,
    DependencyMissing,
    DiskFull,
    InvalidRequest,
    InvalidSettings,
    JobNotFound,
    LeaseLost,
    Overloaded,
    SatseekError,
    ServerUnreachable,
)
from satseek.jobs.protocol import LEASE_SECONDS, Schedule, Terms
from satseek.jobs.queues import examined, worker_for
from satseek.jobs.rqueue import lasting, ledger, steps
from satseek.jobs.rqueue.connecting import connect
from satseek.jobs.rqueue.queue import RqQueue
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from redisserving import RedisServer

    from satseek.jobs.protocol import Job, Lease

pytestmark = needs_redis

SETTLED_S = 20.0
"""Longest wait for what happens elsewhere."""

AT_ONCE = ("--repl-diskless-sync-delay", "0")
"""A master that waits for no second replica before it sends what it has."""


YEARLY = Schedule(
    name="yearly",
    cron="0 0 1 1 *",
    timezone="UTC",
    task="verify",
    parameters={},
    collection="",
    asked_by="me",
    created=datetime(2026, 5, 1, tzinfo=UTC),
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path / "redis", *KEEPS) as running:
        yield running


@pytest.fixture
def queue(server: RedisServer) -> Iterator[RqQueue]:
    opened = RqQueue(server.url)
    yield opened
    opened.close()


def submit(queue: RqQueue, name: str = "a", **more: Any) -> Job:
    return queue.submit("verify", {"collection": name}, collection=name, asked_by="me", **more)


def claim(queue: RqQueue, worker: str = "w") -> Lease:
    lease = queue.claim(worker)
    assert lease is not None
    return lease


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLED_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_what_was_accepted_outlives_a_killed_redis(server: RedisServer, queue: RqQueue) -> None:
    waiting = [submit(queue, name, key=name, terms=Terms(priority=1)).id for name in "ab"]
    lease = claim(queue)
    queue.report(lease, done=3, total=9, note="at work", log="so far")
    cancelled = queue.cancel(submit(queue).id).id
    server.restart()
    found = queue.find(lease.job.id)
    assert ("running", 3, 9, "so far") == (found.state, found.done, found.total, found.log)
    assert ["cancelled", "queued"] == [queue.find(one).state for one in (cancelled, waiting[1])]
    assert waiting[1] == submit(queue, "b", key="b").id
    for log in ("so far", "so far\nand on"):  # sent where it changed
        assert queue.report(lease, done=4, total=9, note="", log=log) is False
        assert log == queue.find(lease.job.id).log
    assert "done" == queue.finish(lease, "done", result={"n": 1}).state
    server.restart()
    assert {"n": 1} == queue.find(lease.job.id).result
    assert waiting[1] == claim(queue).job.id


def test_while_redis_is_away_nothing_is_promised_and_nothing_taken_over(
    server: RedisServer, queue: RqQueue
) -> None:
    submit(queue)
    lease = claim(queue)
    server.kill()
    for ask in (
        lambda: submit(queue),
        lambda: queue.find(lease.job.id),
        queue.jobs,
        queue.counts,
        lambda: queue.claim("w"),
        lambda: queue.report(lease, done=1, total=1, note="", log=""),
        lambda: queue.finish(lease, "done", result={}),
    ):
        with pytest.raises(ServerUnreachable, match="does not answer"):
            ask()
    assert "down: ConnectionRefusedError" == queue.state()
    server.start()
    assert "up" == queue.state()
    with server.client() as client:  # as if it had been away for longer than a lease
        key = "rq:wip:satseek"
        client.zadd(key, {client.zrange(key, 0, -1)[0]: time.time() - 1})
    for _ in range(2):
        assert queue.claim("w") is None
    assert "running" == queue.find(lease.job.id).state
    other = RqQueue(server.url)
    assert lease.job.id == claim(other).job.id  # it has never found Redis away
    other.close()
    with pytest.raises(LeaseLost):
        queue.report(lease, done=1, total=1, note="", log="")


def test_who_found_redis_away_takes_over_once_workers_could_be_heard(
    server: RedisServer, queue: RqQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(queue)
    server.kill()
    with pytest.raises(ServerUnreachable):
        queue.counts()
    server.start()
    claim(queue)
    now = time.monotonic()
    monkeypatch.setattr(steps.time, "monotonic", lambda: now + LEASE_SECONDS + 1)
    with server.client() as client:
        key = "rq:wip:satseek"
        client.zadd(key, {client.zrange(key, 0, -1)[0]: time.time() - 1})
    assert 2 == claim(queue).job.attempts


def test_no_password_is_repeated(tmp_path: Path) -> None:
    password = "hush-hush"  # noqa: S105 - of this test alone
    settings = (*KEEPS, "--requirepass", password)
    with running_redis(tmp_path, *settings, password=password) as server:
        right = RqQueue(server.url)
        submit(right)
        right.close()
        wrong = RqQueue(server.url.replace(password, "open-sesame"))
        with pytest.raises(ServerUnreachable) as caught:
            submit(wrong)
        wrong.close()
    assert "open-sesame" not in str(caught.value)
    assert "AuthenticationError" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://host/0",
        "redis://host:port/0",
        "redis+sentinel://host",
        "redis+sentinel:///name",
        "redis+sentinel://host:port/name",
        "redis+sentinel://host/name/one",
    ],
)
def test_an_address_that_is_none_is_refused_unseen(url: str) -> None:
    with pytest.raises(InvalidSettings, match="expected redis://") as caught:
        connect(url)
    assert url not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("--appendonly", "no"), "append-only file"),
        ((*KEEPS, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"), "noeviction"),
    ],
)
def test_a_redis_that_would_forget_is_refused(
    tmp_path: Path, settings: tuple[str, ...], said: str
) -> None:
    with running_redis(tmp_path, *settings) as server:
        queue = RqQueue(server.url)
        with pytest.raises(SatseekError, match=said):
            submit(queue)
        with pytest.raises(SatseekError, match=said):
            examined(queue)
        with pytest.raises(SatseekError, match=said):
            worker_for(queue, Settings(data_dir=tmp_path / "data"))
        assert [] == queue.jobs()
        queue.close()


def test_a_redis_that_keeps_jobs_says_how(queue: RqQueue) -> None:
    assert "RQ on Redis: its disk is written before it answers" == examined(queue)


def test_a_redis_that_cannot_be_waited_for_or_asked_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lasting, "WAITAOF_FROM", (99, 0))
    with running_redis(tmp_path, "--appendonly", "yes") as server:
        queue = RqQueue(server.url)
        with caplog.at_level(logging.WARNING):
            submit(queue)
            submit(queue)
        assert ["once a second" in line for line in caplog.messages] == [True]
        caplog.clear()
        with server.client() as client:
            client.acl_setuser("default", enabled=True, commands=["-config"])
        other = RqQueue(server.url)
        with caplog.at_level(logging.WARNING):
            submit(other)
        assert ["does not say" in line for line in caplog.messages] == [True]
        queue.close()
        other.close()


def test_a_redis_without_memory_takes_no_job_but_lets_those_at_work_end(
    server: RedisServer, queue: RqQueue
) -> None:
    submit(queue)
    waiting = submit(queue).id
    lease = claim(queue)
    with server.client() as client:
        client.config_set("maxmemory", 1)
        with pytest.raises(DiskFull, match="memory"):
            submit(queue)
        assert queue.report(lease, done=1, total=2, note="", log="x") is False
        assert "cancelled" == queue.cancel(waiting).state
        assert "done" == queue.finish(lease, "done", result={"n": 1}).state
        assert queue.claim("w") is None
        assert (0, 1, 1) == tuple(queue.counts()[name] for name in ("queued", "done", "cancelled"))
        client.config_set("maxmemory", 0)
    assert "queued" == submit(queue).state


def test_two_at_once_with_one_key_get_one_job(server: RedisServer) -> None:
    queues = [RqQueue(server.url) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            jobs = list(pool.map(lambda queue: submit(queue, key="k"), queues))
    assert 1 == len({job.id for job in jobs})
    assert 1 == queues[0].counts()["queued"]
    for queue in queues:
        queue.close()


def test_a_replica_has_what_was_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting, "DISK_MS", 300)
    with running_redis(tmp_path / "master", *KEEPS, *AT_ONCE) as master:
        queue, near = RqQueue(master.url, replicas=1), RqQueue(master.url)
        for told in (
            lambda: submit(queue, key="first"),
            lambda: queue.cancel(submit(near).id),
            lambda: queue.put_schedule(YEARLY),
            lambda: queue.fire(YEARLY, YEARLY.created),
            lambda: queue.remove_schedule(YEARLY.name),
        ):
            with pytest.raises(ServerUnreachable, match="1 replicas"):
                told()
        assert [] == near.schedules()  # it was done all the same, as the message says it may be
        of_master = ("--replicaof", "127.0.0.1", str(master.port))
        with running_redis(tmp_path / "replica", *KEEPS, *of_master) as replica:
            directly = RqQueue(replica.url)
            with replica.client() as client:
                until(lambda: client.info("replication")["master_link_status"] == "up")
                job = submit(queue, key="first")
                while (lease := claim(queue)).job.id != job.id:
                    queue.finish(lease, "done", result={})
                key = f"rq:job:{job.id}"  # what a worker tells is not waited for
                until(lambda: client.hget(key, "status") == b"started")
                with pytest.raises(ServerUnreachable, match=r"READONLY|ReadOnly"):
                    submit(directly)
                master.kill()
                client.replicaof("NO", "ONE")
            assert job.id == directly.find(job.id).id
            assert "done" == directly.finish(lease, "done", result={}).state
            directly.close()
        queue.close()
        near.close()


def test_sentinels_lead_to_whoever_is_the_master_now(tmp_path: Path) -> None:
    with (
        running_redis(tmp_path / "first", *KEEPS, *AT_ONCE) as first,
        running_redis(
            tmp_path / "second", *KEEPS, "--replicaof", "127.0.0.1", str(first.port)
        ) as second,
        running_sentinel(tmp_path / "sentinel", first, "jobs") as address,
    ):
        with second.client() as client:
            until(lambda: client.info("replication")["master_link_status"] == "up")
        url = f"redis+sentinel://{address}/jobs/0"
        until(lambda: RqQueue(url).state() == "up")
        careful, queue = RqQueue(url, replicas=1), RqQueue(url)
        job = submit(careful)
        sentinel = connect(f"redis://{address}")
        until(lambda: sentinel.sentinel_master("jobs")["num-slaves"] == 1)
        first.kill()
        with pytest.raises(ServerUnreachable):
            submit(queue)
        until(lambda: queue.state() == "up")
        assert job.id == claim(queue).job.id
        for one in (careful, queue):
            one.close()


def test_rq_finds_jobs_where_it_keeps_them(server: RedisServer, queue: RqQueue) -> None:
    import rq  # noqa: PLC0415
    from rq.registry import CanceledJobRegistry  # noqa: PLC0415

    done, running = submit(queue).id, submit(queue, "b").id
    urgent = submit(queue, "c", terms=Terms(priority=3)).id
    cancelled = queue.cancel(submit(queue).id).id
    lease = claim(queue, "host-1")
    assert urgent == lease.job.id
    queue.finish(lease, "failed", error="no such scene", error_kind="FolderNotFound")
    queue.finish(claim(queue), "done", result={"chips": 3})
    claim(queue, "host-2")
    with server.client() as client:
        plain = rq.Queue("satseek", connection=client, serializer="json")
        high = rq.Queue("satseek+3", connection=client, serializer="json")
        assert {plain, high} == set(rq.Queue.all(connection=client, serializer="json"))
        assert [running] == plain.started_job_registry.get_job_ids()
        assert [done] == plain.finished_job_registry.get_job_ids()
        assert [urgent] == high.failed_job_registry.get_job_ids()
        assert [cancelled] == CanceledJobRegistry(queue=plain).get_job_ids()
        job = plain.fetch_job(done)
        assert job is not None
        assert {"chips": 3} == job.return_value()
        assert ("verify a", "finished") == (job.description, job.get_status().value)
        at_work = plain.fetch_job(running)
        assert at_work is not None
        assert ("host-2", "started") == (at_work.worker_name, at_work.get_status().value)
        assert {"collection": "b"} == at_work.kwargs["parameters"]


def test_what_rq_itself_gives_up_is_begun_again_once(server: RedisServer, queue: RqQueue) -> None:
    """RQ's tools clean registries up when they show them."""
    import rq  # noqa: PLC0415

    job_id = submit(queue).id
    silent = claim(queue)
    with server.client() as client:
        registry = rq.Queue("satseek", connection=client, serializer="json").started_job_registry
        client.zadd(registry.key, {f"{job_id}:{silent.token}": time.time() - 1})
        registry.cleanup()
    assert "queued" == queue.find(job_id).state
    with pytest.raises(LeaseLost):
        queue.finish(silent, "done", result={})
    again = claim(queue)
    assert (job_id, 2) == (again.job.id, again.job.attempts)
    assert queue.claim("w") is None


def test_a_worker_of_rqs_own_fails_the_job_with_a_hint(server: RedisServer, queue: RqQueue) -> None:
    import rq  # noqa: PLC0415

    job_id = submit(queue).id
    with server.client() as client:
        words = ["worker", "--burst", "--url", server.url, "--serializer", "json", "satseek"]
        subprocess.run(
            [sys.executable, "-m", "rq.cli", *words], check=True, capture_output=True, timeout=60
        )
        job = rq.Queue("satseek", connection=client, serializer="json").fetch_job(job_id)
        assert job is not None
        result = job.latest_result()
    assert result is not None
    assert "satseek worker" in str(result.exc_string)
    failed = queue.find(job_id)
    assert ("failed", "a worker or a tool of RQ's own ended it") == (failed.state, failed.error)
    assert queue.claim("w") is None


def test_a_worker_that_waits_writes_nothing(server: RedisServer, queue: RqQueue) -> None:
    submit(queue)
    queue.finish(claim(queue), "done", result={})
    with server.client() as client:
        before = client.info("persistence")["aof_current_size"]
        for _ in range(50):
            assert queue.claim("w") is None
            assert queue.schedules() == []
            queue.jobs()
            queue.counts()
        assert before == client.info("persistence")["aof_current_size"]


def test_news_are_called_out_also_after_redis_was_away(server: RedisServer, queue: RqQueue) -> None:
    heard: list[float] = []
    queue.listen(lambda: heard.append(time.monotonic()))
    until(lambda: bool(submit(queue)) and bool(heard))
    server.restart()
    heard.clear()
    until(lambda: bool(submit(queue)) and bool(heard))
    lease = claim(queue)
    heard.clear()
    queue.cancel(lease.job.id)
    until(lambda: bool(heard))


def test_thousands_that_were_cancelled_are_passed(queue: RqQueue) -> None:
    ids = [submit(queue).id for _ in range(30)]
    for job_id in ids[:-1]:
        queue.cancel(job_id)
    assert 1 == queue.counts()["queued"]
    assert ids[-1] == claim(queue).job.id
    assert (0, 1, 29) == tuple(queue.counts()[name] for name in ("queued", "running", "cancelled"))


def test_redis_itself_drops_what_nobody_comes_by_to_forget(
    server: RedisServer, queue: RqQueue
) -> None:
    job = submit(queue, key="k", terms=Terms(keep_seconds=60))
    queue.finish(claim(queue), "done", result={})
    with server.client() as client:
        left = {}
        for kind in ("rq:job", "rq:results", "satseek:jobs:key"):
            (name,) = client.keys(f"{kind}:*")
            left[kind] = client.ttl(name)
        assert all(60 <= seconds <= 60 + 3600 for seconds in left.values())
        client.delete(f"rq:job:{job.id}")
    with pytest.raises(JobNotFound):
        queue.find(job.id)
    assert [] == queue.jobs()
    assert job.id != submit(queue, "b", key="k").id


def test_a_job_that_is_not_what_was_written_is_said_to_be_damaged(
    server: RedisServer, queue: RqQueue
) -> None:
    job_id = submit(queue).id
    with server.client() as client:
        client.hset(f"rq:job:{job_id}", "data", b"\x80\x04cposix\nsystem\n")
    with pytest.raises(DamagedData, match=job_id):
        queue.find(job_id)


def test_a_full_queue_fires_later(queue: RqQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule, now = queue.put_schedule(YEARLY), YEARLY.created
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "MAX_WAITING", 0)
        with pytest.raises(Overloaded):
            queue.fire(schedule, now)
    assert queue.fire(schedule, now) is not None
    assert queue.fire(schedule, now) is None


def test_without_rq_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rq", None)
    with pytest.raises(DependencyMissing, match="satseek\\[rq\\]"):
        RqQueue("redis://127.0.0.1:1/0")


def test_no_job_is_made_of_parameters_that_are_none(queue: RqQueue) -> None:
    with pytest.raises(InvalidRequest):
        queue.submit("verify", {"of": object()}, collection="", asked_by="me")
    assert [] == queue.jobs()
