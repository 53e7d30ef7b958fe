"""What a land-use run found → a report that a planner can act on and defend.

Does not know HTML or PDF, nor how anything was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.monitor.landuse.areas import areas_by_class, flow
from satseek.monitor.landuse.cuts import thresholds_of
from satseek.monitor.landuse.findings import KIND
from satseek.monitor.landuse.report_sections import (
    areas_section,
    changes_section,
    districts_section,
    maps_section,
    place_of,
)
from satseek.monitor.landuse.words import class_names, hectares, percent, text
from satseek.monitor.reports.digesting import digest_of_inputs
from satseek.monitor.reports.provenance import grid_name, recipe_name, scenes_used, software
from satseek.monitor.reports.report import Headline, Provenance, Report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from satseek.index.spec import CollectionSpec
    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.findings.pictures import Pictures
    from satseek.monitor.landuse.changes import LandChange
    from satseek.monitor.landuse.districts import DistrictAreas
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.monitor.landuse.maps import ClassMaps
    from satseek.monitor.reports.report import Language, Section
    from satseek.types import Scene

LISTED = 5
"""Changes that the first page names."""

_SEEN_ENOUGH = 0.95
"""Share of the ground below which a date is said to show only a part of it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """All that a land-use report is made of."""

    name: str
    """Of the run: the source of its findings."""
    found: LandUse
    """What each place was."""
    changes: tuple[LandChange, ...]
    """What became something else."""
    findings: tuple[Finding, ...]
    """The same as findings, in the same order."""
    maps: ClassMaps | None
    """Class maps; None: the cells lie too far apart."""
    districts: DistrictAreas | None
    """Areas by district; None: none were asked for."""
    spec: CollectionSpec
    """The collection."""
    scenes: tuple[Scene, ...]
    """Scenes that were used."""
    pictures: Pictures
    """Where pictures of findings are kept."""
    operator: str
    """Who asked for it."""
    command: str
    """What was typed or asked."""
    made_at: datetime
    """When, timezone-aware."""
    language: Language = "en"
    """Of the report."""
    accuracy: tuple[Section, ...] = ()
    """What a labelled sample says of the map; empty: none was labelled."""
    notes: tuple[str, ...] = ()
    """What was odd about what was asked, a line each."""


def land_use_report(given: Material) -> Report:
    """Build the report of a land-use run."""
    found, language = given.found, given.language
    return Report(
        title=_title(given),
        subtitle=_subtitle(given),
        next_step=_next_step(given),
        provenance=_provenance(given),
        headlines=_headlines(given),
        actions=_actions(given),
        limits=_limits(given),
        sections=(
            *changes_section(given),
            areas_section(found, language),
            *given.accuracy,
            *maps_section(found, given.maps, language),
            *districts_section(given.districts, found, language),
        ),
        language=language,
    )


def _title(given: Material) -> str:
    """Name the collection, unless it is called as every run's is that nobody has named."""
    if given.spec.name == KIND:
        return text("title_plain", given.language)
    return text("title", given.language, place=given.spec.name)


def _subtitle(given: Material) -> str:
    found, language = given.found, given.language
    labels = found.labels.names.get(language, found.labels.name)
    if len(found.dates) == 1:
        return text("subtitle_one", language, date=found.dates[0], labels=labels)
    return text(
        "subtitle",
        language,
        first=found.dates[0],
        last=found.dates[-1],
        dates=len(found.dates),
        labels=labels,
    )


def _next_step(given: Material) -> str:
    found, language = given.found, given.language
    if len(found.dates) == 1:
        return text("next_one", language, first=found.dates[0], areas=_on_areas(given))
    if not given.changes:
        first, last = found.dates[0], found.dates[-1]
        return text("next_none", language, first=first, last=last, areas=_on_areas(given))
    area = sum(one.patch.area_ha for one in given.changes)
    return text("next", language, count=len(given.changes), area=hectares(area), source=given.name)


def _on_areas(given: Material) -> str:
    """Say which areas may be quoted."""
    if not given.accuracy:
        return text("areas_counted", given.language)
    return text("areas_estimated", given.language, section=given.accuracy[0].title)


