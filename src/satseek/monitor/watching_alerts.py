"""Sites that a watch sees on a date → findings: where, since when, how often, on whose ground.

Does not know thresholds, nor who is told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.export.areas import SQUARE_METRES, shape_areas_ha
from satseek.model.scores import percentile
from satseek.monitor.findings import OUTSIDE_PERMIT, Finding, finding_id
from satseek.monitor.outlining import join_outlines, outline_cells
from satseek.monitor.pictures import evidence_of
from satseek.monitor.watching_ground import WITHIN, odd_footprints, shares_within
from satseek.monitor.watching_marks import latest_looks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.monitor.findings import Evidence, Plain, Side
    from satseek.monitor.watching import Watch
    from satseek.monitor.watching_ground import WatchedGround
    from satseek.monitor.watching_learning import Learnt
    from satseek.monitor.watching_marks import Marked
    from satseek.monitor.watching_sites import Site
    from satseek.monitor.watching_tools import WatchTools
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A finding, and the days on which it was seen as far as this run knows."""

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
    at = {cell: place for place, cell in enumerate(scored.cells)}
    places = np.array([at[cell] for cell in site.cells], dtype=np.int64)
    best = int(places[np.nanargmax(scored.scores[date, places])])
    here = _chip(alerting, date, best)
    known = site.known
    if known is None:
        began, anchor = _begin(places, date, alerting)
        first = _chip(alerting, began, anchor)
        days = _days(places, date, began, alerting)
        known = _new(alerting.watch, scored.cells[anchor], first)
    else:
        began, days = date, seen_on | {scored.days[date]}
    cells = tuple(sorted({*known.cells, *site.cells}))
    ground = _ground_of(cells, alerting)
    finding = replace(
        known,
        cells=cells,
        scores=_better(known.scores, _scores(alerting, date, best)),
        footprint=ground.footprint,
        area_m2=ground.area_m2,
        last_seen=max(
            (one for one in (known.last_seen, here.datetime) if one is not None), default=None
        ),
        seen=len(days),
        urgency=ground.unpermitted_ha,
        flags=ground.flags,
        properties=_properties(alerting, date, best, ground),
    )
    evidence = _evidence(finding, alerting, date=date, best=best, began=began)
    return Alert(finding=replace(finding, evidence=evidence), days=days)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """Where a site lies."""

    footprint: GeoJSON | None
    area_m2: float | None
    permitted: float | None
    """Share of it on ground where it is allowed; None: nothing is known of permits."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Outside a permit is what lies outside for its larger part."""
        outside = self.permitted is not None and self.permitted < WITHIN
        return (OUTSIDE_PERMIT,) if outside else ()

    @property
    def unpermitted_ha(self) -> float:
        """Hectares on ground where nobody is known to have allowed it: the more, the sooner."""
        return (self.area_m2 or 0.0) / SQUARE_METRES * (1 - (self.permitted or 0.0))


def _ground_of(cells: tuple[str, ...], alerting: Alerting) -> _Ground:
    """Outline cells, measure them, and find how much of them lies in permits."""
    scored, permits = alerting.learnt.scored, alerting.watch.permits
    at = {cell: place for place, cell in enumerate(scored.cells)}
    known = [cell for cell in cells if cell in at]
    places = np.array([at[cell] for cell in known], dtype=np.int64)
    last = len(scored.rows) - 1 - np.argmax(scored.seen[::-1][:, places], axis=0)
    footprints = odd_footprints(alerting.index, known, scored.rows[last, places])
    outlines = outline_cells(cells, footprints=footprints)
    areas = shape_areas_ha(outlines)
    total = float(np.nansum(areas))
    permitted = None
    if permits is not None and total > 0:
        shares = shares_within(cells, permits, footprints=footprints)
        permitted = float(np.nansum(shares * areas) / total)
    return _Ground(
        footprint=join_outlines(outlines),
        area_m2=total * SQUARE_METRES if total > 0 else None,
        permitted=permitted,
    )


def _new(watch: Watch, anchor: str, first: Chip) -> Finding:
    label = watch.concept.label
    return Finding(
        id=finding_id(
            kind="watch", source=watch.name, anchor=anchor, label=label, first_seen=first.datetime
        ),
        kind="watch",
        source=watch.name,
        collection=watch.collection,
        cells=(),
        label=label,
        after=label,
        first_seen=first.datetime,
        last_seen=first.datetime,
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


def _days(
    places: NDArray[np.int64], date: int, began: int, alerting: Alerting
) -> frozenset[str]:
    grown, days = alerting.marked.grown, alerting.learnt.scored.days
    dates = range(began, date + 1)
    return frozenset(days[one] for one in dates if grown[one, places].any()) | {days[date]}


def _evidence(
    finding: Finding, alerting: Alerting, *, date: int, best: int, began: int
) -> tuple[Evidence, ...]:
    """Show the site before it began, when it was found, and when it was seen last."""
    former = finding.evidence
    before = [one for one in former if one.side == "before"]
    after = [one for one in former if one.side == "after"]
    if not former:
        day, table = alerting.learnt.scored.days[began], alerting.ground.table
        looks = table.rows[: alerting.ground.days.index(day), best]
        looks = looks[looks >= 0]
        if looks.size:
            chip = alerting.index.chips([int(looks[-1])])[0]
            before = [_shown(chip, "before", finding, alerting)]
    newest = _shown(_chip(alerting, date, best), "after", finding, alerting)
    if after and after[0].chip_id == newest.chip_id:
        after = []
    return (*before, *after[:1], newest)


def _shown(chip: Chip, side: Side, finding: Finding, alerting: Alerting) -> Evidence:
    return evidence_of(
        chip.id,
        side,
        collection=alerting.tools.collection,
        pictures=alerting.tools.pictures,
        around=finding.footprint,
    )


def _scores(alerting: Alerting, date: int, best: int) -> dict[str, float]:
    """Score the cell that shows it best, as people read scores."""
    scored, probe = alerting.learnt.scored, alerting.learnt.probe
    vector = alerting.index.vectors([int(scored.rows[date, best])])
    ground = scored.scores[scored.background]
    place = percentile(scored.scores[date, best], ground[np.isfinite(ground)])
    return {
        "cosine": float(probe.cosines(vector)[0]),
        "percentile": float(place),
        "share": 1 / (1 + math.exp(-float(scored.raw[date, best]))),
    }


def _better(former: Mapping[str, float], now: Mapping[str, float]) -> Mapping[str, float]:
    """Keep the scores of the date that shows it best."""
    return former if former.get("share", -1.0) > now["share"] else now


def _properties(
    alerting: Alerting, date: int, best: int, ground: _Ground
) -> dict[str, Plain]:
    """Say what an inspector, and whoever objects, needs to know of how it was found."""
    scored, cut = alerting.learnt.scored, alerting.learnt.cut
    rise = float(scored.scores[date, best] - scored.first[best])
    expected = cut.expected
    return {
        "share_in_permit": ground.permitted,
        "rise": rise if math.isfinite(rise) else None,
        "operating_point": f"{cut.aim} {cut.value:g}",
        "background_below_cut": cut.seed_quantile,
        "expected_precision": None if expected is None else expected.precision,
        "watch_version": alerting.watch.version,
        "model": "@".join(alerting.index.model),
    }


def _chip(alerting: Alerting, date: int, place: int) -> Chip:
    return alerting.index.chips([int(alerting.learnt.scored.rows[date, place])])[0]
