"""Features → rows of a table that is kept, each a GeoJSON Feature or its properties alone.

Does not know where they come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from satseek.export.feature import Feature, Property
    from satseek.monitor.runs.drafting import Row


def feature_rows(features: Iterable[Feature]) -> Iterator[Row]:
    """Give each feature as GeoJSON (RFC 7946, 3.2); moments become ISO 8601."""
    for one in features:
        yield {
            "type": "Feature",
            "id": one.id,
            "geometry": one.geometry,
            "properties": {name: _plain(value) for name, value in one.properties.items()},
        }


def property_rows(features: Iterable[Feature]) -> Iterator[Row]:
    """Give what is said of each, without its place."""
    for one in features:
        yield {"id": one.id, **{name: _plain(value) for name, value in one.properties.items()}}


def _plain(value: Property) -> str | float | bool | None:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return value.isoformat()
