"""A condition → what of it an index can answer by itself, and what is left to test.

Knows the forms that matter most: areas, dates, scenes, sizes and scenes' properties that must all
hold.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidFilter
from satseek.index.attributes import check_attributes
from satseek.index.filters import check_area
from satseek.service.features.boxes import box_area, read_box
from satseek.service.features.moments import MICROSECOND, read_moment

if TYPE_CHECKING:
    from datetime import datetime

    from satseek.types import Filter

_OWN = frozenset(
    {
        *("id", "collection", "geometry", "datetime", "scene", "cell", "level", "valid_fraction"),
        *("rank", "cosine", "match", "share", "percentile", "probability"),
    }
)
"""Properties that are not those of a scene's record."""

_BOUNDS = {"=": "eq", "<>": "ne", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "in": "in"}
"""What the index calls the operators that compare a property with values."""

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
        for way in (_somewhere, _during, _known):
            closer = way(tree, where)
            if closer is not None:
                return closer
    except (InvalidFilter, OverflowError, TypeError):  # compiling says what is wrong with it
        return None
    return None


def _somewhere(tree: Any, where: Filter) -> Filter | None:
    match tree:
        case {"op": "s_intersects", "args": [{"property": "geometry"}, dict(place)]}:
            return _within(place, where)
        case {"op": "=", "args": [{"property": "scene"}, str(scene)]} if not where.scene_ids:
            return replace(where, scene_ids=(scene,))
        case {"op": "=", "args": [{"property": "level"}, int(level)]} if _is_new(level, where):
            return replace(where, levels=(level,))
    return None


def _is_new(level: int, where: Filter) -> bool:
    return not where.levels and not isinstance(level, bool)


def _known(tree: Any, where: Filter) -> Filter | None:
    """Say what must be known of a scene."""
    match tree:
        case {"op": str(op), "args": [{"property": str(name)}, bound]} if op in _BOUNDS:
            sign, bounds = _BOUNDS[op], where.attributes.get(name, {})
            if name in _OWN or "." in name or sign in bounds:
                return None
            attributes = {**where.attributes, name: {**bounds, sign: bound}}
            check_attributes(attributes)
            return replace(where, attributes=attributes)
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
