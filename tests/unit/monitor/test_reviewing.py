"""Who may lead a finding from which state to which, once, however often it is said."""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from findingmaking import make_finding, square

from satseek.errors import Conflict, FindingNotFound, InvalidRequest
from satseek.monitor.findings import reviewing
from satseek.monitor.findings.finding import STATES
from satseek.monitor.findings.keeping import FindingFilter, Findings
from satseek.monitor.findings.reviewing import MOVES, next_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.monitor.findings.finding import Finding, State

ONE = make_finding().id


@pytest.fixture
def findings(tmp_path: Path) -> Iterator[Findings]:
    with closing(Findings(tmp_path)) as kept:
        kept.keep([make_finding()])
        yield kept


def do(findings: Findings, deed: str, who: str = "lin", **more: Any) -> Finding:
    if deed == "assign":
        more = {"assignee": who} | more
    moved: Finding = getattr(reviewing, deed)(ONE, findings, who=who, **more)
    return moved


LEADING: dict[State, tuple[str, ...]] = {
    "new": (),
    "assigned": ("assign",),
    "confirmed": ("assign", "confirm"),
    "rejected": ("assign", "reject"),
    "closed": ("assign", "confirm", "close"),
}
"""What brings a new finding into a state."""

AFTER: dict[tuple[State, str], State] = {
    ("new", "assign"): "assigned",
    ("new", "confirm"): "confirmed",
    ("new", "reject"): "rejected",
    ("assigned", "assign"): "assigned",
    ("assigned", "release"): "new",
    ("assigned", "confirm"): "confirmed",
    ("assigned", "reject"): "rejected",
    ("confirmed", "close"): "closed",
    ("confirmed", "reopen"): "assigned",
    ("rejected", "close"): "closed",
    ("rejected", "reopen"): "assigned",
    ("closed", "reopen"): "assigned",
}
"""Whatever is not here is refused."""

AFTER_DEEDS = sorted({deed for _, deed in AFTER})


@pytest.mark.parametrize("deed", [deed for deed in MOVES if deed != "comment"])
@pytest.mark.parametrize("state", STATES)
def test_only_legal_moves_are_made(findings: Findings, state: State, deed: str) -> None:
    for step in LEADING[state]:
        do(findings, step)
    before, history = findings.get(ONE), findings.history(ONE)
    expected = AFTER.get((state, deed))
    if expected is None:
        with pytest.raises(Conflict, match=f"is {state}: to {deed} it, expected"):
            do(findings, deed, comment="once more")
        assert (findings.get(ONE), findings.history(ONE)) == (before, history)
        return
    after = do(findings, deed, comment="once more")
    last = findings.history(ONE)[-1]
    assert (after.state, findings.get(ONE)) == (expected, after)
    assert (last.deed, last.who, last.after, last.comment) == (deed, "lin", expected, "once more")
    assert last.revision == after.revision > before.revision
    assert last.assignee == after.assignee == ("" if expected == "new" else "lin")


def test_who_decides_upon_a_new_finding_takes_it_first(findings: Findings) -> None:
    assert do(findings, "confirm").revision == 3
    steps = [(one.deed, one.before, one.after, one.assignee) for one in findings.history(ONE)]
    assert steps == [
        ("found", None, "new", ""),
        ("assign", "new", "assigned", "lin"),
        ("confirm", "assigned", "confirmed", "lin"),
    ]


@pytest.mark.parametrize("deed", ["confirm", "reject"])
def test_nobody_decides_for_another(findings: Findings, deed: str) -> None:
    do(findings, "assign", assignee="wang")
    with pytest.raises(Conflict, match="is assigned to wang: they decide, or assign it to lin"):
        do(findings, deed)
    do(findings, "assign", comment="wang is ill")
    assert do(findings, deed).assignee == "lin"


@pytest.mark.parametrize("state", STATES)
def test_a_comment_leaves_all_else_as_it_was(findings: Findings, state: State) -> None:
    for step in LEADING[state]:
        do(findings, step)
    before = findings.get(ONE)
    after = do(findings, "comment", who="wang", comment="fenced")
    assert (after.state, after.assignee) == (before.state, before.assignee)
    last = findings.history(ONE)[-1]
    assert (last.deed, last.who, last.comment, last.before) == ("comment", "wang", "fenced", state)


def test_what_somebody_else_changed_is_looked_at_again(findings: Findings) -> None:
    seen = findings.get(ONE)
    do(findings, "comment", who="wang", comment="careful")
    with pytest.raises(Conflict, match="expected revision 1, it is 2 and new by now; look at it"):
        do(findings, "confirm", revision=seen.revision)
    assert do(findings, "confirm", revision=2).state == "confirmed"


