from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from satseek.errors import InvalidRequest, UnsupportedRaster
from satseek.imagery.grid import Layout, lay_out, parse_cell
from satseek.types import GridSpec, Scene

GRID = GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None)


def scene(
    *,
    width: int = 600,
    height: int = 500,
    crs: str | None = "EPSG:32633",
    transform: tuple[float, float, float, float, float, float] = (10, 0, 5e5, 0, -10, 5.2e6),
) -> Scene:
    return Scene(
        id="a.tif",
        path="/a.tif",
        width=width,
        height=height,
        bands=3,
        dtype="uint8",
        crs=crs,
        transform=transform,
        nodata=None,
        datetime=None,
        digest="0",
    )


def laid(scene: Scene, grid: GridSpec) -> Layout:
    (layout,) = lay_out(scene, grid)
    return layout


def ground_columns(layout: Layout) -> dict[int, tuple[float, float]]:
    """Ground extent of each column of cells."""
    a, _, c, _, _, _ = layout.frame.transform
    return {span.label: (c + a * span.start, c + a * span.stop) for span in layout.columns}


sizes = st.sampled_from([0.3, 0.5, 0.6, 1.0, 10.0, 30.0, 1.1943285668550503])
origins = st.floats(min_value=2e5, max_value=8e5)
northings = st.floats(min_value=1e6, max_value=9e6)
extents = st.integers(min_value=150, max_value=900)
signs = st.sampled_from([1, -1])
chips = st.integers(min_value=16, max_value=90)


