from __future__ import annotations

import numpy as np
import pytest

from satseek.errors import UnreadableImage
from satseek.model.preprocessing import preprocess, squared
from satseek.types import Preprocessing

CROP = Preprocessing(resize="crop")


def test_the_shape_and_the_layout() -> None:
    images = [np.zeros((h, w, 3), dtype=np.uint8) for h, w in ((20, 30), (64, 64), (1, 1))]
    tensor = preprocess(images, size=16)
    assert tensor.shape == (3, 3, 16, 16)
    assert np.float32 == tensor.dtype
    assert tensor.flags.c_contiguous


@pytest.mark.parametrize(("value", "expected"), [(0, -1.0), (255, 1.0), (51, -0.6)])
def test_values_run_from_minus_one_to_one(value: int, expected: float) -> None:
    tensor = preprocess([np.full((8, 8, 3), value, dtype=np.uint8)], size=4)
    assert expected == pytest.approx(float(tensor.min()), abs=1e-6)
    assert tensor.min() == tensor.max()


def test_channels_stay_in_their_order() -> None:
    red = np.zeros((4, 4, 3), dtype=np.uint8)
    red[..., 0] = 255
    assert preprocess([red], size=4)[0, :, 0, 0].tolist() == [1.0, -1.0, -1.0]


def test_rows_and_columns_are_not_swapped() -> None:
    image = np.zeros((4, 8, 3), dtype=np.uint8)
    image[:2] = 255
    tensor = preprocess([image], size=4)[0, 0]
    assert tensor[0].mean() > 0.9
    assert tensor[3].mean() < -0.9


def test_an_image_does_not_depend_on_its_neighbours() -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (h, 40, 3), dtype=np.uint8) for h in (30, 40, 50)]
    whole = preprocess(images, size=32)
    assert all(np.array_equal(whole[i], preprocess([images[i]], size=32)[0]) for i in range(3))


def test_a_view_is_taken_as_it_looks() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    mirrored = image[:, ::-1]
    copied = np.ascontiguousarray(mirrored)
    assert np.array_equal(preprocess([copied], size=24), preprocess([mirrored], size=24))


def test_the_pixels_given_are_left_alone() -> None:
    image = np.full((16, 16, 3), 9, dtype=np.uint8)
    preprocess([image], size=16)
    assert {9} == set(np.unique(image).tolist())


def test_a_crop_sees_the_middle_alone() -> None:
    image = np.zeros((4, 12, 3), dtype=np.uint8)
    image[:, 4:8] = 200
    assert {200} == set(np.unique(squared(image, size=4, how=CROP)).tolist())
    tall = image.transpose(1, 0, 2)
    assert {200} == set(np.unique(squared(tall, size=4, how=CROP)).tolist())


@pytest.mark.parametrize("how", [Preprocessing(), CROP])
@pytest.mark.parametrize("shape", [(9, 31), (31, 9), (10, 10), (1, 700), (5, 4)])
def test_what_is_square_stays_as_it_is(how: Preprocessing, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    once = squared(image, size=8, how=how)
    assert once.shape == (8, 8, 3)
    assert np.array_equal(once, squared(once, size=8, how=how))


def test_every_filter_is_another_one() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    filters = ("nearest", "bilinear", "bicubic", "lanczos")
    made = [squared(image, size=16, how=Preprocessing(resample=one)).tobytes() for one in filters]
    assert len(set(made)) == len(filters)


def test_each_channel_has_its_own_mean_and_std() -> None:
    how = Preprocessing(mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 0.25))
    white = np.full((4, 4, 3), 255, dtype=np.uint8)
    assert preprocess([white], size=4, how=how)[0, :, 0, 0].tolist() == [1.0, 1.0, 0.0]


def test_no_images_are_no_rows() -> None:
    assert preprocess([], size=16).shape == (0, 3, 16, 16)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), dtype=np.uint8),
        np.zeros((4, 4, 4), dtype=np.uint8),
        np.zeros((4, 4, 3), dtype=np.float32),
        np.zeros((0, 4, 3), dtype=np.uint8),
    ],
)
def test_what_is_no_rgb_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(UnreadableImage, match="expected"):
        preprocess([image], size=16)
