"""The rooms import downwards only, and the check notices when one does not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "starter")
    shutil.copytree(ROOT / "src" / "satseek", tmp_path / "satseek", ignore=ignored)
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_house_as_it_stands_keeps_the_contract(house: Path) -> None:
    result = _lint(house)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("room", "upward"),
    [
        ("imagery/scenes.py", "from satseek.search import searching"),
        ("index/collection.py", "from satseek.service import application"),
        ("types.py", "from satseek import settings"),
    ],
)
def test_upward_import_breaks_the_contract(house: Path, room: str, upward: str) -> None:
    path = house / "satseek" / room
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{upward}\n", encoding="utf-8")
    result = _lint(house)
    assert result.returncode == 1
    assert "A room imports only from rooms below it BROKEN" in result.stdout


def test_new_room_must_be_declared(house: Path) -> None:
    (house / "satseek" / "attic.py").write_text('"""Nothing."""\n', encoding="utf-8")
    result = _lint(house)
    assert result.returncode != 0


@pytest.mark.parametrize(
    ("room", "foreign"),
    [("search/searching.py", "import sqlite3"), ("model/card.py", "import torch")],
)
def test_library_outside_its_room_breaks_the_contract(house: Path, room: str, foreign: str) -> None:
    path = house / "satseek" / room
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{foreign}\n", encoding="utf-8")
    result = _lint(house)
    assert result.returncode == 1
    assert "BROKEN" in result.stdout
