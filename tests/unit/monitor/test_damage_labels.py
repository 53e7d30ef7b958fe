from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from satseek.errors import InvalidConfig, InvalidRequest
from satseek.model.prompts import NONE_OF_THESE
from satseek.monitor.damage.labels import (
    STATE,
    checked,
    having,
    hazard_labels,
    hazards,
    own_damage_labels,
)
from satseek.monitor.labels.labelling import Label, LabelSet

if TYPE_CHECKING:
    from pathlib import Path

HAZARDS = ("drought", "fire", "flood", "hail", "pests", "wind")


def test_six_hazards_are_shipped() -> None:
    assert HAZARDS == hazards()


@pytest.mark.parametrize("hazard", HAZARDS)
def test_every_shipped_hazard_can_tell_damage_in_both_languages(
    hazard: str, tmp_path: Path
) -> None:
    labels = hazard_labels(hazard, folder=tmp_path)
    states = [label.properties[STATE] for label in labels.labels]
    assert {"affected", "sound", "hidden"} <= set(states)
    assert {"en", "zh"} <= labels.names.keys()
    assert [] == [label.name for label in labels.labels if not {"en", "zh"} <= label.names.keys()]


def test_classes_are_marked_by_state_and_none_of_these_is_sound() -> None:
    labels = own_damage_labels(affected=["burnt=burnt ground;ash"], sound=["forest"])
    names = (*labels.plain, NONE_OF_THESE)
    assert ("burnt", "forest", "cloud", NONE_OF_THESE) == names
    assert [True, False, False, False] == having(labels, names, ["affected"]).tolist()
    assert [False, True, False, True] == having(labels, names, ["sound"]).tolist()
    assert ("burnt ground", "ash") == labels.labels[0].prompts


def test_labels_that_cannot_tell_damage_are_refused() -> None:
    with pytest.raises(InvalidConfig, match="state affected, came none"):
        own_damage_labels(affected=[], sound=["forest"])
    with pytest.raises(InvalidConfig, match="state sound, came none"):
        own_damage_labels(affected=["burnt"], sound=[])
    bare = LabelSet(name="bare", labels=(Label(name="lake", prompts=("a lake",)),))
    with pytest.raises(InvalidConfig, match=r"'lake' of bare: expected the property state"):
        checked(bare)


def test_a_file_of_own_labels_is_read(tmp_path: Path) -> None:
    labels = [
        {"name": "torn", "properties": {"state": "affected"}},
        {"name": "whole", "properties": {"state": "sound"}},
    ]
    (tmp_path / "own.json").write_text(json.dumps({"name": "own", "labels": labels}))
    assert ("torn", "whole") == hazard_labels("own.json", folder=tmp_path).plain


def test_an_unknown_hazard_is_refused_by_naming_the_known(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="hazard of drought, fire, flood"):
        hazard_labels("locusts", folder=tmp_path)
    with pytest.raises(InvalidRequest, match="came 'planning'"):
        hazard_labels("planning", folder=tmp_path)
