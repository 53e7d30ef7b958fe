"""An assessment → a report that a claims adjuster can act on and defend.

Does not know HTML or PDF. Every figure in it is also in the tables; images are read when its pages
are written.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from satseek.monitor.damage.findings import hazard_of
from satseek.monitor.damage.provenance import backdrop_of, provenance_of, scenes_shown
from satseek.monitor.damage.report_tables import (
    TONES,
    parcels_map,
    problems_table,
    roll_up_table,
    visits_table,
)
from satseek.monitor.damage.sheets import policies_with_sheets, sheet_section
from satseek.monitor.damage.survey import visits_for
from satseek.monitor.damage.tables import LIGHTS, by_district, by_policy, in_all
from satseek.monitor.damage.words import hectares, text
from satseek.monitor.reports.blocks import Text
from satseek.monitor.reports.report import Headline, Report, Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.index.collection import Collection
    from satseek.monitor.damage.assessment import Assessment
    from satseek.monitor.damage.provenance import ReportTerms
    from satseek.monitor.damage.survey import Visit
    from satseek.monitor.damage.tables import RollUp
    from satseek.monitor.findings.finding import Side
    from satseek.monitor.reports.blocks import Backdrop
    from satseek.monitor.reports.report import Language

NAMED: Final = 5
"""Policies that the first page names."""

MOST_SHEETS: Final = 40
"""Claim sheets in one report, those with the largest losses first: each draws a map, and all of
them may be written alone."""


def damage_report(
    assessment: Assessment,
    *,
    visits: Sequence[Visit],
    seed: int,
    collections: Mapping[str, Collection],
    terms: ReportTerms,
) -> Report:
    """Build the report of an assessment.

    Args:
        assessment: What imagery says.
        visits: Parcels drawn for surveyors; may be none.
        seed: By which they were drawn.
        collections: Those of the assessment by name, to read their scenes again.
        terms: What else it says.

    Raises:
        ChipNotFound: a collection was compacted since.
    """
    language = terms.language
    used = scenes_shown(assessment, collections)
    backdrop = backdrop_of(assessment, used, collections)
    return Report(
        title=text(
            "title",
            language,
            hazard=_hazard(assessment, language),
            parcels=len(assessment.damages),
        ),
        subtitle=_subtitle(assessment, language),
        next_step=_next_step(assessment, language),
        provenance=provenance_of(assessment, used, collections, terms),
        sections=tuple(
            _sections(assessment, visits, seed, collections, backdrop=backdrop, terms=terms)
        ),
        headlines=_headlines(assessment, language),
        actions=tuple(_actions(assessment, visits, language)),
        limits=tuple(_limits(assessment, language)),
        language=language,
    )


def claim_report(
    assessment: Assessment,
    policy: str,
    *,
    collections: Mapping[str, Collection],
    terms: ReportTerms,
) -> Report:
    """Build the claim sheet of one policy, to be filed with its claim.

    Raises:
        InvalidRequest: there is no such policy in the assessment.
        ChipNotFound: a collection was compacted since.
    """
    used = scenes_shown(assessment, collections)
    sheet = sheet_section(
        assessment,
        policy,
        collections=collections,
        backdrop=backdrop_of(assessment, used, collections),
        terms=terms,
    )
    return Report(
        title=text("sheet_title", terms.language, policy=policy or "–"),
        subtitle=f"{_hazard(assessment, terms.language)} · {_subtitle(assessment, terms.language)}",
        next_step=text("sheet_next", terms.language),
        provenance=provenance_of(assessment, used, collections, terms),
        sections=(sheet,),
        limits=tuple(_limits(assessment, terms.language)),
        language=terms.language,
    )


def _sections(
    assessment: Assessment,
    visits: Sequence[Visit],
    seed: int,
    collections: Mapping[str, Collection],
    *,
    backdrop: Backdrop,
    terms: ReportTerms,
) -> Iterator[Section]:
    language = terms.language
    shown = parcels_map(
        assessment.damages, backdrop=backdrop, language=language, attribution=terms.attribution
    )
    yield Section(title=text("map", language), blocks=(shown,))
    if any(one.parcel.district for one in assessment.damages):
        table = roll_up_table(by_district(assessment), in_all(assessment), "district", language)
        yield Section(title=text("districts", language), blocks=(table,))
    policies = by_policy(assessment)
    table = roll_up_table(_worst_first(policies), in_all(assessment), "policy", language)
    yield Section(title=text("policies", language), blocks=(table,))
    if visits:
        table = visits_table(visits, seed=seed, language=language)
        yield Section(title=text("visits", language), blocks=(table,))
    yield _sheets(assessment, policies, collections, backdrop=backdrop, terms=terms)
    if assessment.problems:
        table = problems_table(assessment.problems, language)
        yield Section(title=text("odd", language), blocks=(table,))


def _sheets(
    assessment: Assessment,
    policies: Sequence[RollUp],
    collections: Mapping[str, Collection],
    *,
    backdrop: Backdrop,
    terms: ReportTerms,
) -> Section:
    chosen, said = _sheets_said(policies, terms.language)
    return Section(
        title=text("sheets", terms.language),
        blocks=(Text(paragraphs=said),),
        sections=tuple(
            sheet_section(
                assessment,
                one.name,
                collections=collections,
                backdrop=backdrop,
                terms=terms,
            )
            for one in chosen
        ),
    )


def _sheets_said(
    policies: Sequence[RollUp], language: Language
) -> tuple[Sequence[RollUp], tuple[str, ...]]:
    """Choose the policies that have a sheet in the report, and say which they are."""
    wanted = policies_with_sheets(_worst_first(policies))
    chosen = wanted[:MOST_SHEETS]
    name = "sheets_note" if wanted else "sheets_none"
    said = text(name, language, shown=len(chosen), count=len(wanted))
    more = (text("sheets_more", language),) if len(chosen) < len(wanted) else ()
    return chosen, (said, *more)


def _worst_first(rolled: Sequence[RollUp]) -> list[RollUp]:
    return sorted(rolled, key=lambda one: (-one.affected_ha, one.name))


def _headlines(assessment: Assessment, language: Language) -> tuple[Headline, ...]:
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


def _next_step(assessment: Assessment, language: Language) -> str:
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


def _actions(assessment: Assessment, visits: Sequence[Visit], language: Language) -> Iterator[str]:
    with_loss = [one for one in _worst_first(by_policy(assessment)) if one.lights["red"]]
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


def _limits(assessment: Assessment, language: Language) -> Iterator[str]:
    yield text("limit_area", language)
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


def _hazard(assessment: Assessment, language: Language) -> str:
    names = assessment.labels.names
    return names.get(language, hazard_of(assessment).capitalize())


def _subtitle(assessment: Assessment, language: Language) -> str:
    after, before = _days(assessment, "after", language), _days(assessment, "before", language)
    if assessment.mode == "mono":
        return text("subtitle_mono", language, after=after, source=assessment.source)
    return text("subtitle", language, before=before, after=after, source=assessment.source)


def _days(assessment: Assessment, side: Side, language: Language) -> str:
    looks = (one.look(side) for one in assessment.damages)
    days = sorted({look.date for look in looks if look is not None and look.date is not None})
    if not days:
        return text("no_date", language)
    return str(days[0]) if len(days) == 1 else f"{days[0]} – {days[-1]}"
