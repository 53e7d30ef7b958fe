"""Concepts: every acknowledged version is there, whoever saves beside."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from satseek.errors import ConceptNotFound, DamagedData, InvalidName, InvalidRequest
from satseek.search.concepts import ConceptStore, parse_reference, read_concept, written
from satseek.types import Concept

if TYPE_CHECKING:
    from pathlib import Path

MINES = Concept(name="mines", version=0, prompts=("an open-pit mine", "a quarry"))


def test_a_saved_concept_is_given_back(tmp_path: Path) -> None:
    store = ConceptStore(tmp_path / "concepts")
    full = replace(MINES, negatives=("bare field",), liked=("a/s/1",), disliked=("b/s/2",))
    saved = store.save(replace(full, notes="矿山", least=99.5))
    assert 1 == saved.version
    assert saved.created is not None
    assert saved == ConceptStore(tmp_path / "concepts").get("mines")
    assert ("mines",) == store.names()
    assert saved == read_concept(json.loads(json.dumps(written(saved))))


def test_each_change_is_another_version(tmp_path: Path) -> None:
    store = ConceptStore(tmp_path)
    first = store.save(MINES)
    second = store.save(replace(MINES, prompts=("a mine",)))
    assert [1, 2] == [one.version for one in store.versions("mines")]
    assert [first, second, second] == [
        store.get("mines", 1), store.get("mines", 2), store.get("mines"),
    ]  # fmt: skip
    assert 2 == len((tmp_path / "mines.json").read_text().splitlines())
    with pytest.raises(ConceptNotFound, match="no version 3; it has: 1, 2"):
        store.get("mines", 3)


def test_removed_is_gone_but_counting_goes_on(tmp_path: Path) -> None:
    store = ConceptStore(tmp_path)
    store.save(MINES)
    store.save(replace(MINES, name="ships"))
    store.remove("mines")
    assert ("ships",) == store.names()
    with pytest.raises(ConceptNotFound, match="there are: ships"):
        store.get("mines")
    with pytest.raises(ConceptNotFound):
        store.remove("mines")
    assert 2 == store.save(MINES).version
    with pytest.raises(ConceptNotFound, match="it has: 2"):
        store.get("mines", 1)


def test_an_empty_store_has_none(tmp_path: Path) -> None:
    store = ConceptStore(tmp_path / "none")
    assert () == store.names()
    for ask in (store.get, store.versions, store.remove):
        with pytest.raises(ConceptNotFound, match="none yet"):
            ask("mines")


_SAVING = """
import sys
from pathlib import Path
from satseek.search.concepts import ConceptStore
from satseek.types import Concept
store = ConceptStore(Path(sys.argv[1]))
for one in range(10):
    note = f"{sys.argv[2]}.{one}"
    saved = store.save(Concept(name="mines", version=0, prompts=("a mine",), notes=note))
    print(saved.version, saved.notes, flush=True)
"""


def test_saves_at_once_have_versions_of_their_own(tmp_path: Path) -> None:
    """Two processes and two threads of each other; one of the processes is killed meanwhile."""
    command = [sys.executable, "-c", _SAVING, str(tmp_path)]
    others = [
        subprocess.Popen([*command, who], stdout=subprocess.PIPE, text=True) for who in ("a", "b")
    ]
    store, acknowledged = ConceptStore(tmp_path), list[tuple[int, str]]()

    def save(who: str) -> None:
        for one in range(10):
            saved = store.save(replace(MINES, notes=f"{who}.{one}"))
            acknowledged.append((saved.version, saved.notes))

    threads = [threading.Thread(target=save, args=(who,)) for who in ("c", "d")]
    for thread in threads:
        thread.start()
    killed, whole = others
    assert killed.stdout is not None
    first = killed.stdout.readline()
    killed.kill()
    told = [first, *killed.stdout, *whole.communicate(timeout=60)[0].splitlines()]
    killed.wait(timeout=60)
    killed.stdout.close()
    for thread in threads:
        thread.join(timeout=60)
    for line in told:
        if len(line.split()) == 2:
            version, notes = line.split()
            acknowledged.append((int(version), notes))
    versions = store.versions("mines")
    assert list(range(1, len(versions) + 1)) == [one.version for one in versions]
    stored = {(one.version, one.notes) for one in versions}
    assert set() == set(acknowledged) - stored
    assert len(acknowledged) >= 31


def test_what_a_crash_left_half_written_hurts_nobody(tmp_path: Path) -> None:
    store = ConceptStore(tmp_path)
    first = store.save(MINES)
    (tmp_path / "mines.new").write_text('{"version": 2, "na', encoding="utf-8")
    assert first == store.get("mines")
    assert 2 == store.save(MINES).version


@pytest.mark.parametrize("content", ["", "no json\n", "[]\n", '{"name": "mines"}\n'])
def test_a_file_that_is_none_of_ours_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "mines.json").write_text(content, encoding="utf-8")
    with pytest.raises(DamagedData, match=r"mines\.json"):
        ConceptStore(tmp_path).get("mines")


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a/b", "x" * 65, "矿"])
def test_a_name_that_is_no_file_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidName):
        ConceptStore(tmp_path).save(replace(MINES, name=name))


@pytest.mark.parametrize(
    "concept",
    [
        replace(MINES, prompts=()),
        replace(MINES, prompts=("",)),
        replace(MINES, prompts=("x" * 1001,)),
        replace(MINES, liked=("chip",)),
        replace(MINES, liked=("a/1",), disliked=("a/1",)),
        replace(MINES, least=101.0),
        replace(MINES, negatives=tuple(map(str, range(101)))),
    ],
)
def test_what_cannot_be_asked_is_not_saved(concept: Concept, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest):
        ConceptStore(tmp_path).save(concept)
    assert () == ConceptStore(tmp_path).names()


def test_references_name_a_version_or_the_newest() -> None:
    assert [("mines", None), ("mines", 3)] == [parse_reference("mines"), parse_reference("mines@3")]
    for text in ("mines@", "mines@x", "mines@-1", "mines@²"):
        with pytest.raises(InvalidRequest):
            parse_reference(text)


@pytest.mark.parametrize(
    "content",
    [{}, {"name": "a", "version": "x"}, {"name": "a", "more": 1}, {"name": "a", "least": "much"}],
)
def test_json_that_is_no_concept_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        read_concept(content)
