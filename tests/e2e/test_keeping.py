"""The commands that keep a collection: what they print, and how they end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from shipped import make_collection
from typer.testing import CliRunner

from satseek.assemble import Assembly
from satseek.cli import keeping
from satseek.cli.application import app
from satseek.errors import CollectionExists, CollectionLocked, CollectionNotFound, DamagedData
from satseek.index import open_collection
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

assert keeping  # its commands are there once it is imported


@pytest.fixture
def data(tmp_path: Path) -> Path:
    assembly = Assembly(Settings(data_dir=tmp_path / "data"))
    make_collection(assembly, "small")
    assembly.close()
    with open_collection(tmp_path / "data" / "collections" / "small", mode="write") as target:
        target.remove(["small-0-1"])
    return tmp_path / "data"


def run(data: Path, *words: object) -> Result:
    command = ["--data-dir", str(data), "collection", *map(str, words)]
    return CliRunner().invoke(app, command)


def told(data: Path, *words: object) -> Any:
    done = run(data, *words, "--json")
    assert 0 == done.exit_code, done.output
    return json.loads(done.stdout)


def test_a_collection_is_counted_verified_and_compacted(data: Path) -> None:
    stats = told(data, "stats")
    assert (2, 3, 1) == (stats["stats"]["chips"], stats["held"]["rows"], stats["held"]["dead"])
    shown = run(data, "stats", "small").stdout.splitlines()
    assert ["dead", "rows", "1", "(33%)"] == next(line for line in shown if "dead" in line).split()
    assert {"collection": "small", "sound": True, "damages": []} == told(data, "verify", "small")
    assert "small: sound\n" == run(data, "verify", "-c", "small").stderr
    done = run(data, "compact")
    assert done.stderr.startswith("small: 1 of 3 rows taken out in ")
    again = told(data, "compact", "small")
    assert (2, 2) == (again["report"]["rows_before"], again["report"]["rows_after"])
    trail = [json.loads(line) for line in trail_lines(data)]
    assert ["begun", "done"] * 2 == [
        one["outcome"] for one in trail if one["action"] == "collection.compact"
    ]


def trail_lines(data: Path) -> list[str]:
    return [line for file in sorted((data / "audit").glob("*")) for line in _lines(file)]


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if '"action"' in line]


def test_a_snapshot_is_taken_and_restored(data: Path, tmp_path: Path) -> None:
    made = told(data, "snapshot", "small", "--to", tmp_path / "copy")["snapshot"]
    assert (str(tmp_path / "copy"), 2) == (made["path"], made["chips"])
    assert CollectionExists is type(run(data, "snapshot", "--to", tmp_path / "copy").exception)
    done = run(data, "restore", tmp_path / "copy", "--as", "again")
    assert done.stderr.startswith("again: 2 chips, ")
    assert {"again", "small"} == set(told(data, "list"))
    with open_collection(data / "collections" / "again", mode="read") as restored:
        assert ("again", 1) == (restored.spec.name, restored.row_of("small-0-2") - 1)
    nowhere = run(data, "restore", tmp_path / "nowhere", "--as", "more")
    assert CollectionNotFound is type(nowhere.exception)


def test_damage_is_told_mended_and_not_copied(data: Path, tmp_path: Path) -> None:
    victim = data / "collections" / "small" / "segments" / "000000.f16"
    content = bytearray(victim.read_bytes())
    content[1] ^= 1
    victim.write_bytes(content)
    found = run(data, "verify", "--json")
    assert DamagedData is type(found.exception)
    assert ("small", False, 1) == (
        (said := json.loads(found.stdout))["collection"],
        said["sound"],
        len(said["damages"]),
    )
    for words in (("compact",), ("snapshot", "--to", tmp_path / "copy")):
        assert DamagedData is type(run(data, *words).exception)
    assert not (tmp_path / "copy").exists()
    mended = run(data, "repair", "small")
    assert "without 2 chips" in mended.stderr
    assert "small: sound\n" == run(data, "verify").stderr
    assert "small: sound, nothing to repair\n" == run(data, "repair").stderr


def test_another_writer_forbids_it(data: Path) -> None:
    with open_collection(data / "collections" / "small", mode="write"):
        for verb in ("compact", "repair"):
            assert CollectionLocked is type(run(data, verb).exception)
    assert CollectionNotFound is type(run(data, "compact", "nowhere").exception)
