from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from satseek.errors import InvalidRequest
from satseek.export.ground_map import GroundMap

NORTH_UP = (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_200_000.0)


def _map(values: Any, **more: Any) -> GroundMap:
    return GroundMap(
        **{"crs": "EPSG:32633", "transform": NORTH_UP, "nodata": 255} | more, values=values
    )


def test_classes_and_scores_are_told_apart() -> None:
    assert _map(np.zeros((2, 3), np.uint8)).is_classes
    assert not _map(np.zeros((2, 3), np.float32), nodata=float("nan")).is_classes


def test_what_is_known_is_neither_nodata_nor_no_number() -> None:
    classes = _map(np.array([[0, 255]], np.uint8))
    scores = np.array([[0.5, np.nan, -1]], np.float32)
    assert [[True, False]] == classes.known.tolist()
    assert [[True, False, True]] == _map(scores, nodata=float("nan")).known.tolist()
    assert [[True, False, False]] == _map(scores, nodata=-1).known.tolist()


@pytest.mark.parametrize(
    ("values", "more", "message"),
    [
        (np.zeros(3, np.uint8), {}, "rows and columns"),
        (np.zeros((0, 3), np.uint8), {}, "rows and columns"),
        (np.zeros((2, 2), np.float64), {}, "float32 scores or uint8 classes"),
        (np.zeros((2, 2), np.uint8), {"transform": (1, 0, 0, 0, -1)}, "six finite"),
        (np.zeros((2, 2), np.uint8), {"transform": (1, 0, 0, 0, -1, np.inf)}, "six finite"),
        (np.zeros((2, 2), np.uint8), {"nodata": float("nan")}, "from 0 to 255"),
        (np.zeros((2, 2), np.uint8), {"nodata": 256}, "from 0 to 255"),
    ],
)
def test_what_is_no_map_is_refused(values: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        _map(values, **more)
