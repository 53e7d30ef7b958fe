"""The real command line over real files: answers on stdout, refusals in one line, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import starting
from PIL import Image
from serving import make_scenes

from satseek.assemble import Assembly
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

COLLECTION_DATES = {"2024-05-03", "2024-08-17", "2025-02-11"}


def satseek(*words: str | Path, data: Path) -> subprocess.CompletedProcess[str]:
    command = [*starting.command(), "--data-dir", str(data), *map(str, words)]
    environment = {key: one for key, one in os.environ.items() if not key.startswith("SATSEEK_")}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=data.parent
    )


def answered(*words: str | Path, data: Path) -> Any:
    done = satseek(*words, "--json", data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("cli")
    folder = home / "data"
    report = answered("index", make_scenes(home / "scenes"), "-c", "three", data=folder)
    assert report["chips"] == 12
    assert [refusal["path"] for refusal in report["report"]["refusals"]] == ["broken.tif"]
    return folder


@pytest.fixture(scope="module")
def scenes(data: Path) -> Path:
    return data.parent / "scenes"


def test_indexing_again_adds_nothing(data: Path, scenes: Path) -> None:
    report = answered("index", scenes, "-c", "three", data=data)["report"]
    assert (report["chips_added"], report["unchanged"], report["scenes"]) == (0, 3, 3)


def test_words_find_chips_best_first(data: Path) -> None:
    answer = answered("search", "a forest", "-k", "5", data=data)
    cosines = [hit["scores"]["cosine"] for hit in answer["hits"]]
    assert cosines == sorted(cosines, reverse=True)
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3, 4, 5]
    assert set(answer["hits"][0]["scores"]) == {"cosine", "match", "percentile"}


def test_dates_limit_the_answer(data: Path) -> None:
    words = ("search", "a forest", "--start", "2024-06-01", "--end", "2024-12-31")
    hits = answered(*words, data=data)["hits"]
    assert {hit["chip"]["datetime"][:10] for hit in hits} == {"2024-08-17"}


def test_box_limits_the_answer(data: Path) -> None:
    everywhere = answered("search", "a forest", "-k", "12", data=data)["hits"]
    corner = min(everywhere, key=lambda hit: hit["chip"]["footprint"]["coordinates"][0][0][0])
    xs, ys = zip(*corner["chip"]["footprint"]["coordinates"][0], strict=True)
    middle = (sum(xs) / len(xs), sum(ys) / len(ys))
    box = f"{middle[0] - 1e-6},{middle[1] - 1e-6},{middle[0] + 1e-6},{middle[1] + 1e-6}"
    found = answered("search", "a forest", f"--bbox={box}", data=data)["hits"]
    assert [hit["chip"]["id"] for hit in found] == [corner["chip"]["id"]]


def test_chip_finds_others_but_not_itself(data: Path) -> None:
    first = answered("search", "a forest", "-k", "1", data=data)["hits"][0]["chip"]["id"]
    hits = answered("similar", first, "-k", "12", data=data)["hits"]
    assert len(hits) == 11
    assert first not in {hit["chip"]["id"] for hit in hits}


def test_image_of_a_chip_finds_that_chip(data: Path, scenes: Path, tmp_path: Path) -> None:
    with rasterio.open(scenes / "2024-05-03 scene.tif") as raster:
        samples = raster.read(window=((0, 256), (0, 256)))
    path = tmp_path / "example.png"
    Image.fromarray(samples.transpose(1, 2, 0)).save(path)
    (best, *_) = answered("similar", path, data=data)["hits"]
    assert best["chip"]["scene_id"] == "2024-05-03 scene.tif"
    assert best["chip"]["window"]["column"] == best["chip"]["window"]["row"] == 0
    assert best["scores"]["cosine"] == pytest.approx(1.0, abs=2e-3)


def test_geojson_and_sheet_are_written(data: Path, tmp_path: Path) -> None:
    written, sheet = tmp_path / "hits.geojson", tmp_path / "hits.png"
    done = satseek("search", "forest", "--geojson", written, "--sheet", sheet, data=data)
    assert done.returncode == 0, done.stderr
    content = json.loads(written.read_text(encoding="utf-8"))
    assert content["type"] == "FeatureCollection"
    assert [feature["properties"]["rank"] for feature in content["features"]] == [*range(1, 11)]
    assert {feature["geometry"]["type"] for feature in content["features"]} == {"Polygon"}
    with Image.open(sheet) as image:
        assert image.width > 10 * 160


def test_labels_get_shares_that_sum_to_one(data: Path, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (20, 90, 30)).save(tmp_path / "green.png")
    (tmp_path / "text.jpg").write_text("no image", encoding="utf-8")
    result = answered("classify", tmp_path, "-l", "forest", "-l", "beach", data=data)
    (image,) = result["images"]
    shares = {one["label"]: one["scores"]["share"] for one in image["labels"]}
    assert set(shares) == {"forest", "beach", "none of these"}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert "text.jpg" in result["refused"][0]


def test_collection_is_described_and_sound(data: Path) -> None:
    shown = answered("collection", "show", "three", data=data)
    assert (shown["stats"]["chips"], len(shown["scenes"])) == (12, 3)
    assert shown["spec"]["recipe"]["name"] == "auto"
    assert list(answered("collection", "list", data=data)) == ["three"]
    assert satseek("collection", "verify", data=data).returncode == 0


def test_exported_model_gives_the_vectors_of_the_starter(data: Path, tmp_path: Path) -> None:
    shown = answered("model", "show", data=data)
    done = satseek("model", "export", shown["folder"], tmp_path / "bundle", data=data)
    assert done.returncode == 0, done.stderr
    refused = satseek("--model", tmp_path / "bundle", "search", "forest", data=data)
    assert refused.returncode == 5  # another name: its vectors are not the collection's
    first, second = (
        Assembly(Settings(data_dir=tmp_path, model=model)).embedder
        for model in ("starter", str(tmp_path / "bundle"))
    )
    texts, image = ["a forest", "ships in a harbour"], np.full((96, 96, 3), 90, np.uint8)
    assert np.allclose(first.embed_texts(texts), second.embed_texts(texts), atol=1e-5)
    assert np.allclose(first.embed_images([image]), second.embed_images([image]), atol=1e-5)


def test_model_config_and_doctor_answer(data: Path) -> None:
    card = answered("model", "show", data=data)["card"]
    assert (card["context_length"], card["name"]) == (64, "satseek-starter")
    settings = answered("config", "show", data=data)
    assert settings["data_dir"] == {"value": str(data), "from": "flag"}
    checks = {one["check"]: one["ok"] for one in answered("doctor", data=data)}
    assert checks["model"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["search", ""], 2, "word"),
        (["search", "?!"], 2, "word"),
        (["search"], 2, "nothing to look for"),
        (["search", "forest", "-k", "0"], 2, "k"),
        (["search", "forest", "-k", "-3"], 2, "k"),
        (["search", "forest", "--bbox", "10,5,20,-5"], 2, "south"),
        (["search", "forest", "--bbox", "1,2,3"], 2, "west,south,east,north"),
        (["search", "forest", "--start", "2025-01-01", "--end", "2024-01-01"], 2, "2024"),
        (["search", "forest", "--start", "soon"], 2, "date"),
        (["search", "forest", "-c", "nowhere"], 3, "three"),
        (["search", "forest", "--like", "no/such"], 3, "no/such"),
        (["similar", "no/such"], 3, "no/such"),
        (["index", "/no/such/folder"], 3, "/no/such/folder"),
        (["index", "/no/such/folder", "-c", "../up"], 3, "/no/such/folder"),
        (["classify", "/no/such.jpg", "-l", "a"], 3, "/no/such.jpg"),
        (["classify", "."], 2, "label"),
        (["classify", ".", "-l", "a", "-l", "A"], 2, "twice"),
        (["--model", "unknown", "search", "forest"], 3, "unknown"),
        (["--threads", "0", "search", "forest"], 2, "threads"),
        (["evaluate", "/no/such"], 3, "labels.csv"),
        (["train", "/no/such.toml"], 3, "/no/such.toml"),
        (["collection", "remove", "no.tif"], 3, "no.tif"),
        (["search", "forest", "--geojson", "/no/such/hits.json"], 1, "/no/such/hits.json"),
        (["search", "\udcff"], 2, "text"),
        (["search", "--no-such-option"], 2, "--no-such-option"),
    ],
)
def test_refusal_is_one_line_with_its_code(
    data: Path, words: list[str], code: int, said: str
) -> None:
    done = satseek(*words, data=data)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    if "--no-such-option" not in words:
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_other_recipe_and_grid_are_refused(data: Path, scenes: Path) -> None:
    for flags in (
        ("--recipe", "percentile16"),
        ("--chip", "128"),
        ("--levels", "1,2"),
        ("--min-valid", "0.9"),
    ):
        done = satseek("index", scenes, "-c", "three", *flags, data=data)
        assert done.returncode == 5, done.stderr


@pytest.mark.parametrize("levels", ["two", "2,1", "1,,2"])
def test_levels_that_cannot_be_are_refused(data: Path, scenes: Path, levels: str) -> None:
    done = satseek("index", scenes, "-c", "levels", "--levels", levels, data=data)
    assert done.returncode == 2, done.stderr
    assert "levels" in done.stderr


def test_bad_name_is_refused(data: Path, scenes: Path) -> None:
    done = satseek("index", scenes, "-c", "../up", data=data)
    assert done.returncode == 2, done.stderr


def test_folder_without_any_usable_file_is_code_4(data: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"nothing")
    done = satseek("index", tmp_path, "-c", "none", data=data)
    assert done.returncode == 4
    assert "a.tif" in done.stderr


def test_scene_that_breaks_in_the_middle_answers_with_nothing(data: Path, tmp_path: Path) -> None:
    """Deflate notices damage; JPEG inside TIFF carries no checksum, so that nobody can."""
    samples = np.random.default_rng(3).integers(0, 255, (3, 1536, 512), dtype=np.uint8)
    for name in ("broken.tif", "whole.tif"):
        profile = {"driver": "GTiff", "count": 3, "height": 1536, "width": 512, "dtype": "uint8"}
        with rasterio.open(
            tmp_path / name,
            "w",
            **profile,
            compress="deflate",
            tiled=True,
            crs="EPSG:32633",
            transform=rasterio.Affine(1, 0, 512_000, 0, -1, 5_799_936),
        ) as raster:
            raster.write(samples)
    content = bytearray((tmp_path / "broken.tif").read_bytes())
    late = len(content) * 2 // 3
    content[late : late + 20_000] = bytes(20_000)
    (tmp_path / "broken.tif").write_bytes(content)
    report = answered("index", tmp_path, "-c", "broken", data=data)["report"]
    shown = answered("collection", "show", "broken", data=data)
    assert ["broken.tif"] == [refusal["path"] for refusal in shown["refusals"]]
    assert ["whole.tif"] == [scene["id"] for scene in shown["scenes"]]
    assert report["chips_added"] == shown["stats"]["chips"] == 12


@pytest.mark.parametrize(
    "command",
    [
        *("index", "search", "similar", "classify", "evaluate", "train", "serve", "doctor"),
        *("demo make", "demo run", "collection list", "collection show", "collection verify"),
        "collection remove",
        *("model show", "model export", "config show"),
    ],
)
def test_help_starts_with_what_it_does_and_an_example(data: Path, command: str) -> None:
    done = satseek(*command.split(), "--help", data=data)
    assert done.returncode == 0
    assert f"Example: satseek {command}" in " ".join(done.stdout.split())
