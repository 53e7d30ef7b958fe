"""A watch tells what is new once, at the date at which it first appears, whatever befalls it."""

from __future__ import annotations

import shutil
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from watchmaking import (
    EDGE,
    MINE,
    MINES,
    NAME,
    QUARRY,
    box_around,
    cell_name,
    chip_name,
    parts_in,
    run,
    scene_name,
    see,
)

from satseek.errors import ConceptNotFound, InvalidRequest, ModelMismatch
from satseek.jobs.watching import opened_watches, tools_for
from satseek.monitor.findings.finding import OUTSIDE_PERMIT
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.findings.reviewing import close, confirm, reject
from satseek.monitor.opening import opened_findings
from satseek.monitor.watch.judging import expect, judge
from satseek.monitor.watch.running import run_watch
from satseek.monitor.watch.watch import OperatingPoint, SightingRule, WatchedConcept

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from satseek.assemble import Assembly
    from satseek.index.storing import Database
    from satseek.monitor.findings.finding import Change, Finding

MAY, JUNE, JULY, AUGUST = "2024-05-03", "2024-06-02", "2024-07-04", "2024-08-05"
CELLS = tuple(sorted(map(cell_name, MINE)))


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Assembly]:
    with parts_in(tmp_path) as opened:
        yield opened


def found(parts: Assembly) -> list[Finding]:
    with closing(opened_findings(parts.settings)) as findings:
        return sorted(findings.all(), key=lambda one: one.id)


def days(finding: Finding) -> tuple[str, str, int]:
    first, last = finding.first_seen, finding.last_seen
    assert first is not None
    assert last is not None
    return first.date().isoformat(), last.date().isoformat(), finding.seen


def test_the_mine_is_told_once_and_the_quarry_never(parts: Assembly) -> None:
    see(parts, MAY, mine=False)
    see(parts, JUNE, mine=False, light=0.8)
    first = run(parts)
    assert ((MAY, JUNE), 2, 2 * EDGE * EDGE, ()) == (
        first.days,
        first.new_scenes,
        first.cells,
        first.alerts,
    )
    see(parts, JULY, mine=True, light=0.3)
    second = run(parts)
    (alert,) = found(parts)
    assert ((JULY,), (alert.id,), ()) == (second.days, second.alerts, second.seen_again)
    assert (CELLS, (JULY, JULY, 1)) == (alert.cells, days(alert))
    assert ("watch", "mines", NAME, "mine", "mine", "new") == (
        alert.kind,
        alert.source,
        alert.collection,
        alert.label,
        alert.after,
        alert.state,
    )
    assert [("before", JUNE), ("after", JULY)] == [
        (one.side, one.scene.removeprefix("scene ")) for one in alert.evidence
    ]
    assert 40_000 == pytest.approx(alert.area_m2, rel=0.01)
    assert {"cosine", "percentile", "share"} == set(alert.scores)
    assert alert.scores["percentile"] > 98
    see(parts, AUGUST, mine=True)
    third = run(parts)
    (again,) = found(parts)
    assert ((), (alert.id,)) == (third.alerts, third.seen_again)
    assert (JULY, AUGUST, 2) == days(again)
    nothing = run(parts)
    assert (0, (), (), None) == (
        nothing.new_scenes, nothing.days, nothing.seen_again, nothing.cut
    )  # fmt: skip
    with opened_watches(parts.settings) as watches:
        assert {scene_name(day) for day in (MAY, JUNE, JULY, AUGUST)} == set(
            watches.looked_at("mines")
        )
        idle = watches.last_run("mines")
        assert idle is not None
        run(parts)
        assert [0, 1, 1, 2] == [one["new_scenes"] for one in watches.runs("mines")]  # one of two
        assert watches.last_run("mines") > idle


class Died(Exception):
    pass


