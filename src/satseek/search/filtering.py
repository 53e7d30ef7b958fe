"""Boxes, areas and dates as people write them → a filter.

Does not know where they were written; the index's own checks say which areas can be.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from satseek.errors import InvalidFilter
from satseek.index.filters import bbox_area, check_area
from satseek.types import Filter

if TYPE_CHECKING:
    from satseek.types import BBox, GeoJSON

_DAY_LETTERS = len("2024-05-01")


def read_filter(
    *,
    bbox: BBox | None = None,
    area: GeoJSON | None = None,
    start: str | None = None,
    end: str | None = None,
) -> Filter:
    """Make a filter; what is None does not restrict.

    Raises:
        InvalidFilter: a box, area or date that cannot be, or a box and an area together.
    """
    if bbox is not None and area is not None:
        raise InvalidFilter("give bbox or area, not both")
    shape = None
    if bbox is not None:
        shape = bbox_area(*bbox)
    elif area is not None:
        shape = check_area(area)
    return Filter(
        area=shape,
        start=read_moment(start, day_at=time.min) if start else None,
        end=read_moment(end, day_at=time.max) if end else None,
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
