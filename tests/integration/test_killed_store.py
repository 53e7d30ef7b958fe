"""A store of models whose writers are killed at every step is as before, or as after."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from versionmaker import make_version, store_version

from satseek.model.store import ModelStore

TESTS = Path(__file__).parents[1]
PROCESS = Path(__file__).with_name("store_process.py")
NEVER = 10**6
WRITERS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A store to do harm to, and what its versions are called."""

    folder: Path
    refs: tuple[str, str, str]
    carried: Path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Two versions activated one after the other, a third one idle, a fourth one in a file."""
    home = tmp_path_factory.mktemp("prepared")
    store, elsewhere = ModelStore(home / "models"), ModelStore(home / "elsewhere")
    first, second, third = (store_version(store, seed) for seed in (1, 2, 3))
    store.activate(first)
    store.activate(second)
    carried = elsewhere.export_bundle(store_version(elsewhere, 4), home / "four.bundle").file
    return Prepared(folder=store.folder, refs=(first, second, third), carried=carried)


def _run(store: Path, last: int, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROCESS, store, str(last), *words],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )


def _seen(folder: Path) -> tuple[list[str], str]:
    """What anybody sees of a store: its sound versions and the one in use."""
    store = ModelStore(folder)
    assert store.verify() == []
    active = store.active()
    return [one.ref for one in store.versions()], active.ref if active else "starter"


def _visible(folder: Path) -> set[str]:
    """Everything in a store but its lock, its history, and folders with nothing in them."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {".lock", ".activations.json"}
    }


@pytest.mark.timeout(900)
@pytest.mark.parametrize("verb", ["add", "activate", "rollback", "remove", "import"])
def test_killed_at_any_step_is_before_or_after(
    prepared: Prepared, tmp_path: Path, verb: str
) -> None:
    words: dict[str, list[str | Path]] = {
        "add": ["5"],
        "activate": [prepared.refs[2]],
        "rollback": [],
        "remove": [prepared.refs[0]],
        "import": [prepared.carried],
    }
    before, files_before = _seen(prepared.folder), _visible(prepared.folder)
    calm = shutil.copytree(prepared.folder, tmp_path / "calm")
    done = _run(calm, NEVER, verb, *words[verb])
    assert done.returncode == 0, done.stderr
    steps, after, files_after = int(done.stdout), _seen(calm), _visible(calm)
    assert before != after
    assert steps > 5

    def harm(step: int) -> tuple[list[str], str]:
        hurt = shutil.copytree(prepared.folder, tmp_path / str(step))
        assert -9 == _run(hurt, step, verb, *words[verb]).returncode
        seen = _seen(hurt)
        with ModelStore(hurt).staging():
            pass  # the next writer sweeps
        assert _visible(hurt) in (files_before, files_after)
        assert _seen(hurt) == seen
        return seen

    with ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(harm, range(steps)))
    assert [one for one in seen if one not in (before, after)] == []
    assert seen[0] == before
    turn = seen.index(after) if after in seen else steps
    assert set(map(str, seen[turn:])) <= {str(after)}, "once after, always after"


@pytest.mark.timeout(900)
def test_an_export_killed_at_any_step_leaves_a_whole_file_or_none(
    prepared: Prepared, tmp_path: Path
) -> None:
    file, ref = tmp_path / "out" / "one.bundle", prepared.refs[0]
    steps = NEVER
    for step in range(NEVER):
        if step >= steps:
            break
        shutil.rmtree(file.parent, ignore_errors=True)
        file.parent.mkdir()
        killed = _run(prepared.folder, step, "export", ref, file)
        if killed.returncode == 0:
            steps = int(killed.stdout)
        elif file.exists():
            ModelStore(tmp_path / "there").import_bundle(file)
    assert steps > 3
    ModelStore(tmp_path / "there").import_bundle(file)
    assert {"one.bundle", "one.bundle.sha256"} == {path.name for path in file.parent.iterdir()}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("before", [0.5, None])
