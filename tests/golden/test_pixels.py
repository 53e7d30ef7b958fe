from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.model.preprocessing import preprocess

if TYPE_CHECKING:
    from satseek.types import Pixels

INSTALL = "the oracle is missing: pip install 'satseek[torch]'"
processing = pytest.importorskip(
    "transformers.models.siglip.image_processing_pil_siglip", reason=INSTALL
)


@pytest.mark.parametrize("size", [64, 96, 224, 256])
def test_tensors_are_those_of_transformers_bit_for_bit(images: list[Pixels], size: int) -> None:
    oracle = processing.SiglipImageProcessorPil(size={"height": size, "width": size})
    expected = np.stack(oracle(images, input_data_format="channels_last")["pixel_values"])
    assert expected.dtype == np.float32
    assert np.array_equal(expected, preprocess(images, size=size))


def test_an_image_of_the_right_size_is_not_resampled(images: list[Pixels]) -> None:
    oracle = processing.SiglipImageProcessorPil(size={"height": 32, "width": 32})
    square = [np.ascontiguousarray(np.resize(image, (32, 32, 3))) for image in images[:8]]
    expected = np.stack(oracle(square, input_data_format="channels_last")["pixel_values"])
    assert np.array_equal(expected, preprocess(square, size=32))
