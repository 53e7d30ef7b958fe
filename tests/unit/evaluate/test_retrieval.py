from __future__ import annotations

import numpy as np
import pytest

from satseek.errors import InvalidK, InvalidRequest
from satseek.evaluate.retrieval import (
    average_precisions,
    first_ranks,
    mean_average_precision,
    precision_at_k,
    recall_at_k,
)

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


def test_average_precision_of_each_query() -> None:
    relevant = np.vstack([RELEVANT, np.zeros(4, dtype=bool)])
    found = average_precisions(np.vstack([COSINES, COSINES[0]]), relevant)
    assert found[:2].tolist() == [pytest.approx(5 / 6), 0.5]
    assert np.isnan(found[2])


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


# Three images as directions of a plane, captions near them; cosines are those of the angles.
def _at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


IMAGES = _at(0, 40, 90)
CAPTIONS, OWNERS = _at(5, 30, 80, 85), [0, 0, 1, 2]


def test_ranks_of_images_by_hand() -> None:
    # 5°: 0 first; 30°: 40 is nearer than 0; 80°: 90 is nearer than 40; 85°: 90 first
    found = first_ranks(CAPTIONS, IMAGES, wanted=OWNERS, owners=[0, 1, 2])
    assert [1, 2, 2, 1] == found.tolist()


def test_best_of_several_captions_counts_and_its_siblings_do_not_push_it_back() -> None:
    # 0°: its own 5 first; 40°: 30 and 5, both of 0, before its own 80; 90°: its own 85 first
    found = first_ranks(IMAGES, CAPTIONS, wanted=[0, 1, 2], owners=OWNERS)
    assert [1, 3, 1] == found.tolist()
    # two captions of its own nearer than anything else: still first
    assert [1] == first_ranks(_at(0), _at(1, 2, 3), wanted=[0], owners=[0, 0, 1]).tolist()


def test_the_same_caption_at_another_image_counts_against() -> None:
    texts = _at(1, 1, 1, 50)
    assert [3] == first_ranks(_at(0), texts, wanted=[0], owners=[0, 1, 2, 2]).tolist()
    assert [1] == first_ranks(_at(0), texts, wanted=[0], owners=[0, 0, 0, 2]).tolist()


def test_equal_vectors_tie_wherever_they_stand_in_a_large_gallery() -> None:
    rng = np.random.default_rng(5)
    gallery = rng.normal(size=(1037, 192)).astype(np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    same = [3, 64, 500, 1036]
    gallery[same] = gallery[3]
    found = first_ranks(gallery[same], gallery, wanted=same, owners=range(1037))
    assert [4, 4, 4, 4] == found.tolist()


def test_ranks_agree_with_recall_at_k_over_several_blocks() -> None:
    rng = np.random.default_rng(6)
    queries, gallery = (rng.normal(size=(n, 5)).astype(np.float32) for n in (1300, 40))
    truth = rng.integers(0, 40, 1300).tolist()
    ranks = first_ranks(queries, gallery, wanted=truth, owners=range(40))
    for k in (1, 5, 10):
        assert (ranks <= k).mean() == recall_at_k(queries @ gallery.T, truth, k=k)


@pytest.mark.parametrize(("wanted", "owners"), [([0], [0, 1]), ([0, 7], [0, 1]), ([0, 1], [0])])
def test_every_query_has_a_right_answer(wanted: list[int], owners: list[int]) -> None:
    with pytest.raises(InvalidRequest, match="expected"):
        first_ranks(_at(0, 1), _at(0, 1), wanted=wanted, owners=owners)
