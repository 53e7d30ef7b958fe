"""The export guide's commands run as written, and leave the files that they name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import serving

from satseek.export.formats import FORMATS

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "export.md"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("export")
    serving.index(home / "data", serving.make_scenes(home / "scenes"), "county")
    serving.png(home / "quarry.jpg")
    return home


def _commands() -> list[str]:
    block, *_ = re.findall(r"```bash\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [line.partition("#")[0].strip() for line in block.splitlines()]
    return [line.removeprefix("satseek ") for line in lines]


def _run(home: Path, line: str) -> subprocess.CompletedProcess[str]:
    satseek = f"{sys.executable} -m satseek --data-dir {home / 'data'}"
    return subprocess.run(
        ["bash", "-c", f"{satseek} {line}"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )


@pytest.mark.parametrize("line", _commands())
def test_command_of_the_guide_runs_as_written(line: str, home: Path) -> None:
    if not all(one.is_at_hand for one in FORMATS.values()):
        pytest.skip("pyarrow, pyogrio or openpyxl is not on this machine: pip install satseek[gis]")
    named = re.search(r"--out (\S+)", line)
    if named:
        (home / named[1]).unlink(missing_ok=True)
    done = _run(home, line)
    assert 0 == done.returncode, done.stderr
    if named:
        assert f"into {named[1]}" in done.stderr
        assert (home / named[1]).stat().st_size > 0


def test_what_cannot_be_is_one_line_and_an_exit_code(home: Path) -> None:
    for line, code, reason in (
        ("export nowhere --out a.gpkg", 3, "no collection 'nowhere'"),
        ("export county --out a.gpkg --crs EPSG:4526", 2, "is made for longitudes"),
        ("search harbour --out a.dwg", 2, "expected a name that ends in one of"),
    ):
        done = _run(home, line)
        assert code == done.returncode, (line, done.stderr)
        assert reason in done.stderr
        assert 1 == len(done.stderr.splitlines()), done.stderr
    assert not (home / "a.gpkg").exists()


def test_json_tells_what_was_written(home: Path) -> None:
    told = json.loads(_run(home, "export --out a.csv --json").stdout)
    assert {"collection": "county", "features": 12, "file": "a.csv", "format": "csv"} == told
    assert 13 == len((home / "a.csv").read_text(encoding="utf-8").splitlines())
    listed = json.loads(_run(home, "formats --json").stdout)
    assert list(FORMATS) == [one["name"] for one in listed]
