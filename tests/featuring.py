"""Features of every kind, for the tests of formats."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from satseek.export.feature import Feature
from satseek.export.origin import Origin

TAKEN = datetime(2024, 5, 1, 10, 20, 30, tzinfo=UTC)
DIM = 8
ORIGIN = Origin(
    layer="hits",
    collection="county",
    model="satseek-starter@0123456789ab",
    chip_px=256,
    stride_px=128,
    facts={"words": "tanks 油罐", "k": "3"},
)
BEIJING = (116.30, 39.90)
"""Near 117° E, the middle of zone 39 of CGCS2000."""


def square(west: float, south: float, size: float = 0.01) -> dict[str, Any]:
    east, north = round(west + size, 7), round(south + size, 7)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


OVER_THE_ANTIMERIDIAN = {
    "type": "MultiPolygon",
    "coordinates": [
        square(179.9, 10, 0.1)["coordinates"],
        square(-180.0, 10, 0.1)["coordinates"],
    ],
}


def vector(seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=DIM).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn))


def hits(count: int = 3, **more: Any) -> list[Feature]:
    """Squares from west to east, with a property of every kind."""
    return [
        Feature(
            id=f"城市 {at}.tif/12_{at}",
            geometry=square(round(BEIJING[0] + 0.02 * at, 7), BEIJING[1]),
            properties={
                "rank": at + 1,
                "collection": "county",
                "datetime": TAKEN if at else None,
                "percentile": 99.5 - at,
                "clear": at % 2 == 0,
                "eo:cloud_cover": None if at == 1 else 20 * at,
                **more,
            },
            vector=vector(at),
        )
        for at in range(count)
    ]