def test_a_new_report_is_there_or_the_one_before_at_any_step(
    tmp_path: Path, before: float | None
) -> None:
    store = ModelStore(tmp_path / "models")
    ref = store_version(store, 1, cosine=before)
    calm = shutil.copytree(store.folder, tmp_path / "calm")
    steps = int(_run(calm, NEVER, "prove", ref).stdout)
    gates = []
    for step in range(steps):
        hurt = ModelStore(shutil.copytree(store.folder, tmp_path / str(step)))
        assert -9 == _run(hurt.folder, step, "prove", ref).returncode
        assert [] == hurt.verify()
        (version,) = hurt.versions()
        gates.append(version.gate)
        there = ModelStore(tmp_path / f"there-{step}")
        there.import_bundle(hurt.export_bundle(ref, tmp_path / "one.bundle").file)
        assert [version.gate] == [one.gate for one in there.versions()]
        if version.gate == "passed":
            assert ref == hurt.activate(ref).ref
    was = "none" if before is None else "failed"
    assert gates == sorted(gates, key=["none", "failed", "passed"].index)
    assert {was, "passed"} == set(gates)


def test_what_a_living_process_stages_is_not_swept(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    with store.staging() as mine:
        make_version(mine, 1)
        done = _run(store.folder, NEVER, "add", "2")
        assert done.returncode == 0, done.stderr
        assert (mine / "card.json").is_file()
        store.add(mine)
    assert len(store.versions()) == 2
    assert list((store.folder / ".staging").iterdir()) == []


@pytest.mark.timeout(300)
def test_activations_at_once_come_one_after_the_other(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    refs = [store_version(store, seed) for seed in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        runs = list(pool.map(lambda ref: _run(store.folder, NEVER, "activate", ref), refs))
    assert [0] * WRITERS == [run.returncode for run in runs], runs
    assert sorted(refs) == sorted(entry.ref for entry in store.history())
    last = store.active()
    assert last == store.history()[-1]
    back = [store.rollback().ref for _ in range(WRITERS)]
    assert back == [entry.ref for entry in reversed(store.history()[: WRITERS - 1])] + ["starter"]


@pytest.mark.timeout(300)
def test_the_same_version_added_at_once_is_there_once(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    barrier = threading.Barrier(WRITERS)

    def add(_writer: int) -> str:
        with store.staging() as folder:
            ref = make_version(folder, 1)
            barrier.wait(timeout=60)
            store.add(folder)
        return ref

    with ThreadPoolExecutor(WRITERS) as pool:
        refs = set(pool.map(add, range(WRITERS)))
    assert refs == {one.ref for one in store.versions()}
    assert store.verify() == []
    assert list((store.folder / ".staging").iterdir()) == []


_WRITE = """
import resource, sys
from pathlib import Path
from satseek.errors import DiskFull
sys.path.insert(0, sys.argv[3])
from satseek.model.store import ModelStore
from store_process import act
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    act(ModelStore(Path(sys.argv[1])), sys.argv[4], sys.argv[5:])
except DiskFull as error:
    print("no room:", error)
"""


@pytest.mark.parametrize("verb", ["add", "import", "export", "activate"])
@pytest.mark.parametrize("limit", [0, 150, 500, 2000])
def test_writes_that_do_not_fit_leave_the_store_as_it_was(
    prepared: Prepared, tmp_path: Path, verb: str, limit: int
) -> None:
    """The kernel refuses writes beyond a size, as a full disk does, with another errno."""
    words: dict[str, list[str | Path]] = {
        "add": ["5"],
        "activate": [prepared.refs[2]],
        "import": [prepared.carried],
        "export": [prepared.refs[0], tmp_path / "one.bundle"],
    }
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    folder = shutil.copytree(prepared.folder, tmp_path / "models")
    before = _seen(folder), _visible(folder)
    done = subprocess.run(
        [sys.executable, "-c", _WRITE, folder, str(limit), PROCESS.parent, verb, *words[verb]],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    fits = verb == "activate" and limit == 2000
    assert done.stdout.startswith("no room:") != fits, done.stderr
    if not fits:
        assert before == (_seen(folder), _visible(folder))
    assert not (tmp_path / "one.bundle").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"models"}
