"""Numbers as the page shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from satseek.web.wording import counted, shown_score

if TYPE_CHECKING:
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


def test_counts_agree_with_their_noun() -> None:
    assert counted(1, "chip") == "1 chip"
    assert counted(2400, "chip") == "2,400 chips"
