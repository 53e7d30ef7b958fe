"""Findings and what people decided → a report that tells who has to look where, and in which order.

Does not know HTML or PDF, nor how anything was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.monitor.findings.finding import OUTSIDE_PERMIT, WITHDRAWN
from satseek.monitor.reports.digesting import digest_of_inputs
from satseek.monitor.reports.findings_gathering import WAITING
from satseek.monitor.reports.findings_sections import (
    MOST_LISTED,
    MOST_PAIRS,
    decisions_section,
    hectares,
    overview_section,
    pairs_section,
    place_of,
)
from satseek.monitor.reports.findings_words import kind_name, state_name, text
from satseek.monitor.reports.provenance import grid_name, recipe_name, scenes_used, software
from satseek.monitor.reports.report import Headline, Provenance, Report
from satseek.monitor.reports.words import day

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satseek.monitor.findings.finding import Finding
    from satseek.monitor.reports.findings_gathering import FindingsMaterial
    from satseek.monitor.reports.report import Language, SceneUsed

LISTED = 5
"""Findings that the first page names."""

SQUARE_METRES = 10_000.0
"""In a hectare."""

_OPEN = (*WAITING, "confirmed")


def findings_report(given: FindingsMaterial) -> Report:
    """Build the report of findings."""
    return Report(
        title=given.title or _title(given),
        subtitle=_subtitle(given),
        next_step=_next_step(given),
        provenance=_provenance(given),
        headlines=_headlines(given) if given.findings else (),
        actions=_actions(given),
        limits=_limits(given),
        sections=(
            *overview_section(given),
            *pairs_section(given),
            *decisions_section(given),
        ),
        language=given.language,
    )


def _title(given: FindingsMaterial) -> str:
    sources = sorted({one.source for one in given.findings}) or list(given.asked.sources)
    if not sources:
        return text("title_all", given.language)
    return text("title", given.language, sources=", ".join(sources))


def _subtitle(given: FindingsMaterial) -> str:
    count, language = len(given.findings), given.language
    firsts = [one.first_seen for one in given.findings if one.first_seen is not None]
    lasts = [one.last_seen for one in given.findings if one.last_seen is not None]
    if not firsts or not lasts:
        return text("subtitle_undated", language, count=count)
    first, last = day(min(firsts)), day(max(lasts))
    name = "subtitle_once" if first == last else "subtitle"
    return text(name, language, count=count, first=first, last=last)


def _next_step(given: FindingsMaterial) -> str:
    language, count = given.language, len(given.findings)
    if not given.findings:
        return text("next_none", language, asked=_asked(given))
    first = given.findings[0]
    about = {"what": first.label, "where": place_of(first, language)}
    waiting = _of(given.findings, *WAITING)
    if waiting:
        outside = sum(OUTSIDE_PERMIT in one.flags for one in waiting)
        return text(
            "next_waiting",
            language,
            count=count,
            waiting=len(waiting),
            outside=text("outside", language, count=outside) if outside else "",
            first=day(first.first_seen),
            **about,
        )
    confirmed = len(_of(given.findings, "confirmed"))
    if confirmed:
        return text("next_confirmed", language, count=count, confirmed=confirmed, **about)
    return text("next_done", language, count=count)


def _actions(given: FindingsMaterial) -> tuple[str, ...]:
    language = given.language
    return tuple(
        text(
            "action",
            language,
            number=number,
            what=one.label,
            area=hectares(one, language),
            where=place_of(one, language),
            first=day(one.first_seen),
            seen=one.seen,
            flags=text("action_outside", language) if OUTSIDE_PERMIT in one.flags else "",
            id=one.id,
        )
        for number, one in enumerate(_of(given.findings, *_OPEN)[:LISTED], 1)
    )


def _headlines(given: FindingsMaterial) -> tuple[Headline, ...]:
    found, language = given.findings, given.language
    new, assigned = len(_of(found, "new")), len(_of(found, "assigned"))
    closed, rejected = len(_of(found, "closed")), len(_of(found, "rejected"))
    outside = sum(OUTSIDE_PERMIT in one.flags for one in _of(found, *_OPEN))
    area = sum(one.area_m2 or 0.0 for one in _of(found, *_OPEN)) / SQUARE_METRES
    lines = [
        Headline(
            name=text("waiting", language),
            value=f"{new + assigned}",
            note=text("waiting_note", language, new=new, assigned=assigned),
            tone="warning" if new + assigned else "good",
        ),
        Headline(name=text("confirmed", language), value=f"{len(_of(found, 'confirmed'))}"),
        Headline(
            name=text("done", language),
            value=f"{closed + rejected}",
            note=text("done_note", language, closed=closed, rejected=rejected),
        ),
        Headline(
            name=text("area", language),
            value=f"{area:,.1f} ha",
            note=text("area_note", language),
        ),
    ]
    if outside:
        name = text("outside_permit", language)
        lines.insert(1, Headline(name=name, value=f"{outside}", tone="bad"))
    return tuple(lines)


def _limits(given: FindingsMaterial) -> tuple[str, ...]:
    found, language = given.findings, given.language
    names = sorted({one.collection for one in found} - given.imagery.keys())
    counted = (
        ("limit_groundless", sum(one.footprint is None for one in found)),
        ("limit_pictures", sum(not _has_pictures(one) for one in found)),
        ("limit_withdrawn", sum(WITHDRAWN in one.flags for one in found)),
    )
    lines = [text("limit_unreviewed", language)] if _of(found, *WAITING) else []
    lines += [text(name, language, count=count) for name, count in counted if count]
    if names:
        lines.append(text("limit_gone", language, names=", ".join(names)))
    if len(found) > MOST_LISTED:
        lines.append(text("limit_listed", language, shown=MOST_LISTED, count=len(found)))
    if len(found) > MOST_PAIRS:
        lines.append(text("limit_more", language, shown=MOST_PAIRS, count=len(found)))
    return tuple(lines)


def _has_pictures(finding: Finding) -> bool:
    return all(one.picture for one in finding.evidence) and bool(finding.evidence)


def _provenance(given: FindingsMaterial) -> Provenance:
    imagery = list(given.imagery.values())
    scenes = _scenes(given)
    return Provenance(
        made_at=given.made_at,
        operator=given.operator,
        software=software(),
        inputs_digest=digest_of_inputs(
            given.findings, given.decided, given.asked, [(one.id, one.digest) for one in scenes]
        ),
        collection=_each(given.imagery),
        model=_each(f"{one.spec.model_name}@{one.spec.model_version}" for one in imagery),
        recipe=_each(recipe_name(one.spec.recipe) for one in imagery),
        grid=_each(grid_name(one.spec.grid) for one in imagery),
        command=given.command,
        scenes=scenes,
        facts=((text("asked", given.language), _asked(given)),),
    )


def _each(names: Iterable[str]) -> str:
    """Name what differs between collections once."""
    return "; ".join(dict.fromkeys(names))


def _scenes(given: FindingsMaterial) -> tuple[SceneUsed, ...]:
    return tuple(scene for one in given.imagery.values() for scene in scenes_used(one.scenes))


def _asked(given: FindingsMaterial) -> str:
    """Say which findings were asked for."""
    asked, language = given.asked, given.language
    parts = [
        _named("kinds", (kind_name(one, language) for one in asked.kinds), language),
        _named("source", asked.sources, language),
        _named("states", (state_name(one, language) for one in asked.states), language),
        _named("labels", asked.labels, language),
        _named("flags", asked.flags, language),
        _named("assignee", () if asked.assignee is None else (asked.assignee or "–",), language),
        _period(given),
        "" if asked.area is None else text("an_area", language),
    ]
    return "; ".join(part for part in parts if part) or text("asked_all", language)


def _named(name: str, values: Iterable[str], language: Language) -> str:
    told = ", ".join(values)
    return f"{text(name, language)}: {told}" if told else ""


def _period(given: FindingsMaterial) -> str:
    start, end = given.asked.start, given.asked.end
    if start is None and end is None:
        return ""
    return f"{text('period', given.language)} {day(start)} … {day(end)}"


def _of(found: tuple[Finding, ...], *states: str) -> list[Finding]:
    return [one for one in found if one.state in states]
