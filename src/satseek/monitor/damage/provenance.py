"""An assessment and its collections → where a report of it comes from.

Does not know what the report says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.monitor.damage.labels import STATE
from satseek.monitor.damage.words import text
from satseek.monitor.reports.blocks import Backdrop
from satseek.monitor.reports.digesting import digest_of_inputs
from satseek.monitor.reports.provenance import grid_name, recipe_name, scenes_used, software
from satseek.monitor.reports.report import Provenance, Threshold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from satseek.index.collection import Collection
    from satseek.monitor.damage.assessment import Assessment
    from satseek.monitor.findings.finding import Side
    from satseek.monitor.reports.report import Language, SceneUsed
    from satseek.types import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTerms:
    """What a report says besides what was found."""

    operator: str
    """Who asked for it."""
    made_at: datetime
    """When, timezone-aware."""
    language: Language = "en"
    """Of its texts."""
    command: str = ""
    """What was typed or asked."""
    attribution: str = ""
    """Whose imagery it is, as its licence wants it."""


def provenance_of(
    assessment: Assessment,
    used: Mapping[Side, Sequence[Scene]],
    collections: Mapping[str, Collection],
    terms: ReportTerms,
) -> Provenance:
    """Say where an assessment comes from: enough to make it again, and to object to it."""
    spec = collections[assessment.collections[-1]].spec
    scenes: list[SceneUsed] = []
    for side, of_side in used.items():
        scenes += scenes_used(of_side, role=text(side, terms.language))
    return Provenance(
        made_at=terms.made_at,
        operator=terms.operator,
        software=software(),
        inputs_digest=_digest(assessment, scenes),
        collection=", ".join(assessment.collections),
        model=assessment.model,
        recipe=recipe_name(spec.recipe),
        grid=grid_name(spec.grid),
        command=terms.command,
        prompts=tuple(
            (label.called(terms.language), "; ".join(label.prompts))
            for label in assessment.labels.labels
        ),
        thresholds=tuple(_thresholds(assessment, terms.language)),
        scenes=tuple(scenes),
        facts=((text("parcels", terms.language), assessment.source),),
    )


def scenes_shown(
    assessment: Assessment, collections: Mapping[str, Collection]
) -> dict[Side, list[Scene]]:
    """Give the scenes that show parcels, before and after."""
    found: dict[Side, dict[str, Scene]] = {"before": {}, "after": {}}
    for one in (shown for damage in assessment.damages for shown in damage.shown):
        if one.scene not in found[one.side]:
            found[one.side][one.scene] = collections[one.collection].scene(one.scene)
    return {side: list(scenes.values()) for side, scenes in found.items()}


def backdrop_of(
    assessment: Assessment,
    used: Mapping[Side, Sequence[Scene]],
    collections: Mapping[str, Collection],
) -> Backdrop:
    """Lay what was seen after the event below maps."""
    recipe = collections[assessment.collections[-1]].spec.recipe
    return Backdrop(scenes=tuple(used["after"]), recipe=recipe)


def _thresholds(assessment: Assessment, language: Language) -> Iterator[Threshold]:
    rules, asked = assessment.rules, text("origin_asked", language)
    yield Threshold(name=text("seen_rule", language), value=f"{rules.least_seen:.0%}", origin=asked)
    cells = text("cells", language, count=rules.least_cells)
    yield Threshold(name=text("cells_rule", language), value=cells, origin=asked)
    for name, days in (
        ("between_rule", rules.most_days_between),
        ("after_rule", rules.most_days_after),
    ):
        if days is not None:
            value = text("days", language, count=days)
            yield Threshold(name=text(name, language), value=value, origin=asked)
    if assessment.mode == "paired":
        yield Threshold(
            name=text("step_rule", language),
            value=text("step_value", language, quantile=rules.step_quantile),
            origin=text("origin_sound", language),
        )
    for grade in assessment.grades.grades:
        yield Threshold(
            name=text("grade_rule", language, name=grade.name),
            value=text("from", language, share=grade.from_share),
            origin=text("origin_table", language, name=assessment.grades.name),
        )


def _digest(assessment: Assessment, scenes: Sequence[SceneUsed]) -> str:
    return digest_of_inputs(
        [one.parcel for one in assessment.damages],
        scenes,
        assessment.labels.digest,
        [[label.name, label.properties[STATE]] for label in assessment.labels.labels],
        assessment.grades,
        assessment.rules,
        "" if assessment.event is None else assessment.event.isoformat(),
        assessment.model,
    )
