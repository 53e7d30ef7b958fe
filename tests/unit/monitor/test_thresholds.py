"""Cuts lie where the background or the answers say, or are refused with the reason."""

from __future__ import annotations

import re

import numpy as np
import pytest

from satseek.errors import InvalidRequest
from satseek.evaluate.intervals import wilson
from satseek.monitor.watch.thresholds import (
    background_cut,
    best_cut,
    expected_at,
    learnt_cut,
    rise_cut,
)

GROUND = np.arange(1000) / 1000
RIGHT = np.array([True] * 6 + [False] * 6)
SCORES = np.array([9.0, 8, 7, 6, 5, 2, 5.5, 4, 3, 2.5, 1, 0])


def test_a_share_of_the_background_lies_below_the_cut() -> None:
    cut = background_cut(GROUND, own=GROUND, quantile=0.99, grow_quantile=0.9)
    assert (0.99, 0.9) == (float((cut.seed > GROUND).mean()), float((cut.grow > GROUND).mean()))
    assert (1000, "background_quantile", 0.99) == (cut.background, cut.aim, cut.value)


def test_a_background_too_small_for_its_quantile_is_refused_with_one_that_would_do() -> None:
    told = re.escape(
        "a quantile of 0.99 takes 100 cells that are no alert, there are 40: give a larger "
        "area, smaller chips, or a quantile of at most 0.975"
    )
    with pytest.raises(InvalidRequest, match=told):
        background_cut(GROUND[:40], own=GROUND[:40], quantile=0.99, grow_quantile=0.9)
    assert (
        background_cut(GROUND[:40], own=GROUND[:40], quantile=0.975, grow_quantile=0.9).background
        == 40
    )


@pytest.mark.parametrize(
    ("aim", "value", "cut"),
    [
        ("precision", 1.0, 6.0),  # 5.5 is the first wrong one
        ("precision", 0.8, 5.0),  # five of six
        ("precision", 0.5, 2.0),  # six of ten; lower cuts reach it, too, and find no more
        ("recall", 0.5, 7.0),
        ("recall", 0.8, 5.0),
        ("recall", 1.0, 2.0),
    ],
)
def test_a_cut_reaches_its_aim_and_costs_least(aim: str, value: float, cut: float) -> None:
    assert cut == best_cut(SCORES, RIGHT, aim=aim, value=value)  # type: ignore[arg-type]


def test_the_cut_of_answers_grows_no_farther_than_it_seeds() -> None:
    cut = learnt_cut(
        GROUND * 10,
        own=GROUND * 5,
        scores=SCORES,
        right=RIGHT,
        aim="recall",
        value=1.0,
        grow_quantile=0.9,
    )
    assert (2.0, 1.0) == (cut.seed, pytest.approx(cut.grow, abs=0.01))
    assert (0.2, 0.2) == (cut.seed_quantile, cut.grow_quantile)


def test_a_precision_that_no_cut_reaches_is_refused_with_the_best_one() -> None:
    wrong_first = np.where(RIGHT, 0.0, 1.0) + SCORES / 100
    with pytest.raises(
        InvalidRequest, match=r"the best has 0\.50 \(0\.25 to 0\.75\) on 12 answers"
    ):
        best_cut(wrong_first, RIGHT, aim="precision", value=0.9)


@pytest.mark.parametrize(
    "right", [RIGHT[3:9], np.array([True] * 12), np.array([True] * 2 + [False] * 10)]
)
def test_too_few_answers_are_no_base_for_a_cut(right: np.ndarray) -> None:
    with pytest.raises(InvalidRequest, match="begin with background_quantile"):
        learnt_cut(
            GROUND,
            own=GROUND, scores=SCORES[: right.size], right=right, aim="precision", value=0.5,
            grow_quantile=0.9,
        )  # fmt: skip


def test_what_is_expected_is_counted_with_its_interval() -> None:
    above = np.array([True] * 4 + [False] * 2 + [True] + [False] * 5)
    expected = expected_at(above, RIGHT)
    assert (4 / 5, wilson(4, 5)) == (expected.precision, expected.precision_95)
    assert (4 / 6, wilson(4, 6)) == (expected.recall, expected.recall_95)
    assert (6, 6) == (expected.right, expected.wrong)
    nothing = expected_at(np.zeros(12, dtype=np.bool_), RIGHT)
    assert (None, None, 0.0) == (nothing.precision, nothing.precision_95, nothing.recall)


def test_what_rose_does_not_move_the_cut_of_rises() -> None:
    quiet = np.random.default_rng(0).normal(0, 1, 1000)
    cut = rise_cut(quiet, 0.99)
    assert 1.9 < cut < 2.8
    many = np.concatenate([quiet, np.full(150, 9.0)])
    assert 1.9 < rise_cut(many, 0.99) < 3.5 < float(np.quantile(many, 0.99))


def test_what_fell_does_not_move_the_cut_beyond_the_highest_rises() -> None:
    quiet = np.random.default_rng(0).normal(0, 1, 1000)
    fallen = np.concatenate([quiet, np.full(150, -9.0)])
    assert rise_cut(fallen, 0.99) == float(np.quantile(fallen, 0.99)) < 2.8
