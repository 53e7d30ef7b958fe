"""What a land-use run found → a folder of maps, tables and outlines that others open.

Does not know reports. Each file is there whole or not at all.
"""

from __future__ import annotations

import csv
from functools import partial
from typing import TYPE_CHECKING, Final

from satseek.errors import InvalidRequest
from satseek.export.feature import Feature
from satseek.export.formats import FORMATS, write
from satseek.export.origin import Origin
from satseek.export.rasters import write_cog
from satseek.export.replacing import replaced
from satseek.monitor.landuse.maps import ClassMaps, colours_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.monitor.landuse.tables import Rows
    from satseek.monitor.runs.folders import OutFolder

LIST: Final = "land_use.json"
"""Names all files of a run, and says what it found once it is finished."""

CHANGES: Final = "changes"
"""Name of the files of patches that became something else."""


def write_maps(
    found: LandUse, out: OutFolder, *, on_progress: Callable[[str, int, int], None]
) -> ClassMaps | None:
    """Write the class map of each date as COG; None where the cells lie too far apart for a map."""
    try:
        maps = ClassMaps.of(found)
    except InvalidRequest:
        return None
    colours = colours_of(found.labels, found.names)
    for at, date in enumerate(found.dates):
        on_progress(f"writing the map of {date}", at, len(found.dates))
        name = f"land_use_{date}.tif"
        make = partial(write_cog, maps.at(at), colours=colours)
        out.add(name, f"class map of {date}", make=make)
        out.remember(f"{name}.aux.xml", f"names of the classes of {name}")
    return maps


def write_rows(rows: Rows, path: Path) -> None:
    """Write a table as CSV (RFC 4180, UTF-8)."""
    with (
        replaced(path) as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        lines = csv.writer(file)
        lines.writerow(rows.head)
        lines.writerows(rows.rows)


def write_changes(findings: Sequence[Finding], found: LandUse, out: OutFolder) -> None:
    """Write the outlines of what became something else: GeoJSON, and GeoPackage where it can be."""
    origin = Origin(
        layer=CHANGES,
        collection=found.collection,
        model=found.model,
        facts={"label_set": found.labels.name, "dates": ", ".join(found.dates)},
    )
    for kind in ("geojson", "gpkg"):
        if not FORMATS[kind].is_at_hand:
            continue
        out.add(
            f"{CHANGES}{FORMATS[kind].suffixes[0]}",
            "patches that became something else",
            make=partial(write, change_features(findings), origin=origin),
        )


def change_features(findings: Iterable[Finding]) -> list[Feature]:
    """Give one feature a patch that became something else."""
    return [
        Feature(
            id=one.id,
            geometry=one.footprint,
            properties={
                "before": one.before,
                "after": one.after,
                "date_before": one.properties["before_date"],
                "date_after": one.properties["after_date"],
                "first_seen": one.first_seen,
                "last_seen": one.last_seen,
                "seen": one.seen,
                "area_ha": round((one.area_m2 or 0.0) / 10_000, 4),
                "cells": len(one.cells),
                "percentile": one.scores.get("percentile"),
                "share": one.scores["share"],
                "chip_before": _chip(one, "before"),
                "chip_after": _chip(one, "after"),
            },
        )
        for one in findings
    ]


def _chip(finding: Finding, side: str) -> str | None:
    return next((one.chip_id for one in finding.evidence if one.side == side), None)
