"""What of a run survives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from satseek.errors import CollectionLocked, Conflict, DamagedData
from satseek.search.classifying_parts import Parts, forget
from satseek.search.classifying_plan import Lost, Part
from satseek.types import Refusal

if TYPE_CHECKING:
    from pathlib import Path

ASKED = {"labels": ["a", "b"], "model": "m@1"}
ITEMS = [{"id": "ä", "refused": "", "rows": [{"id": "ä", "scores": [["a", 0.5, 0.1, None]]}]}]


def part(name: str) -> Part:
    refusal = Refusal(path=name, reason="why", kind="UnreadableImage")
    return Part(items=(Lost(refusal=refusal, path=name),))


def test_what_was_written_is_there_for_the_next_run(tmp_path: Path) -> None:
    first = Parts(tmp_path / "run", ASKED)
    assert not first.has(part("one"))
    first.write(part("one"), ITEMS)
    first.close()
    second = Parts(tmp_path / "run", ASKED)
    assert [True, False] == [second.has(part("one")), second.has(part("two"))]
    assert ITEMS == list(second.read(part("one").name))
    second.close()


def test_what_was_half_written_is_not_there(tmp_path: Path) -> None:
    first = Parts(tmp_path / "run", ASKED)
    first.write(part("one"), ITEMS)
    first.close()
    (path,) = (tmp_path / "run").glob("*.jsonl")
    (tmp_path / "run" / f"{path.name}.0.draft").write_bytes(b"half")
    path.write_bytes(path.read_bytes()[:-3])
    second = Parts(tmp_path / "run", ASKED)
    assert not second.has(part("one"))
    with pytest.raises(DamagedData, match="not what was written"):
        list(second.read(part("one").name))
    assert [] == list((tmp_path / "run").glob("*.draft"))
    second.write(part("one"), ITEMS)
    assert second.has(part("one"))
    second.close()


def test_another_question_is_refused_and_names_what_differs(tmp_path: Path) -> None:
    first = Parts(tmp_path / "run", ASKED)
    first.write(part("one"), ITEMS)
    first.close()
    with pytest.raises(Conflict, match="begun with other labels; "):
        Parts(tmp_path / "run", ASKED | {"labels": ["a", "c"]})
    Parts(tmp_path / "run", ASKED).close()  # the lock was let go of
    forget(tmp_path / "run")
    other = Parts(tmp_path / "run", ASKED | {"labels": ["a", "c"]})
    assert not other.has(part("one"))
    other.close()


def test_one_process_writes(tmp_path: Path) -> None:
    first = Parts(tmp_path / "run", ASKED)
    with pytest.raises(CollectionLocked, match="another run"):
        Parts(tmp_path / "run", ASKED)
    with pytest.raises(CollectionLocked):
        forget(tmp_path / "run")
    first.remove()
    assert not (tmp_path / "run").exists()
    Parts(tmp_path / "run", ASKED).close()


def test_a_run_that_did_nothing_leaves_nothing(tmp_path: Path) -> None:
    Parts(tmp_path / "run", ASKED).close()
    assert not (tmp_path / "run").exists()
    killed = Parts(tmp_path / "run", ASKED)
    killed._lock.release()  # as its death does
    other = Parts(tmp_path / "run", ASKED | {"labels": ["a", "c"]})
    other.write(part("one"), ITEMS)
    other.close()
    with pytest.raises(Conflict):
        Parts(tmp_path / "run", ASKED)
