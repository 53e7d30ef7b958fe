"""An assessment → the parcels that surveyors should visit, drawn at random by stratum.

Does not know who goes there. Parcels that imagery cannot tell and those in doubt come first; some
red and green ones are drawn as well, so that what imagery says can be held against the ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.errors import InvalidRequest
from satseek.export.feature import Feature
from satseek.monitor.damage.tables import LIGHTS
from satseek.monitor.damage.words import text, why
from satseek.monitor.samples.drawing import SamplingFrame, draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.monitor.damage.assessment import Assessment, ParcelDamage
    from satseek.monitor.damage.grading import Light
    from satseek.monitor.reports.report import Language

SHARES: Final[Mapping[Light, float]] = {
    "insufficient evidence": 0.35,
    "amber": 0.35,
    "red": 0.2,
    "green": 0.1,
}
"""Of the visits: where imagery tells least, a visit tells most; red and green ones are checks."""

_M2: Final = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One parcel to be visited."""

    number: int
    """In the order of visiting within the list, from 1: by light, then as drawn."""
    damage: ParcelDamage
    """What imagery says of it; its light says what to do there."""


def survey(assessment: Assessment, *, visits: int, seed: int = 0) -> tuple[Visit, ...]:
    """Draw parcels to be visited; a longer list of the same seed holds the shorter one's parcels.

    Args:
        assessment: What imagery says.
        visits: How many parcels at most, 1 or more.
        seed: 0 or more; another seed draws others.

    Raises:
        InvalidRequest: no visit is asked for, or a negative seed.
    """
    if visits < 1:
        raise InvalidRequest(f"visits: expected 1 or more, came {visits}")
    damages = {one.parcel.id: one for one in assessment.damages}
    there = {light: len(assessment.of(light)) for light in LIGHTS}
    sizes = {str(light): size for light, size in shared_out(there, visits).items() if size}
    drawn = draw(_frame(assessment.damages), sizes, seed=seed)
    order = {light: at for at, light in enumerate(SHARES)}
    ranked = sorted(drawn, key=lambda one: (order[damages[one.cell].light], one.turn))
    return tuple(Visit(number=at, damage=damages[one.cell]) for at, one in enumerate(ranked, 1))


def shared_out(there: Mapping[Light, int], visits: int) -> dict[Light, int]:
    """Share visits out between lights by highest averages: a longer list only adds to a shorter.

    Returns:
        Visits by light, none more than it has parcels; all of them, where they are fewer.
    """
    found: dict[Light, int] = dict.fromkeys(SHARES, 0)
    for _ in range(min(visits, sum(there.values()))):
        open_ones = [light for light in SHARES if found[light] < there.get(light, 0)]
        turn = min(open_ones, key=lambda light: (found[light] + 1) / SHARES[light])
        found[turn] += 1
    return found


def visits_for(there: Mapping[Light, int]) -> int:
    """Tell how long a list must be to hold all that imagery cannot tell and all in doubt."""
    visits = there["insufficient evidence"] + there["amber"]
    wanted: tuple[Light, ...] = ("insufficient evidence", "amber")
    while any(shared_out(there, visits)[light] < there[light] for light in wanted):
        visits += max(visits // 10, 1)
    return visits


def visit_features(visits: Sequence[Visit], *, language: Language = "en") -> list[Feature]:
    """Give one feature a visit, to be carried to the field."""
    return [
        Feature(
            id=one.damage.parcel.id,
            geometry=one.damage.parcel.geometry,
            properties={
                "visit": one.number,
                "task": text(f"task_{one.damage.light}", language),
                "light": one.damage.light,
                "grade": one.damage.grade,
                "policy": one.damage.parcel.policy,
                "crop": one.damage.parcel.crop,
                "district": one.damage.parcel.district,
                "area_ha": round(one.damage.parcel.area_ha, 4),
                "reasons": why(one.damage, language),
                "found_affected_share": None,
                "surveyor": None,
                "date": None,
                "remarks": None,
            },
        )
        for one in visits
    ]


def _frame(damages: Sequence[ParcelDamage]) -> SamplingFrame:
    return SamplingFrame(
        cells=[one.parcel.id for one in damages],
        strata=[one.light for one in damages],
        mapped=[one.grade or one.light for one in damages],
        areas_m2=np.array([one.parcel.area_ha * _M2 for one in damages]),
        footprints=[one.parcel.geometry for one in damages],
        chips=[tuple(shown.chip_id for shown in one.shown) for one in damages],
    )
