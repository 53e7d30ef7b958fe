"""Watches, their runs and what is expected of them → rows of tables and JSON.

Knows the nouns, but no use-case.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from satseek.cli.printing import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.evaluate.intervals import Interval
    from satseek.monitor.findings.finding import State
    from satseek.monitor.watch.holding_out_measuring import HeldOut
    from satseek.monitor.watch.learning import Learnt
    from satseek.monitor.watch.running import WatchRun
    from satseek.monitor.watch.watch import Watch

NONE = "–"


def shown(watch: Watch, *, paused: bool) -> dict[str, Any]:
    """Give a watch as JSON has it."""
    since = None if watch.since is None else watch.since.isoformat()
    return asdict(watch) | {"since": since, "paused": paused}


def table_rows(
    watch: Watch, scenes: int, counts: Mapping[State, int], *, paused: bool
) -> tuple[str, ...]:
    """Give a watch as one row."""
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return (
        watch.name,
        str(watch.version),
        watch.collection,
        watch.concept.label,
        _hours(watch, paused=paused),
        str(scenes),
        told or NONE,
    )


def shown_rows(watch: Watch, *, paused: bool) -> list[tuple[str, str]]:
    """Give all of a watch, a row each; what was not said is left out."""
    concept, point, rule = watch.concept, watch.operating_point, watch.persistence
    given = [name for name in ("area", "permits", "exclusions") if getattr(watch, name)]
    rows = [
        ("name", f"{watch.name}, version {watch.version}"),
        ("collection", watch.collection),
        ("label", concept.label),
        ("prompts", "; ".join(concept.prompts)),
        ("negatives", "; ".join(concept.negatives)),
        ("saved concept", concept.saved),
        ("liked", "; ".join(concept.liked)),
        ("disliked", "; ".join(concept.disliked)),
        ("scenes", watch.scenes.folder if watch.scenes else "indexed by somebody else"),
        ("schedule", _hours(watch, paused=paused)),
        ("polygons", ", ".join(given)),
        ("operating point", f"{point.aim} {point.value:g}, grow {point.grow_quantile:g}"),
        ("seen on", f"{rule.seen} of the latest {rule.of} looks"),
        ("minimum", f"{watch.least_cells} cells, {watch.least_area_ha:g} ha"),
        ("what was there at first", "known" if watch.existing == "known" else "an alert, too"),
        ("until", "" if watch.since is None else watch.since.isoformat()),
        ("tells", ", ".join(watch.deliver)),
    ]
    return [(name, value) for name, value in rows if value]


def tell_run(run: WatchRun) -> None:
    """Say what a run did."""
    if not run.new_scenes:
        say(f"{run.watch}: no new scene, nothing to look at")
        return
    dates = ", ".join(run.days) or "no date that shows its ground"
    say(
        f"{run.watch}: {run.new_scenes} new scenes, {run.cells} cells on {dates}; "
        f"{len(run.alerts)} new alerts, {len(run.seen_again)} seen again, in {run.seconds:.1f} s"
    )
    if run.undated:
        say(f"  {run.undated} chips have no date and were not looked at")
    if run.missed:
        say(f"  {len(run.missed)} chips of answers are there no more, such as {run.missed[0]}")
    if run.alerts:
        say(f"  look at them: satseek findings list --source {run.watch} --order urgent")


def expected_rows(learnt: Learnt) -> list[tuple[str, str]]:
    """Say what a watch has learnt, and what is expected at its cut."""
    cut, expected = learnt.cut, learnt.cut.expected
    rows = [
        ("answers", f"{learnt.right} show it, {learnt.wrong} do not"),
        ("operating point", f"{cut.aim} {cut.value:g}"),
        ("background below the cut", f"{cut.seed_quantile:.4f} of {cut.background} cells"),
    ]
    if expected is None:
        return [*rows, ("expected", "not known: too few answers lie on the watch's ground")]
    return [
        *rows,
        ("precision expected", _interval(expected.precision, expected.precision_95)),
        ("recall expected", _interval(expected.recall, expected.recall_95)),
        ("measured on", f"{expected.right} that show it, {expected.wrong} that do not"),
    ]


def held_rows(held: HeldOut) -> list[tuple[str, str]]:
    """Say how a watch does on ground that was held out."""
    by_area = held.alerts_per_1000_km2
    return [
        ("sensitivity", _interval(held.sensitivity, held.sensitivity_95)),
        ("specificity", _interval(held.specificity, held.specificity_95)),
        ("alerts per 1,000 km² and date", NONE if by_area is None else f"{by_area:,.1f}"),
        ("ground judged", f"{held.area_km2:,.1f} km² on {', '.join(held.days)}"),
        ("measured on", f"{held.right} cells that show it, {held.wrong} that do not"),
    ]


def _hours(watch: Watch, *, paused: bool) -> str:
    if watch.hours is None:
        return NONE
    return f"{watch.hours.cron} {watch.hours.timezone}{', paused' if paused else ''}"


def _interval(share: float | None, ends: Interval | None) -> str:
    if share is None or ends is None:
        return NONE
    return f"{share:.2f} ({ends[0]:.2f} to {ends[1]:.2f})"
