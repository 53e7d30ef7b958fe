"""``satseek evaluate`` as it is typed: sets of every format, the report, refusals."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import starting
from PIL import Image

SHARED = Path(__file__).parents[3] / "shared" / "data"
COLOURS = {"Forest": (25, 80, 35), "BareLand": (190, 170, 130), "open_water": (20, 40, 90)}


def satseek(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [*starting.command(), "--data-dir", str(cwd / "data"), *map(str, words)]
    environment = {key: one for key, one in os.environ.items() if not key.startswith("SATSEEK_")}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=cwd
    )


def answered(*words: str | Path, cwd: Path) -> Any:
    done = satseek("evaluate", *words, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same twelve images as folders, as CSV and as two kinds of captions."""
    home = tmp_path_factory.mktemp("evaluate")
    rng = np.random.default_rng(8)
    names = []
    for label, colour in COLOURS.items():
        (home / "classes" / label).mkdir(parents=True)
        for at in range(4):
            noise = rng.integers(-15, 15, (64, 64, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            names.append(f"{label}/{at}.png")
            Image.fromarray(pixels).save(home / "classes" / names[-1])
    rows = [
        f"classes/{name},{name.split('/')[0]},{'test' if at % 2 else 'train'}"
        for at, name in enumerate(names)
    ]
    (home / "rows.csv").write_text("\n".join(["path,label,split", *rows]), encoding="utf-8")
    coco = {
        "images": [{"id": at, "file_name": name} for at, name in enumerate(names)],
        "annotations": [
            {"image_id": at, "caption": f"{name.split('/')[0]} number {at}"}
            for at, name in enumerate(names)
        ],
    }
    (home / "coco.json").write_text(json.dumps(coco), encoding="utf-8")
    karpathy = {
        "images": [
            {"filename": name, "split": "test", "sentences": [{"raw": "green"}, {"raw": "a wood"}]}
            for name in names
        ]
    }
    (home / "classes" / "dataset.json").write_text(json.dumps(karpathy), encoding="utf-8")
    return home


def test_every_format_is_told_by_looking(home: Path) -> None:
    folders = ("classes", "--format", "folders")
    (by_folder,) = answered(*folders, cwd=home)["results"]
    assert (by_folder["form"], by_folder["images"], by_folder["labels"]) == ("folders", 12, 3)
    assert list(by_folder["top_1_by_label"]) == ["bare land", "forest", "open water"]
    (by_csv,) = answered("rows.csv", cwd=home)["results"]
    assert by_csv["form"] == "csv"
    assert by_csv["top_1"] == by_folder["top_1"]
    assert by_csv["zero_shot"]["confusion"] == by_folder["zero_shot"]["confusion"]
    (coco,) = answered("coco.json", "--images", "classes", cwd=home)["results"]
    assert (coco["form"], coco["captions"], coco["top_1"]) == ("coco", 12, None)
    (karpathy,) = answered("classes", cwd=home)["results"]
    assert (karpathy["form"], karpathy["captions"]) == ("karpathy", 24)
    assert karpathy["retrieval"]["shared_captions"] == 24


def test_split_limit_and_templates(home: Path) -> None:
    words = ("-t", "{}", "-t", "a photo of {}", "--limit", "4")
    (named,) = answered("rows.csv", "--split", "test", *words, cwd=home)["results"]
    (suffixed,) = answered("rows.csv:test", *words, cwd=home)["results"]
    assert named == suffixed
    assert (named["images"], named["labels"], named["split"]) == (4, 3, "test")
    templates = [one["template"] for one in named["zero_shot"]["templates"]]
    assert templates == ["{}", "a photo of {}"]


def test_json_has_all_figures_and_its_old_keys(home: Path) -> None:
    answer = answered("rows.csv", cwd=home)
    assert answer["model"]["name"] == "satseek-starter"
    (result,) = answer["results"]
    assert {"folder", "split", "images", "labels", "top_1", "top_1_by_label"} < set(result)
    assert {"recall_at_10", "captions", "digest", "refused", "examples"} < set(result)
    assert [sum(row) for row in result["zero_shot"]["confusion"]] == [4, 4, 4]
    assert len(result["calibration"]["share"]["bins"]) == 15
    assert result["zero_shot"]["top_5"] is None


def test_table_and_report_are_written(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    done = satseek("evaluate", "rows.csv", "--report", path, "--by-label", cwd=home)
    assert done.returncode == 0, done.stderr
    assert "top-1" in done.stdout
    assert "open water" in done.stdout
    assert f"wrote {path}" in done.stderr
    text = path.read_text(encoding="utf-8")
    assert "satseek-starter@" in text
    assert "rows.csv --report" in text
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")


def test_refused_images_are_listed_and_the_rest_is_measured(home: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image", encoding="utf-8")
    whole = home / "classes" / "Forest" / "0.png"
    lines = ["path,label", f"{whole},forest", "text.png,forest", "gone.png,beach"]
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    done = satseek("evaluate", tmp_path, cwd=home)
    assert done.returncode == 0
    assert "text.png" in done.stderr
    assert "gone.png: No such file or directory" in done.stderr
    assert "line 4" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["rows.csv", "--split", "val"], 2, "there is: test, train"),
        (["rows.csv:test", "--split", "train"], 2, "expected one split"),
        (["rows.csv", "--format", "voc"], 2, "voc"),
        (["rows.csv", "-t", "no slot"], 2, "{}"),
        (["rows.csv", "--limit", "0"], 2, "at least 1"),
        (["rows.csv", "--report", "/no/such/r.html"], 2, "/no/such"),
        (["nowhere"], 3, "labels.csv"),
        (["coco.json"], 4, "--images names the folder"),
    ],
)
def test_refusal_is_one_line_with_its_code(
    home: Path, words: list[str], code: int, said: str
) -> None:
    done = satseek("evaluate", *words, cwd=home)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared/data is absent")
def test_starter_reaches_what_its_card_says(tmp_path: Path) -> None:
    sets = (f"{SHARED / 'aerial30'}:test", SHARED / "aerial19")
    answer = answered(*sets, cwd=tmp_path)
    first, second = answer["results"]
    stated = answer["model"]["accuracy"]
    assert round(first["top_1"], 3) == stated["aerial30_test_top1"]
    assert round(first["recall_at_10"], 3) == stated["aerial30_test_recall_at_10"]
    assert round(second["top_1"], 3) == stated["aerial19_top1"]