def _actions(given: Material) -> tuple[str, ...]:
    names = dict(zip(given.found.names, _called(given), strict=True))
    largest = sorted(enumerate(given.changes, start=1), key=lambda one: -one[1].patch.area_ha)
    return tuple(
        text(
            "action",
            given.language,
            number=number,
            change=f"{names[one.before]} → {names[one.after]}",
            area=hectares(one.patch.area_ha),
            place=place_of(one.patch.footprint),
            date=given.found.dates[one.date],
        )
        for number, one in largest[:LISTED]
    )


def _headlines(given: Material) -> tuple[Headline, ...]:
    found, language = given.found, given.language
    last = areas_by_class(found)[-1]
    ground = Headline(
        name=text("ground", language),
        value=f"{hectares(float(last.sum()))} ha",
        note=text("ground_note", language, date=found.dates[-1]),
    )
    if len(found.dates) == 1:
        return (ground,)
    whole = flow(found, 0, len(found.dates) - 1)
    share = whole.changed_ha / whole.total_ha if whole.total_ha else 0.0
    changed = Headline(
        name=text("changed", language),
        value=f"{hectares(whole.changed_ha)} ha",
        note=text("changed_note", language, share=percent(share), total=hectares(whole.total_ha)),
    )
    places = Headline(name=text("places", language), value=f"{len(given.changes)}")
    return (changed, *_largest(given), places, ground)


def _largest(given: Material) -> tuple[Headline, ...]:
    found, language = given.found, given.language
    moved = flow(found, 0, len(found.dates) - 1).largest(1)
    if not moved:
        return ()
    names = dict(zip(found.names, _called(given), strict=True))
    before, after, area = moved[0]
    return (
        Headline(
            name=text("largest", language),
            value=f"{hectares(area)} ha",
            note=f"{names[before]} → {names[after]}",
        ),
    )


def _called(given: Material) -> tuple[str, ...]:
    return class_names(given.found.labels, given.found.names, given.language)


def _limits(given: Material) -> tuple[str, ...]:
    found, language = given.found, given.language
    limits = [_on_areas(given) if given.accuracy else text("limit_counted", language)]
    limits.append(text("limit_cells", language, edge=_edge(given)))
    all_ha = float(found.cell_ha.sum())
    for date, areas in zip(found.dates, areas_by_class(found), strict=True):
        share = float(areas.sum()) / all_ha if all_ha else 1.0
        if share < _SEEN_ENOUGH:
            limits.append(text("limit_unseen", language, date=date, share=percent(share)))
    if found.groundless:
        limits.append(text("limit_groundless", language, count=found.groundless))
    alone = sum(one.percentile is None for one in given.changes)
    if alone:
        limits.append(text("limit_not_compared", language, count=alone))
    return (*limits, *given.notes)


def _edge(given: Material) -> str:
    """Say how large a cell is: the root of the median cell's area."""
    areas = sorted(given.found.cell_ha.tolist())
    return f"{(areas[len(areas) // 2] * 10_000) ** 0.5:,.0f} m"


def _provenance(given: Material) -> Provenance:
    found = given.found
    scenes = scenes_used(given.scenes)
    return Provenance(
        made_at=given.made_at,
        operator=given.operator,
        software=software(),
        inputs_digest=digest_of_inputs(
            given.name,
            found.labels.digest,
            found.model,
            found.dates,
            [(one.id, one.digest) for one in scenes],
            found.choices,
            () if given.districts is None else given.districts.districts,
        ),
        collection=found.collection,
        model=found.model,
        recipe=recipe_name(given.spec.recipe),
        grid=grid_name(given.spec.grid),
        command=given.command,
        prompts=tuple(
            (name, "; ".join(_shown(found, label.prompts)))
            for name, label in zip(_called(given), found.labels.labels, strict=False)
        ),
        thresholds=thresholds_of(found, given.language),
        scenes=scenes,
        facts=(("label set", f"{found.labels.name}, {found.labels.digest[:12]}"),),
    )


def _shown(found: LandUse, prompts: Sequence[str]) -> list[str]:
    """Give prompts, and what those that are not English were taken for."""
    return [
        f"{one} ({found.translated[one]})" if one in found.translated else one for one in prompts
    ]
