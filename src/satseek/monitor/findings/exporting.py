"""Findings that pass a filter → a file that a GIS, an office or an archive opens.

Does not know how a format is written, nor which door it leaves through.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from satseek.export.columns import columns_of
from satseek.export.feature import Feature
from satseek.export.formats import check, format_named, format_of, write
from satseek.export.origin import Origin
from satseek.export.projecting import WGS84
from satseek.monitor.findings.finding import SIDES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from satseek.export.feature import Property
    from satseek.export.formats import Format
    from satseek.monitor.findings.finding import Finding, Step
    from satseek.monitor.findings.keeping import FindingFilter, Findings

LAYER = "findings"
"""What layers and sheets are called."""

SQUARE_METRES = 10_000.0
"""In a hectare."""

_DECIMALS = 4
"""Of hectares: a square metre."""

_OF_FORMATS = frozenset(
    {"id", "type", "geometry", "geom", "bbox", "links", "assets", "stac_version", "embedding"}
    | {"stac_extensions", "fid", "wkt", "x", "y", "lon", "lat", "datetime"}
)
"""Names of columns that formats have of their own."""


def write_findings(
    findings: Findings,
    path: Path,
    *,
    where: FindingFilter | None = None,
    format: str | None = None,  # noqa: A002 (what everybody calls it)
    crs: str = WGS84,
) -> int:
    """Write findings, the newest first, whole or not at all; returns how many they were.

    They are read twice, to know all columns; one that came in between with others is refused.

    Args:
        findings: Where they are kept.
        path: Replaced if it is there.
        where: Which; None: all.
        format: Of ``export.formats``; None: by the file's name.
        crs: Of the coordinates.

    Raises:
        InvalidFilter, InvalidRequest: what is asked cannot be.
        Whatever ``export.write`` raises; nothing was written then.
    """
    kind = format_of(path) if format is None else format_named(format)
    check(kind, crs=crs, vectors=False)
    columns = columns_of(one.properties for one in _features(findings, where, kind))
    return write(
        _features(findings, where, kind),
        path,
        format=kind.name,
        crs=crs,
        origin=_origin(where),
        columns=columns,
    )


def feature_of(finding: Finding, *, decided: Step | None = None) -> Feature:
    """Give a finding as a row of a table and a shape on a map.

    Args:
        finding: Which.
        decided: Its last step by a person; None: nobody took one.
    """
    told, kept = _told(finding), _decided(decided) | _kept(finding)
    taken = told.keys() | kept.keys() | _OF_FORMATS
    scores = {_free(name, taken, "score"): value for name, value in finding.scores.items()}
    more = {
        _free(name, taken | scores.keys(), finding.kind): value
        for name, value in finding.properties.items()
    }
    properties = told | scores | more | kept
    return Feature(id=finding.id, geometry=finding.footprint, properties=properties)


def _features(findings: Findings, where: FindingFilter | None, kind: Format) -> Iterator[Feature]:
    for finding in findings.all(where):
        feature = feature_of(finding, decided=findings.last_deed(finding.id))
        if kind.name == "geoparquet":  # whose rows are STAC Items, which have a date by that name
            dated: dict[str, Property] = {"datetime": finding.last_seen}
            feature = replace(feature, properties=dated | dict(feature.properties))
        yield feature


def _told(finding: Finding) -> dict[str, Property]:
    area = finding.area_m2
    return {
        "kind": finding.kind,
        "source": finding.source,
        "label": finding.label,
        "before": finding.before,
        "after": finding.after,
        "state": finding.state,
        "assignee": finding.assignee,
        "flags": ", ".join(finding.flags),
        "first_seen": finding.first_seen,
        "last_seen": finding.last_seen,
        "seen": finding.seen,
        "area_ha": None if area is None else round(area / SQUARE_METRES, _DECIMALS),
        "urgency": finding.urgency,
    }


def _decided(step: Step | None) -> dict[str, Property]:
    return {
        "last_deed": None if step is None else step.deed,
        "last_who": None if step is None else step.who,
        "last_at": None if step is None else step.at,
        "last_comment": None if step is None else step.comment,
    }


def _kept(finding: Finding) -> dict[str, Property]:
    told: dict[str, Property] = {"collection": finding.collection, "cells": len(finding.cells)}
    for side in SIDES:
        best = next((one for one in finding.evidence if one.side == side), None)
        told |= {
            f"{side}_chip": None if best is None else best.chip_id,
            f"{side}_date": None if best is None else best.datetime,
            f"{side}_picture": None if best is None else best.picture,
        }
    return told | {
        "created": finding.created,
        "changed": finding.changed,
        "revision": finding.revision,
    }


def _free(name: str, taken: AbstractSet[str], prefix: str) -> str:
    return f"{prefix}_{name}" if name.lower() in taken else name


def _origin(where: FindingFilter | None) -> Origin:
    facts = {
        **_asked(where),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "written by": f"satseek {version('satseek')}",
    }
    return Origin(layer=LAYER, facts=facts)


def _asked(where: FindingFilter | None) -> Mapping[str, str]:
    """Say which findings were asked for."""
    if where is None:
        return {}
    asked = {
        name: ", ".join(getattr(where, name))
        for name in ("kinds", "sources", "collections", "states", "labels", "flags")
    }
    asked |= {
        "assignee": where.assignee or "",
        "area": json.dumps(where.area) if where.area is not None else "",
        "start": where.start.isoformat() if where.start else "",
        "end": where.end.isoformat() if where.end else "",
    }
    return {name: value for name, value in asked.items() if value}
