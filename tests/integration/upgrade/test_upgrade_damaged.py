"""One store of many that is damaged keeps no other from being raised, and is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from releasing import copied, unpacked
from typer.testing import CliRunner

from satseek.cli import upgrading
from satseek.cli.application import app
from satseek.errors import DamagedData, DiskFull
from satseek.formats import MARK
from satseek.settings import Settings
from satseek.upgrade import raising
from satseek.upgrade.lowering import planned
from satseek.upgrade.releases import FORMER
from satseek.upgrade.stores import state_of, stores_of

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from satseek.upgrade.stores import Store

COMMANDS = (upgrading,)
"""Its commands are there once it is imported."""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("release"))


@pytest.fixture
def data(packed: Path, tmp_path: Path) -> Path:
    return copied(packed, tmp_path / "data")


DAMAGED = {
    "monitor/runs/landuse/one/run.json": b"{",
    "monitor/findings.sqlite": b"no database at all" * 100,
    "collections/county/collection.sqlite": b"none either" * 100,
    f"concepts/{MARK}": b"two",
}
"""What is damaged, and how."""

STORES = ("monitor/runs/landuse/one/run.json", "monitor/findings.sqlite", "collections/county",
          "concepts")  # fmt: skip


def damage(data: Path) -> None:
    (data / "engines.json").write_text("[[")  # which is measured anew
    for path, content in DAMAGED.items():
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_bytes(content)


def run(data: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(data), *map(str, words)])


def states(data: Path) -> dict[str, str]:
    return {one.path.relative_to(data).as_posix(): state_of(one) for one in stores_of(data)}


def test_damaged_stores_are_told_and_the_others_raised(data: Path) -> None:
    damage(data)
    checked = run(data, "upgrade", "--check", "--json")
    assert isinstance(checked.exception, DamagedData)
    assert "(and 3 more)" in str(checked.exception)
    shown = {one["store"]: one for one in json.loads(checked.stdout)["stores"]}
    assert set(STORES) == {name for name, one in shown.items() if one["state"] == "damaged"}
    assert all("damage" in shown[name] and shown[name]["format"] is None for name in STORES)
    assert "engines.json" not in shown

    done = run(data, "upgrade", "--json")
    assert isinstance(done.exception, DamagedData)
    told = json.loads(done.stdout)
    assert 4 == len(told["damaged"])
    assert {"access.db", "collections/first"} <= {one["store"] for one in told["changed"]}
    assert {"damaged", "current"} == set(states(data).values())
    assert set(STORES) == {name for name, said in states(data).items() if said == "damaged"}

    plan = planned(Settings(data_dir=data), FORMER[0])
    assert 4 == len(plan.damaged)
    assert "access.db" in {one.path.name for one in plan.changed}
    assert "concepts" not in {one.path.name for one in plan.changed}


def test_what_was_changed_before_the_disk_was_full_is_told(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = raising._raise

    def full(store: Store) -> None:
        if store.kind == "concepts":
            raise DiskFull("no room")
        whole(store)

    monkeypatch.setattr(raising, "_raise", full)
    done = run(data, "upgrade", "--json")
    assert isinstance(done.exception, DiskFull)
    told = json.loads(done.stdout)
    assert ["access.db", "jobs/answers.sqlite"] == [one["store"] for one in told["changed"]]
    assert "to be numbered" in states(data).values()


def test_one_that_is_found_damaged_while_it_is_raised_keeps_no_other_back(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = raising._raise

    def wrong(store: Store) -> None:
        if store.path.name == "first":
            raise DamagedData("first: its rows are not the same")
        whole(store)

    monkeypatch.setattr(raising, "_raise", wrong)
    done = raising.upgrade(data, on_progress=lambda *_: None)
    assert ("first: its rows are not the same",) == done.damaged
    assert {"second", "third"} < {one.path.name for one in done.changed}
