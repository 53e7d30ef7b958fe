"""Boxes, areas, dates, attributes and levels as people write them → a filter.

Does not know where they were written; the index's own checks say which areas can be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidFilter
from satseek.imagery.outlines import outline
from satseek.index.attributes import check_attributes
from satseek.index.filters import bbox_area, check_area
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.types import BBox, GeoJSON

OPERATORS: Mapping[str, str] = {
    "<=": "lte",
    ">=": "gte",
    "!=": "ne",
    "==": "eq",
    "=": "eq",
    "<": "lt",
    ">": "gt",
}
"""What people write, the longer first, and what the index calls it."""

_DAY_LETTERS = len("2024-05-01")
_SYMBOL = re.compile("|".join(map(re.escape, OPERATORS)))
_AMONG = re.compile(r"\s+in\s+", re.IGNORECASE)


def read_filter(
    *,
    bbox: BBox | None = None,
    area: GeoJSON | str | None = None,
    area_crs: str | None = None,
    start: str | None = None,
    end: str | None = None,
    where: Sequence[str] | Mapping[str, Any] | None = None,
    levels: Sequence[int] = (),
) -> Filter:
    """Make a filter; what is None does not restrict.

    Args:
        bbox: West, south, east, north in degrees.
        area: GeoJSON or WKT.
        area_crs: CRS of the area's coordinates; None: what it names, or degrees on WGS 84.
        start: Earliest date or time.
        end: Latest date or time; a day is whole.
        where: Conditions on what is known of scenes: ``eo:cloud_cover<=20``, or a mapping of names
            to values or bounds such as ``{"eo:cloud_cover": {"lte": 20}}``.
        levels: Sizes of chips; none: any.

    Raises:
        InvalidFilter: one of them cannot be, or a box and an area together.
    """
    if bbox is not None and area is not None:
        raise InvalidFilter("give bbox or area, not both")
    if area_crs and area is None:
        raise InvalidFilter("area_crs goes with area; a bbox is in degrees")
    shape = None
    if bbox is not None:
        shape = bbox_area(*bbox)
    elif area is not None:
        shape = check_area(outline(area, crs=area_crs))
    return Filter(
        area=shape,
        start=read_moment(start, day_at=time.min) if start else None,
        end=read_moment(end, day_at=time.max) if end else None,
        attributes=read_attributes(where or ()),
        levels=_levels(levels),
    )


def read_moment(text: str, *, day_at: time) -> datetime:
    """Read an ISO 8601 date or time; without a zone it is UTC.

    Args:
        text: Such as ``2024-05-01`` or ``2024-05-01T10:30:00Z``.
        day_at: Time of day meant where only a date is given.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidFilter(f"expected a date such as 2024-05-01, came {text!r}") from error
    if len(text.strip()) <= _DAY_LETTERS:
        moment = datetime.combine(moment.date(), day_at)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_attributes(where: Sequence[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Read conditions, as texts or as a mapping; several on one name hold together.

    Raises:
        InvalidFilter: one is none; names it.
    """
    if isinstance(where, Mapping):
        found = dict(where)
    else:
        found = {}
        for text in where:
            name, bound, value = _condition(text)
            bounds = found.setdefault(name, {})
            if bound in bounds:
                raise InvalidFilter(f"where: {name} has two conditions of the kind {bound!r}")
            bounds[bound] = value
    check_attributes(found)
    return found


def _condition(text: str) -> tuple[str, str, Any]:
    symbol, among = _SYMBOL.search(text), _AMONG.search(text)
    if among and (symbol is None or among.start() < symbol.start()):
        values = [_value(part) for part in text[among.end() :].split(",") if part.strip()]
        return text[: among.start()].strip(), "in", values
    if symbol is None or not text[: symbol.start()].strip():
        raise InvalidFilter(
            f"where: expected a condition such as eo:cloud_cover<=20, came {text[:80]!r}"
        )
    name, written = text[: symbol.start()].strip(), text[symbol.end() :].strip()
    bound, value = OPERATORS[symbol[0]], _value(written)
    if bound == "eq" and not isinstance(value, str):
        return name, "in", [value, written]  # a tile's number is a text in some catalogs
    return name, bound, value


def _value(text: str) -> str | float | bool:
    """Read what stands behind an operator: a number where it is one; quotes make it a text."""
    written = text.strip()
    if len(written) > 1 and written[0] == written[-1] and written[0] in "'\"":
        return written[1:-1]
    if written.lower() in {"true", "false"}:
        return written.lower() == "true"
    try:
        number = float(written)
    except ValueError:
        return written
    return number if math.isfinite(number) else written


def _levels(levels: Sequence[int]) -> tuple[int, ...]:
    for level in levels:
        if level < 1:
            raise InvalidFilter(f"levels: expected sizes of chips from 1 on, came {level}")
    return tuple(sorted(set(levels)))
