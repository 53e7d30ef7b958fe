"""Who sees which findings, what may be done with them, and the name that a decision bears."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from findingmaking import make_finding

from satseek.errors import CollectionNotFound, FindingNotFound, InvalidRequest, PermissionDenied
from satseek.monitor.findings.deciding import DECISIONS, decide, local_name, open_to
from satseek.monitor.findings.finding import STATES
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.findings.pages import FindingFilter
from satseek.service.access.principals import LOCAL, SCOPES, Principal
from satseek.service.monitor.findings_seeing import assigned, find_seen, named, seen_by, sees_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.service.running import Running

LIMITS = {"secret": ("staff",)}
READER = Principal(name="key:reader", kind="key", scopes=SCOPES["reader"])
PEOPLE: dict[str, tuple[Principal, list[str]]] = {
    "everybody": (LOCAL, ["county", "gone", "secret"]),
    "admin": (replace(READER, scopes=SCOPES["admin"]), ["county", "gone", "secret"]),
    "old admin": (
        replace(READER, scopes=SCOPES["admin"] - {"findings"}),
        ["county", "gone", "secret"],
    ),
    "staff": (replace(READER, groups=frozenset({"staff"})), ["county", "gone", "secret"]),
    "reader": (READER, ["county", "gone"]),
    "limited": (replace(READER, collections=frozenset({"county"})), ["county"]),
    "limited to what is hidden": (replace(READER, collections=frozenset({"secret"})), []),
    "limited to nothing": (replace(READER, collections=frozenset()), []),
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Findings]:
    one = Findings(tmp_path_factory.mktemp("seen"))
    one.keep(
        make_finding(at, collection=name) for at, name in enumerate(("county", "secret", "gone"))
    )
    yield one
    one.close()


@pytest.fixture
def shared(findings: Findings) -> Running:
    """What all requests share, as far as these ask for it."""

    def require(name: str, who: Principal) -> None:
        if not who.sees(name, LIMITS):
            raise CollectionNotFound(name)

    settings = SimpleNamespace(collection_groups=LIMITS)
    told: Any = SimpleNamespace(
        assembly=SimpleNamespace(settings=settings),
        monitor=SimpleNamespace(findings=findings),
        require=require,
    )
    return cast("Running", told)


@pytest.mark.parametrize("name", PEOPLE)
def test_people_see_what_is_theirs(name: str, shared: Running, findings: Findings) -> None:
    who, wanted = PEOPLE[name]
    where = seen_by(FindingFilter(), shared=shared, who=who)
    assert wanted == sorted(one.collection for one in findings.all(where))
    assert len(wanted) == sum(findings.counts(where).values())
    assert (len(wanted) == 3) == sees_all(shared, who)
    for one in findings.all():
        if one.collection in wanted:
            assert one == find_seen(one.id, shared=shared, who=who)
        else:
            with pytest.raises(FindingNotFound):
                find_seen(one.id, shared=shared, who=who)
            with pytest.raises(CollectionNotFound):
                seen_by(FindingFilter(collections=(one.collection,)), shared=shared, who=who)


def test_a_finding_has_one_name_at_the_doors(shared: Running, findings: Findings) -> None:
    whole = findings.page(limit=1).findings[0].id
    for asked in (whole[:8], whole[:-1], "", "\u0661" * 20, f"{whole} "):
        with pytest.raises(FindingNotFound):
            find_seen(asked, shared=shared, who=LOCAL)


@pytest.mark.parametrize(
    ("who", "given", "name"),
    [
        (LOCAL, None, "local"),
        (LOCAL, "lin", "local:lin"),
        (LOCAL, "local:lin", "local:lin"),
        (LOCAL, "key:nightly", "local:key:nightly"),
        (READER, None, "key:reader"),
        (READER, "key:reader", "key:reader"),
    ],
)
def test_a_decision_bears_a_name_that_is_true(who: Principal, given: str | None, name: str) -> None:
    assert name == named(who, given)


def test_nobody_decides_as_somebody_else() -> None:
    with pytest.raises(PermissionDenied):
        named(READER, "key:other")


@pytest.mark.parametrize(
    ("who", "given", "name"),
    [
        (READER, None, None),
        (READER, "", ""),
        (READER, "@me", "key:reader"),
        (READER, "ldap:lin", "ldap:lin"),
        (LOCAL, "lin", "local:lin"),
    ],
)
def test_assignees_are_named_as_they_would_decide(
    who: Principal, given: str | None, name: str | None
) -> None:
    assert name == assigned(who, given, own=named(who, None))


def test_what_may_be_done_is_what_can_be_done(tmp_path: Path) -> None:
    ways = {
        "new": [],
        "assigned": ["assign"],
        "confirmed": ["confirm"],
        "rejected": ["reject"],
        "closed": ["confirm", "close"],
    }
    assert set(STATES) == set(ways)
    for state, deeds in ways.items():
        for deed in DECISIONS:
            findings = Findings(tmp_path / f"{state}-{deed}")
            (made,) = findings.keep([make_finding()])
            for one in deeds:
                decide(made.finding.id, findings, deed=one, who="lin", comment="before")
            can = True
            try:
                decide(made.finding.id, findings, deed=deed, who="lin", comment="now")
            except Exception:  # noqa: BLE001 - whatever keeps it from being done
                can = False
            findings.close()
            assert (deed in open_to(state)) == can, f"{deed} of {state}"  # type: ignore[arg-type]


def test_deeds_and_names_that_cannot_be_are_refused(tmp_path: Path) -> None:
    findings = Findings(tmp_path)
    (made,) = findings.keep([make_finding()])
    for asked in ({"deed": "burn"}, {"deed": "confirm", "assignee": "ada"}, {"deed": "found"}):
        with pytest.raises(InvalidRequest):
            decide(made.finding.id, findings, who="lin", **asked)  # type: ignore[arg-type]
    mine = decide(made.finding.id, findings, deed="assign", who="lin")
    assert ("assigned", "lin") == (mine.state, mine.assignee)
    findings.close()
    assert "local" == local_name("local")
