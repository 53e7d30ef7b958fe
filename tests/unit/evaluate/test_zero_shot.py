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


@pytest.mark.parametrize("truth", [[0, 1], [0, 1, 2, 3], [0, 0, 0, -1]])
def test_truth_is_one_label_an_image(truth: list[int]) -> None:
    with pytest.raises(InvalidRequest, match="expected"):
        zero_shot(IMAGES, LABELS, truth)


def test_no_images_have_no_accuracy() -> None:
    with pytest.raises(InvalidRequest, match="expected one truth per image"):
        zero_shot(IMAGES[:0], LABELS, [])
