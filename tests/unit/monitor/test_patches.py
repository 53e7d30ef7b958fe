"""Marked cells join to patches, and patches lie where their cells do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from madeground import LATTICE, cell_at, make_chip, square

from satseek.errors import InvalidRequest
from satseek.export.areas import shape_areas_ha
from satseek.monitor.change.outlining import find_touching, join_outlines, outline_cells
from satseek.monitor.change.patches import PatchRule, find_patches

RULE = PatchRule(seed=99, grow=90)


def _drawn(*rows: str, sizes: dict[str, float] | None = None) -> tuple[list[str], np.ndarray]:
    """Draw cells: ``.`` quiet, ``+`` grows, ``#`` is a seed, a blank was not seen."""
    percentiles = {".": 50.0, "+": 95.0, "#": 99.5, "?": np.nan} | (sizes or {})
    found = [
        (cell_at(column, len(rows) - number), percentiles[letter])
        for number, row in enumerate(rows)
        for column, letter in enumerate(row)
        if letter != " "
    ]
    return [cell for cell, _ in found], np.array([one for _, one in found], dtype=np.float32)


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        (("...", ".#.", "..."), [1]),
        (("+++", "+.+", "+++"), []),
        (("+++", "+.#", "+++"), [8]),
        (("#.#", "...", "#.#"), [1, 1, 1, 1]),
        (("#..", ".+.", "..+"), [3]),
        (("#.+", "+..", "..."), [2]),
        (("# +", "#.+"), [2]),
        (("#?+",), [1]),
        ((), []),
    ],
)
def test_patches_grow_from_seeds_over_neighbours(rows: tuple[str, ...], sizes: list[int]) -> None:
    cells, percentiles = _drawn(*rows)
    assert sizes == [len(one.cells) for one in find_patches(cells, percentiles, rule=RULE)]


def test_corners_do_not_touch_where_four_neighbours_are_asked() -> None:
    cells, percentiles = _drawn("#..", ".+.", "..+")
    (patch,) = find_patches(cells, percentiles, rule=replace(RULE, touching=4))
    assert 1 == len(patch.cells)


def test_the_minimum_mapping_unit_counts_cells_and_hectares() -> None:
    cells, percentiles = _drawn("#+..#", "+...#", ".....", "#....")

    def sizes(**unit: float) -> list[int]:
        rule = replace(RULE, **unit)
        return sorted(len(one.cells) for one in find_patches(cells, percentiles, rule=rule))

    assert [1, 2, 3] == sizes()
    assert [2, 3] == sizes(least_cells=2)
    assert [3] == sizes(least_ha=2.5)
    assert [] == sizes(least_cells=2, least_ha=3.5)


def test_a_patch_tells_its_peak_and_comes_after_higher_ones() -> None:
    cells, percentiles = _drawn("#+.H", sizes={"H": 99.75})
    high, low = find_patches(cells, percentiles, rule=RULE)
    assert (99.75, cells[3]) == (high.peak, high.peak_cell)
    assert (99.5, cells[0], 97.25) == (low.peak, low.peak_cell, low.mean)
    assert [cells[at] for at in low.places] == list(low.cells)


def test_order_of_cells_does_not_matter() -> None:
    cells, percentiles = _drawn("#+.#", "+..#", "#...")
    order = np.random.default_rng(3).permutation(len(cells))
    mixed = find_patches([cells[at] for at in order], percentiles[order], rule=RULE)
    told = find_patches(cells, percentiles, rule=RULE)
    assert [replace(one, places=()) for one in told] == [replace(one, places=()) for one in mixed]


def test_the_outline_is_that_of_the_cells() -> None:
    cells, percentiles = _drawn("#+", "+.")
    (patch,) = find_patches(cells, percentiles, rule=RULE)
    outline = shapely.geometry.shape(patch.footprint)
    for column, row, inside in ((0, 2, True), (1, 2, True), (0, 1, True), (1, 1, False)):
        chip = make_chip((column, row), day=None, scene="s")
        middle = shapely.geometry.shape(chip.footprint).centroid
        assert inside == outline.contains(middle)
    # UTM's scale at its central meridian is 0.9996 (Snyder 1987, page 57): cells are larger on the
    # ground than on the grid
    assert 3 / 0.9996**2 == pytest.approx(patch.area_ha, rel=2e-4)
    assert patch.area_ha == pytest.approx(shape_areas_ha(np.array([outline]))[0], rel=1e-9)
    assert outline.exterior.is_ccw


