"""Outlines as people have them (GeoJSON, WKT, files of a GIS, any CRS) → GeoJSON on WGS 84.

Does not know what lies inside. Coordinates are easting or longitude first, whatever their CRS says.
"""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

import shapely
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform_geom

from satseek.errors import DependencyMissing, InvalidFilter, UnsupportedRaster
from satseek.imagery.ground import crs_name
from satseek.imagery.vector_files import KNOWN, holds_its_shapes

if TYPE_CHECKING:
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

    from satseek.types import GeoJSON

MAX_BYTES = 64 << 20
"""Largest file of an outline: more points than any area needs."""

PARTS = 64
"""Steps along the longer side of an outline's box, between which its edges are taken as straight
when they are brought to degrees: an edge of 100 km then lies within a metre of where it is."""

DEGREES = frozenset({"EPSG:4326", "OGC:CRS84", "CRS84", "WGS84", "4326"})
"""What people call degrees on WGS 84."""

TEXTS = frozenset({".geojson", ".json", ".wkt", ".txt"})
"""Suffixes of files that hold an outline as text; all others are left to GDAL."""

_UPRIGHT = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
_NAMED = re.compile(r"[A-Za-z_0-9]{2,16}:[A-Za-z0-9]{1,16}|\d{4,6}")
_URN = re.compile(r"urn:ogc:def:crs:([A-Za-z]+):[\d.]*:([A-Za-z0-9]+)")
_WKT = re.compile(r"(PROJ|GEOG|GEOD|BOUND|COMPOUND|COMPD|LOCAL)_?(CRS|CS)\[", re.IGNORECASE)
_EWKT = re.compile(r"SRID=(\d{4,6});(.*)", re.DOTALL | re.IGNORECASE)


def outline(area: GeoJSON | str, *, crs: str | None = None) -> GeoJSON:
    """Give an outline as GeoJSON on WGS 84.

    Args:
        area: GeoJSON, WKT, or either as text; WKT may name its CRS (``SRID=25833;POLYGON …``),
            as may GeoJSON (its old member ``crs``).
        crs: CRS of its coordinates, such as ``EPSG:25833``, or as WKT; None: what it names, or
            degrees on WGS 84.

    Raises:
        InvalidFilter: it is neither, or its CRS is unknown, or not of the Earth.
    """
    content, named = _parsed(area)
    reference = crs or named
    if reference is None or reference.strip().upper() in DEGREES:
        return content
    return _on_wgs84(_shape(content), _crs(reference))


def read_outline(path: Path, *, crs: str | None = None) -> GeoJSON:
    """Read a file's outline: GeoJSON or WKT, GeoPackage, Shapefile or FlatGeobuf.

    Args:
        path: The file; of one with several layers the first counts.
        crs: CRS of its coordinates; None: the one that the file names.

    Raises:
        InvalidFilter: there is no such file, or none in it.
        DependencyMissing: it takes pyogrio, which is not installed.
    """
    if not path.is_file():
        raise InvalidFilter(f"{path}: expected a file with a polygon, or GeoJSON, or WKT")
    if path.stat().st_size > MAX_BYTES:
        raise InvalidFilter(f"{path}: expected at most {MAX_BYTES:,} bytes")
    if path.suffix.lower() in TEXTS:
        try:
            return outline(path.read_text(encoding="utf-8-sig"), crs=crs)
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidFilter(f"{path}: expected GeoJSON or WKT: {error}") from error
    shape, named = _of_gdal(path)
    reference = crs or named
    if reference is None:
        raise InvalidFilter(f"{path} names no CRS; say which with --area-crs")
    return _on_wgs84(shape, _crs(reference))


