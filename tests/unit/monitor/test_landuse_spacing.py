"""Where chips overlap, a map has cells as wide as chips; the chips in between look at them too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from madeground import LATTICE

from satseek.monitor.landuse.spacing import spaced


def _cells(stride: int, edge: int) -> list[str]:
    lattice = replace(LATTICE, stride_px=stride)
    return [lattice.cell(x, y) for x in range(edge) for y in range(edge)]


@pytest.mark.parametrize("parts", [2, 4])
def test_cells_are_called_as_if_there_were_no_chips_in_between(parts: int) -> None:
    chips = _cells(LATTICE.chip_px // parts, 2 * parts + 1)
    found = spaced(chips)
    beside = {LATTICE.cell(x, y) for x in range(3) for y in range(3)}
    finer = replace(LATTICE, stride_px=LATTICE.chip_px // parts)
    assert sorted(beside) == list(found)
    assert finer.cell(2 * parts, parts) == found[LATTICE.cell(2, 1)]


def test_lattices_go_on_across_the_origin_of_their_crs() -> None:
    finer = replace(LATTICE, stride_px=LATTICE.chip_px // 2)
    chips = [finer.cell(i, j) for i in range(-3, 2) for j in (-2, -1)]
    assert {LATTICE.cell(i, -1): finer.cell(2 * i, -2) for i in (-1, 0)} == spaced(chips)


@pytest.mark.parametrize("stride", [LATTICE.chip_px, LATTICE.chip_px * 3 // 4])
def test_chips_that_do_not_share_all_their_ground_are_cells_as_they_are(stride: int) -> None:
    chips = [*_cells(stride, 3), "an image of its own"]
    assert {chip: chip for chip in chips} == spaced(chips)
