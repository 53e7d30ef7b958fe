from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from satseek.cli.classifying import _print_best
from satseek.search.classifying import Classification
from satseek.types import LabelScore

if TYPE_CHECKING:
    import pytest


def test_a_match_that_is_not_there_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    with_match = LabelScore(label="a", scores={"cosine": 0.2, "match": 0.004, "share": 0.9})
    without = LabelScore(label="b", scores={"cosine": 0.3, "share": 0.8})
    _print_best([(Path(one.label), Classification(labels=(one,))) for one in (with_match, without)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["share", "match", "cosine", "label", "image"],
        ["0.900", "0.004", "0.200", "a", "a"],
        ["0.800", "–", "0.300", "b", "b"],
    ]
