"""A file of parcels, as a company or a land office has it → rows with their outlines in degrees.

Does not check them. GeoJSON is read as it is; GeoPackage, Shapefile (zipped, too), FlatGeobuf and
FileGDB by pyogrio; GeoParquet by pyarrow. Eastings come first, as GIS write them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from satseek.errors import DependencyMissing, FolderNotFound, InvalidRequest
from satseek.imagery.ground import between, parse_crs
from satseek.imagery.outlines import DEGREES
from satseek.imagery.vector_files import KNOWN, holds_its_shapes
from satseek.monitor.damage.parcels import ParcelList, RawParcel, check_parcels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Shapes = NDArray[np.object_]

MAX_BYTES: Final = 1 << 30
"""Largest file that is read at once: a county has some hundred thousand parcels, 200 MB."""

UNITS_HA: Final[Mapping[str, float]] = {"ha": 1.0, "mu": 1 / 15, "acre": 0.40468564224, "m2": 1e-4}
"""Hectares in what insured areas are written in: 15 mu are a hectare; NIST SP 811, B.8 (acre)."""

_WGS84: Final = "EPSG:4326"
_PARQUET: Final = frozenset({".parquet", ".geoparquet"})
_JSON: Final = frozenset({".geojson", ".json"})

_USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "policy": ("policy", "policy_id", "policyid", "policy_no", "policyno", "保单号", "保单"),
    "id": ("parcel_id", "parcelid", "parcel", "field_id", "fieldid", "地块编号", "地块号"),
    "crop": ("crop", "crop_name", "crop_type", "作物", "作物名称"),
    "insured": ("insured_ha", "insured_area", "insuredha", "insured_ar", "insured", "承保面积"),
    "district": (
        "village",
        "district",
        "county",
        "town",
        "commune",
        "村",
        "行政村",
        "乡镇",
        "区县",
    ),
}
"""Names that columns often have, by what is asked of them; letters' case does not matter."""

_FIELD: Final = {"insured": "insured_ha"}