def test_killed_anywhere_it_ends_as_if_each_date_had_been_looked_at_when_it_came(
    tmp_path: Path,
) -> None:
    with parts_in(tmp_path / "calm") as calm:
        for day in (MAY, JUNE, JULY, AUGUST):
            see(calm, day, mine=day >= JULY)
            run(calm)
        expected = found(calm)
    letters: list[tuple[str, str]] = []
    home = tmp_path / "killed"
    shutil.copytree(tmp_path / "calm" / "collections", home / "collections")
    with parts_in(home) as killed, opened_watches(killed.settings) as watches:
        watches.save(MINES)
        for deaths in range(9):
            with stopping(killed, deaths, letters) as (findings, check):
                tools = tools_for(MINES, killed, watches=watches, findings=findings)
                try:
                    run_watch("mines", tools=tools, on_progress=check)
                except Died:
                    continue
                break
        assert deaths > 4
        again = found(killed)
        assert {scene_name(day) for day in (MAY, JUNE, JULY, AUGUST)} == set(
            watches.looked_at("mines")
        )
    plain = [
        [replace(one, created=None, changed=None, revision=0) for one in ones]
        for ones in (expected, again)
    ]
    assert plain[0] == plain[1]
    assert [(again[0].id, "found"), (again[0].id, "seen")] == letters


@contextmanager
def stopping(
    parts: Assembly, deaths: int, letters: list[tuple[str, str]]
) -> Iterator[tuple[Findings, object]]:
    """Findings and a progress that die at the next place where the run before did not.

    One place is before each date, one within the change that keeps its findings; letters are those
    that a listener wrote in changes that were made.
    """
    steps = iter(range(100))
    written: list[tuple[str, str]] = []

    def check(*_: object) -> None:
        if next(steps) == deaths % 2 and deaths < 5:
            raise Died

    def listen(_db: Database, changes: Sequence[Change]) -> None:
        check()
        written.extend((one.finding.id, one.step.deed) for one in changes)

    with closing(Findings(parts.settings.data_dir / "monitor", listeners=(listen,))) as findings:
        made = findings.changing

        @contextmanager
        def changing() -> Iterator[object]:
            written.clear()
            with made() as change:
                yield change
            letters.extend(written)

        findings.changing = changing  # type: ignore[method-assign, assignment]
        yield findings, check


def test_what_must_be_seen_twice_is_told_the_second_time(parts: Assembly) -> None:
    for day in (MAY, JUNE, JULY):
        see(parts, day, mine=day >= JUNE)
        if day == JUNE:
            assert () == run(parts, persistence=SightingRule(seen=2, of=3)).alerts
    done = run(parts, persistence=SightingRule(seen=2, of=3))
    (alert,) = found(parts)
    assert ((alert.id,), (JUNE, JULY, 2)) == (done.alerts, days(alert))


def test_clouds_neither_hide_an_alert_nor_double_it(parts: Assembly) -> None:
    see(parts, MAY, mine=False, hidden=MINE)
    see(parts, JUNE, mine=False)
    see(parts, JULY, mine=True, hidden=MINE[:1])
    see(parts, AUGUST, mine=True)
    run(parts)
    (alert,) = found(parts)
    assert (CELLS, (JULY, AUGUST, 2)) == (alert.cells, days(alert))
    assert JUNE == alert.evidence[0].scene.removeprefix("scene ")


def test_ground_outside_permits_is_flagged_and_comes_first(parts: Assembly) -> None:
    see(parts, MAY, mine=False)
    see(parts, JUNE, mine=True)
    run(parts, permits=box_around(QUARRY))
    (outside,) = found(parts)
    assert ((OUTSIDE_PERMIT,), 0.0) == (outside.flags, outside.properties["share_in_permit"])
    assert 4.0 == pytest.approx(outside.urgency, rel=0.01)
    see(parts, JULY, mine=True)
    run(parts, permits=box_around(MINE))
    (inside,) = found(parts)
    assert (outside.id, ()) == (inside.id, inside.flags)
    assert 1.0 == pytest.approx(inside.properties["share_in_permit"], abs=0.02)


def test_excluded_ground_is_not_looked_at(parts: Assembly) -> None:
    see(parts, MAY, mine=False)
    see(parts, JUNE, mine=True)
    done = run(parts, exclusions=box_around(MINE))
    assert ((), 2 * (EDGE * EDGE - 4)) == (done.alerts, done.cells)


def test_what_was_there_at_first_is_told_where_that_is_wanted(parts: Assembly) -> None:
    see(parts, MAY, mine=True)
    assert () == run(parts).alerts
    concept = WatchedConcept(label="quarry", prompts=("a quarry",), negatives=("a mine",))
    done = run(parts, replace(MINES, name="quarries", concept=concept, existing="alert"))
    alerts = [one for one in found(parts) if one.source == "quarries"]
    assert set(done.alerts) == {one.id for one in alerts}
    assert set(map(cell_name, QUARRY)) <= {cell for one in alerts for cell in one.cells}


