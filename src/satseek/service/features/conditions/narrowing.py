"""A condition → what of it an index can answer by itself, and what is left to test.

Knows the few forms that matter most: areas, dates and scenes that must all hold.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidFilter
from satseek.index.filters import check_area
from satseek.service.features.boxes import box_area, read_box
from satseek.service.features.moments import MICROSECOND, read_moment

if TYPE_CHECKING:
    from datetime import datetime

    from satseek.types import Filter

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


def narrowed(tree: Any, where: Filter) -> tuple[Filter, Any]:
    """Move into a filter what it can say exactly.

    Args:
        tree: The condition; None: none.
        where: The filter so far.

    Returns:
        The narrower filter, and what is left of the condition; None: nothing.
    """
    left = []
    for part in _parts(tree):
        closer = _narrower(part, where)
        if closer is None:
            left.append(part)
        else:
            where = closer
    if not left:
        return where, None
    return where, left[0] if len(left) == 1 else {"op": "and", "args": left}


def _parts(tree: Any) -> list[Any]:
    """Take apart what must all hold."""
    if tree is None:
        return []
    match tree:
        case {"op": "and", "args": list(arguments)}:
            return [part for one in arguments for part in _parts(one)]
    return [tree]


def _narrower(tree: Any, where: Filter) -> Filter | None:
    """Give a filter that says this too; None: there is none."""
    try:
        match tree:
            case {"op": "s_intersects", "args": [{"property": "geometry"}, dict(place)]}:
                return _within(place, where)
            case {"op": "=", "args": [{"property": "scene"}, str(scene)]} if not where.scene_ids:
                return replace(where, scene_ids=(scene,))
        return _during(tree, where)
    except (InvalidFilter, OverflowError, TypeError):  # compiling says what is wrong with it
        return None


def _during(tree: Any, where: Filter) -> Filter | None:
    match tree:
        case {"op": "t_intersects", "args": [{"property": "datetime"}, {"interval": [a, b]}]}:
            start, end = (None if one == ".." else read_moment(one) for one in (a, b))
            return _between(where, start, end)
        case {"op": op, "args": [{"property": "datetime"}, {"timestamp": str(text)}]}:
            return _beside(where, op, read_moment(text))
        case {"op": op, "args": [{"timestamp": str(text)}, {"property": "datetime"}]}:
            return _beside(where, _TURNED.get(op, ""), read_moment(text))
    return None


def _within(place: dict[str, Any], where: Filter) -> Filter | None:
    if where.area is not None:
        return None
    if "bbox" in place:
        return replace(where, area=box_area(read_box(place["bbox"])))
    if place.get("type") not in {"Polygon", "MultiPolygon"}:
        return None
    return replace(where, area=check_area(place))


def _beside(where: Filter, op: str, moment: datetime) -> Filter | None:
    match op:
        case "=":
            return _between(where, moment, moment)
        case ">=":
            return _between(where, moment, None)
        case ">":
            return _between(where, moment + MICROSECOND, None)
        case "<=":
            return _between(where, None, moment)
        case "<":
            return _between(where, None, moment - MICROSECOND)
    return None


def _between(where: Filter, start: datetime | None, end: datetime | None) -> Filter | None:
    starts = [one for one in (where.start, start) if one is not None]
    ends = [one for one in (where.end, end) if one is not None]
    first, last = max(starts, default=None), min(ends, default=None)
    if first is not None and last is not None and first > last:
        return None  # no filter says “nothing”
    return replace(where, start=first, end=last)
