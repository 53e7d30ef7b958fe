from __future__ import annotations

import pytest
from pydantic import ValidationError

from satseek.errors import InvalidRequest
from satseek.jobs.tasks import IndexTask, layout_of
from satseek.types import GridSpec


def task(**asked: object) -> IndexTask:
    return IndexTask.model_validate({"collection": "a", "folder": "b"} | asked)


def test_what_is_left_open_follows_the_collection() -> None:
    assert layout_of(task()).grid is None


def test_sizes_of_chips_are_taken_from_json() -> None:
    grid = GridSpec(crs=None, chip_px=256, stride_px=256, pixel_size=None, levels=(1, 2, 4))
    assert grid == layout_of(task(levels=[1, 2, 4])).grid


@pytest.mark.parametrize("levels", [[], list(range(1, 8)), ["two"], 2])
def test_sizes_that_cannot_be_are_refused(levels: object) -> None:
    with pytest.raises(ValidationError):
        task(levels=levels)


def test_a_stride_beyond_the_chip_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="stride_px"):
        layout_of(task(chip_px=64, stride_px=65))
