"""A watch, its findings and its latest run → a report that an inspector can act on and defend.

Does not know HTML or PDF. What there is to do, and where, any report of findings says; this one
says besides what was watched for, where the cut lay, and how far it can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from satseek.monitor.reports.blocks import Facts, Text
from satseek.monitor.reports.findings_report import findings_report
from satseek.monitor.reports.provenance import grid_name, recipe_name, scenes_used
from satseek.monitor.reports.report import Headline, Section, Threshold
from satseek.monitor.reports.words import day
from satseek.monitor.watch.words import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.monitor.reports.findings_gathering import FindingsMaterial, Imagery
    from satseek.monitor.reports.report import Language, Provenance, Report
    from satseek.monitor.watch.holding_out_measuring import HeldOut
    from satseek.monitor.watch.watch import Watch
    from satseek.types import GeoJSON


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchMaterial:
    """All that a report of a watch is made of."""

    watch: Watch
    """Which."""
    found: FindingsMaterial
    """Its findings."""
    run: Mapping[str, Any] | None
    """What its latest run did, of `Watches.runs`; None: it was not run yet."""
    looked_at: Imagery | None = None
    """Its collection, with all scenes that it has looked at; None: those of its findings alone."""
    held_out: HeldOut | None = None
    """How it does on ground that it has not learnt from; None: nobody has measured."""


def watch_report(given: WatchMaterial) -> Report:
    """Build the report of a watch."""
    language, watch = given.found.language, given.watch
    base = findings_report(given.found)
    title = text("title", language, name=watch.name, label=watch.concept.label)
    return replace(
        base,
        title=given.found.title or title,
        next_step=_next_step(given, base.next_step),
        headlines=(*base.headlines, *_headlines(given)),
        limits=(*base.limits, *_limits(given)),
        sections=(*base.sections, _asked(given), _cut(given), *_held(given)),
        provenance=replace(
            _imagery(base.provenance, given.looked_at),
            prompts=_prompts(watch),
            thresholds=_thresholds(given),
            facts=(*base.provenance.facts, ("watch", f"{watch.name}, version {watch.version}")),
        ),
    )


def _imagery(made: Provenance, looked_at: Imagery | None) -> Provenance:
    """Name all that was looked at: that nothing was found there has to be defended as well."""
    if looked_at is None:
        return made
    spec = looked_at.spec
    return replace(
        made,
        collection=spec.name,
        model=f"{spec.model_name}@{spec.model_version}",
        recipe=recipe_name(spec.recipe),
        grid=grid_name(spec.grid),
        scenes=scenes_used(looked_at.scenes),
    )


def _next_step(given: WatchMaterial, usual: str) -> str:
    """Where a watch has told nothing, say whether it has looked at all."""
    if given.found.findings:
        return usual
    language, name = given.found.language, given.watch.name
    if given.run is None or given.looked_at is None or not given.looked_at.scenes:
        return text("never_ran", language, name=name)
    days = sorted({day(one.datetime) for one in given.looked_at.scenes})
    return text("nothing_told", language, name=name, first=days[0], last=days[-1], count=len(days))


def _headlines(given: WatchMaterial) -> tuple[Headline, ...]:
    language, held = given.found.language, given.held_out
    if held is None or held.sensitivity is None:
        return ()
    return (
        Headline(
            name=text("sensitivity", language),
            value=f"{held.sensitivity:.0%}",
            note=text("counted", language, right=held.right, wrong=held.wrong),
        ),
    )


def _limits(given: WatchMaterial) -> tuple[str, ...]:
    language, lines = given.found.language, []
    if given.found.findings:
        lines.append(text("limit_outlines", language))
    if given.held_out is None:
        lines.append(text("limit_unheld", language, name=given.watch.name))
    if given.watch.existing == "known":
        lines.append(text("limit_first", language))
    undated = (given.run or {}).get("undated", 0)
    if undated:
        lines.append(text("limit_undated", language, count=undated))
    return tuple(lines)


def _asked(given: WatchMaterial) -> Section:
    """What is watched for, and when it is an alert."""
    watch, language = given.watch, given.found.language
    concept, point, rule = watch.concept, watch.operating_point, watch.persistence
    clicked = concept.liked or concept.disliked
    once = rule.seen == rule.of == 1
    persisting = text(
        "persisting_once" if once else "persisting", language, seen=rule.seen, of=rule.of
    )
    since = (
        text("first_look", language)
        if watch.since is None
        else text("on_day", language, day=watch.since.isoformat())
    )
    rows = (
        ("label", concept.label),
        ("prompts", "; ".join(concept.prompts)),
        ("negatives", "; ".join(concept.negatives)),
        ("saved", concept.saved),
        ("chips", f"{len(concept.liked)} / {len(concept.disliked)}" if clicked else ""),
        ("point", text(point.aim, language, value=point.value)),
        ("grow", text("quantile", language, value=point.grow_quantile)),
        ("persistence", persisting),
        ("unit", text("units", language, cells=watch.least_cells, area=watch.least_area_ha)),
        ("existing", text(watch.existing, language, since=since)),
        ("permits", _permits(watch.permits, language)),
    )
    facts = Facts(rows=tuple((text(name, language), value) for name, value in rows))
    return Section(title=text("asked", language), blocks=(facts,))


def _permits(permits: GeoJSON | None, language: Language) -> str:
    if permits is None:
        return text("not_given", language)
    many = permits["type"] == "MultiPolygon"
    return text("given", language, count=len(permits["coordinates"]) if many else 1)


def _cut(given: WatchMaterial) -> Section:
    """Where the cut lay, and what is to be expected of it."""
    language, run = given.found.language, given.run
    cut = None if run is None else run.get("cut")
    title = text("cut", language)
    if run is None or cut is None:
        told = text("no_run", language, name=given.watch.name)
        return Section(title=title, blocks=(Text(paragraphs=(told,), tone="warning"),))
    expected = cut.get("expected") or {}
    rows = (
        ("run_at", f"{str(run['at'])[:16].replace('T', ' ')} UTC"),
        ("days", ", ".join(run["days"])),
        ("seed_cut", text("score", language, value=cut["seed"])),
        ("grow_cut", text("score", language, value=cut["grow"])),
        ("background", f"{cut['background']:,}"),
        ("answers", text("answered", language, right=run["confirmed"], wrong=run["rejected"])),
        ("expected_precision", _share(expected, "precision", language)),
        ("expected_recall", _share(expected, "recall", language)),
    )
    facts = Facts(rows=tuple((text(name, language), value) for name, value in rows))
    return Section(title=title, blocks=(facts,))


def _share(expected: Mapping[str, Any], name: str, language: Language) -> str:
    return _interval(expected.get(name), expected.get(f"{name}_95"), language)


def _interval(share: float | None, ends: Sequence[float] | None, language: Language) -> str:
    if share is None or ends is None:
        return text("none", language)
    return text("interval", language, share=share, low=ends[0], high=ends[1])


def _held(given: WatchMaterial) -> tuple[Section, ...]:
    """How the watch does on ground that it has not learnt from."""
    held, language = given.held_out, given.found.language
    if held is None:
        return ()
    by_area = held.alerts_per_1000_km2
    rows = (
        ("sensitivity", _interval(held.sensitivity, held.sensitivity_95, language)),
        ("specificity", _interval(held.specificity, held.specificity_95, language)),
        ("alerts_by_area", "" if by_area is None else f"{by_area:,.1f}"),
        ("area", text("km2", language, value=held.area_km2)),
    )
    told = text("held_text", language, folds=held.folds, days=", ".join(held.days))
    counted = text("counted", language, right=held.right, wrong=held.wrong)
    facts = Facts(rows=tuple((text(name, language), value) for name, value in rows))
    blocks = (Text(paragraphs=(told, counted)), facts)
    return (Section(title=text("held", language), blocks=blocks),)


def _prompts(watch: Watch) -> tuple[tuple[str, str], ...]:
    concept = watch.concept
    negatives = "; ".join(concept.negatives)
    own = (concept.label, "; ".join(concept.prompts) or concept.saved)
    return (own, *((("not", negatives),) if negatives else ()))


def _thresholds(given: WatchMaterial) -> tuple[Threshold, ...]:
    language = given.found.language
    cut = (given.run or {}).get("cut")
    if cut is None:
        return ()
    origins = {
        "seed": text(cut["aim"], language, value=cut["value"]),
        "grow": text("quantile", language, value=cut["grow_quantile"]),
    }
    return tuple(
        Threshold(
            name=text(f"{name}_cut", language),
            value=text("score", language, value=cut[name]),
            origin=origin,
        )
        for name, origin in origins.items()
    )
