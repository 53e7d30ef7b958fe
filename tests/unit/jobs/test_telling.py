"""What crosses between whoever waits for partitions and a worker elsewhere."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from satseek import errors
from satseek.errors import Conflict, DiskFull, FolderNotFound, SatseekError, kind_named
from satseek.jobs.executors.telling import answer, ask, one_line, read_answer

if TYPE_CHECKING:
    from pathlib import Path


def _partition(work: Path) -> dict[str, object]:
    return {"name": "0" * 32, "work": str(work), "spec": "{}", "settings": {}, "pieces": [{}]}


def test_worker_of_other_packages_refuses(tmp_path: Path) -> None:
    asked = json.loads(ask(_partition(tmp_path)))
    asked["versions"]["numpy"] = "1.0"
    with pytest.raises(Conflict, match=rf"^expected numpy 1\.0 .* found {version('numpy')}; inst"):
        read_answer(answer(json.dumps(asked)))


def test_what_nobody_foresaw_is_told_on_one_line(tmp_path: Path) -> None:
    asked = json.loads(ask(_partition(tmp_path)))
    asked["partition"]["pieces"] = [{"scene": "{}"}]
    with pytest.raises(SatseekError, match=r"^KeyError: "):
        read_answer(answer(json.dumps(asked)))


def test_what_came_of_it_is_given() -> None:
    assert {"chips": 3} == read_answer(json.dumps({"told": {"chips": 3}}))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("DiskFull", DiskFull),
        ("FolderNotFound", FolderNotFound),
        ("KeyError", SatseekError),
        ("ClassVar", SatseekError),
        ("annotations", SatseekError),
    ],
)
def test_kinds_of_errors_are_found_by_name(name: str, kind: type[SatseekError]) -> None:
    assert kind is kind_named(name)


def test_every_kind_is_found() -> None:
    kinds = [one for one in vars(errors).values() if isinstance(one, type)]
    missed = [
        one
        for one in kinds
        if issubclass(one, SatseekError) and one is not kind_named(one.__name__)
    ]
    assert [] == missed


def test_long_messages_become_one_short_line() -> None:
    assert "a b" == one_line(ValueError("a\n\tb"))
    assert f"{'x' * 20}…" == one_line(ValueError("x" * 50), letters=20)
    assert "TimeoutError" == one_line(TimeoutError())
