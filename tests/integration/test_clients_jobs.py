"""Jobs through the SDK: a server's, awaited or not, and a data folder's own."""

from __future__ import annotations

import asyncio
import csv
import inspect
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from serving import DATES, index, make_scenes, running_server

import satseek
from satseek.client.exporting import digested, saved
from satseek.client.handles import AsyncJobHandle, JobHandle
from satseek.client.jobbing import AsyncJobVerbs, JobVerbs
from satseek.embedded import Embedded
from satseek.errors import (
    CollectionNotFound,
    DamagedData,
    FolderNotFound,
    InvalidRequest,
    JobNotFound,
    ScheduleNotFound,
    UnsafeReference,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Server

    from satseek.client.jobs import Job

LABELS = ["a harbour", "a forest"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jobs")
    index(folder / "data", make_scenes(folder / "scenes"), "county")
    index(folder / "own", folder / "scenes", "county")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with running_server(folder / "data", reference_roots=str(folder)) as one:
        yield one


@pytest.fixture(params=["server", "embedded"])
def client(
    request: pytest.FixtureRequest, server: Server, folder: Path
) -> Iterator[satseek.Client | Embedded]:
    if request.param == "server":
        with satseek.Client(server.url) as one:
            yield one
        return
    with satseek.open(folder / "own") as other:
        yield other


def test_a_folder_is_classified_and_its_table_taken(
    client: satseek.Client | Embedded, folder: Path, tmp_path: Path
) -> None:
    heard: list[Job] = []
    job = client.submit("classify", folder=str(folder / "scenes"), labels=LABELS, cut="never")
    assert job.wait(90, on_progress=heard.append) is job
    assert ("done", None, "") == (job.state, job.error, job.job.collection), job.job
    assert heard[-1] == job.job
    (one,) = job.files
    path = job.download(one.name, tmp_path)
    assert path == tmp_path / one.name
    with path.open(encoding="utf-8", newline="") as file:
        assert [*DATES, "broken.tif"] == [one["id"][:10] for one in csv.DictReader(file)]
    assert [path] == list(tmp_path.iterdir())
    assert job.id == client.job(job.id).id == client.jobs()[0].id
    with pytest.raises(JobNotFound, match=one.name):
        job.download("none.csv")


def test_a_job_is_ended_and_asked_for_once(client: satseek.Client | Embedded) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    waiting = client.submit("verify", collection="county", not_before=later)
    assert ("queued", False) == (waiting.wait(0.3).state, waiting.ended)
    assert "cancelled" == waiting.cancel().state
    first = client.submit("verify", key="once", collection="county")
    assert first.id == client.submit("verify", key="once", collection="county").id
    assert "done" == client.wait(first, seconds=60).state
    assert "done" == first.cancel().state  # what has ended stays so
    assert first.id in {one.id for one in client.jobs(state="done")}
    assert [] == [one.id for one in client.jobs(state="failed")]


def test_schedules_are_set_up_shown_and_removed(client: satseek.Client | Embedded) -> None:
    made = client.put_schedule(
        "nightly", "30 3 * * *", "verify", timezone="Asia/Shanghai", collection="county"
    )
    assert ("verify", "county", "local", 3) == (
        made.task,
        made.collection,
        made.asked_by,
        len(made.next),
    )
    assert (made.next[0].hour, made.next[0].minute) == (19, 30)  # UTC
    assert [made] == client.schedules() == [client.schedule("nightly")]
    client.remove_schedule("nightly")
    for ask in (client.schedule, client.remove_schedule):
        with pytest.raises(ScheduleNotFound):
            ask("nightly")


def test_what_cannot_be_is_refused_likewise(client: satseek.Client | Embedded) -> None:
    with pytest.raises(InvalidRequest):
        client.submit("dance")
    with pytest.raises(InvalidRequest):
        client.submit("verify", collection="county", colour=1)
    with pytest.raises(CollectionNotFound):
        client.submit("verify", collection="nowhere")
    with pytest.raises((FolderNotFound, UnsafeReference)):
        client.submit("index", collection="a", folder="/nowhere")
    for ask in (client.job, client.cancel):
        with pytest.raises(JobNotFound):
            ask("0" * 16)


def test_the_async_client_waits_for_several_at_once(server: Server, tmp_path: Path) -> None:
    async def ask() -> list[AsyncJobHandle]:
        async with satseek.AsyncClient(server.url) as client:
            jobs = [await client.submit(task, collection="county") for task in ("verify", "tune")]
            done = list(await asyncio.gather(*(one.wait(60) for one in jobs)))
            export = await (await client.submit("export", collection="county")).wait(60)
            assert "done" == export.state, export.job
            await export.download(export.files[0].name, tmp_path / "all")
            assert {one.id for one in (*done, export)} <= {one.id for one in await client.jobs()}
            await client.put_schedule("weekly", "0 4 * * 1", "verify", collection="county")
            assert ["weekly"] == [one.name for one in await client.schedules()]
            await client.remove_schedule("weekly")
            return done

    assert ["done", "done"] == [one.state for one in asyncio.run(ask())]
    assert (tmp_path / "all").stat().st_size > 100


def verbs(kind: type) -> dict[str, str]:
    """Public verbs with what they take."""
    return {
        name: str(inspect.signature(verb).replace(return_annotation=""))
        for name, verb in vars(kind).items()
        if inspect.isfunction(verb) and not name.startswith("_")
    }


def test_all_have_the_same_verbs() -> None:
    ours = verbs(JobVerbs)
    assert ours == verbs(AsyncJobVerbs)
    assert verbs(JobHandle) == verbs(AsyncJobHandle)
    for name, taken in ours.items():
        assert taken == str(
            inspect.signature(getattr(Embedded, name)).replace(return_annotation="")
        )


def test_what_came_otherwise_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("before", encoding="utf-8")

    def save(expected: str) -> None:
        with saved(path) as file, digested(path, expected) as digest:
            file.write(b"after")
            digest.update(b"after")

    with pytest.raises(DamagedData, match=r"table\.csv"):
        save("0" * 64)
    assert "before" == path.read_text(encoding="utf-8")
