"""Backups by the real command, while scenes are indexed, findings decided and searches answered."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import keymaking
import numpy as np
import pytest
import serving
import starting
from findingmaking import make_finding, square

from satseek.backup.repository import Repository
from satseek.backup.restoring import restore_backup
from satseek.index import open_collection
from satseek.monitor.findings.deciding import decide
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.findings.pictures import Pictures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from serving import Server

    from satseek.monitor.findings.finding import Finding

LEAST_BACKUPS = 4
MOST_BACKUPS = 12


def finding(number: int) -> Finding:
    return make_finding(number, footprint=square(float(number % 170)))


class Deciding(threading.Thread):
    """Keeps findings with pictures and decides on them until it is told to stop."""

    def __init__(self, data: Path) -> None:
        super().__init__()
        self._data = data
        self.over = threading.Event()

    def run(self) -> None:
        chance = np.random.default_rng(4)
        pictures = Pictures(self._data / "monitor")
        with closing(Findings(self._data / "monitor")) as findings:
            number = 0
            while not self.over.is_set():
                pixels = chance.integers(0, 255, (32, 32, 3), dtype=np.uint8)
                one = finding(number)
                seen = replace(one.evidence[1], picture=pictures.keep(pixels))
                findings.keep([replace(one, evidence=(one.evidence[0], seen))])
                if number:
                    former = finding(number - 1).id
                    decide(former, findings, deed="confirm", who="ada", comment=str(number))
                number += 1
                self.over.wait(0.05)


def satseek(data: Path, *words: str) -> dict[str, Any]:
    done = keymaking.satseek(data, *words, "--json")
    assert 0 == done.returncode, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def indexed(data: Path, folder: Path) -> subprocess.Popen[bytes]:
    command = [*starting.command(), "--data-dir", str(data), "index", str(folder), "-c", "county"]
    return subprocess.Popen([*command, "--chip", "64"], stderr=subprocess.DEVNULL)


def asked(server: Server, key: str) -> list[Any]:
    headers = keymaking.bearer(key)
    question = {"text": "a quarry", "collection": "county", "k": 5}
    answer = httpx.post(f"{server.url}/v1/search", json=question, headers=headers, timeout=60)
    assert 200 == answer.status_code, answer.text
    return [(one["chip"], one["scores"]) for one in answer.json()["hits"]]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str], str]:
    """A data folder, its backups of while it was busy, their ids, and a key."""
    room = tmp_path_factory.mktemp("busy")
    scenes = serving.make_scenes(room / "scenes")
    (room / "early").mkdir()
    first = min(scenes.glob("*scene.tif"))
    (room / "early" / first.name).write_bytes(first.read_bytes())
    data, folder, ids = room / "data", room / "backups", []
    assert 0 == indexed(data, room / "early").wait(timeout=120)
    key = keymaking.make_key(data, "nightly")
    deciding = Deciding(data)
    with serving.running_server(data, auth="keys") as server:
        deciding.start()
        indexing = indexed(data, scenes)
        try:
            while len(ids) < MOST_BACKUPS:
                ids.append(satseek(data, "backup", str(folder))["backup"]["id"])
                assert 5 == len(asked(server, key))
                if indexing.poll() is not None and len(ids) >= LEAST_BACKUPS:
                    break
        finally:
            deciding.over.set()
            deciding.join()
            assert 0 == indexing.wait(timeout=120)
    return data, folder, ids, key


def chips_of(data: Path) -> tuple[Sequence[Any], bytes]:
    with open_collection(data / "collections" / "county", mode="read") as collection:
        assert [] == collection.verify()
        rows = range(len(collection))
        return collection.chips(rows), collection.vectors(rows).tobytes()


def test_each_backup_is_a_state_that_there_was(
    busy: tuple[Path, Path, list[str], str], tmp_path: Path
) -> None:
    data, folder, ids, _ = busy
    chips, vectors = chips_of(data)
    repository = Repository(folder)
    sizes, decided = [], []
    with closing(Findings(data / "monitor")) as now:
        for backup in ids:
            restored = tmp_path / backup
            with repository.reading():
                told = restore_backup(repository, restored, at=backup)
            assert ("county",) == told.collections
            found, their_vectors = chips_of(restored)
            sizes.append(len(found))
            assert chips[: len(found)] == found
            assert vectors[: len(their_vectors)] == their_vectors
            with closing(Findings(restored / "monitor")) as then:
                assert [] == then.verify(), "a finding without its picture, or half a history"
                kept = list(then.all())
                for one in kept:
                    steps = then.history(one.id)
                    assert now.history(one.id)[: len(steps)] == steps
            names = {finding(number).id for number in range(len(kept))}
            assert names == {one.id for one in kept}, "a later finding is there, an earlier is not"
            decided.append(len([one for one in kept if one.state == "confirmed"]))
    assert sizes == sorted(sizes)
    assert decided == sorted(decided)
    assert 1 < len(set(decided)), "nothing was decided while backups were made"


def test_it_serves_elsewhere_as_it_did(
    busy: tuple[Path, Path, list[str], str], tmp_path: Path
) -> None:
    data, folder, _, key = busy
    last = satseek(data, "backup", str(folder), "--keep", "2")
    assert 2 == len(last["pruned"]["kept"])
    assert 2 == len(satseek(data, "backups", "list", str(folder)))
    assert satseek(data, "backups", "verify", str(folder))["sound"]
    satseek(tmp_path / "there", "restore", str(folder))
    with serving.running_server(data, auth="keys") as here:
        expected = asked(here, key)
    with serving.running_server(tmp_path / "there", auth="keys") as there:
        assert expected == asked(there, key)
    assert "restore" in keymaking.satseek(tmp_path / "there", "audit", "show").stdout
    assert 0 == keymaking.satseek(tmp_path / "there", "audit", "verify").returncode


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("restore {0}/nowhere", 3, "expected a folder of backups"),
        ("backups list {0}/nowhere", 3, "expected a folder of backups"),
        ("backup {0}/data/backups", 2, "beside the data folder"),
        ("backup {0}/backups --keep 0", 2, "--keep"),
        ("restore {0}/backups --as other", 2, "--collection"),
    ],
)
def test_refusals_are_one_line_and_an_exit_code(
    words: str, code: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    done = keymaking.satseek(tmp_path / "data", *words.format(tmp_path).split())
    assert code == done.returncode, done.stderr
    assert said in done.stderr
