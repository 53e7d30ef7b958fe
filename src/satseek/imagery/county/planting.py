"""Plants single trees onto a canvas: round crowns with height, so that they cast shadows.

It does not know why a tree stands where it stands.
"""

# ruff: noqa: PLR2004 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.imagery.county.canvas import HEIGHT_STEPS_PER_M
from satseek.imagery.county.inventory import CODES, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.imagery.county.canvas import Canvas

_RADII: Final = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5)
_VARIANTS: Final = 6
_LEAVES: Final = np.array([[68, 90, 48], [62, 82, 46], [78, 96, 54], [54, 76, 46], [84, 98, 60]])
_ROOF: Final = 3 * HEIGHT_STEPS_PER_M
"""Heights from here on are roofs and crowns: nothing is planted on them."""
_TREELESS: Final = np.array(
    [
        CODES[name]
        for name in (
            "sea",
            "river",
            "lake",
            "bridge",
            "road",
            "airport",
            "mine",
            "harbour",
            "beach",
            "quarry",
        )
    ]
)
"""Covers on which no single tree is planted."""


def plant(canvas: Canvas, seed: int) -> None:
    """Plant all trees collected on a canvas."""
    rng = stream(seed, "planting")
    stamps = [[_stamp(radius, rng) for _ in range(_VARIANTS)] for radius in _RADII]
    rows, columns = canvas.cover.shape
    fields = np.array([CODES["farmland"], CODES["flooded_fields"]])
    hedges = [_standing(canvas, trees, fields) for trees in canvas.hedges]
    for trees in (*canvas.trees, *hedges):
        if not len(trees):
            continue
        sizes = np.abs(trees[:, 2:] - np.array(_RADII)).argmin(axis=1)
        tints = _LEAVES[rng.integers(len(_LEAVES), size=len(trees))]
        kinds = rng.integers(_VARIANTS, size=len(trees))
        spots = trees[:, :2].astype(np.intp)
        inside = np.all((spots >= 8) & (spots < np.array([columns, rows]) - 8), axis=1)
        x, y = spots[inside].T
        free = ~np.isin(canvas.cover[y, x], _TREELESS) & (canvas.height[y, x] < _ROOF)
        inside[np.flatnonzero(inside)] = free
        for (column, row), size, kind, tint in zip(
            spots[inside].tolist(), sizes[inside], kinds[inside], tints[inside], strict=True
        ):
            _press(canvas, stamps[size][kind], column, row, tint)


def _standing(
    canvas: Canvas, trees: NDArray[np.float64], covers: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Keep the trees that stand on some covers."""
    rows, columns = canvas.cover.shape
    x = np.clip(trees[:, 0].astype(np.intp), 0, columns - 1)
    y = np.clip(trees[:, 1].astype(np.intp), 0, rows - 1)
    return trees[np.isin(canvas.cover[y, x], covers)]


def _stamp(
    radius: float, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.uint8]]:
    """A crown: where it covers, its tone around 1, its height in canvas steps."""
    reach = int(np.ceil(radius)) + 1
    axis = np.arange(-reach, reach + 1, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]
    lumps = rng.uniform(-0.22, 0.22, (2 * reach + 1, 2 * reach + 1)).astype(np.float32)
    inside = 1 - (x * x + y * y) / np.float32(radius * radius) + lumps
    covered = inside > 0
    dome = (0.5 + 0.5 * np.sqrt(np.clip(inside, 0, 1))) * (2.2 * radius + 1.5)
    tone = 1 + lumps * 0.9
    return covered, tone, (dome * HEIGHT_STEPS_PER_M).astype(np.uint8)


def _press(
    canvas: Canvas,
    stamp: tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.uint8]],
    x: int,
    y: int,
    tint: NDArray[np.int64],
) -> None:
    covered, tone, dome = stamp
    reach = len(dome) // 2
    here = (slice(y - reach, y + reach + 1), slice(x - reach, x + reach + 1))
    canvas.rgb[here][covered] = (tone[covered][:, None] * tint).astype(np.uint8)
    canvas.height[here][covered] = dome[covered]
