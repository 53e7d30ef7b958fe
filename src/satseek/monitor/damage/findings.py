"""Affected parcels → findings that people look at, decide and close.

Does not know where findings are kept. What a rerun does not find any more is for whoever runs it to
withdraw: see `keeping.Findings.withdraw`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from satseek.export.areas import SQUARE_METRES
from satseek.monitor.damage.labels import STATE
from satseek.monitor.findings.finding import Finding, finding_id
from satseek.monitor.findings.pictures import evidence_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from satseek.index.collection import Collection
    from satseek.monitor.damage.assessment import Assessment, ParcelDamage
    from satseek.monitor.findings.finding import Evidence, Kind, Plain
    from satseek.monitor.findings.pictures import Pictures

KIND: Final[Kind] = "damage"
"""Which of the three jobs these findings come from."""

IN_DOUBT: Final = "in-doubt"
"""Flag of a parcel whose light is amber."""

_EACH_SIDE: Final = 1
"""Chips of each moment whose picture is kept: it shows the whole parcel."""


def hazard_of(assessment: Assessment) -> str:
    """Name what parcels were affected by, as findings and reports say it."""
    return assessment.labels.name.removeprefix("disaster_")


def findings_of(
    assessment: Assessment, *, collections: Mapping[str, Collection], pictures: Pictures
) -> Iterator[Finding]:
    """Make a finding of each parcel whose light is red or amber, with pictures of both moments.

    The urgency of a finding is its affected area in hectares. A parcel keeps its finding from run
    to run, as long as the assessment and the labels keep their names.

    Args:
        assessment: What imagery says.
        collections: Those of the assessment by name, to read their scenes again.
        pictures: Where pictures are kept.

    Raises:
        ChipNotFound: a collection was compacted since.
        DiskFull: there is no room for pictures.
    """
    for one in assessment.damages:
        if one.light in ("red", "amber"):
            yield _finding(assessment, one, _evidence(one, collections, pictures))


def untold(assessment: Assessment) -> Iterator[str]:
    """Give the ids that findings of parcels have of which imagery cannot tell anything now.

    A cloud takes back no damage that was seen before it.
    """
    for one in assessment.damages:
        if one.light == "insufficient evidence":
            yield _id(assessment, one)


def _evidence(
    damage: ParcelDamage, collections: Mapping[str, Collection], pictures: Pictures
) -> tuple[Evidence, ...]:
    kept = []
    for side in ("before", "after"):
        shown = [one for one in damage.shown if one.side == side][:_EACH_SIDE]
        kept += [
            evidence_of(
                one.chip_id,
                one.side,
                collection=collections[one.collection],
                pictures=pictures,
                around=damage.parcel.geometry,
            )
            for one in shown
        ]
    return tuple(kept)


def _finding(
    assessment: Assessment, damage: ParcelDamage, evidence: tuple[Evidence, ...]
) -> Finding:
    parcel, label = damage.parcel, hazard_of(assessment)
    dates = _dates(damage)
    return Finding(
        id=_id(assessment, damage),
        kind=KIND,
        source=assessment.name,
        collection=assessment.collections[-1],
        cells=damage.cells_touched,
        label=label,
        before="sound" if assessment.mode == "paired" else "",
        after=_worst(assessment, damage),
        footprint=parcel.geometry,
        area_m2=parcel.area_ha * SQUARE_METRES,
        first_seen=min(dates, default=None),
        last_seen=max(dates, default=None),
        urgency=damage.affected_ha or 0.0,
        flags=(IN_DOUBT,) if damage.light == "amber" else (),
        evidence=evidence,
        properties=_properties(damage),
    )


def _id(assessment: Assessment, damage: ParcelDamage) -> str:
    return finding_id(
        kind=KIND,
        source=assessment.name,
        anchor=damage.parcel.id,
        label=hazard_of(assessment),
        first_seen=None,
    )


def _properties(damage: ParcelDamage) -> dict[str, Plain]:
    parcel, contrast = damage.parcel, damage.contrast
    return {
        "parcel": parcel.id,
        "policy": parcel.policy,
        "crop": parcel.crop,
        "district": parcel.district,
        "light": damage.light,
        "grade": damage.grade,
        "affected_share": damage.affected_share,
        "affected_ha": damage.affected_ha,
        "insured_ha": parcel.insured_ha,
        "difference": None if contrast is None else contrast.difference,
    }


def _worst(assessment: Assessment, damage: ParcelDamage) -> str:
    """Name the affected label that most of a parcel shows; empty: none of them."""
    states = {one.name: one.properties[STATE] for one in assessment.labels.labels}
    shares = damage.classes.items()
    return next((name for name, _ in shares if states.get(name) in ("affected", "new")), "")


def _dates(damage: ParcelDamage) -> list[datetime]:
    return [
        one.datetime for one in damage.shown if one.side == "after" and one.datetime is not None
    ]