def test_a_scene_half_indexed_is_looked_at_once_it_is_whole(parts: Assembly) -> None:
    see(parts, MAY, mine=False)
    see(parts, JUNE, mine=True, finished=False)
    half = run(parts)
    assert ((MAY,), ()) == (half.days, half.alerts)
    see(parts, JUNE, mine=True, hidden=[(0, 0)])  # its digest is another one: it begins anew
    whole = run(parts)
    assert ((JUNE,), 1) == (whole.days, len(whole.alerts))


def test_people_teach_the_probe_and_what_to_expect_is_measured(parts: Assembly) -> None:
    see(parts, MAY, mine=False)
    see(parts, JUNE, mine=True)
    run(parts)
    (alert,) = found(parts)
    with (
        closing(opened_findings(parts.settings)) as findings,
        opened_watches(parts.settings) as watches,
    ):
        watch = watches.get("mines")
        tools = tools_for(watch, parts, watches=watches, findings=findings)
        before = expect(watch, tools)
        assert (0, 0, None) == (before.right, before.wrong, before.cut.expected)
        confirm(alert.id, findings, who="ann")
        close(alert.id, findings, who="ann")
        watches.answer("mines", [chip_name(JUNE, cell) for cell in MINE], "liked", who="ann")
        fields = [chip_name(JUNE, (0, row)) for row in range(8)]
        watches.answer("mines", fields, "disliked", who="ann")
        watches.answer("mines", [f"{NAME}/scene {JUNE}/gone"], "disliked", who="ann")
        after = expect(watch, tools)
        assert (4, 8, 1) == (after.right, after.wrong, len(after.missed))
        expected = after.cut.expected
        assert expected is not None
        assert (1.0, 1.0, 4, 8) == (
            expected.precision,
            expected.recall,
            expected.right,
            expected.wrong,
        )
        learnt = replace(watch, operating_point=OperatingPoint(aim="precision", value=0.9))
        drawn = expect(learnt, tools).cut
        assert ("precision", 0.9) == (drawn.aim, drawn.value)
        assert drawn.seed_quantile > 0.9
        held = judge(watch, tools, truth=box_around(MINE))
        assert (4, 1.0, 1) == (held.right, held.sensitivity, held.alerts)
        assert held.specificity is not None
        assert held.specificity > 0.99
        assert EDGE**2 / 100 == pytest.approx(held.area_km2, rel=0.01)


def test_a_rejected_site_is_not_told_again(parts: Assembly) -> None:
    see(parts, MAY, mine=False)
    see(parts, JUNE, mine=True)
    (name,) = run(parts).alerts
    with closing(opened_findings(parts.settings)) as findings:
        reject(name, findings, who="ann")
    see(parts, JULY, mine=True)
    done = run(parts)
    assert () == done.alerts
    assert ["rejected"] == [one.state for one in found(parts)]
    assert (0, 1) == (done.confirmed, done.rejected)


def test_what_cannot_be_watched_is_refused_and_nothing_counts_as_looked_at(parts: Assembly) -> None:
    see(parts, MAY, mine=False)
    told = OperatingPoint(aim="precision", value=0.9)
    with pytest.raises(InvalidRequest, match="expected 10 answers to learn the cut from"):
        run(parts, operating_point=told)
    with pytest.raises(
        InvalidRequest, match=f"takes 1000 cells that are no alert, there are {EDGE**2}"
    ):
        run(parts, operating_point=OperatingPoint(value=0.999))
    with pytest.raises(ConceptNotFound):
        run(parts, concept=WatchedConcept(label="mine", saved="mines"))
    with opened_watches(parts.settings) as watches:
        assert {} == watches.looked_at("mines")
        tools = tools_for(MINES, parts, watches=watches, findings=None)  # type: ignore[arg-type]
        other = replace(tools.embedder.card, version="ffffffffffff")
        odd = replace(tools, embedder=type("Other", (), {"card": other})())
        with pytest.raises(ModelMismatch, match="their vectors do not compare"):
            expect(MINES, odd)
