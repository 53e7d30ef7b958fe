"""Findings → the sections of their report: where they are, how they look, what was decided.

Does not know the first page, nor HTML or PDF.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import shapely

from satseek.monitor.reports.blocks import (
    Backdrop,
    Column,
    Entry,
    Map,
    Mark,
    Pair,
    Pairs,
    Shape,
    Table,
)
from satseek.monitor.reports.evidence_images import evidence_image
from satseek.monitor.reports.findings_words import flag_name, state_name, text
from satseek.monitor.reports.palette import CHANGE
from satseek.monitor.reports.report import Section
from satseek.monitor.reports.words import day, number, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.monitor.findings.finding import Evidence, Finding, Side, State
    from satseek.monitor.reports.blocks import Block, Cell, Colour, Image, Tone
    from satseek.monitor.reports.findings_gathering import FindingsMaterial
    from satseek.monitor.reports.report import Language

MOST_LISTED = 2_000
"""Findings in the table and on maps: fifty pages of paper. Files for a GIS take any number."""

MOST_PAIRS = 300
"""Findings that are shown before and after: a hundred pages of paper, some 15 MB."""

SQUARE_METRES = 10_000.0
"""In a hectare."""

_COLOURS: dict[State, Colour] = {
    "new": CHANGE,
    "assigned": (230, 159, 0),
    "confirmed": (178, 44, 20),
    "closed": (0, 115, 84),
    "rejected": (110, 110, 110),
}
"""On maps: what waits in oranges, what is confirmed in red."""

SHOWN_ID = 12
"""Digits of an id in tables: of a million findings no two begin with as many by chance."""

_PLACE_DECIMALS = 5
"""Of degrees: a metre."""


def overview_section(given: FindingsMaterial) -> tuple[Section, ...]:
    """Map and table of all findings."""
    if not given.findings:
        return ()
    blocks: tuple[Block, ...] = (*_maps(given), _table(given))
    return (Section(title=text("overview", given.language), blocks=blocks),)


def pairs_section(given: FindingsMaterial) -> tuple[Section, ...]:
    """Both images of each finding, and what is known of it."""
    if not given.findings:
        return ()
    numbered = enumerate(given.findings[:MOST_PAIRS], 1)
    pairs = tuple(_pair(at, finding, given) for at, finding in numbered)
    title = text("pairs", given.language)
    return (Section(title=title, blocks=(Pairs(pairs=pairs),), begins_page=True),)


def decisions_section(given: FindingsMaterial) -> tuple[Section, ...]:
    """Who decided what, when and why."""
    language = given.language
    rows = tuple(
        (at, one.deed, day(one.at), one.who, one.comment)
        for at, finding in enumerate(given.findings[:MOST_LISTED], 1)
        if (one := given.decided.get(finding.id)) is not None
    )
    if not rows:
        return ()
    columns = (
        Column(name=text("number", language), kind="number"),
        Column(name=text("deed", language)),
        Column(name=text("when", language)),
        Column(name=text("who", language)),
        Column(name=text("comment", language), weight=3.0),
    )
    table = Table(caption=text("decisions_table", language), columns=columns, rows=rows)
    return (Section(title=text("decisions", language), blocks=(table,)),)


def place_of(finding: Finding, language: Language) -> str:
    """Say where a finding lies: a point inside it."""
    if finding.footprint is None:
        return text("nowhere", language)
    point = shapely.from_geojson(json.dumps(finding.footprint)).representative_point()
    return place(point.x, point.y, decimals=_PLACE_DECIMALS)


def hectares(finding: Finding, language: Language) -> str:
    """Say how large it is."""
    if finding.area_m2 is None:
        return text("no_area", language)
    return f"{number(finding.area_m2 / SQUARE_METRES, 2)} ha"


def _maps(given: FindingsMaterial) -> Iterator[Map]:
    """One map a collection: they may lie anywhere."""
    language = given.language
    for name in sorted({one.collection for one in given.findings}):
        placed = [
            (at, one)
            for at, one in enumerate(given.findings[:MOST_LISTED], 1)
            if one.collection == name and one.footprint is not None
        ]
        if not placed:
            continue
        largest = max(placed, key=lambda one: (one[1].area_m2 or 0.0, -one[0]))
        imagery = given.imagery.get(name)
        yield Map(
            title=text("map", language, collection=name),
            alt=text(
                "map_alt",
                language,
                count=len(placed),
                where=place_of(placed[0][1], language),
                largest=largest[0],
            ),
            shapes=tuple(
                Shape(geometry=one.footprint, entry=one.state, label=f"{at}")
                for at, one in placed
                if one.footprint is not None
            ),
            legend=tuple(
                Entry(key=state, label=state_name(state, language), colour=colour)
                for state, colour in _COLOURS.items()
            ),
            backdrop=None
            if imagery is None
            else Backdrop(scenes=imagery.scenes, recipe=imagery.spec.recipe),
        )


def _table(given: FindingsMaterial) -> Table:
    language = given.language
    columns = (
        Column(name=text("number", language), kind="number"),
        Column(name=text("what", language), weight=1.6),
        Column(name=text("state", language)),
        Column(name=text("area_ha", language), kind="number", decimals=2),
        Column(name=text("first", language)),
        Column(name=text("last", language)),
        Column(name=text("seen", language), kind="number"),
        Column(name=text("place", language), weight=1.4),
        Column(name=text("id", language)),
    )
    listed = enumerate(given.findings[:MOST_LISTED], 1)
    rows = tuple(_row(at, one, language) for at, one in listed)
    return Table(caption=text("table", language), columns=columns, rows=rows)


def _row(at: int, finding: Finding, language: Language) -> tuple[Cell, ...]:
    named = ", ".join(flag_name(one, language) for one in finding.flags)
    flags = f" ({named})" if named else ""
    return (
        at,
        f"{finding.label}{flags}",
        mark_of(finding, language),
        None if finding.area_m2 is None else finding.area_m2 / SQUARE_METRES,
        finding.first_seen,
        finding.last_seen,
        finding.seen,
        place_of(finding, language),
        finding.id[:SHOWN_ID],
    )


def mark_of(finding: Finding, language: Language) -> Mark:
    """Tell a finding's state; what is confirmed is bad news, unless land merely changed its use."""
    tones: dict[State, Tone] = {
        "new": "warning",
        "assigned": "warning",
        "confirmed": "plain" if finding.kind == "landuse" else "bad",
        "rejected": "unknown",
        "closed": "good",
    }
    return Mark(text=state_name(finding.state, language), tone=tones[finding.state])


