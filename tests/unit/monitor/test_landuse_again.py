"""How a map was made is kept with its run, and the same map is made of it again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from satseek.errors import Conflict, DamagedData
from satseek.monitor.change.patches import PatchRule
from satseek.monitor.labels.files import preset
from satseek.monitor.labels.jointly import OVERLAPPING, STICKINESS
from satseek.monitor.labels.labelling import LabelSet, own_labels
from satseek.monitor.landuse.again import MADE_OF, asked_again, told_again
from satseek.monitor.landuse.choices import Choices
from satseek.monitor.landuse.running import Asked
from satseek.monitor.runs.run import KeptRun, run_of, run_text
from satseek.search.filtering import read_filter

OTHER = Choices(
    where=read_filter(
        bbox=(14.9, 48.7, 15.1, 48.8), start="2024-05-01", end="2024-08-31",
        where=["eo:cloud_cover<=20"], levels=(1,),
    ),
    by="day", least_valid=0.7, least_of_best=0.6, stickiness=replace(STICKINESS, change=0.02),
    overlapping=replace(OVERLAPPING, change=0.02), shift="mean",
    patches=PatchRule(seed=99, grow=80, least_cells=2, least_ha=1.5), persist=2,
)  # fmt: skip
OWN = replace(
    own_labels(("mine=a quarry;a pit", "forest"), distractors=()), templates=("a {} from above",)
)


def kept(facts: dict[str, object]) -> KeptRun:
    """A run as it is read back."""
    made = datetime(2024, 9, 1, tzinfo=UTC)
    run = KeptRun(
        kind="landuse", name="use", collection="county", made_at=made, operator="", stamp="0" * 12,
        facts=facts,
    )  # fmt: skip
    return run_of(run_text(run))


@pytest.mark.parametrize("labels", [preset("planning"), OWN], ids=["shipped", "own"])
@pytest.mark.parametrize("choices", [Choices(), OTHER], ids=["usual", "other"])
def test_a_map_is_asked_for_again_as_it_was(labels: LabelSet, choices: Choices) -> None:
    asked = Asked(name="use", labels=labels, choices=choices, operator="a planner")
    again = asked_again(kept({MADE_OF: told_again(asked)}))
    assert (labels, labels.digest, choices) == (again.labels, again.labels.digest, again.choices)
    assert [one.colour for one in labels.labels] == [one.colour for one in again.labels.labels]
    assert ("use", ()) == (again.name, again.reports)


def test_a_run_of_an_earlier_release_is_refused_with_what_to_do() -> None:
    with pytest.raises(Conflict, match="run it again"):
        asked_again(kept({"dates": ["2024-05"]}))


@pytest.mark.parametrize("wrong", [{}, {"choices": 1}, {"where": None}])
def test_what_is_not_as_it_was_written_is_said_so(wrong: dict[str, object]) -> None:
    told = told_again(Asked(name="use", labels=OWN))
    broken = {"labels": told["labels"], "choices": told["choices"] | wrong} if wrong else {}
    with pytest.raises(DamagedData, match="use"):
        asked_again(kept({MADE_OF: json.loads(json.dumps(broken))}))
