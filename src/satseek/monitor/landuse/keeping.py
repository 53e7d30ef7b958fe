"""What a land-use run found → what is kept of it for those who ask later: maps, areas, changes.

Does not know doors. A map is kept as it lies on its raster, so that any tile of it can be drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from satseek.errors import InvalidRequest
from satseek.imagery.ground import between
from satseek.monitor.landuse.again import MADE_OF, told_again
from satseek.monitor.landuse.areas import areas_by_class, flows, shares_of
from satseek.monitor.landuse.maps import ClassMaps, colours_of
from satseek.monitor.landuse.tables import district_rows
from satseek.monitor.landuse.writing import LIST, change_features
from satseek.monitor.runs.drafting import Outcome
from satseek.monitor.runs.features import feature_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from satseek.imagery.views import View
    from satseek.monitor.landuse.finishing import Done
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.monitor.landuse.running import Asked
    from satseek.monitor.landuse.tables import Rows
    from satseek.monitor.runs.drafting import Row
    from satseek.monitor.runs.keeping import Runs
    from satseek.monitor.runs.run import KeptRun
    from satseek.types import BBox

_WGS84 = "EPSG:4326"
_NOTHING: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("model", "label_set", "label_set_digest", "bbox", "raster")),
    **dict.fromkeys(("dates", "classes", "areas", "flows"), ()),
    **dict.fromkeys(("cells", "changes", "changes_ha", "groundless", "undated"), 0),
}
"""What there is to be told where nothing has a date and lies on the ground."""

_EDGE_POINTS = 33
"""Points on each edge of a map whose bounds in degrees are told: edges are curves there."""
_DECIMALS = 4
"""Of hectares: a square metre."""


def keep_land_use(
    done: Done, asked: Asked, *, runs: Runs, collection: str, made_at: datetime
) -> KeptRun:
    """Keep a run under its name, in place of the former one.

    Args:
        done: What it found, and the folder that it left.
        asked: What it was asked for.
        runs: Where runs are kept.
        collection: What it looked at.
        made_at: When, timezone-aware.

    Raises:
        InvalidName, Conflict, DiskFull: as ``Runs.keep``.
    """
    found = done.found
    facts: dict[str, Any] = {
        **_NOTHING,
        "images": len(done.images),
        "notes": list(asked.notes),
        MADE_OF: told_again(asked),
    }
    tables: dict[str, Iterator[Row]] = {}
    arrays: dict[str, NDArray[np.uint8]] = {}
    if found is not None:
        facts |= _facts(found, done)
        tables["changes"] = feature_rows(change_features(done.findings))
        if done.districts is not None:
            tables["districts"] = _dicts(district_rows(done.districts))
        maps = _maps(found)
        if maps is not None:
            facts |= {"bbox": bounds(maps.view), "raster": _raster(maps.view)}
            arrays = {date: _numbers(maps, at) for at, date in enumerate(found.dates)}
    outcome = Outcome(
        kind="landuse",
        name=asked.name,
        collection=collection,
        made_at=made_at,
        operator=asked.operator,
        facts=facts,
        tables=tables,
        arrays=arrays,
    )
    return runs.keep(outcome, done.folder, [*(one.name for one in done.files), LIST])


def bounds(view: View) -> BBox:
    """Give west, south, east, north of a raster in degrees on WGS 84."""
    left, bottom, right, top = view.bounds()
    across, up = np.linspace(left, right, _EDGE_POINTS), np.linspace(bottom, top, _EDGE_POINTS)
    xs = np.concatenate([across, across, np.full_like(up, left), np.full_like(up, right)])
    ys = np.concatenate([np.full_like(across, bottom), np.full_like(across, top), up, up])
    lons, lats = between(view.crs, _WGS84, xs, ys)
    return float(lons.min()), float(lats.min()), float(lons.max()), float(lats.max())


def _facts(found: LandUse, done: Done) -> dict[str, Any]:
    colours = colours_of(found.labels, found.names)
    called = {label.name: dict(label.names) for label in found.labels.labels}
    areas = areas_by_class(found)
    shares = shares_of(areas)
    return {
        "model": found.model,
        "label_set": found.labels.name,
        "label_set_digest": found.labels.digest,
        "dates": list(found.dates),
        "cells": len(found.cells),
        "classes": [
            {"name": name, "names": called.get(name, {}), "colour": "#" + bytes(colour).hex()}
            for name, colour in zip(found.names, colours, strict=True)
        ],
        "areas": [
            {
                "date": date,
                "area_ha": _by_class(found, areas[at].tolist()),
                "share": _by_class(found, shares[at].tolist()),
            }
            for at, date in enumerate(found.dates)
        ],
        "flows": [
            {
                "before": one.before,
                "after": one.after,
                "area_ha": [[round(x, _DECIMALS) for x in row] for row in one.hectares.tolist()],
                "total_ha": round(one.total_ha, _DECIMALS),
                "changed_ha": round(one.changed_ha, _DECIMALS),
            }
            for one in flows(found)
        ],
        "changes": len(done.findings),
        "changes_ha": round(sum((one.area_m2 or 0.0) for one in done.findings) / 10_000, _DECIMALS),
        "groundless": found.groundless,
        "undated": found.series.undated,
    }


def _by_class(found: LandUse, values: list[float]) -> dict[str, float]:
    return {name: round(one, _DECIMALS) for name, one in zip(found.names, values, strict=True)}


def _maps(found: LandUse) -> ClassMaps | None:
    try:
        return ClassMaps.of(found)
    except InvalidRequest:  # its cells lie too far apart for one map
        return None


def _numbers(maps: ClassMaps, date: int) -> NDArray[np.uint8]:
    return np.asarray(maps.at(date).values, dtype=np.uint8)


def _raster(view: View) -> dict[str, Any]:
    return {
        "crs": view.crs,
        "transform": list(view.transform),
        "width": view.width,
        "height": view.height,
    }


def _dicts(rows: Rows) -> Iterator[Row]:
    for row in rows.rows:
        yield dict(zip(rows.head, row, strict=True))
