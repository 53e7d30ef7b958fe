"""What each task takes, from whom, and what is refused before anybody works on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from serving import png
from watchmaking import MINES

from satseek.assemble import Assembly
from satseek.errors import (
    CollectionNotFound,
    EmptyText,
    FolderNotFound,
    InvalidFilter,
    InvalidName,
    InvalidRequest,
    ModelNotServed,
    SatseekError,
    UnsafeReference,
    WatchNotFound,
)
from satseek.jobs.tasks import HERE, TASKS, check_task, read_task, run_task
from satseek.jobs.watching import opened_watches
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.jobs.protocol import TaskName

LEAST: dict[TaskName, dict[str, Any]] = {
    "index": {"collection": "a", "folder": "b"},
    "classify": {"folder": "b", "labels": ["a quarry"]},
    "reembed": {"collection": "a"},
    "quantize": {},
    "evaluate": {"folder": "b"},
    "export": {"collection": "a"},
    "verify": {"collection": "a"},
    "repair": {"collection": "a"},
    "compact": {"collection": "a"},
    "tune": {"collection": "a"},
    "landuse": {"collection": "a"},
    "watch": {"collection": "a", "watch": "b"},
    "assess": {"collection": "a", "parcels": "b", "after": "2025-08"},
    "report": {"collection": "a"},
    "sample": {"collection": "a", "name": "b"},
}
"""The least that each task must be told."""


@pytest.fixture
def parts(tmp_path: Path) -> Assembly:
    root = tmp_path / "root"
    (root / "classes" / "quarry").mkdir(parents=True)
    png(root / "a.png")
    png(tmp_path / "outside.png")
    (root / "set.csv").write_text("path,label\na.png,quarry\n../outside.png,river\n")
    return Assembly(Settings(data_dir=tmp_path / "data", reference_roots=(root,)))


def test_every_task_has_its_least() -> None:
    assert set(TASKS) == set(LEAST) == set(HERE)
    for name, least in LEAST.items():
        asked = read_task(name, least)
        told = asked.model_dump(mode="json")
        assert told.items() <= HERE[name].model_validate(told).model_dump(mode="json").items()
        assert least.get("collection", "") == asked.about()


@pytest.mark.parametrize("name", [name for name in TASKS if HERE[name] is not TASKS[name]])
def test_no_door_takes_what_is_for_the_terminal(name: TaskName) -> None:
    own = set(HERE[name].model_fields) - set(TASKS[name].model_fields)
    assert {"here", "allow"} <= own
    values = {"here": True, "allow": ["/"], "more": ["/"], "fonts": ["/"]}
    for field in own:
        with pytest.raises(InvalidRequest, match=field):
            read_task(name, LEAST[name] | {field: values.get(field, "/tmp/x")})  # noqa: S108


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("index", {"unknown": 1}, "unknown"),
        ("classify", {"labels": []}, "labels"),
        ("classify", {"cut": "sometimes"}, "cut"),
        ("quantize", {"chips": 3}, "chips"),
        ("evaluate", {"limit": 0}, "limit"),
        ("nothing", {}, "expected one of index"),
    ],
)
def test_what_makes_no_sense_is_named_on_one_line(
    name: TaskName, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said) as refused:
        read_task(name, LEAST.get(name, {}) | more)
    assert 1 == len(str(refused.value).splitlines())


@pytest.mark.parametrize(
    ("name", "more", "kind"),
    [
        ("index", {"folder": "/etc"}, UnsafeReference),
        ("index", {"folder": "gone"}, FolderNotFound),
        ("index", {"folder": ".", "stride_px": 512}, InvalidRequest),
        ("index", {"folder": ".", "collection": "../a"}, InvalidName),
        ("classify", {"folder": "..", "labels": ["a"]}, UnsafeReference),
        ("classify", {"folder": ".", "labels": ["a", "A"]}, InvalidRequest),
        ("classify", {"folder": ".", "labels": [" "]}, EmptyText),
        ("classify", {"folder": ".", "format": "docx"}, InvalidRequest),
        ("classify", {"folder": ".", "templates": ["no slot"]}, InvalidRequest),
        ("classify", {"folder": ".", "recipe": "none such"}, InvalidRequest),
        ("reembed", {}, CollectionNotFound),
        ("quantize", {"model": "none@such"}, ModelNotServed),
        ("quantize", {"folder": "/etc"}, UnsafeReference),
        ("quantize", {"folder": ".", "collection": "a"}, InvalidRequest),
        ("evaluate", {"folder": "/etc"}, UnsafeReference),
        ("evaluate", {"folder": ".", "images": "/etc"}, UnsafeReference),
        ("evaluate", {"folder": ".", "templates": ["{} {}"]}, InvalidRequest),
        ("export", {}, CollectionNotFound),
        ("verify", {}, CollectionNotFound),
        ("repair", {}, CollectionNotFound),
        ("compact", {}, CollectionNotFound),
        ("tune", {}, CollectionNotFound),
        ("landuse", {}, CollectionNotFound),
        ("landuse", {"folder": "/etc"}, UnsafeReference),
        ("landuse", {"folder": ".", "labels": "/etc/set.json"}, InvalidRequest),
        ("landuse", {"folder": ".", "districts": "/etc/passwd"}, UnsafeReference),
        ("landuse", {"folder": ".", "start": "yesterday"}, InvalidFilter),
        ("watch", {}, WatchNotFound),
        ("assess", {"parcels": "/etc/passwd"}, UnsafeReference),
        ("assess", {"parcels": "gone.gpkg"}, FolderNotFound),
        ("assess", {"parcels": "set.csv"}, CollectionNotFound),
        ("assess", {"parcels": "set.csv", "after": "/etc"}, UnsafeReference),
        ("assess", {"parcels": "set.csv", "after": "2025-13"}, InvalidFilter),
        ("assess", {"parcels": "set.csv", "hazard": "/etc/set.json"}, InvalidRequest),
        ("assess", {"parcels": "set.csv", "before": "2025-08-01/2025-08"}, InvalidRequest),
        ("assess", {"parcels": "set.csv", "event": "2025-13-01"}, InvalidRequest),
        ("assess", {"parcels": "set.csv", "neighbours": 0}, InvalidRequest),
        ("assess", {"parcels": "set.csv", "least_seen": 0}, InvalidRequest),
        ("assess", {"parcels": "set.csv", "parcels_crs": "EPSG:none"}, InvalidRequest),
        ("assess", {"parcels": "set.csv", "chip_px": 64, "stride_px": 65}, InvalidRequest),
        ("assess", {"parcels": "set.csv", "grades": "/etc/grades.toml"}, UnsafeReference),
        ("report", {}, CollectionNotFound),
        ("sample", {}, CollectionNotFound),
        ("sample", {"name": "a/b"}, InvalidName),
    ],
)
def test_what_would_fail_is_refused_before(
    name: TaskName, more: dict[str, Any], kind: type[SatseekError], parts: Assembly
) -> None:
    if name == "quantize":
        pytest.importorskip("onnx", reason="onnx is not on this machine: install satseek[quantize]")
    with pytest.raises(kind) as refused:
        check_task(read_task(name, LEAST[name] | more), parts)
    assert kind is type(refused.value) or kind is InvalidRequest
    assert 1 == len(str(refused.value).splitlines())


def test_what_can_be_done_passes(parts: Assembly) -> None:
    for name, more in (("index", {"folder": "."}), ("classify", {"folder": "a.png"})):
        check_task(read_task(name, LEAST[name] | more), parts)  # type: ignore[index]


def test_a_watch_is_run_and_measured_as_its_own_collection_s_alone(
    parts: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is begun for another one, nor are names told of watches that lie elsewhere."""
    monkeypatch.setattr(parts, "reader", lambda _name: None)  # a collection of any name is there
    with opened_watches(parts.settings) as watches:
        watches.save(MINES)
    measured = {"kinds": ["watch"], "sources": ["mines"], "measured": True}
    own, other = {"collection": MINES.collection}, {"collection": "other"}
    check_task(read_task("report", measured | own), parts)
    check_task(HERE["report"].model_validate(measured), parts)  # of whatever collection it is
    check_task(read_task("watch", {"watch": "mines"} | own), parts)
    for name, asked in (("report", measured), ("watch", {"watch": "mines"})):
        with pytest.raises(WatchNotFound, match="of collection 'other'; there are: none yet"):
            check_task(read_task(name, asked | other), parts)
    with pytest.raises(WatchNotFound, match="no watch 'pits' of collection 'ground'"):
        check_task(read_task("report", measured | own | {"sources": ["pits"]}), parts)


