"""An assessment → tables: by parcel, policy and district, what to survey, and what was odd.

Does not know formats: whatever `export.formats` writes takes these.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final

from satseek.export.feature import Feature
from satseek.export.origin import Origin
from satseek.monitor.damage.words import why

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from satseek.export.feature import Property
    from satseek.monitor.damage.assessment import Assessment, ParcelDamage
    from satseek.monitor.damage.grading import Light

LIGHTS: Final[tuple[Light, ...]] = ("red", "amber", "insufficient evidence", "green")
"""In the order in which people work through them."""

_SHARE: Final = 4
"""Decimals of a share: a hundredth of a percent."""

_HECTARES: Final = 4
"""Decimals of hectares: a square metre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollUp:
    """Several parcels together: of a policy, a village, or all of them."""

    name: str
    """Policy or district; empty: not told."""
    parcels: int
    """How many."""
    area_ha: float
    """Measured area of all of them."""
    insured_ha: float | None
    """Insured area, as far as it is told; None: of none."""
    judged_ha: float
    """Measured area of those for which evidence does."""
    affected_ha: float
    """Affected area of those."""
    lights: Mapping[Light, int]
    """Parcels by light; every light is there."""

    @property
    def affected_share(self) -> float | None:
        """Affected share of the area for which evidence does; None: of none it does."""
        return self.affected_ha / self.judged_ha if self.judged_ha else None


def roll_up(
    damages: Sequence[ParcelDamage], by: Callable[[ParcelDamage], str]
) -> tuple[RollUp, ...]:
    """Add parcels up by a name, in the order in which the names first come."""
    groups: dict[str, list[ParcelDamage]] = {}
    for one in damages:
        groups.setdefault(by(one), []).append(one)
    return tuple(_added(name, group) for name, group in groups.items())


def by_policy(assessment: Assessment) -> tuple[RollUp, ...]:
    """Add parcels up by policy."""
    return roll_up(assessment.damages, lambda one: one.parcel.policy)


def by_district(assessment: Assessment) -> tuple[RollUp, ...]:
    """Add parcels up by village or district."""
    return roll_up(assessment.damages, lambda one: one.parcel.district)


def in_all(assessment: Assessment) -> RollUp:
    """Add all parcels up."""
    return _added("all", assessment.damages)


def parcel_features(assessment: Assessment) -> list[Feature]:
    """Give one feature a parcel, with all that is said of it."""
    labels = [label.name for label in assessment.labels.labels]
    return [_feature(one, labels) for one in assessment.damages]


def roll_up_features(rolled: Iterable[RollUp], *, name: str) -> list[Feature]:
    """Give one feature without a place for each sum.

    Args:
        rolled: Sums.
        name: What they are by: ``policy`` or ``district``.
    """
    return [
        Feature(
            id=one.name or "not told",
            geometry=None,
            properties={
                name: one.name,
                "parcels": one.parcels,
                "area_ha": _hectares(one.area_ha),
                "insured_ha": _hectares(one.insured_ha),
                "judged_ha": _hectares(one.judged_ha),
                "affected_ha": _hectares(one.affected_ha),
                "affected_share": _share(one.affected_share),
                **{light.replace(" ", "_"): one.lights[light] for light in LIGHTS},
            },
        )
        for one in rolled
    ]


def problem_features(assessment: Assessment) -> list[Feature]:
    """Give one feature without a place for each oddity of the list."""
    return [
        Feature(
            id=f"{one.row}:{one.kind}",
            geometry=None,
            properties={"row": one.row, "parcel": one.id, "kind": one.kind, "what": one.what},
        )
        for one in assessment.problems
    ]


def origin_of(assessment: Assessment, *, layer: str) -> Origin:
    """Say beside a table where it comes from."""
    rules = assessment.rules
    facts = {
        "assessment": assessment.name,
        "parcels": assessment.source,
        "imagery": "after the event alone" if assessment.mode == "mono" else "before and after",
        "event": "" if assessment.event is None else str(assessment.event),
        "labels": f"{assessment.labels.name} ({assessment.labels.digest[:12]})",
        "grades": "; ".join(
            f"{one.name} from {one.from_share:.0%}" for one in assessment.grades.grades
        ),
        "evidence": f"at least {rules.least_seen:.0%} seen, {rules.least_cells:g} cells",
        "shift taken out": f"{assessment.shift:.3f} logits",
    }
    return Origin(
        layer=layer,
        collection=", ".join(assessment.collections),
        model=assessment.model,
        facts=facts,
    )


def _feature(one: ParcelDamage, labels: Sequence[str]) -> Feature:
    parcel, contrast = one.parcel, one.contrast
    after, before = one.look("after"), one.look("before")
    properties: dict[str, Property] = {
        "policy": parcel.policy,
        "crop": parcel.crop,
        "district": parcel.district,
        "light": one.light,
        "grade": one.grade,
        "affected_share": _share(one.affected_share),
        "affected_ha": _hectares(one.affected_ha),
        "area_ha": _hectares(parcel.area_ha),
        "insured_ha": _hectares(parcel.insured_ha),
        "cells": round(one.cells, 2),
        "reasons": why(one),
        "lacks": ", ".join(one.lacks),
        "seen_after": _share(after.seen if after else None),
        "clouded_after": _share(after.clouded if after else None),
        "date_after": _moment(after.date if after else None),
        "seen_before": _share(before.seen if before else None),
        "clouded_before": _share(before.clouded if before else None),
        "date_before": _moment(before.date if before else None),
        "change": _share(contrast.own if contrast else None),
        "neighbours_change": _share(contrast.neighbours if contrast else None),
        "difference": _share(contrast.difference if contrast else None),
        "neighbours": contrast.count if contrast else None,
    }
    shares = {f"share_{name}": _share(one.classes.get(name, 0.0)) for name in labels}
    chips = {
        f"chips_{side}": " ".join(shown.chip_id for shown in one.shown if shown.side == side)
        for side in ("after", "before")
    }
    return Feature(id=parcel.id, geometry=parcel.geometry, properties=properties | shares | chips)


def _added(name: str, damages: Sequence[ParcelDamage]) -> RollUp:
    judged = [one for one in damages if one.light != "insufficient evidence"]
    insured = [one.parcel.insured_ha for one in damages if one.parcel.insured_ha is not None]
    counts = Counter(one.light for one in damages)
    return RollUp(
        name=name,
        parcels=len(damages),
        area_ha=sum(one.parcel.area_ha for one in damages),
        insured_ha=sum(insured) if insured else None,
        judged_ha=sum(one.parcel.area_ha for one in judged),
        affected_ha=sum(one.affected_ha or 0.0 for one in judged),
        lights={light: counts[light] for light in LIGHTS},
    )


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, _SHARE)


def _hectares(value: float | None) -> float | None:
    return None if value is None else round(value, _HECTARES)


def _moment(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, tzinfo=UTC)
