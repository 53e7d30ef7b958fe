"""Tasks that leave files, and those that tell how far they are, done here and now."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
from serving import make_scenes, png
from shipped import make_collection

from satseek.assemble import Assembly
from satseek.errors import DiskFull, InvalidRequest, UnreadableImage
from satseek.jobs.results import folder_of
from satseek.jobs.tasks import run_task
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.jobs.protocol import TaskName

JOB = "0123456789abcdef"


class Watching:
    """What a task told of its progress."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, str]] = []

    def __call__(self, done: int, total: int, note: str) -> None:
        self.told.append((done, total, note))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("tasks")
    root = home / "root"
    make_scenes(root / "some" / "scenes")
    for label in ("quarry", "river"):
        (root / "some" / "classes" / label).mkdir(parents=True)
        for at in range(3):
            png(root / "some" / "classes" / label / f"{at}.png", width=50 + at)
    (root / "bad").mkdir()
    (root / "bad" / "a.png").write_bytes(b"no image")
    settings = Settings(data_dir=home / "data", reference_roots=(root,), threads=1)
    parts = Assembly(settings)
    make_collection(parts, "small")
    parts.close()
    return settings


def run(
    name: TaskName, parameters: dict[str, Any], settings: Settings
) -> tuple[dict[str, Any], Watching, Path]:
    watching = Watching()
    folder = folder_of(settings.data_dir, JOB)
    told = run_task(name, parameters, settings=settings, on_progress=watching, results=folder)
    told = json.loads(json.dumps(told))  # what goes back to the worker is JSON
    for one in told.get("files", ()):
        path = folder / one["path"]
        assert (one["bytes"], one["name"]) == (path.stat().st_size, path.name)
    return told, watching, folder


def test_classify_leaves_a_table(settings: Settings) -> None:
    asked = {"folder": "some", "labels": ["a quarry", "a river"]}
    told, watching, folder = run("classify", asked, settings)
    (file,) = told["files"]
    assert ("labels.csv", "text/csv") == (file["name"], file["media_type"])
    with (folder / file["path"]).open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [19, 18, 1] == [len(rows), told["images"], told["refused"]]
    assert {"classes", "scenes"} == {row["path"].partition("/")[0] for row in rows}
    assert str(settings.data_dir.parent) not in json.dumps([rows, told])
    assert [] == list((settings.data_dir / "work").glob(".*"))
    done, total, _ = watching.told[-1]
    assert 19 == done == total


def test_classify_fails_where_nothing_can_be_used(settings: Settings) -> None:
    with pytest.raises(UnreadableImage, match=r"none of 1 files can be used: .*a\.png"):
        run("classify", {"folder": "bad", "labels": ["a"]}, settings)
    assert [] == list(folder_of(settings.data_dir, JOB).glob("try-*"))


def test_the_same_classification_asked_again_goes_on(settings: Settings) -> None:
    asked = {"folder": "some", "labels": ["a lake", "a river"]}

    class Full(Watching):
        """Fails once, as where there is no room."""

        def __call__(self, done: int, total: int, note: str) -> None:
            if note.startswith("writing"):
                raise DiskFull("no room")
            super().__call__(done, total, note)

    folder = folder_of(settings.data_dir, "fedcba9876543210")
    with pytest.raises(DiskFull):
        run_task("classify", asked, settings=settings, on_progress=Full(), results=folder)
    (left,) = (settings.data_dir / "work").glob(".*")
    told, _, _ = run("classify", asked, settings)
    assert told["resumed"] == told["images"] + told["refused"]
    assert not left.exists()


def test_export_leaves_a_file(settings: Settings) -> None:
    asked = {"collection": "small", "format": "csv"}
    told, _, folder = run("export", asked, settings)
    (file,) = told["files"]
    lines = (folder / file["path"]).read_text().splitlines()
    assert ["small.csv", told["features"] + 1] == [file["name"], len(lines)]


def test_evaluate_leaves_figures_and_a_report(settings: Settings) -> None:
    told, watching, folder = run("evaluate", {"folder": "some/classes"}, settings)
    assert ["figures.json", "report.html"] == [one["name"] for one in told["files"]]
    figures = json.loads((folder / told["files"][0]["path"]).read_text())
    assert [6, 2, told["top_1"]] == [figures["images"], figures["labels"], figures["top_1"]]
    assert ("images", 6) in {(note, done) for done, _, note in watching.told}


def test_quantize_refuses_what_is_as_small_already(settings: Settings) -> None:
    pytest.importorskip("onnx", reason="onnx is not on this machine: install satseek[quantize]")
    with pytest.raises(InvalidRequest, match="expected a model stored larger than float16"):
        run("quantize", {"to": "float16"}, settings)


@pytest.mark.parametrize("name", ["verify", "repair"])
def test_keeping_tells_how_far_it_is(name: TaskName, settings: Settings) -> None:
    told, watching, _ = run(name, {"collection": "small"}, settings)
    assert "small" == told["collection"]
    rows = [(done, total) for done, total, note in watching.told if note == "vectors"]
    assert rows
    done, total = rows[-1]
    assert 0 < done == total