def test_a_person_at_the_terminal_names_any_folder(parts: Assembly, tmp_path: Path) -> None:
    asked = LEAST["classify"] | {"folder": str(tmp_path / "outside.png")}
    with pytest.raises(UnsafeReference):
        check_task(read_task("classify", asked), parts)
    check_task(HERE["classify"].model_validate(asked | {"here": True}), parts)


def test_a_set_lists_only_images_that_may_be_read(parts: Assembly, tmp_path: Path) -> None:
    asked = {"folder": "set.csv"}
    with pytest.raises(UnsafeReference, match=r"outside\.png"):
        run_task(
            "evaluate",
            asked,
            settings=parts.settings,
            on_progress=lambda *_: None,
            results=tmp_path / "results",
        )


def test_a_filter_that_cannot_be_is_refused(parts: Assembly) -> None:
    class Any_(Assembly):  # noqa: N801 (a collection is there whatever its name)
        def reader(self, name: str) -> Any:
            return name

    seen = Any_(parts.settings)
    with pytest.raises(InvalidFilter):
        check_task(read_task("export", {"collection": "a", "start": "yesterday"}), seen)
    with pytest.raises(InvalidRequest, match="holds no vectors"):
        check_task(read_task("export", {"collection": "a", "format": "csv", "vectors": True}), seen)
