"""A land-use report names the cuts that decided it, and says which of them somebody asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from landusing import EMBEDDER, ground, mapped, used
from madeground import LATTICE, collected
from towers import ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.monitor.change.patches import PatchRule
from satseek.monitor.labels.jointly import OVERLAPPING, STICKINESS
from satseek.monitor.labels.labelling import label_vectors, own_labels
from satseek.monitor.landuse.choices import Choices
from satseek.monitor.landuse.cuts import thresholds_of
from satseek.monitor.landuse.landuse import land_use
from satseek.monitor.landuse.words import text

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.monitor.landuse.landuse import LandUse

HALF = replace(LATTICE, stride_px=LATTICE.chip_px // 2)


def told(found: LandUse) -> dict[str, tuple[str, str]]:
    """Value and origin of each cut, by its key among the words."""
    keys = (
        *("stickiness", "steepness", "even", "turn_steepness", "turn_even", "seed", "grow"),
        *("unit", "persist", "least_valid", "least_of_best", "shift"),
    )
    names = {text(key, "en"): key for key in keys}
    return {names[one.name]: (one.value, one.origin) for one in thresholds_of(found, "en")}


def origins(found: LandUse) -> dict[str, str]:
    return {name: origin for name, (_, origin) in told(found).items()}


def test_what_decided_each_chip_by_itself_is_told(tmp_path: Path) -> None:
    with used(tmp_path) as (found, _):
        cuts = told(found)
    assert f"{STICKINESS.steepness:g}" == cuts["steepness"][0]
    assert f"{STICKINESS.even:g}" == cuts["even"][0]
    assert not {"turn_steepness", "turn_even"} & cuts.keys()
    assert "as asked" not in {origin for _, origin in cuts.values()}
    assert ("80%", "what words can tell, fitted") == (
        cuts["least_of_best"][0], cuts["shift"][0]
    )  # fmt: skip


def test_what_decided_chips_that_overlap_is_told(tmp_path: Path) -> None:
    with collected(tmp_path, *ground(lattice=HALF)) as index:
        cuts = told(mapped(index))
    for name in ("steepness", "even", "turn_steepness", "turn_even"):
        assert f"{getattr(OVERLAPPING, name):g}" == cuts[name][0], name
    assert "as asked" not in {origin for _, origin in cuts.values()}


@pytest.mark.parametrize(
    ("choices", "asked"),
    [
        (Choices(patches=PatchRule(seed=99, grow=50)), {"seed"}),
        (Choices(patches=PatchRule(seed=95, grow=60, least_cells=1)), {"grow"}),
        (Choices(stickiness=replace(STICKINESS, change=0.02)), {"stickiness"}),
        (Choices(overlapping=replace(OVERLAPPING, change=0.02)), set()),
        (
            Choices(shift="mean", persist=2, least_of_best=0.7),
            {"shift", "persist", "least_of_best"},
        ),
    ],
)
def test_what_somebody_asked_for_is_said_to_be_so(
    tmp_path: Path, choices: Choices, asked: set[str]
) -> None:
    with used(tmp_path, choices=choices) as (found, _):
        assert asked == {name for name, origin in origins(found).items() if origin == "as asked"}


def test_labels_that_are_embedded_already_are_not_embedded_again(tmp_path: Path) -> None:
    labels = own_labels(("forest", "bridge"), distractors=())
    looked = label_vectors(labels, embedder=EMBEDDER)
    asked, unasked = ColourEngine(), ColourEngine()
    with collected(tmp_path, *ground()) as index:
        found = land_use(
            index, labels=labels, embedder=Embedder(unasked, make_tokenizer()), looked=looked
        )
        again = land_use(index, labels=labels, embedder=Embedder(asked, make_tokenizer()))
    assert not unasked.text_batches
    assert asked.text_batches
    assert (found.classes == again.classes).all()
