from __future__ import annotations

import numpy as np
import pytest

from satseek.errors import InvalidRequest
from satseek.evaluate.zero_shot import zero_shot

LABELS = np.eye(3, dtype=np.float32)
IMAGES = np.float32([[1, 0, 0], [0.6, 0.8, 0], [0.8, 0.6, 0], [0, 1, 0]])


def test_by_hand() -> None:
    # first labels: 0 1 0 1
    found = zero_shot(IMAGES, LABELS, [0, 1, 1, 1])
    assert found.top1 == 0.75
    assert [1.0, pytest.approx(2 / 3)] == found.per_class[:2].tolist()
    assert np.isnan(found.per_class[2])
    assert pytest.approx(5 / 6) == found.mean_per_class
    assert found.confusion.tolist() == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]


def test_first_k_by_hand() -> None:
    # cosines with the three labels: 1 0 0 | 0.6 0.8 0 | 0.8 0.6 0 | 0 1 0; a 0 that is another
    # label's too comes last: truths 2 1 1 2 have the ranks 3 1 2 3
    found = zero_shot(IMAGES, LABELS, [2, 1, 1, 2])
    assert [3, 1, 2, 3] == found.ranks.tolist()
    assert [0.25, 0.5, 1.0] == [found.top(k) for k in (1, 2, 3)]
    assert found.per_class_top(2)[1:].tolist() == [1.0, 0.0]
    assert np.isnan(found.per_class_top(2)[0])


def test_ties_count_against() -> None:
    same = np.float32([[1, 0], [1, 0], [1, 0]])
    found = zero_shot(np.float32([[1, 0], [0.6, 0.8]]), same, [0, 2])
    assert (found.top1, found.top(2), found.top(3)) == (0.0, 0.0, 1.0)
    assert np.diagonal(found.confusion).tolist() == [0, 0, 0]
    assert found.confusion.sum() == 2


def test_equal_labels_tie_wherever_they_stand_among_many() -> None:
    rng = np.random.default_rng(3)
    labels = rng.normal(size=(203, 192)).astype(np.float32)
    labels /= np.linalg.norm(labels, axis=1, keepdims=True)
    labels[[7, 64, 201]] = labels[7]
    found = zero_shot(np.repeat(labels[7:8], 9, axis=0), labels, [7, 64, 201] * 3)
    assert [3] * 9 == found.ranks.tolist()


def test_more_images_than_a_block_change_nothing() -> None:
    rng = np.random.default_rng(4)
    images, labels = (rng.normal(size=(n, 4)).astype(np.float32) for n in (9000, 6))
    truth = rng.integers(0, 6, 9000)
    found = zero_shot(images, labels, truth.tolist())
    assert found.top1 == float((np.argmax(images @ labels.T, axis=1) == truth).mean())
    assert len(found.first) == len(found.ranks) == 9000


@pytest.mark.parametrize("truth", [[0, 1], [0, 1, 2, 3], [0, 0, 0, -1]])
def test_truth_is_one_label_an_image(truth: list[int]) -> None:
    with pytest.raises(InvalidRequest, match="expected"):
        zero_shot(IMAGES, LABELS, truth)


def test_no_images_have_no_accuracy() -> None:
    with pytest.raises(InvalidRequest, match="expected one truth per image"):
        zero_shot(IMAGES[:0], LABELS, [])
