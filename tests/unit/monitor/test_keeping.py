"""Findings are kept once, changed by their source alone where it may, found again under filters."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from findingmaking import AUGUST, JULY, JUNE, make_finding, square

from satseek.errors import (
    Conflict,
    DamagedData,
    FindingNotFound,
    FormatTooNew,
    InvalidFilter,
    InvalidRequest,
    SatseekError,
)
from satseek.monitor.findings import reviewing
from satseek.monitor.findings.finding import STATES, WITHDRAWN
from satseek.monitor.findings.keeping import FindingFilter, Findings
from satseek.monitor.tables import DATABASE, Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from satseek.index.storing import Database
    from satseek.monitor.findings.finding import Change

NOW = datetime(2024, 9, 1, tzinfo=UTC)


@pytest.fixture
def findings(tmp_path: Path) -> Iterator[Findings]:
    with closing(Findings(tmp_path, clock=lambda: NOW)) as kept:
        yield kept


def ids(found: Sequence[Any]) -> list[str]:
    return [one.id for one in found]


def test_what_is_kept_is_given_back_with_where_it_stands(findings: Findings) -> None:
    one = make_finding()
    (change,) = findings.keep([one])
    expected = replace(one, state="new", revision=1, created=NOW, changed=NOW)
    assert (change.finding, change.former) == (expected, None)
    assert findings.get(one.id) == expected
    (step,) = findings.history(one.id)
    assert (step.revision, step.who, step.deed, step.before, step.after, step.at) == (
        *(1, "watch:mines", "found"),
        *(None, "new", NOW),
    )


def test_another_store_of_the_same_folder_sees_it(findings: Findings, tmp_path: Path) -> None:
    findings.keep([make_finding()])
    with closing(Findings(tmp_path)) as other:
        assert ids(other.page().findings) == [make_finding().id]


def test_the_same_again_changes_nothing(findings: Findings) -> None:
    findings.keep([make_finding()])
    before = findings.get(make_finding().id)
    assert findings.keep([make_finding(), make_finding()]) == ()
    assert findings.get(make_finding().id) == before
    assert len(findings.history(before.id)) == 1


def test_the_order_of_properties_is_kept_and_of_no_matter(findings: Findings) -> None:
    one = make_finding(properties={"b": 1, "a": 2})
    findings.keep([one])
    assert list(findings.get(one.id).properties) == ["b", "a"]
    assert findings.keep([replace(one, properties={"a": 2, "b": 1})]) == ()


def test_a_source_says_more_of_it_and_people_keep_their_say(findings: Findings) -> None:
    one = make_finding()
    findings.keep([one])
    reviewing.confirm(one.id, findings, who="lin", comment="seen on site")
    again = replace(one, last_seen=AUGUST, seen=2, state="new", assignee="", revision=0)
    (change,) = findings.keep([again])
    assert (change.finding.state, change.finding.assignee) == ("confirmed", "lin")
    assert (change.finding.seen, change.finding.last_seen) == (2, AUGUST)
    assert (change.finding.revision, change.step.deed, change.step.before) == (
        4,
        "seen",
        "confirmed",
    )
    assert change.step.comment == (
        "last_seen 2024-07-04 10:30:00+00:00 → 2024-08-05 10:30:00+00:00; seen 1 → 2"
    )


def test_the_date_it_was_first_seen_at_never_moves_on(findings: Findings) -> None:
    one = make_finding()
    findings.keep([one])
    later = replace(one, first_seen=AUGUST, last_seen=AUGUST)
    assert findings.keep([later])[0].finding.first_seen == JULY


def test_a_picture_stays_as_it_was_when_it_was_found(findings: Findings) -> None:
    one = make_finding()
    shown = replace(one.evidence[0], picture="a" * 64, bounds=(0.0, 0.0, 1.0, 1.0))
    findings.keep([replace(one, evidence=(shown,))])
    assert findings.keep([replace(one, evidence=one.evidence[:1])]) == ()
    assert findings.get(one.id).evidence == (shown,)
    again = replace(shown, picture="b" * 64)
    assert findings.keep([replace(one, evidence=(again,))]) == ()
    wider = replace(again, bounds=(0.0, 0.0, 2.0, 2.0))
    assert findings.keep([replace(one, evidence=(wider,))])[0].finding.evidence == (wider,)


def test_one_that_cannot_be_keeps_all_others_out(findings: Findings) -> None:
    with pytest.raises(InvalidRequest, match="seen"):
        findings.keep([make_finding(0), make_finding(1, seen=0)])
    assert sum(findings.counts().values()) == 0


def test_an_id_of_something_else_is_refused(findings: Findings) -> None:
    one = make_finding()
    findings.keep([one])
    with pytest.raises(Conflict, match="its source is 'mines', came 'other'"):
        findings.keep([make_finding(1), replace(one, source="other")])
    assert ids(findings.page().findings) == [one.id]


def test_what_is_not_found_again_is_flagged_unless_people_decided(findings: Findings) -> None:
    still, gone, decided, other = (make_finding(at) for at in range(4))
    other = replace(other, source="quarries")
    findings.keep([still, gone, decided, other])
    reviewing.confirm(decided.id, findings, who="lin")
    (change,) = findings.withdraw(kind="watch", source="mines", found=[still.id])
    assert (change.finding.id, change.finding.flags) == (gone.id, (WITHDRAWN,))
    assert change.step.comment == "flags none → withdrawn"
    assert findings.withdraw(kind="watch", source="mines", found=[still.id]) == ()
    (back,) = findings.keep([gone])
    assert back.finding.flags == ()


def test_first_digits_of_an_id_name_it(findings: Findings) -> None:
    one = make_finding(id="abcd1")
    findings.keep([one, make_finding(1, id="abce1")])
    assert findings.get("abcd") == findings.get("abcd1")
    for digits in ("abc", "ffff", "", "abcd12", "\udcff", "zzzz", "%%%%"):
        with pytest.raises(FindingNotFound):
            findings.get(digits)
    findings.keep([make_finding(2, id="abcd2")])
    with pytest.raises(InvalidRequest, match="several findings begin with abcd: abcd1, abcd2"):
        findings.get("abcd")
    with pytest.raises(FindingNotFound):
        findings.history("ffff")


def test_looking_at_nothing_makes_no_file(tmp_path: Path) -> None:
    with closing(Findings(tmp_path / "none")) as findings:
        assert findings.counts() == dict.fromkeys(STATES, 0)
        assert (findings.page().findings, findings.verify()) == ((), [])
        assert findings.last_deed("abcd") is None
        with pytest.raises(FindingNotFound):
            findings.get("abcd")
    assert not (tmp_path / "none").exists()


FILTERS = [
    (FindingFilter(), {0, 1, 2, 3}),
    (FindingFilter(kinds=("damage",)), {3}),
    (FindingFilter(kinds=("damage", "watch")), {0, 1, 2, 3}),
    (FindingFilter(sources=("quarries",)), {1}),
    (FindingFilter(collections=("elsewhere",)), {2}),
    (FindingFilter(labels=("quarry",)), {1}),
    (FindingFilter(states=("confirmed", "assigned")), {0}),
    (FindingFilter(assignee="lin"), {0}),
    (FindingFilter(assignee=""), {1, 2, 3}),
    (FindingFilter(flags=("outside-permit",)), {2, 3}),
    (FindingFilter(flags=("outside-permit", "steep")), {3}),
    (FindingFilter(flags=("permit",)), set()),
    (FindingFilter(start=AUGUST), {1}),
    (FindingFilter(end=JULY - timedelta(days=1)), {2}),
    (FindingFilter(start=JUNE, end=AUGUST), {0, 1, 2}),
    (FindingFilter(area=square(0.5, -1.0, 1.6)), {1, 2}),
    (FindingFilter(area=square(0.5, -1.0, 1.6), labels=("quarry",)), {1}),
]


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Findings, list[str]]]:
    """Findings of several sources, the first one confirmed; and their ids."""
    made = [
        make_finding(0),
        make_finding(1, source="quarries", label="quarry", last_seen=AUGUST),
        make_finding(2, collection="elsewhere", first_seen=JUNE, flags=("outside-permit",)),
        make_finding(
            3,
            kind="damage",
            first_seen=None,
            last_seen=None,
            footprint=None,
            flags=("steep", "outside-permit"),
        ),
    ]
    with closing(Findings(tmp_path_factory.mktemp("four"))) as findings:
        findings.keep(made)
        reviewing.confirm(made[0].id, findings, who="lin")
        yield findings, ids(made)


@pytest.mark.parametrize(("where", "expected"), FILTERS)
@pytest.mark.parametrize("order", ["newest", "urgent"])
def test_a_filter_gives_those_that_pass(
    four: tuple[Findings, list[str]], where: FindingFilter, expected: set[int], order: Any
) -> None:
    findings, names = four
    found = findings.page(where, order=order).findings
    assert sorted(names.index(one.id) for one in found) == sorted(expected)
    assert sum(findings.counts(where).values()) == len(expected)


def test_an_area_is_compared_with_the_shape_not_its_box(findings: Findings) -> None:
    triangle = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 1], [0, 0]]]}
    findings.keep([make_finding(footprint=triangle)])
    assert findings.page(FindingFilter(area=square(0.8, 0.8, 0.1))).findings == ()
    assert len(findings.page(FindingFilter(area=square(0.1, 0.1, 0.1))).findings) == 1


@pytest.mark.parametrize(
    ("where", "refusal"),
    [
        (FindingFilter(kinds=("weather",)), InvalidRequest),  # type: ignore[arg-type]
        (FindingFilter(states=("lost",)), InvalidRequest),  # type: ignore[arg-type]
        (FindingFilter(start=AUGUST, end=JULY), InvalidFilter),
        (FindingFilter(start=datetime(2024, 7, 4)), InvalidFilter),  # noqa: DTZ001
        (FindingFilter(area={"type": "Point", "coordinates": [0, 0]}), InvalidFilter),
    ],
)
def test_a_filter_that_cannot_be_is_refused(
    findings: Findings, where: FindingFilter, refusal: type[SatseekError]
) -> None:
    with pytest.raises(refusal):
        findings.page(where)
    with pytest.raises(refusal):
        findings.counts(where)


def test_pages_follow_each_other_while_more_is_kept(findings: Findings) -> None:
    findings.keep([make_finding(at) for at in range(7)])
    first = findings.page(limit=3)
    findings.keep([make_finding(at) for at in range(7, 9)])
    second = findings.page(limit=3, after=first.next)
    third = findings.page(limit=3, after=second.next)
    pages = [page.findings for page in (first, second, third)]
    assert [[int(one.urgency) for one in page] for page in pages] == [[6, 5, 4], [3, 2, 1], [0]]
    assert third.next == ""
    assert len(list(findings.all())) == 9


def test_the_urgent_come_first_and_of_equals_the_older(findings: Findings) -> None:
    urgencies = [1.0, 3.0, 2.0, 3.0, -0.5]
    made = [make_finding(at, urgency=one) for at, one in enumerate(urgencies)]
    findings.keep(made)
    place, found = "", list[str]()
    while True:
        page = findings.page(order="urgent", after=place, limit=2)
        found += ids(page.findings)
        place = page.next
        if not place:
            break
    assert found == [made[at].id for at in (1, 3, 2, 0, 4)]


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": 1001},
        {"order": "oldest"},
        {"after": "soon"},
        {"after": "1.5,2"},
        {"after": "7", "order": "urgent"},
        {"after": "nan,7", "order": "urgent"},
    ],
)
def test_a_page_that_cannot_be_is_refused(findings: Findings, asked: dict[str, Any]) -> None:
    findings.keep([make_finding()])
    with pytest.raises(InvalidRequest):
        findings.page(**asked)


HEARD = Part(name="heard", layouts=(("CREATE TABLE heard (deed TEXT, state TEXT)",),))


def test_listeners_hear_of_every_change_in_its_transaction(tmp_path: Path) -> None:
    def listen(db: Database, changes: Sequence[Change]) -> None:
        rows = [(one.step.deed, one.finding.state) for one in changes]
        db.executemany("INSERT INTO heard VALUES (?, ?)", rows)

    with closing(Findings(tmp_path, parts=(HEARD,), listeners=(listen,))) as findings:
        findings.keep([make_finding()])
        findings.keep([make_finding()])
        reviewing.confirm(make_finding().id, findings, who="lin")
        with findings.reading() as db:
            heard = [tuple(row) for row in db.execute("SELECT * FROM heard")]
    assert heard == [("found", "new"), ("assign", "assigned"), ("confirm", "confirmed")]


def test_a_listener_that_fails_undoes_the_change(tmp_path: Path) -> None:
    def fail(_db: Database, _changes: Sequence[Change]) -> None:
        raise SatseekError("no room for letters")

    with closing(Findings(tmp_path, listeners=(fail,))) as findings:
        with pytest.raises(SatseekError, match="no room for letters"):
            findings.keep([make_finding()])
        assert findings.page().findings == ()


def test_what_stands_beside_a_finding_stands_or_falls_with_it(tmp_path: Path) -> None:
    with closing(Findings(tmp_path, parts=(HEARD,))) as findings:

        def change_both() -> None:
            with findings.changing() as change:
                change.db.execute("INSERT INTO heard VALUES ('looked', 'at')")
                change.keep([make_finding(0), make_finding(1, seen=0)])

        with pytest.raises(InvalidRequest):
            change_both()
        with findings.reading() as db:
            assert db.execute("SELECT count(*) FROM heard").fetchone()[0] == 0


def test_a_layout_is_reached_from_the_one_before(tmp_path: Path) -> None:
    later = Part(name="heard", layouts=(*HEARD.layouts, ("ALTER TABLE heard ADD who TEXT",)))
    for part in (HEARD, later, later):
        with closing(Findings(tmp_path, parts=(part,))) as findings:
            findings.keep([make_finding()])
    with closing(Findings(tmp_path, parts=(later,))) as findings, findings.reading() as db:
        assert [row[1] for row in db.execute("PRAGMA table_info(heard)")] == [
            "deed",
            "state",
            "who",
        ]
    with (
        closing(Findings(tmp_path, parts=(HEARD,))) as findings,
        pytest.raises(FormatTooNew, match=r"by a newer satseek \(format 2\).*up to 1:"),
    ):
        findings.page()


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("UPDATE findings SET state = 'closed'", "its row is not what was written"),
        ("UPDATE findings SET said = replace(said, 'mine', 'lake')", "not what was written"),
        ("UPDATE findings SET urgency = 9", "column urgency says 9.0, what was found says 0.0"),
        (
            "UPDATE findings_steps SET comment = 'x' WHERE revision = 1",
            "step 1 of its history is not",
        ),
        (
            "UPDATE findings_steps SET after = 'new' WHERE revision = 2",
            "step 2 of its history is not",
        ),
        ("DELETE FROM findings_steps WHERE revision = 1", "step 2 of its history is not"),
        ("DELETE FROM findings_steps WHERE revision = 2", "step 3 of its history is not"),
        ("DELETE FROM findings_steps WHERE revision = 3", "expected steps 1 to 3, came 2"),
        ("DELETE FROM findings", "its history is there, itself it is not"),
    ],
)
def test_damage_is_told(tmp_path: Path, harm: str, told: str) -> None:
    with closing(Findings(tmp_path)) as findings:
        findings.keep([make_finding()])
        reviewing.confirm(make_finding().id, findings, who="lin")
        assert findings.verify() == []
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db, db:
        db.execute(harm)
    with closing(Findings(tmp_path)) as findings:
        (line,) = findings.verify()
    assert told in line


def test_a_damaged_finding_is_not_shown_as_if_it_were_whole(tmp_path: Path) -> None:
    with closing(Findings(tmp_path)) as findings:
        findings.keep([make_finding()])
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db, db:
        db.execute("UPDATE findings SET assignee = 'mallory'")
    with closing(Findings(tmp_path)) as findings, pytest.raises(DamagedData, match="not what was"):
        findings.page()


def test_a_lost_picture_is_told(findings: Findings) -> None:
    evidence = (replace(make_finding().evidence[0], picture="a" * 64),)
    findings.keep([make_finding(evidence=evidence)])
    (line,) = findings.verify()
    assert line.endswith(f"{'a' * 64}.png: no such picture; restore it from a backup")


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database" * 100)
    with closing(Findings(tmp_path)) as findings, pytest.raises(DamagedData):
        findings.page()
