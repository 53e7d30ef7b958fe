"""Watches are kept in every version, with what they have looked at and been told."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from watchmaking import MINES

from satseek.errors import CollectionLocked, Conflict, InvalidRequest, WatchNotFound
from satseek.monitor.delivery.telling import subscribed
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.tables import opened
from satseek.monitor.watch.keeping import Watches
from satseek.monitor.watch.rows import KEPT_RUNS, PART, mark, write_run
from satseek.monitor.watch.texts import watch_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2024, 7, 4, tzinfo=UTC)


@pytest.fixture
def watches(tmp_path: Path) -> Iterator[Watches]:
    with closing(Watches(tmp_path)) as kept:
        yield kept


def test_who_only_looks_makes_no_file(watches: Watches, tmp_path: Path) -> None:
    assert [] == watches.list()
    assert ({}, {}, (), ()) == (
        watches.looked_at("mines"),
        watches.sightings("mines"),
        watches.answers("mines"),
        watches.runs("mines"),
    )
    with pytest.raises(WatchNotFound, match="none yet: add one with `satseek watch add FILE`"):
        watches.get("mines")
    assert [] == list(tmp_path.iterdir())


def test_a_change_is_another_version_and_no_change_is_none(watches: Watches) -> None:
    first = watches.save(MINES)
    assert (1, first) == (first.version, watches.get("mines"))
    assert first == watches.save(replace(MINES, version=7))
    with pytest.raises(Conflict, match="give the watch of 'other' another name"):
        watches.save(replace(MINES, collection="other"))
    second = watches.save(replace(MINES, least_cells=2))
    assert (2, 2) == (second.version, watches.get("mines").least_cells)
    assert ["mines"] == [one.name for one in watches.list()]
    with pytest.raises(WatchNotFound, match="no watch 'mine'; there are: mines"):
        watches.get("mine")


def test_whoever_is_to_be_told_is_written_with_the_watch(watches: Watches, tmp_path: Path) -> None:
    with closing(Findings(tmp_path, parts=(PART,))) as findings:
        told = []
        for channels in (("office", "field"), ("field",), ()):
            watches.save(replace(MINES, deliver=channels))
            with findings.reading() as db:
                told.append(subscribed(db, "watch", "mines"))
    assert [("field", "office"), ("field",), ()] == told


def mark_and_die(findings: Findings, said: dict[str, Any]) -> None:
    with findings.changing() as change:
        mark(change.db, "mines", **said)
        raise RuntimeError("died")


def test_what_was_looked_at_stands_or_falls_with_its_findings(
    watches: Watches, tmp_path: Path
) -> None:
    watches.save(MINES)
    said: dict[str, Any] = {
        "scenes": {"july": "digest"},
        "sightings": {"f1": ["2024-07-04"]},
        "now": NOW,
    }
    with closing(Findings(tmp_path, parts=(PART,))) as findings:
        with pytest.raises(RuntimeError, match="died"):
            mark_and_die(findings, said)
        assert ({}, {}) == (watches.looked_at("mines"), watches.sightings("mines"))
        for _ in range(2):
            with findings.changing() as change:
                mark(change.db, "mines", **said)
    assert {"july": "digest"} == watches.looked_at("mines")
    assert {"f1": {"2024-07-04"}} == watches.sightings("mines")
    assert {} == watches.looked_at("others")


def test_the_last_answer_of_a_chip_counts(watches: Watches) -> None:
    watches.save(MINES)
    watches.answer("mines", ["ground/a", "ground/b"], "liked", who="ann")
    watches.answer("mines", ["ground/a"], "disliked", who="bob")
    found = {one.chip: (one.verdict, one.who) for one in watches.answers("mines")}
    assert {"ground/a": ("disliked", "bob"), "ground/b": ("liked", "ann")} == found
    with pytest.raises(InvalidRequest, match="COLLECTION/CHIP"):
        watches.answer("mines", ["a"], "liked", who="ann")
    with pytest.raises(WatchNotFound):
        watches.answer("others", ["ground/a"], "liked", who="ann")


def test_one_process_runs_a_watch_at_a_time(watches: Watches, tmp_path: Path) -> None:
    with closing(Watches(tmp_path)) as others, watches.held("mines"):
        with pytest.raises(CollectionLocked, match="another process runs it"), others.held("mines"):
            pass
        with others.held("quarries"):
            pass
    with watches.held("mines"):
        pass


def test_runs_are_told_newest_first_and_not_kept_for_ever(watches: Watches, tmp_path: Path) -> None:
    watches.save(MINES)
    assert watches.last_run("mines") is None
    with closing(Findings(tmp_path, parts=(PART,))) as findings, findings.changing() as change:
        for number in range(3):
            write_run(change.db, "mines", {"run": number}, now=NOW)
        write_run(change.db, "mines", {"run": 2, "more": True}, now=NOW, number=3)
    assert NOW == watches.last_run("mines")
    assert [2, 1] == [one["run"] for one in watches.runs("mines", limit=2)]
    assert watches.runs("mines")[0]["more"]
    with closing(Findings(tmp_path, parts=(PART,))) as findings, findings.changing() as change:
        change.db.execute("UPDATE watches_runs SET number = ? WHERE number = 3", (KEPT_RUNS,))
        write_run(change.db, "mines", {"run": 3}, now=NOW)
    assert [3, 2, 1] == [one["run"] for one in watches.runs("mines", limit=9)]


def test_whether_a_watch_waits_is_kept_and_told_once(watches: Watches) -> None:
    watches.save(MINES)
    assert {} == watches.standing()
    watches.save(MINES, who="ann", paused=True)
    first = watches.standing()["mines"]
    assert (True, "ann", False) == (first.paused, first.who, first.settled)
    watches.stand("mines", who="bob", paused=False)
    watches.settle("mines", first)  # of what somebody else has changed meanwhile
    second = watches.standing()["mines"]
    assert (False, "bob", False) == (second.paused, second.who, second.settled)
    watches.settle("mines", second)
    assert watches.standing()["mines"].settled
    with pytest.raises(WatchNotFound):
        watches.stand("others", who="ann", paused=True)
    with pytest.raises(Conflict):
        watches.save(replace(MINES, collection="other"), who="eve", paused=True)
    assert "bob" == watches.standing()["mines"].who
    watches.remove("mines")
    assert {} == watches.standing()


def test_watches_of_the_former_layout_are_read(tmp_path: Path) -> None:
    part = replace(PART, layouts=PART.layouts[:1])
    with closing(opened(tmp_path, part)) as store, store.transaction() as db:
        db.execute("INSERT INTO watches VALUES (?, 1, 0, ?)", ("mines", watch_text(MINES)))
    with closing(Watches(tmp_path)) as watches:
        assert ("mines", {}) == (watches.get("mines").name, watches.standing())


def test_a_removed_watch_begins_anew(watches: Watches, tmp_path: Path) -> None:
    watches.save(replace(MINES, deliver=("office",)))
    watches.answer("mines", ["ground/a"], "liked", who="ann")
    with closing(Findings(tmp_path, parts=(PART,))) as findings, findings.changing() as change:
        mark(change.db, "mines", scenes={"july": "d"}, sightings={}, now=NOW)
    watches.remove("mines")
    assert ([], {}, ()) == (watches.list(), watches.looked_at("mines"), watches.answers("mines"))
    with pytest.raises(WatchNotFound):
        watches.remove("mines")
    with closing(Findings(tmp_path)) as findings, findings.reading() as db:
        assert () == subscribed(db, "watch", "mines")
    assert 3 == watches.save(MINES).version
