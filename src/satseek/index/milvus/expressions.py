"""A filter → an expression that a Milvus compares chips with, and what is left to compare here.

Knows no connection. Milvus compares boxes, dates, levels and scenes; footprints are met here, as by
the embedded index, so that an answer does not depend on who gave it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.index.attributes import meets
from satseek.index.filters import prepare_area
from satseek.index.milvus.layout import UNDATED
from satseek.index.records import microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.index.filters import Area
    from satseek.types import BBox, Filter, Scene

_MOST_BOXES = 64
"""Polygons of an area that are told apart in an expression; of more, the box around all is."""

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A filter, made ready."""

    expression: str
    """What Milvus compares; empty: nothing, all chips may pass."""
    area: Area | None
    """What footprints must meet besides; None: nothing."""

    def passing(self, found: Sequence[Mapping[str, Any]]) -> NDArray[np.bool_]:
        """Tell which of the entities that Milvus let pass do pass."""
        if self.area is None or not found:
            return np.ones(len(found), dtype=np.bool_)
        sides = [[one["west"], one["south"], one["east"], one["north"]] for one in found]
        inside, maybe = self.area.touches(np.array(sides, dtype=np.float64))
        edge = np.flatnonzero(maybe & ~inside)
        if edge.size:
            inside[edge] = self.area.meets([found[place]["footprint"] for place in edge.tolist()])
        return inside


def condition_of(where: Filter, scenes: Callable[[], Sequence[Scene]]) -> Condition | None:
    """Make a checked filter ready; None where no chip can pass.

    Args:
        where: The filter.
        scenes: Gives all scenes; asked only where their properties count.
    """
    parts = [*_of_chips(where)]
    if where.scene_ids or where.attributes:
        wanted = _wanted_scenes(where, scenes)
        if not wanted:
            return None
        parts.append(f"scene_id in {literals(wanted)}")
    area = None if where.area is None else prepare_area(where.area)
    if area is not None:
        parts.append(_near(area))
    return Condition(expression=" and ".join(parts), area=area)


def literal(text: str) -> str:
    """Write a string as an expression does."""
    return f'"{text.translate(_ESCAPES)}"'


def literals(texts: Iterable[str]) -> str:
    """Write a list of strings as an expression does."""
    return f"[{', '.join(map(literal, texts))}]"


def numbers(values: Iterable[int]) -> str:
    """Write a list of whole numbers as an expression does."""
    return f"[{', '.join(str(int(value)) for value in values)}]"


def both(*parts: str) -> str:
    """Join expressions of which all must hold; empty ones always do."""
    return " and ".join(f"({part})" for part in parts if part)


def _of_chips(where: Filter) -> Iterable[str]:
    if where.levels:
        yield f"level in {numbers(where.levels)}"
    if where.start is not None:
        yield f"taken >= {microseconds(where.start)}"
    if where.end is not None:
        yield f"taken <= {microseconds(where.end)}"
    if where.start is not None or where.end is not None:
        yield f"taken > {UNDATED}"


def _wanted_scenes(where: Filter, scenes: Callable[[], Sequence[Scene]]) -> list[str]:
    if not where.attributes:
        return sorted(set(where.scene_ids))
    met = {one.id for one in scenes() if meets(one.properties, where.attributes)}
    return sorted(met & set(where.scene_ids)) if where.scene_ids else sorted(met)


def _near(area: Area) -> str:
    """Compare boxes with those of an area's polygons."""
    boxes: Sequence[BBox] = area.boxes
    if len(boxes) > _MOST_BOXES:
        west, south, east, north = zip(*boxes, strict=True)
        boxes = [(min(west), min(south), max(east), max(north))]
    return f"({' or '.join(f'({_touching(box)})' for box in boxes)})"


def _touching(box: BBox) -> str:
    west, south, east, north = (repr(float(side)) for side in box)
    return f"west <= {east} and east >= {west} and south <= {north} and north >= {south}"
