"""What has not arrived, and what nobody has decided upon: how much, and since when."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from findingmaking import make_finding
from posting import Desk

from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.delivery.rows import Backlog
from satseek.monitor.delivery.turns import Outcome, Pace, Turns
from satseek.monitor.findings import reviewing
from satseek.monitor.findings.keeping import Findings

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = Backlog(waiting={}, dead=0, resting=frozenset())


def test_where_nothing_was_kept_nothing_waits_and_no_file_is_made(tmp_path: Path) -> None:
    with closing(Outbox(tmp_path)) as outbox, closing(Findings(tmp_path)) as findings:
        assert NOTHING == outbox.backlog(now=0.0)
        assert findings.oldest_undecided() is None
    assert [] == list(tmp_path.iterdir())


def test_letters_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    channels = {name: {"to": f"file:{tmp_path}/{name}"} for name in ("north", "south")}
    with closing(Desk(tmp_path / "data", channels)) as desk:
        before = datetime.now(UTC)
        desk.keep(*(make_finding(at) for at in range(5)))
        now = datetime.now(UTC).timestamp()
        backlog = desk.outbox.backlog(now=now)
        assert {"north": 5, "south": 5} == {
            name: line.letters for name, line in backlog.waiting.items()
        }
        turns = Turns(desk.outbox.store, pace=Pace(first_seconds=600))
        for outcome in (Outcome(arrived=True), Outcome(arrived=False, final=True)):
            letter = turns.next("north", now)
            assert letter is not None
            turns.settle(letter, outcome, now)
        for _ in range(3):  # one after the other fails: the channel rests
            letter = turns.next("south", now)
            assert letter is not None
            turns.settle(letter, Outcome(arrived=False, error="away"), now)
        backlog = desk.outbox.backlog(now=now)
        assert ({"north": 3, "south": 5}, 1, {"south"}) == (
            {name: line.letters for name, line in backlog.waiting.items()},
            backlog.dead,
            backlog.resting,
        )
        assert before <= backlog.waiting["south"].since <= datetime.fromtimestamp(now, UTC)
        assert frozenset() == desk.outbox.backlog(now=now + 86400).resting


def test_the_oldest_that_nobody_decided_upon_is_told(tmp_path: Path) -> None:
    moments = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3)]
    made = [make_finding(at) for at in range(3)]
    for one, moment in zip(made, moments, strict=True):
        with closing(Findings(tmp_path, clock=lambda at=moment: at)) as findings:
            findings.keep([one])
    with closing(Findings(tmp_path)) as findings:
        for one, moment in zip(made, moments, strict=True):
            assert moment == findings.oldest_undecided()
            reviewing.confirm(one.id, findings, who="ann")
        assert findings.oldest_undecided() is None
