"""What answers make of a place: agreement counts, disagreement is told and never guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from satseek.errors import InvalidRequest
from satseek.monitor.areas.estimating import Stratum
from satseek.monitor.areas.sampled import estimate_sample
from satseek.monitor.samples.drawing import Place
from satseek.monitor.samples.sample import (
    CANNOT_TELL,
    Answer,
    Sample,
    Settled,
    Standing,
    alike,
    judged_of,
    progress_of,
    settle,
)

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def place(name: str = "a", *, stratum: str = "forest") -> Place:
    return Place(
        id=name,
        cell=name,
        stratum=stratum,
        mapped=stratum,
        turn=0,
        area_m2=10_000.0,
        footprint=None,
        point=None,
        chips=(),
    )


def answers(*said: tuple[str, str], of: str = "a") -> list[Answer]:
    return [
        Answer(place=of, who=who, label=label, at=START + timedelta(minutes=at))
        for at, (who, label) in enumerate(said)
    ]


@pytest.mark.parametrize(
    ("said", "opinions", "expected"),
    [
        ([], 1, ("open", None)),
        ([("wu", "mine")], 1, ("agreed", "mine")),
        ([("wu", "mine")], 2, ("open", None)),
        ([("wu", "mine"), ("li", "mine")], 2, ("agreed", "mine")),
        ([("wu", "mine"), ("li", "forest")], 2, ("contested", None)),
        ([("wu", "mine"), ("li", "forest")], 1, ("contested", None)),
        ([("wu", "mine"), ("li", "forest"), ("bo", "mine")], 2, ("agreed", "mine")),
        ([("wu", "mine"), ("li", "forest"), ("bo", "field")], 3, ("contested", None)),
        ([("wu", CANNOT_TELL)], 1, ("unclear", None)),
        ([("wu", CANNOT_TELL), ("li", "mine")], 2, ("contested", None)),
        ([("wu", CANNOT_TELL), ("li", "mine"), ("bo", "mine")], 2, ("agreed", "mine")),
        # who answers again changes their mind
        ([("wu", "mine"), ("wu", "forest")], 1, ("agreed", "forest")),
        ([("wu", "mine"), ("wu", "mine")], 2, ("open", None)),
        ([("wu", "mine"), ("li", "forest"), ("wu", "forest")], 2, ("agreed", "forest")),
    ],
)
def test_what_answers_make_of_a_place(
    said: list[tuple[str, str]], opinions: int, expected: tuple[Standing, str | None]
) -> None:
    found = settle(place(), answers(*said), opinions=opinions)
    assert expected == (found.standing, found.label)
    assert {who for who, _ in said} == {one.who for one in found.answers}


def test_the_last_answer_of_each_counts_the_oldest_first() -> None:
    said = answers(("wu", "mine"), ("li", "forest"), ("wu", "forest"))
    found = settle(place(), said, opinions=1)
    assert [("li", "forest"), ("wu", "forest")] == [(one.who, one.label) for one in found.answers]


def sample(**changes: object) -> Sample:
    made = Sample(
        name="june",
        collection="county",
        subject="land use 2024-06",
        unit="cell",
        seed=0,
        opinions=1,
        labels=("forest", "mine"),
        strata=(
            Stratum(name="forest", area_m2=90e4, cells=90),
            Stratum(name="mine", area_m2=10e4, cells=10),
        ),
        mapped_m2={"forest": 90e4, "mine": 10e4},
        sizes={"forest": 3, "mine": 2},
        frame="0" * 64,
        made=START,
    )
    return replace(made, **changes)


def settled() -> list[Settled]:
    """Three of forest: forest, mine, not told apart; two of mine: both mine."""
    said = {
        "a": ("forest", [("wu", "forest"), ("li", "forest")]),
        "b": ("forest", [("wu", "mine")]),
        "c": ("forest", [("wu", "mine"), ("li", "forest")]),
        "d": ("mine", [("wu", "mine")]),
        "e": ("mine", [("wu", "mine"), ("li", "mine"), ("bo", "mine")]),
        "f": ("mine", [("wu", CANNOT_TELL)]),
        "g": ("forest", []),
    }
    return [
        settle(place(name, stratum=stratum), answers(*given, of=name), opinions=1)
        for name, (stratum, given) in said.items()
    ]


def test_only_what_is_agreed_upon_counts() -> None:
    judged = [(one.stratum, one.reference) for one in judged_of(settled())]
    expected = [("forest", "forest"), ("forest", "mine"), ("mine", "mine"), ("mine", "mine")]
    assert expected == judged
    progress = progress_of(settled())
    assert (7, 1, 4, 1, 1) == (
        progress.drawn, progress.open, progress.agreed, progress.contested, progress.unclear,
    )  # fmt: skip
    assert not progress.is_done
    assert (3, 2) == alike(settled())


def test_what_does_not_count_is_told_with_the_figures() -> None:
    found = estimate_sample(sample(), settled())
    assert pytest.approx(45e4 + 10e4) == found.of("mine").area_m2.value
    assert 10e4 == found.of("mine").mapped_m2
    assert (
        "3 of 7 places do not count: 1 wait for an answer, on 1 people do not agree, of 1 they "
        "cannot tell; if these are of another kind than the rest, the figures lean"
    ) == found.notes[0].said()
    assert "3 places were judged by several people, who agree on 2 of them" == found.notes[1].said()
    assert "whole cells" in found.notes[2].said()


def test_cells_of_many_sizes_are_told_of() -> None:
    of_points, uneven = sample(unit="point", uneven=0.3), sample(uneven=0.3)
    assert any(
        "differ by up to 30.0%" in one.said() for one in estimate_sample(uneven, settled()).notes
    )
    assert not any("cells" in one.said() for one in estimate_sample(of_points, settled()).notes)


def test_nothing_agreed_upon_is_no_estimate() -> None:
    with pytest.raises(InvalidRequest, match="answer some of the sample first"):
        estimate_sample(sample(), settled()[-1:])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": " "}, "expected a name"),
        ({"name": "x" * 65}, "expected a name"),
        ({"opinions": 0}, "opinions"),
        ({"labels": ("mine", CANNOT_TELL)}, "always an answer"),
    ],
)
def test_samples_that_cannot_be_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        sample(**changes)


def test_only_labels_of_the_sample_are_taken() -> None:
    for label in ("forest", CANNOT_TELL):
        sample().check_label(label)
    sample(labels=()).check_label("anything")
    for label in ("sea", "", " "):
        with pytest.raises(InvalidRequest, match="answer: expected"):
            sample().check_label(label)
    with pytest.raises(InvalidRequest, match="came nothing"):
        sample(labels=()).check_label(" ")