def test_overlapping_chips_stand_for_their_middles() -> None:
    lattice = replace(LATTICE, stride_px=50)
    cells = [cell_at(column, 0, lattice) for column in range(2)]
    outlines = outline_cells(cells)
    assert 2 * 0.25 / 0.9996**2 == pytest.approx(shape_areas_ha(outlines).sum(), rel=5e-3)
    chip = shapely.geometry.shape(make_chip((0, 0), day=None, scene="s", lattice=lattice).footprint)
    assert chip.centroid.distance(outlines[0].centroid) < 2e-7
    assert [[0, 1]] == find_touching(cells).tolist()


def test_cells_of_other_levels_lie_where_their_chips_do() -> None:
    lattice = replace(LATTICE, level=2)
    (outline,) = outline_cells([lattice.cell(2500, 26000)])
    assert 4 / 0.9996**2 == pytest.approx(shape_areas_ha(np.array([outline]))[0], rel=2e-4)


def test_cells_of_two_lattices_do_not_touch() -> None:
    other = replace(LATTICE, crs="EPSG:32634")
    assert 0 == len(find_touching([cell_at(0, 0), cell_at(1, 0, other)]))


def test_an_image_that_is_one_chip_is_a_patch_by_its_footprint() -> None:
    footprint = make_chip((0, 0), day=None, scene="s").footprint
    cells, percentiles = ["somewhere", "nowhere"], np.array([99.5, 99.5], dtype=np.float32)
    one, other = find_patches(cells, percentiles, rule=RULE, footprints={"somewhere": footprint})
    assert ("nowhere", None) == (one.peak_cell, one.footprint)
    assert np.isnan(one.area_ha)
    assert 1 / 0.9996**2 == pytest.approx(other.area_ha, rel=2e-4)
    # what has no hectares is not judged by them
    rule = replace(RULE, least_ha=2)
    left = find_patches(cells, percentiles, rule=rule, footprints={"somewhere": footprint})
    assert ["nowhere"] == [patch.peak_cell for patch in left]


def test_nothing_known_has_no_outline() -> None:
    assert join_outlines(outline_cells(["px_256_x0y0"])) is None


@settings(max_examples=50, deadline=None)
@given(
    marks=st.lists(st.sampled_from([50.0, 95.0, 99.5]), min_size=1, max_size=36),
    touching=st.sampled_from([4, 8]),
)
def test_patches_are_the_connected_parts_that_hold_a_seed(
    marks: list[float], touching: int
) -> None:
    places = square(len(marks))
    cells = [cell_at(*place) for place in places]
    rule = replace(RULE, touching=touching)
    found = find_patches(cells, np.array(marks, dtype=np.float32), rule=rule)
    expected = set()
    left = {place for place, mark in zip(places, marks, strict=True) if mark >= RULE.grow}
    seeds = {place for place, mark in zip(places, marks, strict=True) if mark >= RULE.seed}
    while left:
        part, edge = set(), {left.pop()}
        while edge:
            part |= edge
            near = {
                other
                for other in left
                for one in edge
                if max(abs(one[0] - other[0]), abs(one[1] - other[1])) == 1
                and (touching == 8 or one[0] == other[0] or one[1] == other[1])
            }
            left -= near
            edge = near
        if part & seeds:
            expected.add(frozenset(cell_at(*place) for place in part))
    assert expected == {frozenset(patch.cells) for patch in found}


@pytest.mark.parametrize(
    "rule",
    [
        {"seed": 90.0, "grow": 95.0},
        {"seed": 101.0},
        {"grow": -1.0},
        {"grow": float("nan")},
        {"least_cells": 0},
        {"least_ha": -1.0},
    ],
)
def test_rules_that_cannot_be_are_refused(rule: dict[str, float]) -> None:
    with pytest.raises(InvalidRequest, match="expected"):
        PatchRule(**rule)


def test_percentiles_of_other_cells_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="3 cells"):
        find_patches([cell_at(at, 0) for at in range(3)], np.zeros(2, dtype=np.float32))


def test_neighbours_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="4 or 8"):
        find_touching([], touching=6)  # type: ignore[arg-type]
