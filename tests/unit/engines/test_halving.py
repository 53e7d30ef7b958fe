from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from towers import ColourEngine

from satseek.engines.halving import HalvingEngine
from satseek.errors import OutOfMemory

if TYPE_CHECKING:
    from satseek.types import Features, Tensor

IMAGES = np.random.default_rng(0).uniform(-1, 1, (13, 3, 16, 16)).astype(np.float32)
IDS = np.random.default_rng(1).integers(2, 60, (13, 64))


class SmallEngine(ColourEngine):
    """Fits a few images in one call, and no more."""

    def __init__(self, fits: int) -> None:
        super().__init__()
        self.fits = fits

    def image_features(self, tensor: Tensor) -> Features:
        features = super().image_features(tensor)
        if len(tensor) > self.fits:
            raise OutOfMemory(f"{len(tensor)} do not fit")
        return features


@pytest.mark.parametrize("fits", [1, 3, 6, 12, 13])
def test_rows_are_the_same_however_often_a_call_was_halved(fits: int) -> None:
    expected = ColourEngine().image_features(IMAGES)
    found = HalvingEngine(SmallEngine(fits)).image_features(IMAGES)
    assert np.allclose(expected, found, atol=1e-6)
    assert found.shape == expected.shape


def test_what_fitted_is_remembered_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    small = SmallEngine(4)
    engine = HalvingEngine(small)
    with caplog.at_level(logging.WARNING, logger="satseek"):
        engine.image_features(IMAGES)
        assert small.image_batches == [13, 6, 3, 3, 3, 3, 1]
        small.image_batches.clear()
        engine.image_features(IMAGES)
        small.fits = 1
        engine.image_features(IMAGES)
    assert small.image_batches[:5] == [3, 3, 3, 3, 1]
    assert [record.getMessage() for record in caplog.records] == [
        "memory is too short for 13 images in one call: going on with at most 3"
    ]


def test_texts_keep_their_size_when_images_are_halved() -> None:
    small = SmallEngine(4)
    engine = HalvingEngine(small)
    engine.image_features(IMAGES)
    engine.text_features(IDS)
    assert small.text_batches == [13]


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OutOfMemory, match="1 do not fit"):
        HalvingEngine(SmallEngine(0)).image_features(IMAGES)


def test_no_rows_are_one_call() -> None:
    engine = HalvingEngine(SmallEngine(4))
    assert engine.image_features(IMAGES[:0]).shape == (0, 8)


def test_threads_that_run_short_at_once_all_get_their_rows() -> None:
    engine = HalvingEngine(SmallEngine(2))
    start = threading.Barrier(4)

    def embed(_: int) -> Features:
        start.wait(10)
        return engine.image_features(IMAGES)

    expected = ColourEngine().image_features(IMAGES)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(embed, range(4)):
            assert np.allclose(expected, found, atol=1e-6)
