"""Sites that a watch sees on a date → findings: where, since when, how often, on whose ground.

Does not know thresholds, nor who is told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import ChipNotFound
from satseek.model.scores import percentile
from satseek.monitor.findings.finding import Finding, finding_id
from satseek.monitor.findings.pictures import evidence_of
from satseek.monitor.watch.ground import odd_footprints
from satseek.monitor.watch.marks import latest_looks
from satseek.monitor.watch.permits import site_ground

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.monitor.findings.finding import Evidence, Plain, Side
    from satseek.monitor.watch.ground import WatchedGround
    from satseek.monitor.watch.learning import Learnt
    from satseek.monitor.watch.marks import Marked
    from satseek.monitor.watch.permits import SiteGround
    from satseek.monitor.watch.sites import Site
    from satseek.monitor.watch.tools import WatchTools
    from satseek.monitor.watch.watch import Watch
    from satseek.types import Chip, GeoJSON


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alerting:
    """What alerts are made of."""

    watch: Watch
    """Whose."""
    index: Pinned
    """The generation that was looked at."""
    tools: WatchTools
    """Where chips and pictures are."""
    ground: WatchedGround
    """All cells and dates, those that were not scored among them."""
    learnt: Learnt
    """Scores and cut."""
    marked: Marked
    """Which cells show it, by date."""
    places: Mapping[str, int]
    """Number of each cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A finding, and the days on which it was seen as far as is known."""

    finding: Finding
    """To be kept."""
    days: frozenset[str]
    """Days, such as ``2024-07-04``."""


def alert_of(site: Site, date: int, alerting: Alerting, *, seen_on: frozenset[str]) -> Alert:
    """Say what is known of a site on a date.

    Args:
        site: Which.
        date: Number of the date.
        alerting: What it is made of.
        seen_on: Days on which it was seen before.
    """
    scored = alerting.learnt.scored
    places = np.array([alerting.places[cell] for cell in site.cells], dtype=np.int64)
    best = int(places[np.nanargmax(scored.scores[date, places])])
    if site.known is not None:
        days = seen_on | {scored.days[date]}
        return Alert(finding=_seen_again(site, date, best, alerting, len(days)), days=days)
    began, anchor = _begin(places, date, alerting)
    first, here = _chip(alerting, began, anchor), _chip(alerting, date, best)
    days = _days(places, date, began, alerting)
    finding = replace(
        _unseen(alerting.watch, scored.cells[anchor], first),
        last_seen=here.datetime,
        seen=len(days),
        scores=_scores(alerting, date, best),
        properties=_properties(alerting, date, best),
    )
    grown = _grown(finding, site, alerting)
    return Alert(finding=_first_shown(grown, here, best, began, alerting), days=days)


def _seen_again(site: Site, date: int, best: int, alerting: Alerting, seen: int) -> Finding:
    """Say what a date adds to a site; one before its last does not say how it looks now."""
    known, here = site.known, _chip(alerting, date, best)
    assert known is not None
    assert here.datetime is not None  # what has no date is on no date
    grown = replace(_grown(known, site, alerting), seen=seen)
    if known.last_seen is not None and here.datetime < known.last_seen:
        first = min(here.datetime, known.first_seen or here.datetime)
        return replace(grown, first_seen=first)
    newest = _shown(here.id, "after", grown, alerting)
    return replace(
        grown,
        last_seen=here.datetime,
        scores=_better(known.scores, _scores(alerting, date, best)),
        evidence=(*_still_shown(known, newest, grown, alerting), newest),
        properties=_properties(alerting, date, best) | _permit_of(grown),
    )


def _still_shown(
    known: Finding, newest: Evidence, grown: Finding, alerting: Alerting
) -> Iterator[Evidence]:
    """Show a site as it was, and as it was found first: all pictures show the ground it covers now.

    Where that cannot be drawn any more, what was seen then stays.
    """
    former = [one for one in known.evidence if one.side == "before"]
    former += [one for one in known.evidence if one.side == "after"][:1]
    for one in former:
        if one.side == "after" and one.chip_id == newest.chip_id:
            continue
        if one.bounds == newest.bounds:
            yield one
            continue
        try:
            shown = _shown(one.chip_id, one.side, grown, alerting)
        except ChipNotFound:
            shown = one
        yield shown if shown.picture else one


def _grown(finding: Finding, site: Site, alerting: Alerting) -> Finding:
    """Add the cells of a date to a site, and say where it lies now."""
    cells = tuple(sorted({*finding.cells, *site.cells}))
    ground = site_ground(cells, alerting.watch.permits, footprints=_footprints(cells, alerting))
    return replace(
        finding,
        cells=cells,
        footprint=ground.footprint,
        area_m2=ground.area_m2,
        flags=ground.flags,
        urgency=ground.unpermitted_ha,
        properties=dict(finding.properties) | _permit(ground),
    )


def _permit(ground: SiteGround) -> dict[str, Plain]:
    return {"share_in_permit": ground.permitted}


def _permit_of(finding: Finding) -> dict[str, Plain]:
    return {"share_in_permit": finding.properties.get("share_in_permit")}


def _unseen(watch: Watch, anchor: str, first: Chip) -> Finding:
    """Name a site by the cell and the date at which it was seen first."""
    label = watch.concept.label
    return Finding(
        id=finding_id(
            kind="watch",
            source=watch.name,
            anchor=f"{watch.collection}/{anchor}",
            label=label,
            first_seen=first.datetime,
        ),
        kind="watch",
        source=watch.name,
        collection=watch.collection,
        cells=(),
        label=label,
        after=label,
        first_seen=first.datetime,
    )


def _begin(places: NDArray[np.int64], date: int, alerting: Alerting) -> tuple[int, int]:
    """Find the date on which cells showed it first, among the looks that count, and the cell."""
    scored, marked = alerting.learnt.scored, alerting.marked
    began, anchor = date, int(places[0])
    for one, counts in latest_looks(date, scored.seen, of=alerting.watch.persistence.of):
        shown = places[(marked.grown[one] & counts)[places]]
        if shown.size:
            began, anchor = one, int(shown.min())  # cells ascend by name
    return began, anchor


def _days(places: NDArray[np.int64], date: int, began: int, alerting: Alerting) -> frozenset[str]:
    """Name the days from the first on, on which some of the cells showed it."""
    grown, days = alerting.marked.grown, alerting.learnt.scored.days
    return frozenset(days[one] for one in range(began, date + 1) if grown[one, places].any())


def _first_shown(
    finding: Finding, here: Chip, best: int, began: int, alerting: Alerting
) -> Finding:
    """Show a new site as it is, and as it was at the last look before it began."""
    table, days = alerting.ground.table, alerting.ground.days
    looks = table.rows[: days.index(alerting.learnt.scored.days[began]), best]
    former = looks[looks >= 0][-1:].tolist()
    before = [_shown(chip.id, "before", finding, alerting) for chip in alerting.index.chips(former)]
    return replace(finding, evidence=(*before, _shown(here.id, "after", finding, alerting)))


def _shown(chip_id: str, side: Side, finding: Finding, alerting: Alerting) -> Evidence:
    return evidence_of(
        chip_id,
        side,
        collection=alerting.tools.collection,
        pictures=alerting.tools.pictures,
        around=finding.footprint,
    )


def _scores(alerting: Alerting, date: int, best: int) -> dict[str, float]:
    """Score the cell that shows it best, as people read scores."""
    scored, probe = alerting.learnt.scored, alerting.learnt.probe
    vector = alerting.index.vectors([int(scored.rows[date, best])])
    place = percentile(scored.scores[date, best], scored.at_first(scored.scores))
    return {
        "cosine": float(probe.cosines(vector)[0]),
        "percentile": float(place),
        "share": float(probe.shares(vector)[0]),
    }


def _better(former: Mapping[str, float], now: Mapping[str, float]) -> Mapping[str, float]:
    """Keep the scores of the date that shows it best."""
    return former if former.get("share", -1.0) > now["share"] else now


def _properties(alerting: Alerting, date: int, best: int) -> dict[str, Plain]:
    """Say what an inspector, and whoever objects, needs to know of how it was found."""
    scored, cut = alerting.learnt.scored, alerting.learnt.cut
    rise = float(scored.rises(scored.own)[date, best])
    expected = cut.expected
    return {
        "rise": rise if math.isfinite(rise) else None,
        "operating_point": f"{cut.aim} {cut.value:g}",
        "background_below_cut": cut.seed_quantile,
        "expected_precision": None if expected is None else expected.precision,
        "watch_version": alerting.watch.version,
        "model": "@".join(alerting.index.model),
    }


def _footprints(cells: tuple[str, ...], alerting: Alerting) -> dict[str, GeoJSON | None]:
    """Give the footprints of those of a site's cells that lie on no lattice."""
    known = [cell for cell in cells if cell in alerting.places]
    places = np.array([alerting.places[cell] for cell in known], dtype=np.int64)
    rows = alerting.ground.table.rows[:, places].max(axis=0)  # a cell lies where it lies each time
    return odd_footprints(alerting.index, known, rows)


def _chip(alerting: Alerting, date: int, place: int) -> Chip:
    return alerting.index.chips([int(alerting.learnt.scored.rows[date, place])])[0]
