from __future__ import annotations

import numpy as np
import pytest
import shapely

from satseek.export.areas import shape_areas_ha
from satseek.monitor.damage.overlaps import overlaps


def boxes(*sides: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([shapely.box(*one) for one in sides], dtype=object)


CELLS = boxes(*((x / 10, 0.0, (x + 1) / 10, 0.1) for x in range(5)))
"""Five cells in a row along the equator."""


def test_pieces_of_a_parcel_add_up_to_it() -> None:
    parcels = boxes((0.05, 0.02, 0.27, 0.08), (0.41, 0.0, 0.49, 0.1))
    found = overlaps(parcels, CELLS)
    assert [0, 0, 0, 1] == found.parcels.tolist()
    assert [0, 1, 2, 4] == found.cells.tolist()
    assert pytest.approx(shape_areas_ha(parcels)) == found.sums(np.ones(4))
    assert slice(0, 3) == found.of(0)
    assert slice(3, 4) == found.of(1)


def test_shares_are_of_ground_wherever_it_lies() -> None:
    north = shapely.transform(CELLS, lambda points: points + np.array([0, 60]))
    found = overlaps(boxes((0.05, 60.0, 0.25, 60.1)), north)
    marks = np.array([1.0, 0.0, 0.0])
    whole = found.sums(np.ones(3))
    assert pytest.approx([0.25]) == found.sums(marks) / whole
    assert pytest.approx(shape_areas_ha(boxes((0.05, 60.0, 0.25, 60.1))), rel=1e-9) == whole


def test_parcels_that_only_touch_or_lie_elsewhere_have_no_piece() -> None:
    found = overlaps(boxes((0.5, 0.0, 0.6, 0.1), (3.0, 3.0, 3.1, 3.1)), CELLS)
    assert 0 == found.hectares.size
    assert [0.0, 0.0] == found.sums(np.zeros(0)).tolist()


def test_holes_and_cells_without_a_place_are_left_out() -> None:
    holed = shapely.difference(shapely.box(0.0, 0.0, 0.2, 0.1), shapely.box(0.02, 0.02, 0.08, 0.08))
    cells = np.append(CELLS, np.array([None], dtype=object))
    found = overlaps(np.array([holed], dtype=object), cells)
    assert [0, 1] == found.cells.tolist()
    assert pytest.approx(0.64, abs=1e-3) == found.hectares[0] / found.hectares[1]
