"""Keeps findings of a county's real cells with pictures of both dates, and samples of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.collection import open_collection
from satseek.monitor.findings.finding import OUTSIDE_PERMIT, Finding, finding_id
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.findings.pictures import Pictures, evidence_of
from satseek.monitor.samples.drawing import SamplingFrame
from satseek.monitor.samples.keeping import Samples

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.index.collection import Collection
    from satseek.types import Chip


def keep_findings(data: Path, count: int, *, source: str, outside: int = 1) -> tuple[Finding, ...]:
    """Keep some, the most urgent first; the first ``outside`` of them lie outside any permit."""
    findings, pictures = Findings(data / "monitor"), Pictures(data / "monitor")
    with open_collection(data / "collections" / "county", mode="read") as collection:
        made = tuple(
            replace(
                _finding(pair, collection, pictures, source),
                urgency=float(count - at),
                flags=(OUTSIDE_PERMIT,) if at < outside else (),
            )
            for at, pair in enumerate(_pairs(collection)[:count])
        )
    findings.keep(made)
    findings.close()
    return made


def _pairs(collection: Collection) -> list[tuple[Chip, Chip]]:
    """Give what shows the same cell at two dates, the earlier first; what changed most in front."""
    rows = range(len(collection))
    seen: dict[str, list[tuple[Chip, NDArray[np.float32]]]] = defaultdict(list)
    for chip, vector in zip(collection.chips(rows), collection.vectors(rows), strict=True):
        if chip.valid_fraction == 1.0:
            seen[chip.cell].append((chip, vector))
    dated = [sorted(chips, key=lambda one: str(one[0].datetime)) for chips in seen.values()]
    pairs = [(one[0], one[-1]) for one in dated if one[0][0].datetime != one[-1][0].datetime]
    pairs.sort(key=lambda pair: float(pair[0][1] @ pair[1][1]))
    return [(before, after) for (before, _), (after, _) in pairs]


def _finding(
    pair: tuple[Chip, Chip], collection: Collection, pictures: Pictures, source: str
) -> Finding:
    before, after = pair
    show = partial(evidence_of, collection=collection, pictures=pictures, around=after.footprint)
    return Finding(
        id=finding_id(
            kind="watch",
            source=source,
            anchor=after.cell,
            label="new houses",
            first_seen=after.datetime,
        ),
        kind="watch",
        source=source,
        collection="county",
        cells=(after.cell,),
        label="new houses",
        before="farmland",
        after="houses",
        scores={"percentile": 99.4, "share": 0.81, "cosine": 0.312},
        footprint=after.footprint,
        area_m2=65_536.0,
        first_seen=after.datetime,
        last_seen=after.datetime,
        evidence=(show(before.id, "before"), show(after.id, "after")),
        properties={"share_in_permit": 0.25, "watch_version": 1},
    )


def keep_sample(data: Path, name: str, count: int) -> None:
    """Draw places of the county's last date, whose map calls all of it farmland."""
    with open_collection(data / "collections" / "county", mode="read") as collection:
        chips = [after for _, after in _pairs(collection)]
    frame = SamplingFrame(
        cells=[one.cell for one in chips],
        strata=["farmland"] * len(chips),
        mapped=["farmland"] * len(chips),
        areas_m2=np.full(len(chips), 65_536.0),
        footprints=[one.footprint for one in chips],
        chips=[(one.id,) for one in chips],
    )
    samples = Samples(data / "monitor")
    samples.make(
        name,
        frame,
        {"farmland": count},
        collection="county",
        subject="land use 2025-08",
        labels=("farmland", "forest"),
    )
    samples.close()
