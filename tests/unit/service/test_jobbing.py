"""What doors take for jobs, who sees them, and files in parts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from satseek.assemble import Assembly
from satseek.errors import InvalidRequest, PermissionDenied
from satseek.jobs.protocol import Job, TaskName, Terms
from satseek.jobs.results import ResultFile
from satseek.jobs.revisions import is_news, revision_of
from satseek.jobs.tasks import TASKS
from satseek.service.access.principals import LOCAL, SCOPES, Principal
from satseek.service.jobbing_asking import EXAMPLES, JOBS, WORKS, AskedJob, job_asked, work_asked
from satseek.service.jobbing_checks import NEEDED, check, sees
from satseek.service.jobbing_files import Opened, sent
from satseek.service.jobbing_showing import details, files_of
from satseek.service.running import Running
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.responses import Response

JOB = Job(
    id="0123456789abcdef",
    task="verify",
    parameters={"collection": "county"},
    collection="county",
    asked_by="key:ada",
    state="running",
    created=datetime(2025, 5, 4, tzinfo=UTC),
)


def principal(name: str, *scopes: Any, **more: Any) -> Principal:
    return Principal(name=name, kind="key", scopes=frozenset(scopes) or SCOPES["operator"], **more)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Running]:
    assembly = Assembly(
        Settings(data_dir=tmp_path, collection_groups={"county": ("staff",)}, reference_roots=())
    )
    running = Running.of(assembly)
    yield running
    running.decoding.close()
    running.answers.close()
    running.jobs.close()
    assembly.close()


def test_every_task_can_be_asked_for_with_its_example() -> None:
    assert set(TASKS) == set(JOBS) == set(WORKS) == set(EXAMPLES)
    for name in TASKS:
        asked = job_asked(name, EXAMPLES[name])
        assert TASKS[name].model_validate(asked.parameters()).about() == asked.about()
        assert asked.terms() == Terms()
        assert isinstance(asked, TASKS[name])
        assert work_asked(name, EXAMPLES[name]).parameters() == asked.parameters()


def test_terms_go_beside_what_the_task_needs() -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    terms = {"priority": -3, "attempts": 1, "keep_seconds": 60, "not_before": later.isoformat()}
    asked = job_asked("verify", {"collection": "county", **terms})
    assert {"collection": "county"} == asked.parameters()
    assert asked.terms() == Terms(priority=-3, attempts=1, keep_seconds=60, not_before=later)


@pytest.mark.parametrize(
    "terms",
    [
        {"priority": 11},
        {"attempts": 0},
        {"attempts": 11},
        {"keep_seconds": 59},
        {"keep_seconds": 31 * 86400},
        {"keep_seconds": float("inf")},
        {"not_before": "2025-05-04T10:00:00"},
        {"not_before": "9999-12-31T23:59:59Z"},
        {"not_after": "2025-05-04T10:00:00Z"},
    ],
)
def test_terms_that_cannot_be_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(RequestValidationError):
        job_asked("verify", {"collection": "county", **terms})
    with pytest.raises(RequestValidationError):
        work_asked("verify", {"collection": "county", **terms})


def test_a_moment_long_ago_is_now() -> None:
    asked = job_asked("verify", {"collection": "a", "not_before": "0001-01-01T00:00:00+14:00"})
    assert asked.terms().not_before == datetime(1970, 1, 1, tzinfo=UTC)


def test_an_unknown_task_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="'dance'"):
        job_asked("dance", {})
    with pytest.raises(InvalidRequest, match="'dance'"):
        work_asked("dance", {})


def test_a_job_about_no_collection_is_its_askers_and_admins(shared: Running) -> None:
    alone = replace(JOB, collection="")
    admin = principal("key:root", *SCOPES["admin"])
    for who, expected in (
        (principal("key:ada"), True),
        (principal("key:eve"), False),
        (admin, True),
        (LOCAL, True),
    ):
        assert sees(who, alone, shared) is expected, who.name


def test_a_job_is_seen_by_who_sees_its_collection(shared: Running) -> None:
    assert not sees(principal("key:ada"), JOB, shared)
    assert sees(principal("key:eve", groups=frozenset({"staff"})), JOB, shared)


@pytest.mark.parametrize("task", TASKS)
def test_no_task_is_asked_for_without_its_scopes(task: TaskName, shared: Running) -> None:
    asked = job_asked(task, EXAMPLES[task])
    assert isinstance(asked, AskedJob)
    needed = {"jobs", TASKS[task].scope, *([NEEDED[task]] if task in NEEDED else [])}
    for left_out in needed:
        with pytest.raises(PermissionDenied, match=left_out):
            check(asked, shared, principal("key:ada", *(SCOPES["admin"] - {left_out})))


def test_what_changes_makes_another_revision() -> None:
    first = revision_of(JOB)
    changes: list[dict[str, Any]] = [
        {"done": 1}, {"total": 2}, {"note": "a"}, {"log": "a"}, {"state": "queued"},
        {"attempts": 1}, {"cancelling": True}, {"error": "a"},
    ]  # fmt: skip
    others = {revision_of(replace(JOB, **one)) for one in changes}
    assert len(others | {first}) == len(changes) + 1
    assert not is_news(JOB, first)
    assert not is_news(JOB, None)
    assert is_news(replace(JOB, done=1), first)
    assert not is_news(replace(JOB, done=1), None)
    failed = replace(JOB, state="failed")
    assert is_news(failed, None)
    assert is_news(failed, revision_of(failed))


def test_what_is_shown_names_no_folder() -> None:
    files = [{"name": "b.csv", "path": "try-1/b.csv"}, {"name": "a.csv", "path": "try-1/a.csv"}]
    job = replace(
        JOB,
        state="done",
        result={"chips": 3, "files": files},
        log="/srv/scenes/north.tif: cut short",
        error="/srv/scenes/north.tif: cut short",
    )
    shown = details(job)
    assert shown.result == {"chips": 3, "files": [{"name": "a.csv"}, {"name": "b.csv"}]}
    assert files_of(job) == shown.result["files"]
    assert ("north.tif: cut short",) * 2 == (shown.log, shown.error)


CONTENT = bytes(range(100))
TAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'


def answer(path: Path, **headers: str) -> tuple[Response, bytes]:
    path.write_bytes(CONTENT)
    facts = ResultFile(
        name="ä table.csv",
        path=path,
        bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        media_type="text/csv",
    )
    given = Headers({name.replace("_", "-"): text for name, text in headers.items()})
    response = sent(Opened(facts=facts, content=path.open("rb")), given)

    async def read() -> bytes:
        return b"".join([part async for part in getattr(response, "body_iterator", _none())])

    return response, anyio.run(read)


async def _none() -> Any:
    for part in b"":
        yield part


@pytest.mark.parametrize(
    ("asked", "status", "told", "expected"),
    [
        ({}, 200, None, CONTENT),
        ({"range": "bytes=0-9"}, 206, "bytes 0-9/100", CONTENT[:10]),
        ({"range": "bytes=90-"}, 206, "bytes 90-99/100", CONTENT[90:]),
        ({"range": "bytes=-5"}, 206, "bytes 95-99/100", CONTENT[95:]),
        ({"range": "bytes=-500"}, 206, "bytes 0-99/100", CONTENT),
        ({"range": "bytes=50-500"}, 206, "bytes 50-99/100", CONTENT[50:]),
        ({"range": "bytes=9-3"}, 200, None, CONTENT),
        ({"range": "bytes=-"}, 200, None, CONTENT),
        ({"range": "bytes=0-1,5-6"}, 200, None, CONTENT),
        ({"range": "rows=0-1"}, 200, None, CONTENT),
        ({"range": "bytes=0-9", "if_range": TAG}, 206, "bytes 0-9/100", CONTENT[:10]),
        ({"range": "bytes=0-9", "if_range": '"another"'}, 200, None, CONTENT),
        ({"if_none_match": f'"another", W/{TAG}'}, 304, None, b""),
        ({"if_none_match": '"another"'}, 200, None, CONTENT),
    ],
)
def test_a_file_is_sent_as_asked(
    asked: dict[str, str], status: int, told: str | None, expected: bytes, tmp_path: Path
) -> None:
    response, content = answer(tmp_path / "file", **asked)
    assert (status, expected) == (response.status_code, content)
    assert TAG == response.headers["etag"]
    assert told == response.headers.get("content-range")
    if status != 304:
        assert str(len(expected)) == response.headers["content-length"]
        assert "filename*=UTF-8''%C3%A4%20table.csv" in response.headers["content-disposition"]


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(asked: str, tmp_path: Path) -> None:
    with pytest.raises(HTTPException) as refused:
        answer(tmp_path / "file", range=asked)
    assert 416 == refused.value.status_code
    assert {"content-range": "bytes */100"} == refused.value.headers
