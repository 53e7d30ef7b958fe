"""The real command imports, refuses, is killed and runs out of room; the store stays whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import starting
from forking import Forks, Run

from satseek.model.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSTALL = "an import needs it: pip install 'satseek[torch]'"
modelmaker = pytest.importorskip("modelmaker", reason=INSTALL, exc_type=ImportError)

STEPS = (
    "… reading",
    "… writing image.onnx",
    "… writing model.safetensors",
    "… painting chips",
    "… comparing 16 images",
    "… storing",
)
"""What the command says when it begins a step."""


def _command(*words: str | Path, data: Path) -> list[str]:
    return [*starting.command(), "--data-dir", str(data), "model", *map(str, words)]


def _environment(**more: str) -> dict[str, str]:
    kept = {name: one for name, one in os.environ.items() if not name.startswith("SATSEEK_")}
    return kept | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"} | more


def _run(*words: str | Path, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*words, data=data),
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
        cwd=data.parent,
        timeout=240,
    )


def _stored(data: Path) -> set[str]:
    """Versions in the store, each found whole."""
    store = ModelStore(data / "models")
    assert store.verify() == []
    return {one.ref for one in store.versions()}


def _left_over(data: Path) -> list[Path]:
    """Files in the store that belong to no version."""
    refs = {ref.replace("@", "/") for ref in _stored(data)}
    models = data / "models"
    files = [path for path in models.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return [
        path
        for path in files
        if "/".join(path.relative_to(models).parts[:2]) not in refs
        and not path.name.endswith(".lock")
    ]


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    opened = Forks(tmp_path_factory.mktemp("said"), _environment())
    yield opened
    opened.close()


def _forked(forks: Forks, *words: str | Path, data: Path, **how: Any) -> Run:
    """The same command in a process that need not open torch first."""
    return forks.run("--data-dir", str(data), "model", *map(str, words), cwd=data.parent, **how)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return modelmaker.make_directory(tmp_path_factory.mktemp("source") / "Tiny RS", modelmaker.TINY)


@pytest.fixture(scope="module")
def data(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds one version already."""
    folder = tmp_path_factory.mktemp("home") / "data"
    done = _run("import", source, "--licence", "Apache-2.0", "--json", data=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_an_import_is_stored_under_its_version(data: Path) -> None:
    (reference,) = _stored(data)
    name, version = reference.split("@")
    assert name == "tiny-rs"
    card = ModelStore(data / "models").find(reference).card
    assert card.version == version
    assert card.licences == {"weights": "Apache-2.0"}
    assert card.source["kind"] == "folder"
    assert card.source["id"] == "Tiny RS"
    assert len(card.source["digest"]) == 64


def test_it_says_each_step_and_what_comes_next(data: Path, source: Path, forks: Forks) -> None:
    words = ("import", source, "--precision", "float16", "--name", "small")
    done = _forked(forks, *words, data=data)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert [step for step in STEPS if not any(line.startswith(step) for line in lines)] == []
    (reference,) = (one for one in _stored(data) if one.startswith("small@"))
    assert lines[-1] == (f"stored {reference}; use it with satseek model activate {reference}")


def test_the_same_import_again_is_the_same_version(data: Path, source: Path, forks: Forks) -> None:
    before = _stored(data)
    done = _forked(forks, "import", source, "--json", "--activate", data=data)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert before == _stored(data)
    assert f"{told['card']['name']}@{told['card']['version']}" in before
    active = ModelStore(data / "models").active()
    assert active is not None
    assert active.ref == f"{told['card']['name']}@{told['card']['version']}"


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["./nowhere/at/all/../x"], 3, "expected a folder, a file, OWNER/NAME"),
        (["nobody/nothing", "--offline"], 3, "not on this machine as a whole, and offline"),
        (["{source}", "--name", "../up"], 2, "model name: expected"),
        (["{source}", "--precision", "int8"], 2, "expected precision float16 or float32"),
        (["{source}", "--revision", "main"], 2, "a folder has no revision"),
        (["{source}/config.json"], 6, "expected a folder or"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_line(
    data: Path, source: Path, words: list[str], code: int, reason: str
) -> None:
    before = _stored(data)
    done = _run("import", *(word.format(source=source) for word in words), data=data)
    assert done.returncode == code, done.stderr
    assert reason in done.stderr.splitlines()[-1]
    assert before == _stored(data)
    assert _left_over(data) == []


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_the_store_as_it_was(
    data: Path, source: Path, forks: Forks, step: str
) -> None:
    before = _stored(data)
    words = ("import", source, "--name", "killed", "--precision", "float16")
    done = _forked(forks, *words, data=data, kill_at=step)
    assert any(line.startswith(step) for line in done.stderr.splitlines())
    assert done.returncode == -signal.SIGKILL
    # At the last step the version may be there already; if so, whole.
    assert {one for one in _stored(data) if not one.startswith("killed@")} == before
    if step != STEPS[-1]:
        assert before == _stored(data)


def test_what_the_killed_left_behind_is_swept_by_the_next_writer(
    data: Path, source: Path, forks: Forks
) -> None:
    done = _forked(forks, "import", source, data=data)
    assert done.returncode == 0, done.stderr
    assert _left_over(data) == []


@pytest.mark.parametrize("room", [100_000, 500_000, 800_000])
def test_a_full_disk_leaves_the_store_as_it_was(
    data: Path, source: Path, forks: Forks, room: int
) -> None:
    """No file may grow beyond ``room`` bytes: text, image and weights have 375, 597 and 979 kB."""
    before = _stored(data)
    done = _forked(forks, "import", source, "--name", "full", data=data, room=room)
    assert done.returncode == 8, done.stderr
    assert "no room left" in done.stderr.splitlines()[-1]
    assert before == _stored(data)
    assert _left_over(data) == []


def test_a_pickle_with_code_is_refused_and_never_run(
    data: Path, source: Path, forks: Forks, tmp_path: Path
) -> None:
    import torch  # noqa: PLC0415 (may be missing)

    folder = shutil.copytree(source, tmp_path / "evil")
    (folder / "model.safetensors").unlink()
    made = tmp_path / "made"
    torch.save({"a": torch.ones(1), "b": _MakesFolder(made)}, folder / "pytorch_model.bin")
    for words, reason in (((), "--allow-pickle"), (("--allow-pickle",), "holds more than tensors")):
        done = _forked(forks, "import", folder, *words, data=data)
        assert done.returncode == 2, done.stderr
        assert reason in done.stderr.splitlines()[-1]
        assert not made.exists()


class _MakesFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)
