"""The store of models through the real command line."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import starting
from versionmaker import store_version

from satseek.model.bundle import starter_bundle
from satseek.model.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import Sequence

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
COMMANDS = (
    *("list", "show", "activate", "rollback", "remove", "verify"),
    *("export-bundle", "import-bundle"),
)


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


def refused(code: int, said: str, words: Sequence[str | Path], data: Path) -> None:
    done = satseek(*words, data=data)
    assert (code, "") == (done.returncode, done.stdout), done.stderr
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(data: Path) -> ModelStore:
    return ModelStore(data / "models")


def test_a_new_machine_has_the_starter(data: Path) -> None:
    listed = answered("model", "list", data=data)
    (only,) = listed["versions"]
    assert (only["ref"], only["active"], only["activated"]) == ("starter", True, None)
    assert listed["history"] == []
    refused(5, "nothing to go back to", ["model", "rollback"], data)


def test_a_version_is_used_and_left(data: Path, store: ModelStore) -> None:
    good, bad = store_version(store, 1), store_version(store, 2, cosine=0.42)
    assert satseek("model", "activate", good, data=data).stdout == f"{good}\n"
    refused(
        5, "image cosine, least is 0.42, expected at least 0.99", ["model", "activate", bad], data
    )

    forced = satseek("model", "activate", bad, "--force", data=data)
    assert (forced.returncode, forced.stdout) == (0, f"{bad}\n")
    (warning,) = [json.loads(line) for line in forced.stderr.splitlines() if line[0] == "{"]
    assert warning["level"] == "warning"
    assert bad in warning["event"]

    listed = answered("model", "list", data=data)
    rows = {row["ref"]: row for row in listed["versions"]}
    assert {ref: row["active"] for ref, row in rows.items()} == {
        "starter": False,
        good: False,
        bad: True,
    }
    assert [rows[good]["gate"], rows[bad]["gate"]] == ["passed", "failed"]
    assert [(one["action"], one["forced"]) for one in listed["history"]] == [
        ("activate", False),
        ("activate", True),
    ]
    table = satseek("model", "list", data=data).stdout.splitlines()
    assert [line.split()[1] for line in table if line.startswith("*")] == [bad]
    assert "(forced)" in next(line for line in table if line.startswith("*"))

    shown = satseek("model", "show", data=data).stdout
    assert "0.42, at least 0.99: FAILED" in shown
    assert "forced" in shown
    assert answered("model", "show", data=data)["card"]["version"] == bad.split("@")[1]

    back = satseek("model", "rollback", data=data)
    assert (back.returncode, back.stdout) == (0, f"{good}\n")
    refused(5, "is active", ["model", "remove", good, "--force"], data)
    assert satseek("model", "remove", bad, data=data).returncode == 0
    assert satseek("model", "verify", data=data).returncode == 0


def test_a_pinned_model_goes_before_the_active_one(data: Path, store: ModelStore) -> None:
    first, second = store_version(store, 1), store_version(store, 2)
    done = satseek("--model", first, "model", "activate", second, data=data)
    assert done.returncode == 0
    assert f"pins {first}" in done.stderr


def test_what_a_collection_needs_is_kept(data: Path, store: ModelStore, tmp_path: Path) -> None:
    from serving import make_scenes  # noqa: PLC0415 (rasterio is slow to load)

    card = store.add(starter_bundle().folder).card
    ref = f"{card.name}@{card.version}"
    words = ["--model", ref, "index", make_scenes(tmp_path / "scenes"), "-c", "three"]
    assert satseek(*words, data=data).returncode == 0
    refused(5, "collection 'three'", ["model", "remove", ref], data)
    assert satseek("model", "remove", ref, "--force", data=data).returncode == 0
    assert store.versions() == []


def test_a_version_is_carried_to_another_machine(
    data: Path, store: ModelStore, tmp_path: Path
) -> None:
    ref = store_version(store, 1)
    file = tmp_path / "one.bundle"
    done = satseek("model", "export-bundle", ref, file, data=data)
    digest, name = done.stdout.split()
    assert name == str(file)
    checked = subprocess.run(
        ["sha256sum", "-c", f"{file.name}.sha256"], cwd=tmp_path, check=True, capture_output=True
    )
    assert checked.stdout == b"one.bundle: OK\n"
    assert (tmp_path / "one.bundle.sha256").read_text().startswith(digest)

    there = tmp_path / "there"
    done = satseek("model", "import-bundle", file, "--activate", data=there)
    assert (done.returncode, done.stdout) == (0, f"{ref}\n"), done.stderr
    assert satseek("model", "verify", ref, data=there).returncode == 0

    file.write_bytes(file.read_bytes()[:-700])
    refused(6, "copy it again", ["model", "import-bundle", file], there)
    assert satseek("model", "verify", data=there).returncode == 0


def test_an_imported_version_without_proof_is_stored_but_not_used(
    store: ModelStore, tmp_path: Path
) -> None:
    ref = store_version(store, 1, cosine=None)
    store.export_bundle(ref, tmp_path / "one.bundle")
    there = tmp_path / "there"
    done = satseek("model", "import-bundle", tmp_path / "one.bundle", "--activate", data=there)
    assert (done.returncode, done.stdout) == (5, "")
    assert "found no report" in done.stderr
    assert [ref] == [one.ref for one in ModelStore(there / "models").versions()]
    assert ModelStore(there / "models").active() is None


def test_what_the_settings_pin_is_kept(data: Path, store: ModelStore) -> None:
    ref = store_version(store, 1)
    refused(5, "the setting `model`", ["--model", ref, "model", "remove", ref], data)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["activate", "nothing"], 3, "one of: starter"),
        (["activate", "nothing@12"], 2, "4 to 12 hex digits"),
        (["remove", "starter"], 3, "one of: starter"),
        (["show", "nothing"], 3, "one of: starter"),
        (["verify", "nothing"], 3, "one of: starter"),
        (["import-bundle", "no.bundle"], 3, "no.bundle"),
        (["export-bundle", "starter", "no/such/file"], 3, "no/such"),
    ],
)
def test_refusal_is_one_line_with_its_code(
    data: Path, words: list[str], code: int, said: str
) -> None:
    refused(code, said, ["model", *words], data)


def test_damage_is_named_with_code_6(data: Path, store: ModelStore) -> None:
    ref = store_version(store, 1)
    (store.find(ref).folder / "text.onnx").write_bytes(b"other")
    for words in (["verify"], ["verify", ref]):
        done = satseek("model", *words, data=data)
        assert done.returncode == 6
        assert "text.onnx" in done.stderr
    refused(6, "text.onnx", ["model", "export-bundle", ref, data.parent / "one.bundle"], data)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_reference_names_it(data: Path, command: str) -> None:
    done = satseek("model", command, "--help", data=data)
    assert done.returncode == 0
    assert f"Example: satseek model {command}" in " ".join(done.stdout.split())
    assert f"`model {command}" in REFERENCE.read_text(encoding="utf-8")
