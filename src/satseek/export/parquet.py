"""Features → GeoParquet, with their vectors; on WGS 84 each row is a STAC Item as well.

Does not know where they came from. Written by GeoParquet 1.1, the STAC GeoParquet specification 1.0
and the STAC embedding extension 0.0.1 (a proposal: prefix ``emb``).
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.export.arrow import arrays_of, arrow, fields_of, geometry_array
from satseek.export.columns import batches, found_columns
from satseek.export.projecting import WGS84, Extent, project, shapes_of
from satseek.imagery.ground import parse_crs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from satseek.export.columns import Column
    from satseek.export.feature import Feature
    from satseek.export.origin import Origin
    from satseek.export.projecting import Shapes

EMBEDDINGS = "https://stac-extensions.github.io/embeddings/v0.0.1/schema.json"
"""Identifier of the extension, as its README gives it."""

VECTOR = "embedding"
"""Column of the vectors: a list of fixed length of float32."""

_STAC_VERSION = "1.1.0"
_GEOPARQUET_VERSION = "1.1.0"
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_OWN = (
    "id",
    "type",
    "geometry",
    "bbox",
    "links",
    "assets",
    "stac_version",
    "stac_extensions",
    VECTOR,
)
_MEDIA_TYPE = "application/vnd.apache.parquet"
_COMPRESSION = "zstd"
_ARROW_SCHEMA = "ARROW:schema"


def write_geoparquet(
    features: Iterable[Feature],
    draft: Path,
    *,
    crs: str,
    origin: Origin,
    columns: Sequence[Column] | None = None,
) -> int:
    """Write GeoParquet; what is known only at the end, such as its box, stands in its footer."""
    pa = arrow()
    parquet = import_module("pyarrow.parquet")
    if columns is None:
        columns, features = found_columns(features)
    _check(columns)
    table = _Table(columns=columns, crs=crs, origin=origin, name=draft.name)
    options = {"compression": _COMPRESSION, "store_schema": False}
    with parquet.ParquetWriter(draft, table.schema, **options) as writer:
        for batch in batches(features):
            arrays = table.arrays(batch)
            writer.write_batch(pa.record_batch(arrays, schema=table.schema))
        told = table.footer()
        # Arrow's readers take what is told of all rows from the schema that they find here
        whole = table.schema.with_metadata(told).serialize().to_pybytes()
        writer.add_key_value_metadata(told | {_ARROW_SCHEMA: b64encode(whole).decode()})
    return table.count


class _Table:
    """One file's columns, and what its footer says of all of them."""

    def __init__(self, *, columns: Sequence[Column], crs: str, origin: Origin, name: str) -> None:
        self.count = 0
        self._columns, self._crs, self._origin, self._name = columns, crs, origin, name
        self._is_stac = crs == WGS84
        self._extent = Extent()
        self._kinds: set[str] = set()
        self._taken: list[datetime] = []
        self.schema = arrow().schema(self._fields())

    def _fields(self) -> list[Any]:
        pa = arrow()
        box = pa.struct([pa.field(side, pa.float64()) for side in _SIDES])
        fields = [pa.field("id", pa.string()), *fields_of(self._columns)]
        fields += [pa.field("geometry", pa.binary()), pa.field("bbox", box)]
        if self._origin.dim is not None:
            fields.append(pa.field(VECTOR, pa.list_(pa.float32(), self._origin.dim)))
        if self._is_stac:
            link = pa.struct([pa.field(name, pa.string()) for name in ("href", "rel", "type")])
            fields += [
                pa.field("type", pa.string()),
                pa.field("stac_version", pa.string()),
                pa.field("stac_extensions", pa.list_(pa.string())),
                pa.field("links", pa.list_(link)),
                pa.field("assets", pa.struct([pa.field(self._asset, _asset_type())])),
            ]
        return fields

    @property
    def _asset(self) -> str:
        """The extension asks for an asset of this name, where the vectors lie."""
        return "embeddings" if self._origin.dim is not None else "table"

    def arrays(self, batch: Sequence[Feature]) -> list[Any]:
        """Give one batch, by column."""
        pa = arrow()
        shapes = project(shapes_of(batch), self._crs)
        self._note(batch, shapes)
        arrays = [pa.array([one.id for one in batch]), *arrays_of(self._columns, batch)]
        arrays += [geometry_array(shapes), _boxes(shapes)]
        if self._origin.dim is not None:
            arrays.append(_vectors(batch, self._origin.dim))
        return arrays + (self._stac_arrays(len(batch)) if self._is_stac else [])

    def footer(self) -> dict[str, str]:
        """Say what the columns mean, by GeoParquet, and what the items belong to, by STAC."""
        geometry: dict[str, Any] = {
            "encoding": "WKB",
            "geometry_types": sorted(self._kinds),
            "orientation": "counterclockwise",
            "edges": "planar",
            "covering": {"bbox": {side: ["bbox", side] for side in _SIDES}},
        }
        if not self._is_stac:
            geometry["crs"] = parse_crs(self._crs).to_dict(projjson=True)
        if (box := self._extent.box()) is not None:
            geometry["bbox"] = list(box)
        geo = {
            "version": _GEOPARQUET_VERSION,
            "primary_column": "geometry",
            "columns": {"geometry": geometry},
        }
        told = {"geo": json.dumps(geo), "satseek": json.dumps(self._origin.told())}
        if self._is_stac:
            collection = self._collection()
            stac = {"version": "1.0.0", "collections": {collection["id"]: collection}}
            told["stac-geoparquet"] = json.dumps(stac)
        return told

    def _note(self, batch: Sequence[Feature], shapes: Shapes) -> None:
        self.count += len(batch)
        self._extent.add(shapes)
        present = shapes[~shapely.is_missing(shapes)]
        self._kinds |= {one.geom_type for one in present}
        moments = (one.properties.get("datetime") for one in batch)
        known = [one for one in moments if isinstance(one, datetime)]
        if known:
            self._taken = [min(known + self._taken[:1]), max(known + self._taken[1:])]

    def _stac_arrays(self, count: int) -> list[Any]:
        schema = self.schema
        extensions = [EMBEDDINGS] if self._origin.dim is not None else []
        asset = {"href": f"./{self._name}", "type": _MEDIA_TYPE, "roles": ["data"]}
        values = {
            "type": "Feature",
            "stac_version": _STAC_VERSION,
            "stac_extensions": extensions,
            "links": [],
            "assets": {self._asset: asset},
        }
        return [
            arrow().array([value] * count, type=schema.field(name).type)
            for name, value in values.items()
        ]

    def _collection(self) -> dict[str, Any]:
        """Describe a STAC Collection of the rows, with the extension's fields of a collection."""
        origin = self._origin
        name = origin.collection or origin.layer
        moments = [one.astimezone(UTC).isoformat().replace("+00:00", "Z") for one in self._taken]
        interval: list[str | None] = [*moments] or [None, None]
        box = self._extent.box() or (-180.0, -90.0, 180.0, 90.0)
        links = []
        more: dict[str, Any] = {}
        if origin.dim is not None:
            links = [
                {"rel": "emb:model", "href": f"urn:satseek:model:{origin.model}"},
                {"rel": "emb:source-data", "href": f"urn:satseek:collection:{name}"},
            ]
            more = {
                "emb:type": "chip",
                "emb:dimensions": origin.dim,
                "data_type": "float32",
                "emb:chip_layout": _layout(origin),
            }
        return {
            "type": "Collection",
            "stac_version": _STAC_VERSION,
            "stac_extensions": [EMBEDDINGS] if more else [],
            "id": name,
            "description": "; ".join(f"{key}: {value}" for key, value in origin.told().items())
            or name,
            "license": "other",
            "extent": {
                "spatial": {"bbox": [list(box)]},
                "temporal": {"interval": [interval]},
            },
            "links": links,
        } | more