_URN: Final = re.compile(r"urn:ogc:def:crs:([A-Za-z]+):[\d.]*:([A-Za-z0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelColumns:
    """Which column says what; None: one of the usual names, if there is one."""

    policy: str | None = None
    """Policy id."""
    id: str | None = None
    """Parcel id, where a policy has several parcels."""
    crop: str | None = None
    """Crop."""
    insured: str | None = None
    """Insured area."""
    district: str | None = None
    """Village or district."""
    insured_unit_ha: float = 1.0
    """Hectares in one unit of the insured area: 1 for hectares, 1/15 for mu (亩), 0.40468564224 for
    acres."""


_ANY: Final = ParcelColumns()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How somebody says that their file is to be read; what is left out is as usual."""

    policy_column: str | None = None
    """Column of the policy id; None: one of the usual names, likewise the others."""
    parcel_column: str | None = None
    """Column of the parcel id."""
    crop_column: str | None = None
    """Column of the crop."""
    insured_column: str | None = None
    """Column of the insured area."""
    district_column: str | None = None
    """Column of the village or district."""
    insured_unit: str = "ha"
    """Of the insured area: a key of `UNITS_HA`."""
    crs: str | None = None
    """CRS of the coordinates; None: the one that the file names."""
    layer: str | None = None
    """Of a file that has several; None: its first."""

    def __post_init__(self) -> None:
        """Refuse a unit that nobody knows; raises InvalidRequest."""
        if self.insured_unit not in UNITS_HA:
            known, came = ", ".join(UNITS_HA), str(self.insured_unit)[:40]
            raise InvalidRequest(f"insured_unit: expected one of {known}, came {came!r}")

    def columns(self) -> ParcelColumns:
        """Say which column says what."""
        return ParcelColumns(
            policy=self.policy_column,
            id=self.parcel_column,
            crop=self.crop_column,
            insured=self.insured_column,
            district=self.district_column,
            insured_unit_ha=UNITS_HA[self.insured_unit],
        )

    def read(self, path: Path) -> ParcelList:
        """Read and check the parcels of a file; raises as `read_parcels`."""
        return read_parcels(path, columns=self.columns(), crs=self.crs, layer=self.layer)


def read_parcels(
    path: Path, *, columns: ParcelColumns = _ANY, crs: str | None = None, layer: str | None = None
) -> ParcelList:
    """Read and check parcels.

    Args:
        path: The file; its ending says how it is read.
        columns: Which column says what.
        crs: CRS of the coordinates; None: the one that the file names.
        layer: Of a file that has several; None: its first.

    Raises:
        FolderNotFound: there is no such file.
        InvalidRequest: it has no such column, no CRS, or nothing that can be used.
        DependencyMissing: reading it takes a package that is not installed.
    """
    rows = raw_parcels(path, columns=columns, crs=crs, layer=layer)
    return check_parcels(rows, source=path.name)


def raw_parcels(
    path: Path, *, columns: ParcelColumns = _ANY, crs: str | None = None, layer: str | None = None
) -> list[RawParcel]:
    """Read rows; raises as `read_parcels`."""
    if not path.exists():
        raise FolderNotFound(f"{path}: no such file of parcels")
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise InvalidRequest(f"{path}: expected at most {MAX_BYTES:,} bytes; split it by district")
    read = _read(path, layer)
    reference = crs or read.crs
    if reference is None:
        raise InvalidRequest(f"{path.name} names no CRS: say which with --parcels-crs")
    shapes = to_degrees(read.shapes, reference)
    chosen = _chosen(list(read.values), columns, source=path.name)
    return [
        RawParcel(row=at + 1, shape=shape, fields=_fields(read.values, chosen, at, columns))
        for at, shape in enumerate(shapes)
    ]


def to_degrees(shapes: Shapes, crs: str) -> Shapes:
    """Bring outlines to degrees on WGS 84.

    Raises:
        InvalidRequest: there is no such CRS, or the outlines lie where it shows nothing.
    """
    if crs.strip().upper() in DEGREES:
        return shapes
    parse_crs(crs)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        lons, lats = between(crs, _WGS84, points[:, 0].copy(), points[:, 1].copy())
        if not (np.isfinite(lons).all() and np.isfinite(lats).all()):
            raise InvalidRequest(f"parcels: some coordinates are none of {crs[:60]}")
        return np.column_stack([lons, lats])

    return np.asarray(shapely.transform(shapely.force_2d(shapes), move))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Read:
    """A file as it lies."""

    shapes: Shapes
    values: dict[str, Sequence[Any]]
    crs: str | None


def _read(path: Path, layer: str | None) -> _Read:
    suffix = path.suffix.lower()
    if suffix in _JSON:
        return _geojson(path)
    return _parquet(path) if suffix in _PARQUET else _gdal(path, layer)


def _geojson(path: Path) -> _Read:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        features = content["features"]
        geometries = [one.get("geometry") for one in features]
        texts = [None if one is None else json.dumps(one) for one in geometries]
        shapes = shapely.from_geojson(np.array(texts, dtype=object), on_invalid="ignore")
        values = _columns([one.get("properties") or {} for one in features])
        named = _member_name(content.get("crs"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InvalidRequest(
            f"{path.name}: expected a GeoJSON FeatureCollection: {reason}"
        ) from error
    return _Read(shapes=shapes, values=values, crs=_crs_name(named) or _WGS84)


def _columns(properties: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]]:
    """Turn properties, feature by feature, into columns."""
    names = dict.fromkeys(name for one in properties for name in one.keys())  # noqa: SIM118 (no text)
    return {str(name): [one.get(name) for one in properties] for name in names}


def _member_name(crs: Any) -> Any:
    """Give the name in the old member ``crs``, of which some write the name alone."""
    return crs if crs is None or isinstance(crs, str) else (crs.get("properties") or {}).get("name")


def _crs_name(named: Any) -> str | None:
    """Read the CRS of GeoJSON as it was before RFC 7946, which GIS still write."""
    if not isinstance(named, str):
        return None
    urn = _URN.fullmatch(named.strip())
    return f"{urn[1]}:{urn[2]}" if urn else named.strip()


def _parquet(path: Path) -> _Read:
    parquet = _part("pyarrow.parquet", path)
    try:
        table = parquet.read_table(path)
        about = json.loads((table.schema.metadata or {}).get(b"geo", b"{}"))
        name = about["primary_column"]
        crs = _projjson(about["columns"][name].get("crs", _WGS84))
        column = table.column(name).to_numpy(zero_copy_only=False)
        shapes = shapely.from_wkb(column, on_invalid="ignore")
        values = {one: table.column(one).to_pylist() for one in table.column_names if one != name}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InvalidRequest(
            f"{path.name}: expected GeoParquet with a column of outlines: {reason}"
        ) from error
    return _Read(shapes=shapes, values=values, crs=crs)


def _projjson(crs: Any) -> str | None:
    """Name a CRS that is written as PROJJSON by its authority's code, else as it is."""
    if isinstance(crs, dict):
        code = crs.get("id") or {}
        return f"{code['authority']}:{code['code']}" if code else json.dumps(crs)
    return crs if isinstance(crs, str) else None


def _gdal(path: Path, layer: str | None) -> _Read:
    raw, errors = _part("pyogrio.raw", path), _part("pyogrio.errors", path)
    if not holds_its_shapes(path):
        raise InvalidRequest(
            f"{path.name}: expected GeoJSON, GeoParquet, {KNOWN}, came another kind of file"
        )
    try:
        about, _, shapes, columns = raw.read(path, layer=layer)
    except (errors.DataSourceError, errors.DataLayerError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InvalidRequest(f"{path.name}: expected a file of parcels: {reason}") from error
    if shapes is None:
        raise InvalidRequest(f"{path.name}: expected a layer with outlines, came a plain table")
    values = {str(name): column for name, column in zip(about["fields"], columns, strict=True)}
    outlines = shapely.from_wkb(shapes, on_invalid="ignore")  # curves are none to be had
    return _Read(shapes=outlines, values=values, crs=about["crs"])


def _part(name: str, path: Path) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        raise DependencyMissing(
            f"{path.name}: reading it takes {package}: pip install 'satseek[gis]'"
        ) from error


def _chosen(names: Sequence[str], columns: ParcelColumns, *, source: str) -> dict[str, str]:
    """Find the column of each thing that is asked for."""
    folded = {name.casefold(): name for name in names}
    chosen = {}
    for what, usual in _USUAL.items():
        asked = getattr(columns, what)
        found = next((folded[one] for one in usual if one in folded), None)
        if asked is not None:
            found = folded.get(asked.casefold())
            if found is None:
                known = ", ".join(names)[:300] or "none"
                raise InvalidRequest(f"{source}: no column {asked!r}; there are: {known}")
        if found is not None:
            chosen[what] = found
    return chosen


def _fields(
    values: Mapping[str, Sequence[Any]], chosen: Mapping[str, str], at: int, columns: ParcelColumns
) -> dict[str, Any]:
    found = {_FIELD.get(what, what): values[name][at] for what, name in chosen.items()}
    if "insured_ha" in found:
        found["insured_ha"] = _hectares(found["insured_ha"], columns.insured_unit_ha)
    return found


def _hectares(value: Any, unit_ha: float) -> Any:
    """Turn an area into hectares; what is no number is left to be told."""
    try:
        return None if value is None else float(value) * unit_ha
    except (TypeError, ValueError):
        return value
