"""Numbers as the page shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from satseek.types import Chip, Hit, Window
from satseek.web.wording import UNMATCHED, counted, shown_score, terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.types import ScoreKind


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("percentile", 99.84, "99.8"),
        ("percentile", 99.98, "99.9"),
        ("cosine", -0.0214, "-0.021"),
        ("match", 0.0000123, "1.2e-05"),
        ("match", 0.5, "0.5"),
    ],
)
def test_scores_have_the_digits_that_mean_something(
    kind: ScoreKind, value: float, expected: str
) -> None:
    assert shown_score(kind, value) == expected


def _hit(scores: Mapping[ScoreKind, float]) -> Hit:
    chip = Chip(
        id="a/1",
        scene_id="a",
        cell="1",
        scene_path="a.tif",
        window=Window(column=0, row=0, width=256, height=256),
        footprint=None,
        datetime=None,
        valid_fraction=1.0,
    )
    return Hit(chip=chip, rank=1, scores=scores)


def test_only_scores_that_stand_there_are_explained() -> None:
    words = _hit({"cosine": 0.2, "match": 0.1, "percentile": 99.0})
    assert [name for name, _ in terms([words])] == ["percentile", "cosine", "match"]
    image = _hit({"cosine": 0.9, "percentile": 99.0})
    assert list(terms([image]))[-1] == ("without match", UNMATCHED)
    assert [name for name, _ in terms([image])] == ["percentile", "cosine", "without match"]
    assert list(terms([])) == []


def test_counts_agree_with_their_noun() -> None:
    assert counted(1, "chip") == "1 chip"
    assert counted(2400, "chip") == "2,400 chips"
