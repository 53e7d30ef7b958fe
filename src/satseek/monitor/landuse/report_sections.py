"""What a land-use run found → the sections of its report: areas, maps, changes, districts.

Does not know the first page, nor HTML or PDF.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.monitor.landuse.areas import areas_by_class, flows, shares_of
from satseek.monitor.landuse.maps import colours_of
from satseek.monitor.landuse.words import class_names, hectares, percent, text
from satseek.monitor.reports.blocks import (
    Chart,
    Column,
    Entry,
    Map,
    Pair,
    Pairs,
    Series,
    Shape,
    Table,
    Text,
)
from satseek.monitor.reports.evidence_images import evidence_image
from satseek.monitor.reports.report import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.export.ground_map import GroundMap
    from satseek.monitor.findings.finding import Evidence, Finding, Side
    from satseek.monitor.landuse.areas import Flow
    from satseek.monitor.landuse.changes import LandChange
    from satseek.monitor.landuse.districts import DistrictAreas
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.monitor.landuse.maps import ClassMaps
    from satseek.monitor.landuse.report import Material
    from satseek.monitor.reports.blocks import Block, Cell, Image
    from satseek.monitor.reports.report import Language
    from satseek.types import GeoJSON

MAX_MAPS = 12
"""Class maps in a report: a year of months. Of more dates the first and the latest are shown."""

MAX_PAIRS = 100
"""Places shown before and after, the largest: 50 pages. The files have all of them."""

_NAMED_ON_MAP = 3
"""Classes that the words for a map name."""

_CHANGED = "changed"

_OUTLINE = (200, 30, 30)
"""Of what changed: a red that no class of the palette has."""


def areas_section(found: LandUse, language: Language) -> Section:
    """Tell how much of each class there was at each date."""
    areas, shares = areas_by_class(found), shares_of(areas_by_class(found))
    names = class_names(found.labels, found.names, language)
    last = len(found.dates) - 1
    shown = [0, last] if last > 1 else list(range(last + 1))
    columns = [Column(name=text("class", language), weight=2.0)]
    for date in shown:
        columns.append(Column(name=f"{found.dates[date]} (ha)", kind="number", decimals=1))
        columns.append(Column(name=text("share", language), kind="share"))
    rows = tuple(
        (name, *(cell for date in shown for cell in _cells(areas[date, at], shares[date, at])))
        for at, name in enumerate(names)
    )
    total = (
        text("sum", language),
        *(cell for date in shown for cell in (float(areas[date].sum()), None)),
    )
    table = Table(
        caption=text("areas_table", language), columns=tuple(columns), rows=rows, total=total
    )
    chart = () if last < 1 else (_chart(found, shares * 100, names, language),)
    return Section(title=text("areas", language), blocks=(table, *chart))


def maps_section(found: LandUse, maps: ClassMaps | None, language: Language) -> tuple[Section, ...]:
    """Show the class map of each date; of many dates the first and the latest."""
    if maps is None:
        return ()
    count = len(found.dates)
    dates = range(count) if count <= MAX_MAPS else [0, *range(count - MAX_MAPS + 1, count)]
    blocks = tuple(_map(found, maps, date, language) for date in dates)
    return (Section(title=text("maps", language), blocks=blocks),)


def changes_section(given: Material) -> tuple[Section, ...]:
    """Show what became of what, where, and how it looked before and after."""
    found, language = given.found, given.language
    if len(found.dates) == 1:
        return ()
    latest = flows(found)[-2:]  # the step to the last date, and the whole period
    tables = tuple(_matrix(one, found, language) for one in reversed(latest))
    if not given.changes:
        nothing = Text(paragraphs=(text("no_change", language),), tone="good")
        return (Section(title=text("changes", language), blocks=(nothing, *tables)),)
    numbered = list(enumerate(zip(given.changes, given.findings, strict=True), start=1))
    outlines = tuple(
        Shape(geometry=change.patch.footprint, entry=_CHANGED, label=str(number))
        for number, (change, _) in numbered
        if change.patch.footprint is not None
    )
    overview = Map(
        title=text("changes_map", language),
        alt=text("changes_alt", language, count=len(outlines)),
        shapes=outlines,
        legend=(
            Entry(key=_CHANGED, label=text("changed", language), colour=_OUTLINE, filled=False),
        ),
        classes=None if given.maps is None else _named_map(found, given.maps, -1, language),
        class_colours=() if given.maps is None else tuple(colours_of(found.labels, found.names)),
    )
    largest = sorted(numbered, key=lambda one: -one[1][0].patch.area_ha)[:MAX_PAIRS]
    pairs = tuple(_pair(number, one, finding, given) for number, (one, finding) in largest)
    more: tuple[Block, ...] = ()
    if len(numbered) > len(pairs):
        said = text("more", language, count=len(numbered) - len(pairs))
        more = (Text(paragraphs=(said,)),)
    shown = Section(title=text("pairs", language), blocks=(Pairs(pairs=pairs), *more))
    blocks: tuple[Block, ...] = (overview, *tables)
    return (Section(title=text("changes", language), blocks=blocks, sections=(shown,)),)


def districts_section(
    areas: DistrictAreas | None, found: LandUse, language: Language
) -> tuple[Section, ...]:
    """Tell the areas of each district at the last date, and how they grew since the first."""
    if areas is None:
        return ()
    names = class_names(found.labels, found.names, language)
    last = len(areas.dates) - 1
    columns = (
        Column(name=text("district", language), weight=2.0),
        *(Column(name=name, kind="number", decimals=1) for name in names),
        Column(name=text("seen_share", language), kind="share"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (one.name, *areas.hectares[at, last].tolist(), areas.seen_share(at, last))
        for at, one in enumerate(areas.districts)
    )
    tables = [
        Table(
            caption=text("districts_table", language, date=areas.dates[last]),
            columns=columns,
            rows=rows,
            note=text("district_note", language),
        )
    ]
    if last:
        grown = areas.hectares[:, last] - areas.hectares[:, 0]
        changed: tuple[tuple[Cell, ...], ...] = tuple(
            (one.name, *grown[at].tolist()) for at, one in enumerate(areas.districts)
        )
        caption = text("grown", language, before=areas.dates[0], after=areas.dates[last])
        tables.append(Table(caption=caption, columns=columns[:-1], rows=changed))
    return (Section(title=text("districts", language), blocks=tuple(tables)),)


def place_of(footprint: GeoJSON | None) -> str:
    """Name a place by a point inside it: latitude and longitude to ten metres."""
    if footprint is None:
        return "–"
    point = shapely.geometry.shape(footprint).representative_point()
    return f"{point.y:.4f}, {point.x:.4f}"


def _cells(area: float, share: float) -> tuple[Cell, Cell]:
    return float(area), float(share)


def _chart(
    found: LandUse, percents: NDArray[np.float64], names: Sequence[str], language: Language
) -> Chart:
    colours = colours_of(found.labels, found.names)
    used = [at for at in range(len(names)) if percents[:, at].any()]
    grown = percents[-1] - percents[0]
    most = int(grown.argmax())
    alt = (
        text("chart_alt", language, grown=names[most], by=f"{grown[most]:.1f}")
        if grown[most] > 0
        else text("chart_alt_flat", language)
    )
    return Chart(
        title=text("chart", language),
        alt=alt,
        kind="stacked",
        places=found.dates,
        series=tuple(
            Series(name=names[at], values=tuple(map(float, percents[:, at])), colour=colours[at])
            for at in used
        ),
        unit="%",
    )


def _map(found: LandUse, maps: ClassMaps, date: int, language: Language) -> Map:
    names = class_names(found.labels, found.names, language)
    areas = areas_by_class(found)[date]
    largest = [names[at] for at in np.argsort(-areas)[:_NAMED_ON_MAP].tolist() if areas[at] > 0]
    return Map(
        title=text("map", language, date=found.dates[date]),
        alt=text("map_alt", language, date=found.dates[date], largest=", ".join(largest)),
        classes=_named_map(found, maps, date, language),
        class_colours=tuple(colours_of(found.labels, found.names)),
    )


def _matrix(one: Flow, found: LandUse, language: Language) -> Table:
    """Lay a flow out; classes that neither date has are left out."""
    names = class_names(found.labels, found.names, language)
    used = np.flatnonzero(one.hectares.any(axis=0) | one.hectares.any(axis=1)).tolist()
    columns = (
        Column(name=text("from_to", language), weight=2.0),
        *(Column(name=names[at], kind="number", decimals=1) for at in used),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (names[row], *(area or None for area in one.hectares[row, used].tolist())) for row in used
    )
    caption = text("matrix", language, before=one.before, after=one.after)
    return Table(caption=caption, columns=columns, rows=rows)


def _pair(number: int, change: LandChange, finding: Finding, given: Material) -> Pair:
    found, language = given.found, given.language
    names = dict(zip(found.names, class_names(found.labels, found.names, language), strict=True))
    label = f"{names[change.before]} → {names[change.after]}"
    later = len(found.dates) - change.date
    facts = (
        (text("area", language), hectares(change.patch.area_ha)),
        (text("place", language), place_of(change.patch.footprint)),
        (text("first_seen", language), found.dates[change.date]),
        (text("seen", language), text("dates", language, count=change.seen, later=later)),
        (
            text("percentile", language),
            "–" if change.percentile is None else f"{change.percentile:.2f}",
        ),
        (text("label_share", language), percent(change.share)),
        (text("finding", language), finding.id[:12]),
    )
    before, after = _evidence(finding, "before"), _evidence(finding, "after")
    return Pair(
        title=text("pair", language, number=number, change=label),
        before=_image(before, finding, given, number, label),
        after=_image(after, finding, given, number, label),
        before_caption=_caption(before, language),
        after_caption=_caption(after, language),
        facts=facts,
    )


def _evidence(finding: Finding, side: Side) -> Evidence | None:
    return next((one for one in finding.evidence if one.side == side), None)


def _image(
    shown: Evidence | None, finding: Finding, given: Material, number: int, label: str
) -> Image | None:
    if shown is None:
        return None
    side = text(shown.side, given.language)
    alt = text("image_alt", given.language, side=side, number=number, label=label)
    return evidence_image(shown, finding=finding, pictures=given.pictures, alt=alt)


def _caption(shown: Evidence | None, language: Language) -> str:
    if shown is None:
        return ""
    date = shown.datetime
    day = text("unknown_date", language) if date is None else f"{date:%Y-%m-%d}"
    return text("caption", language, date=day, scene=shown.scene)


def _named_map(found: LandUse, maps: ClassMaps, date: int, language: Language) -> GroundMap:
    return replace(maps.at(date), names=class_names(found.labels, found.names, language))
