from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from towers import CARD

from satseek.model.scores import cosines, match, pair_scores, percentile, share

COSINE = st.floats(-1, 1)
CLIP = replace(CARD, family="clip", score_head="softmax", logit_scale=4.6, logit_bias=0.0)


def test_match_is_the_sigmoid_of_siglips_logit() -> None:
    card = replace(CARD, logit_scale=math.log(10), logit_bias=-2.0)
    expected = [1 / (1 + math.exp(2)), 0.5, 1 / (1 + math.exp(-2))]
    assert expected == pytest.approx(match([0.0, 0.2, 0.4], card).tolist())


def test_match_does_not_overflow() -> None:
    card = replace(CARD, logit_scale=8.0, logit_bias=0.0)
    assert match(np.float32([-1, 1]), card).tolist() == [0.0, 1.0]


def test_a_model_trained_under_a_softmax_has_no_match() -> None:
    with pytest.raises(ValueError, match="trained under a softmax has no match"):
        match([0.2], CLIP)


def test_scores_of_pairs_leave_out_what_the_model_never_learnt() -> None:
    cosine = np.array([0.3, -0.1], np.float32)
    assert [{"cosine"}, {"cosine"}] == [set(one) for one in pair_scores(cosine, CLIP)]
    found = pair_scores(cosine, CARD)
    assert match(cosine, CARD).tolist() == [one["match"] for one in found]
    assert cosine.tolist() == [one["cosine"] for one in found]


def test_shares_of_a_model_trained_under_a_softmax_are_clips_probabilities() -> None:
    weights = np.exp(np.array([0.3, 0.2]) * math.exp(4.6))
    assert share([0.3, 0.2], CLIP) == pytest.approx(weights / weights.sum())


def test_share_is_the_softmax_at_the_models_own_scale() -> None:
    card = replace(CARD, logit_scale=math.log(2), logit_bias=-100.0)
    weights = [math.exp(0.2), math.exp(0.6)]
    expected = [weight / sum(weights) for weight in weights]
    assert expected == pytest.approx(share([0.1, 0.3], card).tolist())


def test_share_is_taken_over_the_last_axis() -> None:
    found = share(np.float32([[0.1, 0.3, 0.2], [0.9, -0.9, 0.0]]), CARD)
    assert pytest.approx(found.sum(axis=1).tolist()) == [1.0, 1.0]


def test_the_share_of_a_single_label_says_nothing() -> None:
    assert share([-0.9], CARD).tolist() == [1.0]


@given(st.lists(COSINE, min_size=2, max_size=8))
def test_scores_keep_the_order_of_cosines(values: list[float]) -> None:
    order = np.argsort(values, kind="stable")
    for found in (match(values, CARD), share(values, CARD), percentile(values, [-0.5, 0, 0.5])):
        assert (np.diff(found[order]) >= 0).all()


def test_percentile_counts_what_is_lower_and_half_of_what_is_equal() -> None:
    background = [0.3, 0.1, 0.2, 0.2]
    assert percentile([0.0, 0.1, 0.2, 0.25, 0.4], background).tolist() == [
        0.0,
        12.5,
        50.0,
        75.0,
        100.0,
    ]


def test_percentile_needs_a_background() -> None:
    with pytest.raises(ValueError, match="at least one"):
        percentile([0.1], [])


def test_cosines_of_every_pair_stay_within_their_range() -> None:
    vectors = np.float32([[1, 0], [0, 1], [-1, 0]])
    assert cosines(vectors[:2], vectors).tolist() == [[1, 0, -1], [0, 1, 0]]
    longer = vectors * np.float32(1.0000002)
    assert cosines(longer, longer).max() == 1.0
