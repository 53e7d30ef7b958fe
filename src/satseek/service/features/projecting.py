"""Longitudes and latitudes on WGS 84 ⇄ the coordinate reference systems that clients may ask for.

Knows each system's order of axes (OGC API Features, part 2, goes by the authority's), by families
whose order is known: degrees are told latitude first, CGCS2000 zones northing first.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.geometry import shape as shape_in

from satseek.errors import InvalidFilter
from satseek.imagery.ground import between
from satseek.index.filters import check_area
from satseek.service.features.boxes import box_area, read_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.types import GeoJSON

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
"""Longitude and latitude on WGS 84, in this order: what features are stored in."""

_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"

ALWAYS = (CRS84, f"{_EPSG}4326", f"{_EPSG}3857", f"{_EPSG}4490")
"""Offered for every collection: WGS 84, web maps, CGCS2000."""

_WGS84 = "EPSG:4326"

_DEGREES = frozenset({"EPSG:4326", "EPSG:4490"})

_UTM = re.compile(r"EPSG:32[67](0[1-9]|[1-5]\d|60)")
"""WGS 84 / UTM zones, north and south: easting first."""

_CGCS2000_ZONES = range(4491, 4555)
"""CGCS2000 / Gauss-Kruger zones of 6° and 3°: northing first."""

_EDGE_PARTS = 32
"""Parts into which the edges of a box are cut before they are turned into degrees."""

_MILLIMETRES, _CENTIMETRES = 3, 7
"""Decimals of metres and of degrees that are told."""


def offered(grid_crs: str | None) -> tuple[str, ...]:
    """Return the systems offered for a collection, as URIs: those of all, and its grid's own."""
    code = (grid_crs or "").upper()
    if code and uri_of(code) not in ALWAYS and (_UTM.fullmatch(code) or _is_cgcs2000(code)):
        return (*ALWAYS, uri_of(code))
    return ALWAYS


def uri_of(code: str) -> str:
    """``EPSG:4326`` → its URI."""
    return _EPSG + code.rpartition(":")[2]


def asked_crs(text: str | None, among: Sequence[str], *, name: str) -> str:
    """Return the system asked for, as a URI; None: degrees on WGS 84.

    Raises:
        InvalidFilter: it is not offered.
    """
    if text is None:
        return CRS84
    if text not in among:
        raise InvalidFilter(f"{name}: expected one of {', '.join(among)}; came {text[:120]!r}")
    return text


def projected(geometries: Sequence[GeoJSON | None], crs: str) -> list[Any]:
    """Write geometries in another system; None where there is none, or where it cannot be."""
    if crs == CRS84:
        return [None if one is None else dict(one) for one in geometries]
    shapes = np.array([one and shape_in(one) for one in geometries], dtype=np.object_)
    code = _code(crs)
    decimals = _CENTIMETRES if code in _DEGREES else _MILLIMETRES

    def turned(points: NDArray[np.float64]) -> NDArray[np.float64]:
        there = np.column_stack(between(_WGS84, code, points[:, 0], points[:, 1]))
        return np.round(there[:, ::-1] if _is_swapped(code) else there, decimals)

    return [
        json.loads(text) if text is not None and "null" not in text else None
        for text in shapely.to_geojson(shapely.transform(shapes, turned))
    ]


def box_in(numbers: Sequence[float], crs: str) -> GeoJSON:
    """Make the area of a box whose numbers are in some system.

    Raises:
        InvalidFilter: it is no box, or lies where that system does not reach.
    """
    if crs == CRS84:
        return box_area(read_box(numbers))
    code = _code(crs)
    if _is_swapped(code):
        half = len(numbers) // 2
        order = [1, 0, *range(2, half), half + 1, half, *range(half + 2, len(numbers))]
        numbers = [numbers[at] for at in order] if len(numbers) in {4, 6} else numbers
    box = read_box(numbers)
    if code in _DEGREES:
        return box_area(box)
    ring = shapely.segmentize(
        shapely.box(*box), max(box[2] - box[0], box[3] - box[1]) / _EDGE_PARTS
    )
    points = shapely.get_coordinates(ring)
    lon, lat = between(code, _WGS84, points[:, 0], points[:, 1])
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise InvalidFilter(f"bbox: expected a box within {code}, came {box}")
    outline = [[float(x), float(y)] for x, y in zip(lon, lat, strict=True)]
    return check_area({"type": "Polygon", "coordinates": [outline]})


def _code(uri: str) -> str:
    return f"EPSG:{uri.removeprefix(_EPSG)}"


def _is_swapped(code: str) -> bool:
    return code in _DEGREES or _is_cgcs2000(code)


def _is_cgcs2000(code: str) -> bool:
    number = code.removeprefix("EPSG:")
    return number.isdecimal() and int(number) in _CGCS2000_ZONES