def _layout(origin: Origin) -> dict[str, Any]:
    layout: dict[str, Any] = {"layout_type": "regular_grid"}
    if origin.chip_px is not None:
        layout["chip_size"] = [origin.chip_px] * 2
    if origin.stride_px is not None:
        layout["stride"] = [origin.stride_px] * 2
    return layout


def _check(columns: Sequence[Column]) -> None:
    for column in columns:
        if column.name in _OWN:
            raise InvalidRequest(f"expected no property called {column.name!r}: GeoParquet has one")


def _asset_type() -> Any:
    pa = arrow()
    return pa.struct(
        [
            pa.field("href", pa.string()),
            pa.field("type", pa.string()),
            pa.field("roles", pa.list_(pa.string())),
        ]
    )


def _boxes(shapes: Shapes) -> Any:
    """Plain boxes, from the least to the largest longitude: readers skip row groups by them."""
    pa = arrow()
    bounds = shapely.bounds(shapes)
    sides = [pa.array(bounds[:, at], type=pa.float64()) for at in range(4)]
    missing = pa.array(shapely.is_missing(shapes) | np.isnan(bounds).any(axis=1))
    return pa.StructArray.from_arrays(sides, names=list(_SIDES), mask=missing)


def _vectors(batch: Sequence[Feature], dim: int) -> Any:
    pa = arrow()
    rows = [one.vector for one in batch]
    if any(row is None or row.shape != (dim,) for row in rows):
        raise InvalidRequest(f"expected a vector of {dim} numbers with every feature")
    flat = np.concatenate([row for row in rows if row is not None]).astype(np.float32)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), dim)
