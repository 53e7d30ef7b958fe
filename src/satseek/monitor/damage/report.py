"""An assessment → a report that a claims adjuster can act on and defend.

Does not know HTML or PDF. Every figure in it is also in the tables; images are read when its pages
are written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from satseek.monitor.damage.findings import hazard_of
from satseek.monitor.damage.first_page import actions, headlines, limits, next_step, worst_first
from satseek.monitor.damage.provenance import backdrop_of, provenance_of, scenes_shown
from satseek.monitor.damage.report_tables import (
    parcels_map,
    problems_table,
    roll_up_table,
    visits_table,
)
from satseek.monitor.damage.sheets import policies_with_sheets, sheet_section
from satseek.monitor.damage.tables import by_district, by_policy, in_all
from satseek.monitor.damage.words import text
from satseek.monitor.reports.blocks import Text
from satseek.monitor.reports.report import Report, Section

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
        next_step=next_step(assessment, language),
        provenance=provenance_of(assessment, used, collections, terms),
        sections=tuple(
            _sections(assessment, visits, seed, collections, backdrop=backdrop, terms=terms)
        ),
        headlines=headlines(assessment, language),
        actions=tuple(actions(assessment, visits, language)),
        limits=tuple(limits(assessment, language)),
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
    damages = tuple(one for one in assessment.damages if one.parcel.policy == policy)
    own = replace(assessment, damages=damages)
    return Report(
        title=text("sheet_title", terms.language, policy=policy or "–"),
        subtitle=f"{_hazard(assessment, terms.language)} · {_subtitle(assessment, terms.language)}",
        next_step=text("sheet_next", terms.language),
        provenance=provenance_of(assessment, used, collections, terms),
        sections=(sheet,),
        headlines=headlines(own, terms.language),
        limits=tuple(limits(own, terms.language)),
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
    table = roll_up_table(worst_first(policies), in_all(assessment), "policy", language)
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
    wanted = policies_with_sheets(worst_first(policies))
    chosen = wanted[:MOST_SHEETS]
    name = "sheets_note" if wanted else "sheets_none"
    said = text(name, language, shown=len(chosen), count=len(wanted))
    more = (text("sheets_more", language),) if len(chosen) < len(wanted) else ()
    return chosen, (said, *more)


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
