from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satseek.errors import InvalidRequest
from satseek.evaluate.intervals import bootstrap, wilson


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(right: int, total: int, low: float, high: float) -> None:
    assert [round(end, 4) for end in wilson(right, total)] == [low, high]


def test_bootstrap_is_that_of_images_drawn_one_by_one() -> None:
    right = np.zeros(400, dtype=bool)
    right[:300] = True
    drawn = np.random.default_rng(1).choice(right, size=(4000, 400)).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    # 4,000 and 10,000 resamples; a percentile of them is known to about ± 0.001
    assert bootstrap(300, 400) == (pytest.approx(low, abs=0.004), pytest.approx(high, abs=0.004))


def test_bootstrap_comes_out_the_same_every_time() -> None:
    assert bootstrap(7, 9) == bootstrap(7, 9)
    assert bootstrap(7, 9, seed=1) == bootstrap(7, 9, seed=1)


@pytest.mark.parametrize("right", [0, 12])
def test_where_resamples_cannot_differ_the_interval_still_has_a_width(right: int) -> None:
    low, high = bootstrap(right, 12)
    assert (low, high) == wilson(right, 12)
    assert high - low > 0.2


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_holds_the_share(counts: tuple[int, int]) -> None:
    right, total = counts
    for low, high in (bootstrap(right, total), wilson(right, total)):
        assert 0 <= low <= right / total + 1e-12
        assert right / total - 1e-12 <= high <= 1


@pytest.mark.parametrize(("right", "total"), [(0, 0), (3, 2), (-1, 2)])
def test_counts_that_cannot_be_are_refused(right: int, total: int) -> None:
    for interval in (bootstrap, wilson):
        with pytest.raises(InvalidRequest, match="right"):
            interval(right, total)
