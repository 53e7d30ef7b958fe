"""An assessment → a folder of tables and outlines that an office and a GIS open.

Does not know reports. Each file is there whole or not at all.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from satseek.errors import InvalidRequest
from satseek.export.formats import FORMATS, write
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
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.export.feature import Feature
    from satseek.monitor.damage.assessment import Assessment
    from satseek.monitor.damage.survey import Visit
    from satseek.monitor.reports.report import Language
    from satseek.monitor.runs.folders import OutFolder

LIST: Final = "assessment.json"
"""Names all files of an assessment, and says what it found once it is finished."""

TABLES: Final = ("csv", "csv-excel", "xlsx")
"""Formats of tables without a place; what has one is written in all that are asked for."""

USUAL: Final = ("csv", "xlsx", "geojson", "gpkg")
"""What is written where nobody says which, as far as it is at hand: for an office and for a GIS."""


_ABOUT: Final[Mapping[str, str]] = {
    "parcels": "what became of each parcel",
    "policies": "sums by policy",
    "districts": "sums by village or district",
    "visits": "parcels drawn for surveyors",
    "problems": "what is odd about the list of parcels",
}


def usual_formats() -> tuple[str, ...]:
    """Give the usual formats for which everything is installed."""
    return tuple(name for name in USUAL if FORMATS[name].is_at_hand)


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """Refuse formats that there are not, and two whose files would have one name.

    Raises:
        InvalidRequest: one is no format, or two are of one kind of file.
    """
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise InvalidRequest(
            f"format: expected some of {', '.join(FORMATS)}, came {', '.join(unknown)[:80]}"
        )
    chosen: dict[str, str] = {}
    for name in names:
        suffix = FORMATS[name].suffixes[0]
        if chosen.setdefault(suffix, name) != name:
            raise InvalidRequest(
                f"format: {chosen[suffix]} and {name} would both write parcels{suffix}; take one"
            )
    return tuple(chosen.values())


def write_assessment(
    assessment: Assessment,
    out: OutFolder,
    *,
    visits: Sequence[Visit] = (),
    formats: Sequence[str] | None = None,
    language: Language = "en",
) -> dict[str, int]:
    """Write parcels, policies, districts, visits and oddities.

    Args:
        assessment: What imagery says.
        out: Folder of the results.
        visits: Parcels drawn for surveyors; none: no list of them.
        formats: Names of `FORMATS`; None: the usual ones that are at hand.
        language: Of tasks and reasons in the list of visits.

    Returns:
        Rows or features by the file's name.

    Raises:
        InvalidRequest: one is no format, or two are of one kind of file.
        DependencyMissing: a format needs a package that is not installed.
        DiskFull: there is no room; what was written before stays as it was.
    """
    chosen = usual_formats() if formats is None else check_formats(formats)
    found = {}
    for name, features, placed in _layers(assessment, visits, language):
        for one in chosen:
            if placed or one in TABLES:
                file = f"{name}{FORMATS[one].suffixes[0]}"
                origin = origin_of(assessment, layer=name)
                make = partial(write, features, format=one, origin=origin)
                out.add(file, _ABOUT[name], make=make)
                found[file] = len(features)
    return found


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
