"""Clicks turn a direction, as far as they are to be trusted."""

from __future__ import annotations

import numpy as np
import pytest

from satseek.search.probing import ONE, beside_words, refine

DIM = 32
NONE = np.empty((0, DIM), dtype=np.float32)


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ten kinds of chips in a cone, words that half know the first kind, and who is of it."""
    rng = np.random.default_rng(3)
    kinds = rng.standard_normal((10, DIM))
    labels = np.arange(600) % 10
    cone = 2 * rng.standard_normal(DIM)
    chips = _unit(cone + kinds[labels] + 0.8 * rng.standard_normal((600, DIM)))
    words = _unit((0.3 * kinds[0] + rng.standard_normal(DIM))[None])
    return chips, words, labels == 0


def _precision(chips: np.ndarray, vector: np.ndarray, truth: np.ndarray) -> float:
    best = np.argsort(-(chips @ vector[0]))[: truth.sum()]
    return float(truth[best].mean())


def test_without_clicks_the_words_stay_as_they_are(world: tuple[np.ndarray, ...]) -> None:
    chips, words, _ = world
    refined = refine(words, liked=NONE, disliked=NONE, background=chips)
    assert 0.0 == refined.weight
    np.testing.assert_array_equal(words, refined.vector)


def test_a_few_clicks_find_much_more(world: tuple[np.ndarray, ...]) -> None:
    chips, words, truth = world
    liked, disliked = chips[truth][:4], chips[~truth][:4]
    refined = refine(words, liked=liked, disliked=disliked, background=chips)
    assert refined.weight > 0
    assert _precision(chips, refined.vector, truth) > _precision(chips, words, truth) + 0.2
    assert 1 == pytest.approx(float(np.linalg.norm(refined.vector)), abs=1e-5)


def test_dislikes_alone_change_nothing(world: tuple[np.ndarray, ...]) -> None:
    chips, words, truth = world
    refined = refine(words, liked=NONE, disliked=chips[~truth][:3], background=chips)
    assert 0.0 == refined.weight
    np.testing.assert_array_equal(words, refined.vector)


def test_one_click_counts_less_where_words_find_it(world: tuple[np.ndarray, ...]) -> None:
    chips, words, _ = world
    order = np.argsort(-(chips @ words[0]))
    found, missed = chips[order[:1]], chips[order[-1:]]
    near = refine(words, liked=found, disliked=NONE, background=chips)
    far = refine(words, liked=missed, disliked=NONE, background=chips)
    assert [ONE[True], ONE[False]] == [near.weight, far.weight]


def test_a_background_of_one_chip_teaches_nothing(world: tuple[np.ndarray, ...]) -> None:
    chips, words, _ = world
    assert 0.0 == refine(words, liked=chips[:1], disliked=NONE, background=chips[:1]).weight


def test_beside_words_clicks_stay_on_their_scale(world: tuple[np.ndarray, ...]) -> None:
    chips, words, truth = world
    turned = beside_words(words, liked=chips[truth][:5], disliked=NONE, background=chips)
    plain, better = chips @ words[0], chips @ turned[0]
    assert plain.mean() == pytest.approx(float(better.mean()), abs=0.02)
    assert better.std() < 3 * plain.std()
    assert _precision(chips, turned, truth) > _precision(chips, words, truth)