def test_what_its_source_changed_is_looked_at_again(findings: Findings) -> None:
    findings.keep([make_finding(seen=2)])
    with pytest.raises(Conflict, match="expected revision 1, it is 2"):
        do(findings, "reject", revision=1)


@pytest.mark.parametrize("state", ["new", "assigned"])
def test_the_same_said_twice_is_done_once(findings: Findings, state: State) -> None:
    for step in LEADING[state]:
        do(findings, step)
    revision = findings.get(ONE).revision
    first = do(findings, "confirm", comment="dust", revision=revision)
    assert do(findings, "confirm", comment="dust", revision=revision) == first
    findings.keep([make_finding(seen=2)])
    assert do(findings, "confirm", comment="dust").state == "confirmed"
    deeds = [one.deed for one in findings.history(ONE)]
    assert deeds == ["found", "assign", "confirm", "seen"]
    with pytest.raises(Conflict):
        do(findings, "confirm", comment="other words")


@pytest.mark.parametrize(
    ("deed", "more"),
    [
        ("confirm", {"who": " "}),
        ("confirm", {"who": "x" * 201}),
        ("confirm", {"comment": "x" * 10_001}),
        ("confirm", {"comment": "\udcff"}),
        ("comment", {"comment": " \n"}),
        ("assign", {"assignee": ""}),
    ],
)
def test_words_that_cannot_be_kept_are_refused(
    findings: Findings, deed: str, more: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        do(findings, deed, **more)
    assert findings.get(ONE).revision == 1


def test_a_finding_that_is_not_there_is_told(findings: Findings) -> None:
    with pytest.raises(FindingNotFound, match="no finding 'abcdef'"):
        reviewing.confirm("abcdef", findings, who="lin")


def test_the_queue_gives_each_to_one_the_most_urgent_first(findings: Findings) -> None:
    findings.keep([make_finding(at) for at in range(4)])
    lin, wang = next_for("lin", findings), next_for("wang", findings)
    assert lin is not None
    assert wang is not None
    assert (lin.urgency, lin.state, lin.assignee) == (3.0, "assigned", "lin")
    assert (wang.urgency, wang.assignee) == (2.0, "wang")
    again = next_for("lin", findings)
    assert again == lin
    assert findings.history(lin.id)[-1].deed == "assign"
    reviewing.reject(lin.id, findings, who="lin")
    after = next_for("lin", findings)
    assert after is not None
    assert after.urgency == 1.0


def test_what_somebody_put_back_is_given_to_others(findings: Findings) -> None:
    findings.keep([make_finding(1)])
    first = next_for("lin", findings)
    assert first is not None
    reviewing.release(first.id, findings, who="lin")
    second, others = next_for("lin", findings), next_for("wang", findings)
    assert second is not None
    assert others is not None
    assert (second.id, others.id) == (ONE, first.id)


def test_the_queue_keeps_to_its_filter_and_ends(findings: Findings) -> None:
    findings.keep([make_finding(at, source=f"source{at}") for at in range(1, 4)])
    where = FindingFilter(area=square(0.9, -0.1, 1.2), states=("closed",), assignee="nobody")
    found = []
    while (one := next_for("lin", findings, where=where)) is not None:
        found.append(one.source)
        reviewing.confirm(one.id, findings, who="lin")
    assert found == ["source2", "source1"]
    assert findings.counts() == dict.fromkeys(STATES, 0) | {"new": 2, "confirmed": 2}


def test_whatever_people_and_sources_do_the_history_tells_it(findings: Findings) -> None:
    chance, state = random.Random(3), "new"
    for turn in range(50):
        deed = chance.choice([*AFTER_DEEDS, "seen"])
        before = findings.get(ONE)
        if deed == "seen":
            findings.keep([make_finding(seen=turn + 2)])
            assert findings.get(ONE).state == state
            continue
        expected = AFTER.get((before.state, deed))
        try:
            state = do(findings, deed, comment=f"turn {turn}").state
            assert state == expected
        except Conflict:
            assert expected is None
    steps = findings.history(ONE)
    assert [one.revision for one in steps] == list(range(1, len(steps) + 1))
    assert [one.before for one in steps[1:]] == [one.after for one in steps[:-1]]
    assert (steps[-1].after, steps[-1].revision) == (state, findings.get(ONE).revision)
    assert findings.verify() == []
