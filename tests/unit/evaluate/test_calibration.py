from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satseek.errors import InvalidRequest
from satseek.evaluate.calibration import BINS, Reliability, brier_of_shares

OUTCOMES = st.lists(
    st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60
)  # score, right


def _told(scores: list[float], right: list[bool]) -> Reliability:
    found = Reliability()
    found.add(scores, right)
    return found


def test_ece_by_hand() -> None:
    # bin 10 (0.6, 0.667]: scores 0.62 0.64, one right  → 2/5 · |0.5 − 0.63| = 0.052
    # bin 14 (0.867, 0.933]: 0.90, right                → 1/5 · |1 − 0.9|    = 0.02
    # bin 1 (0, 0.067]: 0.05 0.01, none right           → 2/5 · |0 − 0.03|   = 0.012
    found = _told([0.62, 0.64, 0.90, 0.05, 0.01], [True, False, True, False, False])
    assert pytest.approx(0.084) == found.ece
    assert pytest.approx(2 / 5) == found.right
    assert pytest.approx(2.22 / 5) == found.mean_score
    # 0.38² + 0.64² + 0.1² + 0.05² + 0.01² = 0.1444 + 0.4096 + 0.01 + 0.0025 + 0.0001
    assert pytest.approx(0.5666 / 5) == found.brier


def test_errors_on_both_sides_of_a_bin_cancel_out_and_those_of_two_bins_do_not() -> None:
    assert pytest.approx(0.0) == _told([0.5, 0.5], [True, False]).ece
    assert pytest.approx(0.2) == _told([0.2, 0.8], [False, True]).ece


def test_bins_are_open_below_and_closed_above() -> None:
    counts = [one.count for one in _told([0.0, 1 / 15, 2 / 15, 0.134, 1.0], [True] * 5).bins()]
    assert [2, 1, 1, *[0] * 11, 1] == counts


def test_empty_bin_has_no_figures() -> None:
    first, *_, last = _told([1.0], [True]).bins()
    assert (None, None, 0) == (first.mean_score, first.right, first.count)
    assert (1.0, 1.0, 1) == (last.mean_score, last.right, last.count)
    assert (0.0, 1.0) == (first.low, last.high)


@given(OUTCOMES)
def test_ece_is_that_of_the_definition_bin_by_bin(outcomes: list[tuple[float, bool]]) -> None:
    scores, right = map(list, zip(*outcomes, strict=True))
    expected = 0.0
    for at in range(BINS):
        inside = [
            (score, truth)
            for score, truth in outcomes
            if (at == 0 or score * BINS > at) and score * BINS <= at + 1
        ]
        if inside:
            accuracy = sum(truth for _, truth in inside) / len(inside)
            mean = sum(score for score, _ in inside) / len(inside)
            expected += len(inside) / len(outcomes) * abs(accuracy - mean)
    assert _told(scores, right).ece == pytest.approx(expected, abs=1e-12)


@given(OUTCOMES, st.integers(1, 7))
def test_telling_piece_by_piece_changes_nothing(
    outcomes: list[tuple[float, bool]], size: int
) -> None:
    whole = _told(*map(list, zip(*outcomes, strict=True)))
    pieces = Reliability()
    for at in range(0, len(outcomes), size):
        pieces.add(*zip(*outcomes[at : at + size], strict=True))
    assert whole.ece == pytest.approx(pieces.ece, abs=1e-12)
    assert whole.brier == pytest.approx(pieces.brier, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "right"), [([1.2], [True]), ([-0.1], [True]), ([float("nan")], [True]), ([0.5], [])]
)
def test_what_is_no_score_is_refused(scores: list[float], right: list[bool]) -> None:
    with pytest.raises(InvalidRequest, match="0 to 1"):
        Reliability().add(scores, right)


def test_nothing_has_no_calibration() -> None:
    with pytest.raises(InvalidRequest, match="at least one"):
        _ = Reliability().ece


def test_brier_of_shares_by_hand() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [1 / 3, 1 / 3, 1 / 3], [0.0, 1.0, 0.0]])
    # 0.3² + 0.2² + 0.1² = 0.14; equal shares of three: 1 − 1/3; wholly wrong: 2
    assert [pytest.approx(0.14), pytest.approx(2 / 3), 2.0] == brier_of_shares(
        shares, [0, 1, 2]
    ).tolist()
