from __future__ import annotations

import numpy as np
import pytest

from satseek.errors import InvalidK, InvalidRequest
from satseek.evaluate.retrieval import mean_average_precision, precision_at_k, recall_at_k

# Two queries over four chips; ranks by hand: 0 2 1 3 and 3 2 1 0.
COSINES = np.array([[0.9, 0.1, 0.5, 0.0], [0.1, 0.2, 0.3, 0.4]])
RELEVANT = np.array([[True, True, False, False], [False, False, True, False]])


@pytest.mark.parametrize(("k", "expected"), [(1, 0.5), (2, 0.5), (3, 1.0), (4, 1.0)])
def test_recall(k: int, expected: float) -> None:
    assert expected == recall_at_k(COSINES, [0, 1], k=k)


@pytest.mark.parametrize(("k", "expected"), [(1, 0.5), (2, 0.5), (3, 0.5), (4, 0.375)])
def test_precision(k: int, expected: float) -> None:
    # first 1: 1 and 0; first 2: 1/2 and 1/2; first 3: 2/3 and 1/3; all: 2/4 and 1/4
    assert expected == pytest.approx(precision_at_k(COSINES, RELEVANT, k=k))


def test_map() -> None:
    # ranks of relevant chips: 1 and 3 → (1/1 + 2/3) / 2 = 5/6; rank 2 → 1/2; mean = 2/3
    assert pytest.approx(mean_average_precision(COSINES, RELEVANT)) == 2 / 3


def test_queries_without_an_answer_are_left_out_of_map() -> None:
    relevant = RELEVANT.copy()
    relevant[0] = False
    assert mean_average_precision(COSINES, relevant) == 0.5


def test_ties_count_against() -> None:
    same = np.zeros((1, 4))
    first = np.array([[True, False, False, False]])
    assert recall_at_k(same, [0], k=3) == 0.0
    assert recall_at_k(same, [0], k=4) == 1.0
    assert precision_at_k(same, first, k=3) == 0.0
    assert mean_average_precision(same, first) == 0.25


@pytest.mark.parametrize("k", [0, 5])
def test_k_is_a_rank_of_the_gallery(k: int) -> None:
    with pytest.raises(InvalidK, match="from 1 to 4"):
        recall_at_k(COSINES, [0, 1], k=k)


def test_what_is_not_a_number_is_no_cosine() -> None:
    with pytest.raises(InvalidRequest, match="finite"):
        recall_at_k(np.array([[np.nan, 0.1]]), [0], k=1)


@pytest.mark.parametrize("truth", [[0], [0, 4], [-1, 0]])
def test_truth_is_one_column_a_query(truth: list[int]) -> None:
    with pytest.raises(InvalidRequest, match="expected 2 columns"):
        recall_at_k(COSINES, truth, k=1)


def test_relevance_has_the_shape_of_the_cosines() -> None:
    with pytest.raises(InvalidRequest, match="relevance"):
        precision_at_k(COSINES, RELEVANT[:, :2], k=1)


def test_a_map_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="at least one relevant"):
        mean_average_precision(COSINES, np.zeros_like(RELEVANT))
