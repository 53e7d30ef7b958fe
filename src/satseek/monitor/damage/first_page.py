"""An assessment → what the first page of its report says: what to do, how much, what is not known.

Does not know the other pages, nor HTML or PDF.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from satseek.monitor.damage.report_tables import TONES
from satseek.monitor.damage.survey import visits_for
from satseek.monitor.damage.tables import LIGHTS, by_policy, in_all
from satseek.monitor.damage.words import hectares, text
from satseek.monitor.reports.report import Headline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from satseek.monitor.damage.assessment import Assessment
    from satseek.monitor.damage.survey import Visit
    from satseek.monitor.damage.tables import RollUp
    from satseek.monitor.reports.report import Language

NAMED: Final = 5
"""Policies that the first page names."""


def worst_first(rolled: Sequence[RollUp]) -> list[RollUp]:
    """Begin with the largest affected area."""
    return sorted(rolled, key=lambda one: (-one.affected_ha, one.name))


def headlines(assessment: Assessment, language: Language) -> tuple[Headline, ...]:
    """Give the area affected, and parcels by light."""
    total, lacks = in_all(assessment), _lacks(assessment, language)
    area = Headline(
        name=text("affected_area", language),
        value=f"{hectares(total.affected_ha)} ha" if total.judged_ha else "–",
        note=text("of_judged", language, ha=hectares(total.judged_ha)),
        tone="bad" if total.affected_ha else "good" if total.judged_ha else "unknown",
    )
    counts = tuple(
        Headline(
            name=f"{text(light, language)}: {text(f'light_{light}', language)}",
            value=str(total.lights[light]),
            note=text("of_parcels_lacks", language, count=total.parcels, lacks=lacks)
            if light == "insufficient evidence" and lacks
            else text("of_parcels", language, count=total.parcels),
            tone=TONES[light] if total.lights[light] else "plain",
        )
        for light in LIGHTS
    )
    return area, *counts


def next_step(assessment: Assessment, language: Language) -> str:
    """Say what is settled now, and what is not."""
    total, red = in_all(assessment), assessment.of("red")
    grey, amber = total.lights["insufficient evidence"], total.lights["amber"]
    if grey == total.parcels:
        name = "next_grey"
    elif red:
        name = "next" if grey or amber else "next_clear"
    else:
        name = "next_none" if grey or amber else "next_green"
    return text(
        name,
        language,
        red=len(red),
        amber=amber,
        grey=grey,
        all=total.parcels,
        ha=hectares(sum(one.affected_ha or 0.0 for one in red)),
        lacks=_lacks(assessment, language),
    )


def _lacks(assessment: Assessment, language: Language) -> str:
    """Say what evidence is missing, the commonest first, and of how many parcels."""
    counts = Counter(one.lacks[0] for one in assessment.of("insufficient evidence") if one.lacks)
    return ", ".join(
        f"{text(f'lack_{lack}', language)}: {count}" for lack, count in counts.most_common()
    )


def actions(assessment: Assessment, visits: Sequence[Visit], language: Language) -> Iterator[str]:
    """Give single steps: which sheets, which visits, what to put right."""
    with_loss = [one for one in worst_first(by_policy(assessment)) if one.lights["red"]]
    if with_loss:
        names = ", ".join(one.name or "–" for one in with_loss[:NAMED])
        more = " …" if len(with_loss) > NAMED else ""
        yield text("action_red", language, count=len(with_loss), names=names + more)
    if visits:
        yield from _visits(assessment, visits, language)
    if assessment.problems:
        yield text("action_list", language, count=len(assessment.problems))


def _visits(assessment: Assessment, visits: Sequence[Visit], language: Language) -> Iterator[str]:
    there, drawn = in_all(assessment).lights, Counter(one.damage.light for one in visits)
    grey, amber = there["insufficient evidence"], there["amber"]
    yield text(
        "action_visit" if grey or amber else "action_checks",
        language,
        count=len(visits),
        grey=drawn["insufficient evidence"],
        all_grey=grey,
        amber=drawn["amber"],
        all_amber=amber,
    )
    left = grey + amber - drawn["insufficient evidence"] - drawn["amber"]
    if left:
        yield text("action_longer", language, count=left, visits=visits_for(there))


def limits(assessment: Assessment, language: Language) -> Iterator[str]:
    """Say what the report cannot say."""
    yield text("limit_area", language)
    if assessment.of("green"):
        yield text("limit_model", language, model=assessment.model)
    if assessment.mode == "mono":
        yield text("limit_mono", language)
    looks = [look for one in assessment.damages for look in one.looks if look.seen > 0]
    if any(look.date is None for look in looks):
        yield text("limit_undated", language)
    least = assessment.square_ha * assessment.rules.least_cells
    yield text(
        "limit_cells",
        language,
        square=hectares(assessment.square_ha),
        chip=hectares(least),
    )
    if assessment.of("insufficient evidence"):
        yield text("limit_grey", language)
