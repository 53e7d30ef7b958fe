"""What the README says works, word for word."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import rasterio
import starting
from PIL import Image
from rasterio.warp import transform_bounds
from shapely.geometry import box, mapping

from satseek.imagery.county import make_county
from satseek.model.bundle import starter_bundle

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")


def _blocks(name: str, language: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def _commands(name: str) -> list[str]:
    lines = [line for block in _blocks(name, "console") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folders and files that the README's commands name."""
    home = tmp_path_factory.mktemp("readme")
    make_county(home / "county", seed=0, width=1024, height=1024)
    (home / "county" / "scenes").rename(home / "scenes")
    (home / "chips").mkdir()
    with rasterio.open(min((home / "scenes").iterdir())) as scene:
        pixels = scene.read(window=((256, 512), (256, 512))).transpose(1, 2, 0)
    for path in (home / "example.jpg", home / "chips" / "one.jpg"):
        Image.fromarray(pixels[..., :3]).save(path)
    _stronger_model(home / "Git-RSCLIP-base")
    _land_to_watch(home)
    return home


def _land_to_watch(folder: Path) -> None:
    """Write a watch over what the README has indexed, and the fields that somebody insured."""
    (folder / "mines.toml").write_text(
        'name = "mines"\ncollection = "county"\n'
        '[concept]\nlabel = "mine"\nprompts = ["an open-pit mine"]\nnegatives = ["a quarry"]\n'
        "[operating_point]\nbackground_quantile = 0.9\ngrow_quantile = 0.8\n",
        encoding="utf-8",
    )
    with rasterio.open(min((folder / "scenes").iterdir())) as scene:
        west, south, east, north = transform_bounds(scene.crs, "EPSG:4326", *scene.bounds)
    across, up = (east - west) / 4, (north - south) / 4
    fields = [
        {
            "type": "Feature",
            "properties": {"policy_id": f"P{step}", "parcel_id": f"F{step}"},
            "geometry": mapping(
                box(west + step * across, south, west + (step + 1) * across, south + up)
            ),
        }
        for step in range(4)
    ]
    (folder / "parcels.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": fields}), encoding="utf-8"
    )


def _stronger_model(folder: Path) -> None:
    """Lay out a checkpoint as a hub has it: the shipped weights, under the name of the README."""
    pytest.importorskip("torch", reason="pip install 'satseek[torch,quantize]'")
    folder.mkdir()
    for name in (
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ):
        shutil.copyfile(starter_bundle().folder / name, folder / name)


def _run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SATSEEK_DATA_DIR": str(folder / "demo" / "data")}
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_satseek_commands_run_as_written(folder: Path) -> None:
    commands = [line for line in _commands("README.md") if line.startswith("satseek ")]
    assert len(commands) >= 6
    for command in commands:
        words = shlex.split(command)
        if words[1] == "serve":  # runs until interrupted; the served tests do that
            words = [*words, "--help"]
        done = _run([*starting.command(), *words[1:]], folder)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert (folder / "quarries.geojson").is_file()
    assert (folder / "quarries.png").is_file()
    assert (folder / "git-rsclip-base.bundle").is_file()


def test_python_block_runs_as_written(folder: Path) -> None:
    (block,) = _blocks("README.md", "python")
    done = _run([sys.executable, "-c", block], folder)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["1", "2", "3"]


def test_python_page_runs_as_written(folder: Path) -> None:
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    block, *_ = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    done = _run([sys.executable, "-c", block], folder)
    assert done.returncode == 0, done.stderr
    assert 2 == len(done.stdout.splitlines())


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {line.split()[1] for line in _commands("README.md") if line.startswith("make ")}
    assert targets == {"demo", "serve"}
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)


def test_both_readmes_give_the_same_commands() -> None:
    first, second = (_commands(name) for name in READMES)
    assert first == second


def test_readme_is_short_and_starts_with_a_command() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert any(line.startswith("$ ") for line in lines[:30])


@pytest.mark.parametrize("path", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]))
def test_no_page_was_left_with_a_gap_to_fill(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"@@\w+@@|\bTODO\b|\b[A-Z]+_(?:MB|ROWS|OUTPUT|MINUTES|PARAMS)\b", text) == []
