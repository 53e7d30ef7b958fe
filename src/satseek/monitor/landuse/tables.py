"""What a land-use run found → rows of tables, in the order in which people read them.

Does not know files or reports. Classes have their plain names: what a label is called in another
language is a matter of who shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from satseek.monitor.landuse.areas import areas_by_class, flows, shares_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satseek.monitor.landuse.districts import DistrictAreas
    from satseek.monitor.landuse.images import ImageLandUse
    from satseek.monitor.landuse.landuse import LandUse

Row: TypeAlias = "tuple[str | float | int, ...]"

_DECIMALS = 4
"""Of hectares: a square metre; and of shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One table."""

    head: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[Row, ...]
    """As many values as names each."""


def area_rows(found: LandUse) -> Rows:
    """Give the area of each class at each date, and its share of what was seen then."""
    areas = areas_by_class(found)
    shares = shares_of(areas)
    rows = [
        (date, name, _rounded(areas[at, label]), _rounded(shares[at, label]))
        for at, date in enumerate(found.dates)
        for label, name in enumerate(found.names)
    ]
    return Rows(head=("date", "land_use", "area_ha", "share"), rows=tuple(rows))


def change_rows(found: LandUse) -> Rows:
    """Give what became of what between dates, what stayed as well; nothing is left out."""
    rows = [
        (one.before, one.after, before, after, _rounded(one.hectares[row, column]))
        for one in flows(found)
        for row, before in enumerate(one.names)
        for column, after in enumerate(one.names)
        if one.hectares[row, column] > 0
    ]
    head = ("date_before", "date_after", "land_use_before", "land_use_after", "area_ha")
    return Rows(head=head, rows=tuple(rows))


def district_rows(areas: DistrictAreas) -> Rows:
    """Give the area of each class in each district at each date, and how much of it was seen."""
    shares = shares_of(areas.hectares)
    rows = [
        (
            district.name,
            date,
            name,
            _rounded(areas.hectares[place, at, label]),
            _rounded(shares[place, at, label]),
            _rounded(district.area_ha),
            _rounded(areas.seen_share(place, at)),
        )
        for place, district in enumerate(areas.districts)
        for at, date in enumerate(areas.dates)
        for label, name in enumerate(areas.names)
    ]
    head = ("district", "date", "land_use", "area_ha", "share", "district_ha", "seen_share")
    return Rows(head=head, rows=tuple(rows))


def image_rows(images: Iterable[ImageLandUse]) -> Rows:
    """Give one line an image, dates by day."""
    rows = [
        (
            one.image,
            one.land_use,
            _rounded(one.share),
            "" if one.date is None else f"{one.date:%Y-%m-%d}",
        )
        for one in images
    ]
    return Rows(head=("image", "land_use", "share", "date"), rows=tuple(rows))


def _rounded(value: float) -> float:
    return round(float(value), _DECIMALS)