def _pair(at: int, finding: Finding, given: FindingsMaterial) -> Pair:
    language = given.language
    before, after = _evidence(finding, "before"), _evidence(finding, "after")
    return Pair(
        title=text("pair", language, number=at, what=finding.label),
        before=_image(at, finding, before, given),
        after=_image(at, finding, after, given),
        before_caption=_caption(before, language),
        after_caption=_caption(after, language),
        facts=_facts(finding, language),
        mark=mark_of(finding, language),
    )


def _facts(finding: Finding, language: Language) -> tuple[tuple[str, str], ...]:
    changed = " → ".join(filter(None, (finding.before, finding.after)))
    flags = [flag_name(one, language) for one in finding.flags]
    last = text("times", language, day=day(finding.last_seen), seen=finding.seen)
    scores = ((name, f"{score:.3g}") for name, score in finding.scores.items())
    return (
        (text("area", language), hectares(finding, language)),
        (text("place", language), place_of(finding, language)),
        (text("what", language), changed if changed != finding.label else ""),
        (text("first", language), day(finding.first_seen)),
        (text("last", language), last),
        (text("flags", language), ", ".join(flags)),
        (text("source", language), finding.source),
        (text("assignee", language), finding.assignee),
        *scores,
        (text("id", language), finding.id),
    )


def _evidence(finding: Finding, side: Side) -> Evidence | None:
    return next((one for one in finding.evidence if one.side == side), None)


def _image(
    at: int, finding: Finding, shown: Evidence | None, given: FindingsMaterial
) -> Image | None:
    if shown is None:
        return None
    alt = text(
        "image_alt",
        given.language,
        number=at,
        what=finding.label,
        date=_day(shown, given.language),
        scene=shown.scene,
    )
    return evidence_image(shown, finding=finding, pictures=given.pictures, alt=alt)


def _caption(shown: Evidence | None, language: Language) -> str:
    if shown is None:
        return ""
    if not shown.picture:
        told = text("no_picture", language)
        return f"{text('caption', language, date=_day(shown, language), scene=shown.scene)}: {told}"
    return text("caption", language, date=_day(shown, language), scene=shown.scene)


def _day(shown: Evidence, language: Language) -> str:
    return text("unknown", language) if shown.datetime is None else day(shown.datetime)
