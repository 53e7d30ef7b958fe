"""Patches that became something else → findings, with the chips of both dates.

Does not know where findings are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from satseek.export.areas import SQUARE_METRES
from satseek.monitor.findings.finding import Finding
from satseek.monitor.findings.pictures import evidence_of
from satseek.monitor.landuse.sampling import change_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from satseek.index.collection import Collection
    from satseek.index.pinned import Pinned
    from satseek.monitor.findings.finding import Evidence, Side
    from satseek.monitor.findings.pictures import Pictures
    from satseek.monitor.landuse.changes import LandChange
    from satseek.monitor.landuse.knowing import NamedChange
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.types import Chip

KIND: Final = "landuse"
"""Which of the three jobs these findings come from."""

BEFORE_DATE: Final = "before_date"
"""Property of a finding: name of the date at which its ground was last seen as it was before…"""

AFTER_DATE: Final = "after_date"
"""…and of that at which it was first seen as it is now."""

NOT_COMPARED: Final = "not-compared"
"""Flag of a change for which labels alone speak: its pair of scenes has too few cells to tell what
is usual."""


def findings_of(
    changes: Iterable[NamedChange],
    *,
    found: LandUse,
    source: str,
    index: Pinned,
    collection: Collection,
    pictures: Pictures,
) -> Iterator[Finding]:
    """Make a finding of each change, and keep a picture of its strongest cell at both dates.

    The urgency of a finding is its area in hectares.

    Args:
        changes: Patches, each with its finding's id.
        found: What they were found in.
        source: Name of the land-use run: the same name, the same findings.
        index: The generation that it was read from.
        collection: The same collection, to read its scenes again.
        pictures: Where pictures are kept.

    Raises:
        ChipNotFound: the collection was compacted since.
        DiskFull: there is no room for pictures.
    """
    places = {cell: place for place, cell in enumerate(found.cells)}
    for named in changes:
        one = named.change
        anchor = places[one.patch.cells[0]]
        rows = (
            found.rows[one.since, one.cell],
            found.rows[one.date, one.cell],
            found.rows[one.last, one.cell],
            found.rows[one.date, anchor],
        )
        before, after, latest, first = index.chips(rows)

        def shown(chip: Chip, side: Side, change: LandChange = one) -> Evidence:
            around = change.patch.footprint
            return evidence_of(
                chip.id, side, collection=collection, pictures=pictures, around=around
            )

        evidence = shown(before, "before"), shown(after, "after")
        yield _finding(named, found, source, (first.datetime, latest.datetime), evidence)


def _finding(
    named: NamedChange,
    found: LandUse,
    source: str,
    seen: tuple[datetime | None, datetime | None],
    evidence: tuple[Evidence, ...],
) -> Finding:
    change = named.change
    scores = {"share": change.share}
    if change.percentile is not None:
        scores["percentile"] = change.percentile
    cells = change.patch.cells
    return Finding(
        id=named.finding,
        kind=KIND,
        source=source,
        collection=found.collection,
        cells=cells,
        label=change_label(change.before, change.after),
        before=change.before,
        after=change.after,
        scores=scores,
        footprint=change.patch.footprint,
        area_m2=change.patch.area_ha * SQUARE_METRES,
        first_seen=seen[0],
        last_seen=seen[1],
        seen=change.seen,
        urgency=change.patch.area_ha,
        flags=(NOT_COMPARED,) if change.percentile is None else (),
        evidence=evidence,
        properties={
            BEFORE_DATE: found.dates[change.since],
            AFTER_DATE: found.dates[change.date],
            "cells": len(cells),
            "label_set": found.labels.name,
        },
    )
