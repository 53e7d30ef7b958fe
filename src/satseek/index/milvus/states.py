"""What a collection in a Milvus is, and what all of its writers together have done.

Knows no Milvus: each writer's part is a noun, and parts are added up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.index.milvus.layout import VectorKind
    from satseek.index.spec import CollectionSpec
    from satseek.types import BBox


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a collection is, as its maker wrote it."""

    spec: CollectionSpec
    """Its model, recipe and grid."""
    born: str
    """Different for every collection that was ever made."""
    engine: str
    """Name of the index of its vectors."""
    vectors: VectorKind
    """How its vectors are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What lies around chips; a chip that was removed may have lain at its edge."""

    west: float | None = None
    """Degrees; None: no chip has a footprint."""
    south: float | None = None
    """Likewise."""
    east: float | None = None
    """Likewise."""
    north: float | None = None
    """Likewise."""
    first: int | None = None
    """Microseconds since 1970; None: no chip has a date."""
    last: int | None = None
    """Likewise."""

    def around(self, other: Bounds) -> Bounds:
        """Give the bounds of both."""
        least, most = ("west", "south", "first"), ("east", "north", "last")
        return Bounds(
            **{name: _extreme(min, getattr(self, name), getattr(other, name)) for name in least},
            **{name: _extreme(max, getattr(self, name), getattr(other, name)) for name in most},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What all writers together have done."""

    generation: int = 0
    """Number of changes."""
    spans: tuple[tuple[int, int], ...] = ()
    """Rows ever given: first of a run, and first behind it; ascending."""
    bounds: Bounds = Bounds()
    """Around all chips ever added."""


def longer(spans: tuple[tuple[int, int], ...], rows: range) -> tuple[tuple[int, int], ...]:
    """Add rows to runs of rows; the last run grows where they follow it."""
    if not rows:
        return spans
    if spans and spans[-1][1] == rows.start:
        return (*spans[:-1], (spans[-1][0], rows.stop))
    return (*spans, (rows.start, rows.stop))


def _extreme(choose: Any, one: Any, other: Any) -> Any:
    known = [value for value in (one, other) if value is not None]
    return choose(known) if known else None


def bounds_of(boxes: Sequence[BBox | None], moments: Sequence[int | None]) -> Bounds:
    """Give the bounds of chips.

    Args:
        boxes: Around their footprints.
        moments: Microseconds since 1970.
    """
    found = Bounds()
    placed = [box for box in boxes if box is not None]
    if placed:
        west, south, east, north = zip(*placed, strict=True)
        found = Bounds(west=min(west), south=min(south), east=max(east), north=max(north))
    dated = [moment for moment in moments if moment is not None]
    return replace(found, first=min(dated), last=max(dated)) if dated else found
