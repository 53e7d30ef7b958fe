"""``satseek upgrade`` and ``downgrade``: what they print, and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from releasing import files, unpacked
from typer.testing import CliRunner

from satseek.cli import auditing, backing_up, upgrading
from satseek.cli.application import app
from satseek.errors import FolderNotFound, FormatTooNew, InvalidRequest
from satseek.formats import mark_folder

if TYPE_CHECKING:
    from typer.testing import Result

COMMANDS = (auditing, backing_up, upgrading)
"""Their commands are there once they are imported."""

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "upgrade.md"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return unpacked(tmp_path)


def run(data: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(data), *map(str, words)])


def told(data: Path, *words: object) -> Any:
    done = run(data, *words, "--json")
    assert 0 == done.exit_code, done.output
    return json.loads(done.stdout)


def test_it_says_what_would_be_done_does_it_and_goes_back(data: Path, tmp_path: Path) -> None:
    before = files(data)
    shown = run(data, "upgrade", "--check").stdout.splitlines()
    assert ["store", "kind", "format", "becomes", "state"] == shown[0].split()
    rows = [" ".join(line.split()) for line in shown]
    assert "collections/first collection 1 4 to be raised" in rows
    assert "access.db keys no number 1 to be numbered" in rows
    stores = {one["store"]: one for one in told(data, "upgrade", "--check")["stores"]}
    assert (None, 1, "to be numbered") == tuple(
        stores["concepts"][name] for name in ("format", "newest", "state")
    )
    assert before == files(data)

    backups = tmp_path / "backups"
    done = run(data, "upgrade", "--backup", backups)
    assert 0 == done.exit_code, done.output
    assert "collections/second: 2 → 4" in done.stderr
    listed = CliRunner().invoke(app, ["backups", "list", str(backups), "--json"])
    assert 1 == len(json.loads(listed.stdout)), listed.output
    again = told(data, "upgrade")
    assert ([], []) == (again["changed"], again["refused"])
    assert {"current"} == {one["state"] for one in again["stores"]}
    trail = [(one["action"], one["outcome"]) for one in told(data, "audit", "show")]
    assert [("upgrade", "begun"), ("upgrade", "done")] * 2 == trail[-4:]

    plan = told(data, "downgrade", "--to", "0.1.0", "--check")
    assert ["access.db", "jobs/answers.sqlite", "audit", "concepts"] == plan["changed"]
    assert ([], [], []) == (plan["beside"], plan["jobs"], plan["schedules"])
    assert "is handed back to 0.1.0" in run(data, "downgrade", "--to", "0.1.0").stderr
    assert "to be numbered" in run(data, "upgrade", "--check").stdout


def test_what_cannot_be_is_refused_before_anything_changes(data: Path, tmp_path: Path) -> None:
    assert isinstance(run(tmp_path / "none", "upgrade", "--check").exception, FolderNotFound)
    assert isinstance(run(data, "downgrade", "--to", "0.0.1").exception, InvalidRequest)
    mark_folder(data / "concepts", 2)
    before = files(data)
    for words in (("upgrade",), ("upgrade", "--check"), ("downgrade", "--to", "0.1.0")):
        assert isinstance(run(data, *words).exception, FormatTooNew)
    assert before == files(data)


def test_the_program_ends_with_the_code_of_a_clash(data: Path) -> None:
    mark_folder(data / "concepts", 2)
    command = [sys.executable, "-m", "satseek", "--data-dir", str(data), "concept", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (5, "") == (done.returncode, done.stdout)
    assert "concepts: written by a newer satseek (format 2)" in done.stderr


def test_both_are_in_the_reference_and_the_guide() -> None:
    reference, guide = REFERENCE.read_text(), GUIDE.read_text()
    for words in ("--check", "--backup", "--to", "--drop"):
        assert f"`{words}`" in reference
        assert words in guide
    for command in ("| `upgrade`", "| `downgrade`"):
        assert command in reference