def _parsed(area: GeoJSON | str) -> tuple[GeoJSON, str | None]:
    """Read text; also give the CRS that it names."""
    if not isinstance(area, str):
        return area, _member(area)
    text = area.strip()
    if text.startswith("{"):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidFilter(f"area: expected GeoJSON, came no JSON: {error}") from error
        return content, _member(content)
    named = _EWKT.fullmatch(text)
    try:
        shape = shapely.from_wkt(named[2] if named else text)
    except (shapely.errors.GEOSException, TypeError, ValueError) as error:
        raise InvalidFilter(
            f"area: expected GeoJSON or WKT such as POLYGON((…)), came {text[:60]!r}"
        ) from error
    return _geojson(shape), f"EPSG:{named[1]}" if named else None


def _member(content: Any) -> str | None:
    """Read the CRS of GeoJSON as it was before RFC 7946, which GIS still write."""
    crs = content.get("crs") if isinstance(content, dict) else None
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return name if isinstance(name, str) else None


def _shape(content: GeoJSON) -> BaseGeometry:
    try:
        return shapely.from_geojson(json.dumps(content, allow_nan=False))
    except (shapely.errors.GEOSException, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InvalidFilter(f"area: expected GeoJSON coordinates, came {reason}") from error


def _crs(text: str) -> CRS:
    """Find a CRS; only names and WKT are taken, never an address or a file that GDAL would read."""
    name = text.strip()
    urn = _URN.fullmatch(name)
    if urn:
        name = f"{urn[1]}:{urn[2]}"
    if name.isdecimal():
        name = f"EPSG:{name}"
    if not (_NAMED.fullmatch(name) or _WKT.match(name)):
        raise InvalidFilter(f"area_crs: expected a CRS such as EPSG:25833, came {text[:60]!r}")
    try:
        crs = CRS.from_user_input(name)
        on_earth = crs_name(crs, transform=_UPRIGHT, name="area_crs")
    except (CRSError, UnsupportedRaster, ValueError) as error:
        raise InvalidFilter(f"area_crs: no CRS of the Earth is called {text[:60]!r}") from error
    if on_earth is None:
        raise InvalidFilter(f"area_crs: {text[:60]!r} has neither degrees nor metres on the ground")
    return crs


def _on_wgs84(shape: BaseGeometry, crs: CRS) -> GeoJSON:
    west, south, east, north = shape.bounds if not shape.is_empty else (0.0, 0.0, 0.0, 0.0)
    step = max(east - west, north - south) / PARTS
    try:
        dense = shapely.segmentize(shape, step) if step > 0 else shape
        moved = transform_geom(crs, "EPSG:4326", _geojson(dense), antimeridian_cutting=True)
        found = shapely.from_geojson(json.dumps(moved, allow_nan=False))
    except (RasterioError, shapely.errors.GEOSException, ValueError) as error:
        raise InvalidFilter(
            f"area: its coordinates are none of {crs.to_string()[:60]}: expected eastings and "
            "northings of that CRS"
        ) from error
    return _geojson(found)


def _of_gdal(path: Path) -> tuple[BaseGeometry, str | None]:
    try:
        raw = import_module("pyogrio.raw")
        errors = import_module("pyogrio.errors")
    except ModuleNotFoundError as error:
        raise DependencyMissing(
            f"{path.name}: reading it takes pyogrio: pip install 'satseek[gis]'"
        ) from error
    if not holds_its_shapes(path):
        raise InvalidFilter(f"{path}: expected {KNOWN}, GeoJSON or WKT, came another kind of file")
    try:
        about, _, shapes, _ = raw.read(path, columns=[])
    except (errors.DataSourceError, errors.DataLayerError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InvalidFilter(f"{path}: expected a file with polygons: {reason}") from error
    if shapes is None or not len(shapes):
        raise InvalidFilter(f"{path}: expected a file with polygons, came one with none")
    found = [one for one in shapely.from_wkb(shapes) if one is not None]
    return shapely.GeometryCollection(found), about["crs"]


def _geojson(shape: BaseGeometry) -> GeoJSON:
    content: GeoJSON = json.loads(shapely.to_geojson(shape))
    return content
