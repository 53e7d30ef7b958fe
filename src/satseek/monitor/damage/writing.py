"""An assessment → a folder of tables and outlines that an office and a GIS open.

Does not know reports. Each file is there whole or not at all; run again, it is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from satseek.errors import InvalidRequest
from satseek.export.formats import FORMATS, write
from satseek.index.schema import storage_errors
from satseek.monitor.damage.survey import visit_features
from satseek.monitor.damage.tables import (
    by_district,
    by_policy,
    origin_of,
    parcel_features,
    problem_features,
    roll_up_features,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from satseek.export.feature import Feature
    from satseek.monitor.damage.assessment import Assessment
    from satseek.monitor.damage.survey import Visit
    from satseek.monitor.reports.report import Language

TABLES: Final = ("csv", "xlsx")
"""Formats of tables without a place; what has one is written in all that are asked for."""

USUAL: Final = ("csv", "xlsx", "geojson", "gpkg")
"""What is written where nobody says which, as far as it is at hand: for an office and for a GIS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutFile:
    """One file that was written."""

    path: Path
    """Where."""
    rows: int
    """Rows or features in it."""


def usual_formats() -> tuple[str, ...]:
    """Give the usual formats for which everything is installed."""
    return tuple(name for name in USUAL if FORMATS[name].is_at_hand)


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """Refuse formats that there are not.

    Raises:
        InvalidRequest: one is no format.
    """
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise InvalidRequest(
            f"format: expected some of {', '.join(FORMATS)}, came {', '.join(unknown)[:80]}"
        )
    return tuple(dict.fromkeys(names))


def write_assessment(
    assessment: Assessment,
    folder: Path,
    *,
    visits: Sequence[Visit] = (),
    formats: Sequence[str] | None = None,
    language: Language = "en",
) -> tuple[OutFile, ...]:
    """Write parcels, policies, districts, visits and oddities.

    Args:
        assessment: What imagery says.
        folder: Made where it is missing.
        visits: Parcels drawn for surveyors; none: no list of them.
        formats: Names of `FORMATS`; None: the usual ones that are at hand.
        language: Of tasks and reasons in the list of visits.

    Raises:
        InvalidRequest: one is no format, or the folder is a file.
        DependencyMissing: a format needs a package that is not installed.
        DiskFull: there is no room; what was written before stays as it was.
    """
    chosen = usual_formats() if formats is None else check_formats(formats)
    if folder.exists() and not folder.is_dir():
        raise InvalidRequest(f"{folder}: expected a folder for the results, came a file")
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name, features, placed in _layers(assessment, visits, language):
        for one in chosen:
            if placed or one in TABLES:
                path = folder / f"{name}{FORMATS[one].suffixes[0]}"
                origin = origin_of(assessment, layer=name)
                rows = write(features, path, format=one, origin=origin)
                found.append(OutFile(path=path, rows=rows))
    return tuple(found)


def _layers(
    assessment: Assessment, visits: Sequence[Visit], language: Language
) -> Iterator[tuple[str, list[Feature], bool]]:
    """Give the name of each table, its rows, and whether they have a place."""
    yield "parcels", parcel_features(assessment), True
    yield "policies", roll_up_features(by_policy(assessment), name="policy"), False
    if any(one.parcel.district for one in assessment.damages):
        yield "districts", roll_up_features(by_district(assessment), name="district"), False
    if visits:
        yield "visits", visit_features(visits, language=language), True
    if assessment.problems:
        yield "problems", problem_features(assessment), False
