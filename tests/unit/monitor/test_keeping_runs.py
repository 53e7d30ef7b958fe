"""What runs found: kept under their names, replaced in one step, read page by page."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from satseek.errors import Conflict, InvalidName, NotFound
from satseek.monitor.runs import keeping
from satseek.monitor.runs.drafting import Outcome
from satseek.monitor.runs.keeping import Runs

if TYPE_CHECKING:
    from pathlib import Path

MADE = datetime(2025, 8, 20, 12, tzinfo=UTC)
ROWS = [{"id": f"P-{at}", "light": "red" if at % 3 else "green"} for at in range(10)]


def outcome(name: str = "flood", **more: Any) -> Outcome:
    told: dict[str, Any] = {
        "kind": "damage",
        "name": name,
        "collection": "county",
        "made_at": MADE,
        "facts": {"parcels": 10},
        "tables": {"parcels": ROWS},
        "arrays": {"2024": np.eye(3, dtype=np.uint8)},
    }
    return Outcome(**told | more)


def files(folder: Path, **content: str) -> Path:
    """A folder of results among which lies something else."""
    (folder / "claims").mkdir(parents=True, exist_ok=True)
    (folder / "private.txt").write_text("mine")
    (folder / "claims" / "P-1.html").write_text(content.get("sheet", "sheet"))
    return folder


def test_a_run_is_kept_whole(tmp_path: Path) -> None:
    runs = Runs(tmp_path / "monitor")
    kept = runs.keep(outcome(), files(tmp_path / "out"), ["claims/P-1.html"])
    assert [kept] == Runs(tmp_path / "monitor").all("damage")
    assert ({"parcels": 10}, {"parcels": 10}, MADE) == (kept.facts, kept.tables, kept.made_at)
    told, path = runs.path_of(kept, "claims/P-1.html")
    assert ("sheet", "text/html", 5) == (path.read_text(), told.media_type, told.bytes)
    assert ["claims/P-1.html"] == [one.name for one in kept.files]
    assert np.eye(3).tolist() == runs.array(kept, "2024").tolist()
    (tmp_path / "out" / "claims" / "P-1.html").write_text("changed")
    assert "sheet" == path.read_text()


def test_rows_come_page_by_page(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    kept = runs.keep(outcome(), tmp_path, [])
    found: list[dict[str, Any]] = []
    place: int | None = 0
    pages = 0
    while place is not None:
        rows, place = runs.rows(
            kept, "parcels", after=place, limit=2, passes=lambda row: row["light"] == "red"
        )
        found += rows
        pages += 1
    assert [row for row in ROWS if row["light"] == "red"] == found
    assert 3 == pages
    for table in ("none", "../parcels", ""):
        with pytest.raises(NotFound):
            runs.rows(kept, table)


def test_the_latest_of_a_name_takes_the_place_of_the_former(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    first = runs.keep(outcome(), files(tmp_path / "out"), ["claims/P-1.html"])
    second = runs.keep(outcome(facts={"parcels": 3}), tmp_path, [])
    assert [second] == runs.all("damage")
    assert first.stamp != second.stamp
    with pytest.raises(NotFound):
        runs.path_of(first, "claims/P-1.html")
    with pytest.raises(NotFound):
        runs.rows(first, "parcels")
    assert 1 == len([*(tmp_path / "runs" / "damage" / "flood").glob("run-*")])


def test_what_was_killed_leaves_the_former(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(tmp_path)
    first = runs.keep(outcome(), tmp_path, [])

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "replace_text", killed)
        with pytest.raises(KeyboardInterrupt):
            runs.keep(outcome(facts={}), tmp_path, [])
    assert [first] == runs.all("damage")
    assert ROWS == runs.rows(first, "parcels")[0]
    third = runs.keep(outcome(), tmp_path, [])
    place = tmp_path / "runs" / "damage" / "flood"
    assert [f"run-{third.stamp}"] == [one.name for one in place.iterdir() if one.is_dir()]


def test_a_name_belongs_to_one_collection(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.keep(outcome(), tmp_path, [])
    with pytest.raises(Conflict, match="another collection"):
        runs.keep(outcome(collection="secret"), tmp_path, [])
    with pytest.raises(InvalidName):
        runs.check_free("damage", "hazards", "county")
    for name in ("..", "a/b", ""):
        with pytest.raises(InvalidName):
            runs.get("damage", name)
    runs.check_free("landuse", "flood", "secret")


def test_a_run_is_removed_with_its_files(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    kept = runs.keep(outcome(), files(tmp_path / "out"), ["claims/P-1.html"])
    runs.remove(kept)
    assert [] == runs.all("damage")
    assert [] == [*(tmp_path / "runs" / "damage" / "flood").glob("run*")]
    with pytest.raises(NotFound):
        runs.remove(kept)


def test_what_is_kept_is_json_whoever_reads_it(tmp_path: Path) -> None:
    kept = Runs(tmp_path).keep(outcome(name="洪水".encode().hex()), tmp_path, [])
    text = (tmp_path / "runs" / "damage" / kept.name / "run.json").read_text(encoding="utf-8")
    assert kept.stamp == json.loads(text)["stamp"]
