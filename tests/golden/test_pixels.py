from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from satseek.model.preprocessing import preprocess
from satseek.types import Preprocessing

if TYPE_CHECKING:
    from satseek.types import Pixels

INSTALL = "the oracle is missing: pip install 'satseek[torch]'"
processing = pytest.importorskip(
    "transformers.models.siglip.image_processing_pil_siglip", reason=INSTALL
)
clip_processing = pytest.importorskip(
    "transformers.models.clip.image_processing_pil_clip", reason=INSTALL
)
CLIP = Preprocessing(
    resize="crop",
    mean=(0.48145466, 0.4578275, 0.40821073),
    std=(0.26862954, 0.26130258, 0.27577711),
)
"""OpenAI's, which open_clip and transformers take over (``OPENAI_CLIP_MEAN``)."""


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


@pytest.mark.parametrize("resample", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [96, 224])
def test_cropped_tensors_are_those_of_transformers_bit_for_bit(
    images: list[Pixels], size: int, resample: str
) -> None:
    oracle = clip_processing.CLIPImageProcessorPil(
        size={"shortest_edge": size},
        crop_size={"height": size, "width": size},
        resample=Image.Resampling[resample.upper()],
    )
    expected = np.stack(oracle(images, input_data_format="channels_last")["pixel_values"])
    how = replace(CLIP, resample=resample)
    assert expected.dtype == np.float32
    assert np.array_equal(expected, preprocess(images, size=size, how=how))


def test_a_strip_is_cropped_without_ever_being_whole() -> None:
    rng = np.random.default_rng(0)
    strip = rng.integers(0, 256, (6, 600, 3), dtype=np.uint8)
    oracle = clip_processing.CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    expected = np.stack(oracle([strip], input_data_format="channels_last")["pixel_values"])
    found = preprocess([strip], size=32, how=CLIP)
    one_level = 1 / 255 / min(CLIP.std) * 1.001
    assert np.abs(expected - found).max() <= one_level


def test_a_long_thin_strip_costs_no_more_memory_than_a_square() -> None:
    thin = np.zeros((1, 5_000_000, 3), dtype=np.uint8)  # whole it would be 224 × 1.1e9 pixels
    assert preprocess([thin], size=224, how=CLIP).shape == (1, 3, 224, 224)