@given(size=sizes, x=origins, y=northings, width=extents, height=extents, up=signs, data=st.data())
def test_every_pixel_is_covered(
    *, size: float, x: float, y: float, width: int, height: int, up: int, data: st.DataObject
) -> None:
    chip = data.draw(chips)
    stride = data.draw(st.integers(min_value=chip // 2, max_value=chip))
    grid = GridSpec(crs=None, chip_px=chip, stride_px=stride, pixel_size=None)
    transform = (size, 0.0, x, 0.0, up * size, y)
    layout = laid(scene(width=width, height=height, transform=transform), grid)
    for spans, extent in ((layout.columns, width), (layout.rows, height)):
        assert spans[0].start <= 0
        assert spans[-1].stop >= extent
        assert all(one.stop >= other.start for one, other in pairwise(spans))
        assert all(span.start < extent and span.stop > 0 for span in spans)
        assert len({span.label for span in spans}) == len(spans)


@given(size=sizes, x=origins, shift=st.integers(min_value=-400, max_value=400), chip=chips)
def test_the_same_place_is_the_same_cell_in_overlapping_scenes(
    size: float, x: float, shift: int, chip: int
) -> None:
    grid = replace(GRID, chip_px=chip, stride_px=chip)
    one = laid(scene(transform=(size, 0, x, 0, -size, 5e6)), grid)
    other = laid(scene(transform=(size, 0, x + shift * size, 0, -size, 5e6)), grid)
    here, there = ground_columns(one), ground_columns(other)
    shared = here.keys() & there.keys()
    assume(shared)
    for label in shared:
        assert here[label] == pytest.approx(there[label], abs=size * 1e-3)


@given(size=sizes, x=origins, chip=chips)
def test_a_cell_lies_within_half_a_pixel_of_its_place(size: float, x: float, chip: int) -> None:
    grid = replace(GRID, chip_px=chip, stride_px=chip, pixel_size=size)
    layout = laid(scene(transform=(size, 0, x, 0, -size, 5e6)), grid)
    for label, (left, right) in ground_columns(layout).items():
        assert abs(left - label * chip * size) <= size * 0.501
        assert right - left == pytest.approx(chip * size)


@given(
    i=st.integers(min_value=-(10**6), max_value=10**6),
    j=st.integers(min_value=-(10**6), max_value=10**6),
    size=st.sampled_from([10.0, 0.6, 8.983e-05, 1e-05]),
    stride=st.sampled_from([64, 32]),
)
def test_a_cell_name_reads_back(i: int, j: int, size: float, stride: int) -> None:
    grid = GridSpec(crs=None, chip_px=64, stride_px=stride, pixel_size=size)
    crs = "EPSG:32633" if size > 0.1 else "EPSG:4326"
    layout = laid(scene(crs=crs, transform=(size, 0, 10, 0, -size, 50)), grid)
    assert layout.lattice is not None
    parsed = parse_cell(layout.lattice.cell(i, j))
    assert parsed is not None
    lattice, frame = parsed
    assert layout.lattice == lattice
    left, top = i * stride * size, (j * stride + 64) * size
    assert (size, 0.0, left, 0.0, -size, top) == pytest.approx(frame.transform)
    assert (64, 64) == (frame.width, frame.height)


def test_scenes_of_one_sensor_share_a_lattice_in_spite_of_rounding() -> None:
    one = laid(scene(transform=(300.03824, 0, 425085, 0, -300.03824, 5215515)), GRID)
    other = laid(scene(transform=(300.03868, 0, 425085, 0, -300.03868, 5215515)), GRID)
    assert one.cell(one.columns[2], one.rows[2]) == other.cell(other.columns[2], other.rows[2])


def test_a_name_says_crs_pixel_size_and_chip() -> None:
    layout = laid(scene(), GRID)
    assert "epsg32633_10_64_x781y8124" == layout.cell(layout.columns[0], layout.rows[0])
    tall = laid(scene(transform=(10, 0, 5e5, 0, -12, 5.2e6)), GRID)
    assert tall.cell(tall.columns[0], tall.rows[0]).startswith("epsg32633_10x12_64_")


def test_south_up_rows_carry_the_same_labels_as_north_up() -> None:
    north = laid(scene(transform=(10, 0, 5e5, 0, -10, 5.2e6)), GRID)
    south = laid(scene(transform=(10, 0, 5e5, 0, 10, 5.2e6 - 5000)), GRID)
    assert [row.label for row in north.rows] == [row.label for row in reversed(south.rows)]
    assert (True, False) == south.frame.flips
    assert (False, False) == north.frame.flips


def test_plain_images_are_covered_without_padding() -> None:
    layout = laid(scene(width=700, height=8, crs=None), replace(GRID, chip_px=256, stride_px=256))
    assert [(0, 256), (256, 512), (444, 700)] == [(s.start, s.stop) for s in layout.columns]
    assert [(0, 8)] == [(s.start, s.stop) for s in layout.rows]


@pytest.mark.parametrize(
    ("edge", "crs", "expected"),
    [(128, None, 1), (129, None, 9), (95, "EPSG:32633", 1), (600, "EPSG:32633", 100)],
)
def test_small_scenes_are_one_whole_chip(edge: int, crs: str | None, expected: int) -> None:
    layout = laid(scene(width=edge, height=edge, crs=crs), GRID)
    assert expected == len(layout.columns) * len(layout.rows)
    assert (expected == 1) == (layout.whole is not None)


def test_a_small_scene_has_the_same_name_at_every_date() -> None:
    one, other = (laid(scene(width=40, height=30), GRID) for _ in range(2))
    elsewhere = laid(scene(width=40, height=30, transform=(10, 0, 5e5 + 400, 0, -10, 5.2e6)), GRID)
    assert one.whole == other.whole
    assert one.whole != elsewhere.whole


def test_another_crs_is_warped_to_the_grid() -> None:
    grid = GridSpec(crs="EPSG:32633", chip_px=64, stride_px=64, pixel_size=10.0)
    degrees = scene(crs="EPSG:4326", transform=(1e-4, 0, 15.0, 0, -1e-4, 47.0))
    layout = laid(degrees, grid)
    assert layout.frame.warped
    assert "EPSG:32633" == layout.frame.crs
    assert all(span.stop - span.start == 64 for span in (*layout.columns, *layout.rows))
    native = laid(scene(), grid)
    assert not native.frame.warped


@pytest.mark.parametrize(("size", "warped"), [(10.0, False), (10.09, False), (10.2, True)])
def test_pixel_sizes_within_one_percent_are_not_resampled(size: float, warped: bool) -> None:  # noqa: FBT001
    grid = GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=10.0)
    layout = laid(scene(transform=(size, 0, 5e5, 0, -size, 5.2e6)), grid)
    assert warped == layout.frame.warped


def test_a_rotated_scene_is_turned_north() -> None:
    layout = laid(scene(transform=(8.66, -5, 5e5, -5, -8.66, 5.2e6)), GRID)
    assert layout.frame.warped
    assert "EPSG:32633" == layout.frame.crs


@pytest.mark.parametrize(
    "grid",
    [
        replace(GRID, stride_px=65),
        replace(GRID, stride_px=0),
        replace(GRID, pixel_size=0.0),
        replace(GRID, crs="EPSG:999999"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(grid: GridSpec) -> None:
    with pytest.raises(InvalidRequest):
        laid(scene(), grid)


@pytest.mark.parametrize("pixel_size", [10.0, 1e-9])
def test_a_pixel_size_in_the_wrong_unit_is_refused(pixel_size: float) -> None:
    degrees = scene(crs="EPSG:4326", transform=(1e-4, 0, 15.0, 0, -1e-4, 47.0))
    with pytest.raises(UnsupportedRaster, match="cannot be laid on a grid"):
        laid(degrees, replace(GRID, pixel_size=pixel_size))
