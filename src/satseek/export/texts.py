"""Features → GeoJSON, GeoJSON text sequences and CSV, one feature at a time.

Does not know where they came from. Needs no library beyond the base install.
"""

from __future__ import annotations

import csv
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import shapely

from satseek.export.columns import batches, check_names, found_columns, values_of
from satseek.export.projecting import (
    WGS84,
    Extent,
    box_of,
    middles,
    project,
    shapes_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from satseek.export.columns import Column
    from satseek.export.feature import Feature
    from satseek.export.origin import Origin

_RECORD = "\x1e"
"""In front of each text of a sequence (RFC 8142, 2.1)."""

_DECIMALS = 7
"""Of coordinates in CSV: 1 cm in degrees, and far less than anything measured in metres."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for a formula, and runs it."""


def write_geojson(features: Iterable[Feature], draft: Path, *, origin: Origin, **_: Any) -> int:
    """Write a FeatureCollection (RFC 7946); its box and origin stand behind its features."""
    extent, count = Extent(), 0
    with draft.open("w", encoding="utf-8", newline="") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for batch in batches(features):
            shapes = shapes_of(batch)
            extent.add(shapes)
            for feature, shape in zip(batch, shapes, strict=True):
                file.write(("," if count else "") + "\n" + _feature_text(feature, shape))
                count += 1
        file.write("\n]")
        members: dict[str, Any] = {"name": origin.layer, "origin": origin.told()}
        if (box := extent.box()) is not None:
            members["bbox"] = box
        for name, value in members.items():
            file.write(f", {_json(name)}: {_json(value)}")
        file.write("}\n")
    return count


def write_geojson_sequence(features: Iterable[Feature], draft: Path, **_: Any) -> int:
    """Write GeoJSON text sequences (RFC 8142): readers need not hold more than one feature."""
    count = 0
    with draft.open("w", encoding="utf-8", newline="") as file:
        for batch in batches(features):
            for feature, shape in zip(batch, shapes_of(batch), strict=True):
                file.write(f"{_RECORD}{_feature_text(feature, shape)}\n")
                count += 1
    return count


def write_csv(
    features: Iterable[Feature],
    draft: Path,
    *,
    crs: str,
    columns: Sequence[Column] | None = None,
    **_: Any,
) -> int:
    """Write CSV (RFC 4180, UTF-8): properties as they are, a point in degrees, the shape as WKT."""
    with draft.open("w", encoding="utf-8", newline="") as file:
        return _write_rows(file, features, crs=crs, columns=columns, spreadsheet=False)


def write_csv_for_excel(
    features: Iterable[Feature],
    draft: Path,
    *,
    crs: str,
    columns: Sequence[Column] | None = None,
    **_: Any,
) -> int:
    """Write the same with the mark by which Excel knows UTF-8, and no text that is a formula."""
    with draft.open("w", encoding="utf-8-sig", newline="") as file:
        return _write_rows(file, features, crs=crs, columns=columns, spreadsheet=True)


def _write_rows(
    file: TextIO,
    features: Iterable[Feature],
    *,
    crs: str,
    columns: Sequence[Column] | None,
    spreadsheet: bool,
) -> int:
    if columns is None:
        columns, features = found_columns(features)
    projected = crs != WGS84
    places = ["lon", "lat", *(["x", "y"] if projected else []), "wkt"]
    named = [column.name for column in columns]
    rows = csv.writer(file)
    rows.writerow(["id", *named, *(_free(one, named) for one in places)])
    count = 0
    for batch in batches(features):
        check_names(columns, batch)
        count += len(batch)
        for row in _rows(batch, columns, crs):
            rows.writerow([_guarded(one) for one in row] if spreadsheet else row)
    return count


def _rows(batch: Sequence[Feature], columns: Sequence[Column], crs: str) -> Iterator[list[str]]:
    shapes = shapes_of(batch)
    moved = project(shapes, crs)
    points = [middles(shapes), *([middles(moved)] if crs != WGS84 else [])]
    texts = shapely.to_wkt(moved, rounding_precision=_DECIMALS)
    properties = [values_of(column, batch) for column in columns]
    for at, feature in enumerate(batch):
        numbers = [number for one in points for number in one[at]]
        placed = ["" if np.isnan(number) else f"{number:.{_DECIMALS}f}" for number in numbers]
        values = [_cell(one[at]) for one in properties]
        yield [feature.id, *values, *placed, texts[at] or ""]


def _free(name: str, taken: Sequence[str]) -> str:
    return f"{name}_" if name in taken else name


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return _moment(value)
        case _:
            return str(value)


def _guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run; numbers stay numbers."""
    if not text.startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def _feature_text(feature: Feature, shape: shapely.Geometry | None) -> str:
    geometry = "null" if shape is None else shapely.to_geojson(shape)
    box = None if shape is None else box_of(shape)
    bounds = "" if box is None else f'"bbox": {_json(box)}, '
    properties = {name: _plain(value) for name, value in feature.properties.items()}
    if feature.vector is not None:
        properties["embedding"] = [float(f"{one:.7g}") for one in feature.vector.tolist()]
    return (
        f'{{"type": "Feature", "id": {_json(feature.id)}, {bounds}"geometry": {geometry}, '
        f'"properties": {_json(properties)}}}'
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _moment(value: datetime) -> str:
    """RFC 3339, as every GIS reads it."""
    text = value.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
