"""Features → GeoPackage, Shapefile and FlatGeobuf, written by GDAL, any number of features.

Does not know where they came from. The only file that knows pyogrio.
"""

from __future__ import annotations

import re
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidRequest, SatseekError
from satseek.export.arrow import arrays_of, arrow, as_text, fields_of, geometry_array, missing
from satseek.export.columns import Column, batches, found_columns
from satseek.export.projecting import as_multi, project, shapes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from satseek.export.feature import Feature
    from satseek.export.origin import Origin

_ID = "id"
_GEOMETRY = "geometry"

_DBF_NAME = 10
"""Bytes of a field's name (ESRI Shapefile Technical Description, 1998, and dBASE's header)."""

_DBF_TEXT = 254
"""Bytes of a text in dBASE."""

_README = "about.txt"


def write_geopackage(
    features: Iterable[Feature],
    draft: Path,
    *,
    crs: str,
    origin: Origin,
    columns: Sequence[Column] | None = None,
) -> int:
    """Write a GeoPackage: one layer, its origin as the layer's metadata."""
    return _write(
        features,
        draft,
        driver="GPKG",
        crs=crs,
        origin=origin,
        columns=columns,
        dataset_options={"VERSION": "1.2"},  # what GIS of 2018 know as well
        layer_options={"GEOMETRY_NAME": "geom", "DATETIME_PRECISION": "MILLISECOND"},
    )


def write_flatgeobuf(
    features: Iterable[Feature],
    draft: Path,
    *,
    crs: str,
    origin: Origin,
    columns: Sequence[Column] | None = None,
) -> int:
    """Write FlatGeobuf, which a GIS reads piece by piece over HTTP.

    Raises:
        InvalidRequest: a feature has no place, as the format's index asks for.
    """
    return _write(
        map(_placed, features),
        draft,
        driver="FlatGeobuf",
        crs=crs,
        origin=origin,
        columns=columns,
    )


def write_shapefile(
    features: Iterable[Feature],
    draft: Path,
    *,
    crs: str,
    origin: Origin,
    columns: Sequence[Column] | None = None,
) -> int:
    """Write a Shapefile as one zip: UTF-8, distinct names of 10 bytes, moments as text."""
    if columns is None:
        columns, features = found_columns(features)
    short = short_names([_ID, *(column.name for column in columns)])
    fitting, kept = _dbf(features, columns, short)
    stem = re.sub(r"\.(shp\.zip|shz|zip)$", "", draft.name, flags=re.IGNORECASE) or origin.layer
    folder = draft.parent / "parts"
    folder.mkdir()
    count = _write(
        fitting,
        folder / f"{stem}.shp",
        driver="ESRI Shapefile",
        crs=crs,
        origin=origin,
        columns=kept,
        encoding="UTF-8",
        layer_options={"2GB_LIMIT": "YES"},  # of each part: not every GIS reads on behind it
        id_name=short[_ID],
    )
    lines = [f"{name}: {value}" for name, value in origin.told().items()]
    lines += [f"{new} = {old}" for old, new in short.items() if old != new]
    (folder / _README).write_text("\n".join(lines) + "\n", encoding="utf-8")
    with zipfile.ZipFile(draft, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(folder.iterdir()):
            archive.write(part, part.name)
    return count


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Give each name one of at most 10 letters that no other has, whatever its case."""
    taken: set[str] = set()
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)[:_DBF_NAME] or "field"
        short, at = plain, 0
        while short.lower() in taken:
            at += 1
            short = f"{plain[: _DBF_NAME - 1 - len(str(at))]}_{at}"
        taken.add(short.lower())
        found[name] = short
    return found


def _placed(feature: Feature) -> Feature:
    if feature.geometry is None:
        raise InvalidRequest(
            f"FlatGeobuf: {feature.id} has no place on Earth; write GeoPackage instead, or CSV"
        )
    return feature


def _dbf(
    features: Iterable[Feature], columns: Sequence[Column], short: dict[str, str]
) -> tuple[Iterator[Feature], list[Column]]:
    """Rename columns, and make values such as dBASE holds."""
    texts = {column.name for column in columns if column.kind in ("text", "moment")}
    truths = {column.name for column in columns if column.kind == "truth"}
    known = {column.name for column in columns}

    def fit(name: str, value: Any) -> Any:
        if value is not None and name in texts:
            return _cut(str(as_text(value)))
        return int(value) if value is not None and name in truths else value

    def renamed(feature: Feature) -> Feature:
        properties = {
            short[name] if name in known else name: fit(name, value)
            for name, value in feature.properties.items()
        }
        return replace(feature, id=_cut(feature.id), properties=properties)

    kinds: dict[str, Any] = {"moment": "text", "truth": "integer"}
    kept = [
        Column(name=short[column.name], kind=kinds.get(column.kind, column.kind))
        for column in columns
    ]
    return (renamed(feature) for feature in features), kept


def _cut(text: str) -> str:
    """Cut a text to what dBASE holds, between two letters."""
    return text.encode()[:_DBF_TEXT].decode(errors="ignore")


def _write(
    features: Iterable[Feature],
    draft: Path,
    *,
    driver: str,
    crs: str,
    origin: Origin,
    columns: Sequence[Column] | None,
    id_name: str = _ID,
    **options: Any,
) -> int:
    pa, pyogrio = arrow(), _pyogrio()
    if columns is None:
        columns, features = found_columns(features)
    if any(column.name == id_name for column in columns):
        raise InvalidRequest(f"expected no property called {id_name!r}, which every feature has")
    source = batches(features)
    first = next(source, [])
    kind = as_multi(shapes_of(first))[1] if first else "MultiPolygon"
    schema = pa.schema(
        [pa.field(id_name, pa.string()), *fields_of(columns), pa.field(_GEOMETRY, pa.binary())]
    )
    watched = _Watched()

    def stream() -> Iterator[Any]:
        for batch in (one for part in ([first], source) for one in part if one):
            shapes = as_multi(project(shapes_of(batch), crs))[0]
            ids = pa.array([one.id for one in batch], type=pa.string())
            arrays = [ids, *arrays_of(columns, batch), geometry_array(shapes)]
            watched.count += len(batch)
            yield pa.record_batch(arrays, schema=schema)

    with watched.told():
        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(schema, watched.over(stream())),
            str(draft),
            layer=origin.layer if driver == "GPKG" else None,
            driver=driver,
            geometry_name=_GEOMETRY,
            geometry_type=kind,
            crs=crs,
            layer_metadata=origin.told() if driver == "GPKG" else None,
            **options,
        )
        written = pyogrio.read_info(str(draft), force_feature_count=True)["features"]
    if written != watched.count:
        raise SatseekError(f"{draft.name}: wrote {watched.count} features, {written} are there")
    return watched.count


class _Watched:
    """Counts what GDAL takes, and keeps the error of whoever gives, which GDAL forgets."""

    def __init__(self) -> None:
        self.count = 0
        self._error: Exception | None = None

    def over(self, source: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from source
        except Exception as error:
            self._error = error
            raise

    @contextmanager
    def told(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if self._error is not None:
                raise self._error from error
            reason = " ".join(str(error).split())[:300]
            raise SatseekError(f"the file could not be written: {reason}") from error


def _pyogrio() -> Any:
    try:
        return import_module("pyogrio")
    except ModuleNotFoundError as error:
        raise missing("this format", "pyogrio") from error
