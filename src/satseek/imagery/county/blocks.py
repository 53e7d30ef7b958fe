"""Cuts land into the rectangles between roads, and hands each rectangle a land cover.

It works on the plan (cells, coast in the south) and does not know about pixels.
"""

# ruff: noqa: PLR2004 -- proportions and chances of made-up things, tuned by eye

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

LAND_SOUTH: Final = 27.2
"""The row where blocks end and the shore begins."""
_OUTSIDE: Final = -1.5
"""Blocks at the border reach this far outside, so that bends leave no gap."""
_LARGEST_SIDE: Final = 5.0
_SMALLEST_SIDE: Final = 2.7
_FOREST_SIZE: Final = (8.0, 7.5)
_AIRPORT_SIZE: Final = (10.5, 3.4)

WANTED_CELLS: Final = (
    ("growth", 16.0),
    ("dense_housing", 22.0),
    ("lake", 13.0),
    ("quarry", 13.0),
    ("storage_tanks", 13.0),
    ("sparse_housing", 18.0),
    ("solar_farm", 13.0),
    ("parking", 12.0),
    ("bare_land", 13.0),
    ("industrial", 15.0),
    ("interchange", 11.0),
    ("dense_housing", 20.0),
    ("lake", 11.0),
    ("quarry", 12.0),
    ("storage_tanks", 11.0),
    ("sparse_housing", 18.0),
    ("solar_farm", 12.0),
    ("parking", 11.0),
    ("bare_land", 12.0),
    ("industrial", 13.0),
    ("interchange", 11.0),
    ("meadow", 14.0),
    ("forest", 14.0),
    ("meadow", 14.0),
    ("forest", 14.0),
    ("lake", 9.0),
    ("quarry", 12.0),
    ("bare_land", 12.0),
    ("storage_tanks", 11.0),
    ("interchange", 11.0),
    ("interchange", 11.0),
)
"""Pieces of land besides the fixed ones and their cells; a cell is one 256 m chip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """An axis-parallel rectangle of the plan."""

    left: float
    """West edge in cells."""
    top: float
    """North edge in cells."""
    right: float
    """East edge in cells."""
    bottom: float
    """South edge in cells."""

    @property
    def width(self) -> float:
        """East-west size in cells."""
        return self.right - self.left

    @property
    def depth(self) -> float:
        """North-south size in cells."""
        return self.bottom - self.top

    @property
    def inside(self) -> Block:
        """The part within the county."""
        return Block(
            left=max(self.left, 0),
            top=max(self.top, 0),
            right=min(self.right, 32),
            bottom=self.bottom,
        )

    @property
    def area(self) -> float:
        """Cells within the county."""
        return self.inside.width * self.inside.depth

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the part within the county."""
        part = self.inside
        return (part.left + part.right) / 2, (part.top + part.bottom) / 2

    @property
    def corners(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """Its four corners, shape (4, 2)."""
        west, north, east, south = self.left, self.top, self.right, self.bottom
        return np.array([[west, north], [east, north], [east, south], [west, south]])

    def cut(self, at: float, *, across: bool) -> tuple[Block, Block]:
        """Cut at column `at`, or at row `at` where `across` is true."""
        west, north, east, south = self.left, self.top, self.right, self.bottom
        if across:
            return (
                Block(left=west, top=north, right=east, bottom=at),
                Block(left=west, top=at, right=east, bottom=south),
            )
        return (
            Block(left=west, top=north, right=at, bottom=south),
            Block(left=at, top=north, right=east, bottom=south),
        )


@dataclass(slots=True, kw_only=True)
class Partition:
    """Blocks by the cover they carry, the river's corridor, and the roads between blocks."""

    river: Block
    """Corridor in which the river meanders."""
    given: list[tuple[str, Block]]
    """Land cover and block; 'growth' is farmland that is built over between the dates."""
    roads: list[tuple[tuple[float, float], tuple[float, float], int]]
    """Start, end and rank (0 = main road) of each road, in cells."""


def partition(rng: np.random.Generator) -> Partition:
    """Cut the plan into blocks and give every block its cover."""
    west = rng.uniform(11.3, 14.7)
    whole = Block(left=_OUTSIDE, top=_OUTSIDE, right=32 - _OUTSIDE, bottom=LAND_SOUTH)
    left, rest = whole.cut(west, across=False)
    river, right = rest.cut(west + 6.0, across=False)
    plan = Partition(river=river, given=[], roads=[])
    for u in (river.left, river.right):
        plan.roads.append(((u, _OUTSIDE), (u, LAND_SOUTH), 0))
    plan.roads.append(((_OUTSIDE, LAND_SOUTH), (32 - _OUTSIDE, LAND_SOUTH), 0))
    sides = [left, right] if rng.random() < 0.5 else [right, left]
    free = [
        *_reserve(plan, sides[0], "forest", _FOREST_SIZE, rng),
        *_reserve(plan, sides[1], "airport", _AIRPORT_SIZE, rng),
    ]
    leaves = [leaf for block in free for leaf in _split(plan, block, rng, rank=1)]
    _hand_out(plan, leaves, rng)
    return plan


def _reserve(
    plan: Partition,
    side: Block,
    cover: str,
    size: tuple[float, float],
    rng: np.random.Generator,
) -> list[Block]:
    """Take one block for a large cover off a side, at its top or its middle."""
    wide = min(size[0], side.inside.width)
    lead = 0.0 if rng.random() < 0.4 else float(rng.uniform(3.0, 7.0))
    above, below = side.cut(lead, across=True)
    taken, south = below.cut(lead + size[1], across=True)
    for row in {lead, lead + size[1]} - {0.0}:
        plan.roads.append(((side.left, row), (side.right, row), 1))
    free = [south] if lead == 0 else [above, south]
    taken = side.cut(lead + size[1], across=True)[0] if lead == 0 else taken
    spare = side.inside.width - wide
    if spare > _SMALLEST_SIDE:
        outer_is_west = side.left < 0
        column = taken.inside.left + spare if outer_is_west else taken.inside.right - spare
        first, second = taken.cut(column, across=False)
        taken, strip = (second, first) if outer_is_west else (first, second)
        free.append(strip)
        plan.roads.append(((column, taken.top), (column, taken.bottom), 2))
    plan.given.append((cover, taken))
    return free


def _split(plan: Partition, block: Block, rng: np.random.Generator, *, rank: int) -> list[Block]:
    """Cut a block by roads until its sides are short."""
    part = block.inside
    if max(part.width, part.depth) <= _LARGEST_SIDE:
        return [block]
    across = part.depth > part.width
    start, size = (part.top, part.depth) if across else (part.left, part.width)
    slack = max(0.0, 0.5 - _SMALLEST_SIDE / size)
    at = float(start + size * (0.5 + rng.uniform(-min(slack, 0.16), min(slack, 0.16))))
    first, second = block.cut(at, across=across)
    ends = (
        ((block.left, at), (block.right, at)) if across else ((at, block.top), (at, block.bottom))
    )
    plan.roads.append((*ends, min(rank, 2)))
    return [
        *_split(plan, first, rng, rank=rank + 1),
        *_split(plan, second, rng, rank=rank + 1),
    ]


def _hand_out(plan: Partition, leaves: list[Block], rng: np.random.Generator) -> None:
    """Give each cover the blocks that bring it closest to the cells it wants."""
    free = [leaves[i] for i in rng.permutation(len(leaves))]
    for cover, cells in WANTED_CELLS:
        best = min(free, key=lambda leaf: abs(leaf.area - cells))
        free.remove(best)
        plan.given.append((cover, best))
    for leaf in free:
        plan.given.append(("farmland", leaf))
