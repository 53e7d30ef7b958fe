"""Who is told of what, once; what became of it; and whose turn it is."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from findingmaking import AUGUST, make_finding
from posting import Desk

from satseek.errors import AlertNotFound, InvalidRequest
from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.delivery.telling import subscribe, subscribed
from satseek.monitor.delivery.turns import Outcome, Pace, Turns
from satseek.monitor.findings import reviewing
from satseek.monitor.findings.finding import WITHDRAWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.monitor.delivery.rows import Alert

ALL = {"reasons": ["new", "updated", "state"]}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    channels: dict[str, dict[str, Any]] = {
        "all": {"to": f"file:{tmp_path}/all", **ALL},
        "new": {"to": f"file:{tmp_path}/new"},
    }
    with closing(Desk(tmp_path / "data", channels)) as made:
        yield made


def reasons(desk: Desk, channel: str = "all") -> list[str]:
    return [one.reason for one in reversed(desk.outbox.alerts()) if one.channel == channel]


def test_each_channel_is_told_what_it_asked_for(desk: Desk) -> None:
    finding = make_finding()
    desk.keep(finding)
    desk.keep(finding)  # nothing is new
    desk.keep(replace(finding, urgency=7.0))  # nobody need know
    desk.keep(replace(finding, last_seen=AUGUST, seen=2))
    desk.keep(replace(finding, last_seen=AUGUST, seen=2, flags=("outside-permit",)))
    reviewing.comment(finding.id, desk.findings, who="ann", comment="a road?")
    assert ["new", "updated", "updated"] == reasons(desk)
    reviewing.confirm(finding.id, desk.findings, who="ann")
    told = reasons(desk)[3:]
    assert told
    assert {"state"} == set(told)
    assert ["new"] == reasons(desk, "new")


def test_what_people_rejected_is_no_news_when_it_is_seen_again(desk: Desk) -> None:
    finding = make_finding()
    desk.keep(finding)
    reviewing.reject(finding.id, desk.findings, who="ann")
    told = reasons(desk)
    desk.keep(replace(finding, last_seen=AUGUST, seen=2))
    assert told == reasons(desk)


def test_what_is_withdrawn_is_told(desk: Desk) -> None:
    finding = make_finding()
    desk.keep(finding)
    (change,) = desk.findings.withdraw(kind="watch", source="mines", found=())
    assert (WITHDRAWN,) == change.finding.flags
    assert ["new", "updated"] == reasons(desk)


def test_who_did_not_ask_for_a_source_is_not_told(desk: Desk) -> None:
    desk.keep(make_finding(source="roads"), make_finding(kind="damage"))
    assert [] == desk.outbox.alerts()
    with desk.findings.changing() as change:
        subscribe(change.db, "watch", "mines", ["new", "new"])
        assert ("new",) == subscribed(change.db, "watch", "mines")
    desk.keep()
    assert ["new"] == [one.channel for one in desk.outbox.alerts()]
    with desk.findings.changing() as change:
        subscribe(change.db, "watch", "mines", ())
    desk.keep(make_finding(5))
    assert 1 == len(desk.outbox.alerts())


def test_what_is_undone_is_not_told(desk: Desk) -> None:
    with suppress(KeyError), desk.findings.changing() as change:
        change.keep([make_finding()])
        raise KeyError
    assert [] == desk.outbox.alerts()
    assert {"waiting": 0, "arrived": 0, "dead": 0} == desk.outbox.counts()


def test_a_finding_that_is_found_anew_has_the_same_alert(tmp_path: Path) -> None:
    found = []
    for name in ("once", "again"):
        channel = {"one": {"to": f"file:{tmp_path}/drop"}}
        with closing(Desk(tmp_path / name, channel)) as desk:
            desk.keep()
            found.append(desk.outbox.alerts()[0].id)
    assert found[0] == found[1]


def test_alerts_are_listed_page_by_page_and_by_what_became_of_them(desk: Desk) -> None:
    desk.keep(*map(make_finding, range(5)))
    seen: list[Alert] = []
    while page := desk.outbox.alerts(limit=3, before=seen[-1].id if seen else ""):
        seen += page
    assert 10 == len({one.id for one in seen}) == len(seen)
    assert make_finding(4).id == seen[0].finding
    third = make_finding(2).id
    assert {third} == {one.finding for one in desk.outbox.alerts(finding=third)}
    assert [] == desk.outbox.alerts(source="roads")
    assert [] == desk.outbox.alerts(state="dead")
    assert {"waiting": 10, "arrived": 0, "dead": 0} == desk.outbox.counts()
    alert, body = desk.outbox.alert(seen[0].id[:10])
    assert seen[0] == alert
    assert seen[0].finding.encode() in body


@pytest.mark.parametrize("wrong", ["0000", "x", "", "' OR 1"])
def test_an_alert_that_is_not_there_is_named(desk: Desk, tmp_path: Path, wrong: str) -> None:
    empty = Outbox(tmp_path / "empty")
    desk.keep()
    for outbox in (empty, desk.outbox):
        with pytest.raises(AlertNotFound, match="satseek alerts list"):
            outbox.alert(wrong)
        with pytest.raises(AlertNotFound):
            outbox.resend(wrong, now=0.0)
    assert 0 == empty.resend_dead(now=0.0)
    assert not empty.folder.exists()


def test_lists_that_cannot_be_are_refused(desk: Desk) -> None:
    with pytest.raises(InvalidRequest, match="expected 1 to 1000"):
        desk.outbox.alerts(limit=0)
    with pytest.raises(InvalidRequest, match="waiting, arrived, dead"):
        desk.outbox.alerts(state="lost")  # type: ignore[arg-type]


def test_a_receiver_may_ask_for_a_day_at_most(desk: Desk) -> None:
    desk.keep()
    now = time.time() + 1
    turns = Turns(desk.outbox.store, pace=Pace())
    letter = turns.next("all", now)
    assert letter is not None
    turns.settle(letter, Outcome(arrived=False, error="later", wait_seconds=1e9), now)
    assert ("new",) == turns.channels(now + 24 * 3600 - 1)
    assert ("all", "new") == turns.channels(now + 24 * 3600)


def test_what_arrived_stays_so_whatever_a_late_try_says(desk: Desk) -> None:
    desk.keep()
    now = time.time() + 1
    turns = Turns(desk.outbox.store, pace=Pace())
    letter = turns.next("all", now)
    assert letter is not None
    turns.settle(letter, Outcome(arrived=True), now)
    turns.settle(letter, Outcome(arrived=False, error="late", final=True), now)
    (alert,) = (one for one in desk.outbox.alerts() if one.channel == "all")
    assert ("arrived", 1, "") == (alert.state, alert.attempts, alert.error)


def test_waits_double_and_end() -> None:
    pace = Pace(first_seconds=4.0, longest_seconds=100.0)
    for failures, most in ((1, 4.0), (2, 8.0), (5, 64.0), (6, 100.0), (10_000, 100.0)):
        waits = {pace.wait(failures) for _ in range(50)}
        assert most / 2 <= min(waits) < max(waits) <= most
