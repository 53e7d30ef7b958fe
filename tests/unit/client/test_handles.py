"""Waiting for a job that changes, ends, or whose server is away for a while."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from satseek.client import handles
from satseek.client.handles import AsyncJobHandle, JobHandle
from satseek.client.jobs import Job
from satseek.errors import JobNotFound, ServerUnreachable

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.client.jobs import JobFile

JOB = Job(
    id="1",
    task="verify",
    collection="county",
    state="queued",
    done=0,
    total=0,
    created=datetime(2025, 5, 4, tzinfo=UTC),
    revision="a",
)
RUNNING = replace(JOB, state="running", revision="b")
DONE = replace(JOB, state="done", revision="c")


class Told:
    """Jobs as a list says: what is looked at is told once, and the last one again and again."""

    def __init__(self, *told: Job | Exception) -> None:
        self.told = list(told)
        self.asked: list[str | None] = []

    def look(self, _: str, *, wait_s: float, seen: str | None) -> Job:
        assert wait_s >= 0
        self.asked.append(seen)
        one = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        if isinstance(one, Exception):
            raise one
        return one

    def end(self, _: str, /) -> Job:
        return replace(JOB, state="cancelled")

    def fetch(self, job_id: str, one: JobFile, place: Path) -> None:
        raise NotImplementedError


class AsyncTold:
    """The same, awaited."""

    def __init__(self, *told: Job | Exception) -> None:
        self._told = Told(*told)

    async def look(self, job_id: str, *, wait_s: float, seen: str | None) -> Job:
        return self._told.look(job_id, wait_s=wait_s, seen=seen)

    async def end(self, job_id: str, /) -> Job:
        return self._told.end(job_id)

    async def fetch(self, job_id: str, one: JobFile, place: Path) -> None:
        self._told.fetch(job_id, one, place)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "LEAST_SECONDS", 0.01)
    monkeypatch.setattr(handles, "AWAY_PAUSE_SECONDS", 0.01)


AWAY = ServerUnreachable("nobody answers")


def test_every_change_is_told_once() -> None:
    heard: list[Job] = []
    jobs = Told(JOB, RUNNING, RUNNING, DONE)
    job = JobHandle(jobs, JOB).wait(on_progress=heard.append)
    assert ([RUNNING, DONE], "done") == (heard, job.state)
    assert ["a", "a", "b", "b"] == jobs.asked


def test_only_the_end_is_asked_for_where_nobody_listens() -> None:
    jobs = Told(RUNNING, DONE)
    assert JobHandle(jobs, JOB).wait().ended
    assert [None, None] == jobs.asked


def test_what_has_ended_is_not_asked_for() -> None:
    jobs = Told(AWAY)
    assert "done" == JobHandle(jobs, DONE).wait().state
    assert [] == jobs.asked


def test_a_wait_ends_with_its_time() -> None:
    job = JobHandle(Told(JOB), JOB).wait(0.05)
    assert ("queued", False) == (job.state, job.ended)


def test_a_server_that_is_away_for_a_while_is_outlasted() -> None:
    heard: list[Job] = []
    told = (AWAY, AWAY, RUNNING, AWAY, DONE)
    assert JobHandle(Told(*told), JOB).wait(on_progress=heard.append).ended
    assert [RUNNING, DONE] == heard

    async def wait() -> AsyncJobHandle:
        return await AsyncJobHandle(AsyncTold(*told), JOB).wait(on_progress=heard.append)

    assert asyncio.run(wait()).ended
    assert [RUNNING, DONE] * 2 == heard


def test_one_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "AWAY_SECONDS", 0.05)
    with pytest.raises(ServerUnreachable):
        JobHandle(Told(AWAY), JOB).wait()
    assert "queued" == JobHandle(Told(AWAY), JOB).wait(0.02).state


def test_whoever_answers_now_and_then_is_not_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "AWAY_SECONDS", 0.5)
    monkeypatch.setattr(handles, "AWAY_PAUSE_SECONDS", 0.2)
    assert JobHandle(Told(AWAY, AWAY, RUNNING, AWAY, AWAY, DONE), JOB).wait().ended


def test_a_job_that_is_gone_is_told_at_once() -> None:
    with pytest.raises(JobNotFound):
        JobHandle(Told(JobNotFound("no job")), JOB).wait()


def test_a_handle_shows_how_it_was_seen_last() -> None:
    job = JobHandle(Told(RUNNING), JOB)
    assert ("1", "queued", None, "", ()) == (job.id, job.state, job.error, job.log, job.files)
    assert "running" == job.look().state
    assert "cancelled" == job.cancel().state
    assert "<JobHandle 1 verify cancelled>" == repr(job)
