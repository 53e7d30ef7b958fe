from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from madeground import LATTICE, cell_at

from satseek.monitor.change.blending import around

HALF = replace(LATTICE, stride_px=50)
SQUARE = [cell_at(x, y, HALF) for x in range(3) for y in range(3)]
"""Nine cells; the middle one comes fifth."""


def test_neighbours_count_by_what_their_chips_have_in_common() -> None:
    near = around(SQUARE)
    values = np.zeros(9)
    values[4] = 4.0
    # itself 1, four sides 1/2 each, four corners 1/4 each
    found = near.blend(values)
    assert pytest.approx(4 / 4) == found[4]
    side = 0.5 * 4 / (1 + 3 * 0.5 + 2 * 0.25)
    corner = 0.25 * 4 / (1 + 2 * 0.5 + 0.25)
    assert pytest.approx([side] * 4) == found[[1, 3, 5, 7]]
    assert pytest.approx([corner] * 4) == found[[0, 2, 6, 8]]
    assert pytest.approx(np.full(9, 7.0)) == near.blend(np.full(9, 7.0))


def test_what_was_not_seen_stays_so_and_counts_for_no_other() -> None:
    values = np.full(9, 2.0)
    values[4] = np.nan
    found = around(SQUARE).blend(values)
    assert np.isnan(found[4])
    assert pytest.approx(np.full(8, 2.0)) == np.delete(found, 4)


def test_chips_that_do_not_overlap_speak_for_themselves() -> None:
    cells = [cell_at(x, y) for x in range(3) for y in range(3)]
    values = np.arange(9.0)
    assert values.tolist() == around(cells).blend(values).tolist()
    assert [1.0, np.pi] == around(["a", "b"]).blend(np.array([1.0, np.pi])).tolist()


def test_marks_reach_across_sides_alone() -> None:
    marks = np.arange(9) == 4
    assert [1, 3, 4, 5, 7] == np.flatnonzero(around(SQUARE).reach(marks)).tolist()
