"""Files of jobs: seen when the queue took the result, gone when the job is."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import JobNotFound
from satseek.jobs.protocol import Job
from satseek.jobs.results import files_of, folder_of, new_try, open_file, sweep, told

if TYPE_CHECKING:
    from pathlib import Path

JOB = Job(
    id="0123456789abcdef",
    task="export",
    parameters={},
    collection="a",
    asked_by="local",
    state="done",
    created=datetime(2026, 1, 1, tzinfo=UTC),
)


def left(data: Path, content: bytes = b"rows") -> dict[str, Any]:
    with new_try(folder_of(data, JOB.id)) as folder:
        (folder / "labels.csv").write_bytes(content)
        return {"files": told(folder, media_types={"labels.csv": "text/csv; header=present"})}


def test_what_a_result_names_can_be_opened(tmp_path: Path) -> None:
    job = replace(JOB, result=left(tmp_path))
    found = open_file(tmp_path, job, "labels.csv")
    assert b"rows" == found.path.read_bytes()
    facts = (4, hashlib.sha256(b"rows").hexdigest(), "text/csv; header=present")
    assert facts == (found.bytes, found.sha256, found.media_type)
    assert [found] == files_of(tmp_path, job)


def test_the_next_try_clears_away_what_the_last_one_left(tmp_path: Path) -> None:
    abandoned = replace(JOB, result=left(tmp_path, b"half"))
    (folder_of(tmp_path, JOB.id) / "work").mkdir()
    job = replace(JOB, result=left(tmp_path))
    with pytest.raises(JobNotFound, match=r"labels\.csv"):
        open_file(tmp_path, abandoned, "labels.csv")
    assert b"rows" == open_file(tmp_path, job, "labels.csv").path.read_bytes()
    assert (folder_of(tmp_path, JOB.id) / "work").is_dir()


def test_a_try_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> None:
        with new_try(folder_of(tmp_path, JOB.id)) as folder:
            (folder / "labels.csv").write_bytes(b"half")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 (it is ours)
        broken()
    assert [] == list(folder_of(tmp_path, JOB.id).iterdir())


@pytest.mark.parametrize("name", ["other.csv", "../labels.csv", "", "labels.csv\0"])
def test_what_was_not_left_is_not_found(tmp_path: Path, name: str) -> None:
    job = replace(JOB, result=left(tmp_path))
    with pytest.raises(JobNotFound):
        open_file(tmp_path, job, name)


def test_a_result_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    result = left(tmp_path)
    result["files"][0]["path"] = "../../secret"
    with pytest.raises(JobNotFound):
        open_file(tmp_path, replace(JOB, result=result), "labels.csv")


def test_files_go_with_their_job(tmp_path: Path) -> None:
    left(tmp_path)
    other = tmp_path / "results" / "fedcba9876543210"
    beside = tmp_path / "results" / "not a job"
    other.mkdir()
    beside.mkdir()
    assert 0 == sweep(tmp_path, lambda _: True)
    assert 1 == sweep(tmp_path, lambda name: name != JOB.id)
    assert [True, True] == [other.is_dir(), beside.is_dir()]
    assert not folder_of(tmp_path, JOB.id).exists()
    assert 0 == sweep(tmp_path / "nowhere", lambda _: False)
