"""Assessments that are kept → what every door tells of them.

Does not know which door it is, nor who looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from satseek.service.monitor.landuse_showing import KeptFileShown, LabelSetShown, shown_files

if TYPE_CHECKING:
    from satseek.monitor.runs.run import KeptRun


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class AssessmentShown(_Shown):
    """An assessment, in a line."""

    name: str
    collection: str
    made_at: str = Field(description="ISO 8601, UTC.")
    operator: str = Field(description="Who asked; empty: not told.")
    model: str = Field(description="`name@version`.")
    mode: Literal["mono", "paired"] = Field(description="After the event alone, or before, too.")
    event: str | None = Field(description="Day of the event; null: not told.")
    hazard: str = Field(description="Label set.")
    source: str = Field(description="File of the parcels.")
    parcels: int
    lights: dict[str, int] = Field(
        description="Parcels by light: `red`, `amber`, `insufficient evidence`, `green`."
    )
    area_ha: float
    insured_ha: float | None
    judged_ha: float = Field(description="Area of parcels for which evidence does.")
    affected_ha: float = Field(description="Affected area of those.")
    affected_share: float | None = Field(description="Of those, 0 to 1; null: of none it does.")
    visits: int = Field(description="Parcels drawn for surveyors.")
    problems: int = Field(description="What is odd about the list of parcels.")


class DamageLabelShown(_Shown):
    """A label that cells were compared with."""

    name: str
    names: dict[str, str]
    state: str | None = Field(description="`affected`, `new`, `sound` or `hidden`.")


class GradeShown(_Shown):
    """One row of a table of losses."""

    name: str
    from_share: float
    light: str


class AssessmentDetails(AssessmentShown):
    """All of an assessment but for its parcels, which are had page by page."""

    labels: list[DamageLabelShown]
    grades: list[GradeShown]
    rules: dict[str, Any] = Field(description="What evidence was asked for.")
    collections: list[str] = Field(description="Collections that were looked at.")
    bbox: list[float] | None = Field(description="West, south, east, north of the parcels.")
    sheets: list[Literal["html", "pdf"]] = Field(description="As what claim sheets were written.")
    files: list[KeptFileShown]


class HazardsAnswer(_Shown):
    """Hazards that labels are shipped for, and what is usual of assessments."""

    hazards: list[str] = Field(description="What an assessment names as its `hazard`.")
    label_sets: list[LabelSetShown] = Field(description="Of each hazard, in the same order.")
    grades: list[GradeShown] = Field(description="The usual table of losses.")
    rules: dict[str, float | None] = Field(
        description="What evidence is usually asked for, by the names that an assessment takes."
    )


def shown_assessment(run: KeptRun) -> AssessmentShown:
    """Show an assessment in a line."""
    return AssessmentShown(**_line(run))


def assessment_details(run: KeptRun, *, root: str = "") -> AssessmentDetails:
    """Show all of an assessment.

    Args:
        run: Which.
        root: Path below which this server is seen.
    """
    below = f"{root}/v1/assessments/{quote(run.name, safe='')}"
    names = ("labels", "grades", "rules", "collections", "bbox", "sheets")
    told = {name: run.facts[name] for name in names}
    return AssessmentDetails(**_line(run), **told, files=shown_files(run, below))


def _line(run: KeptRun) -> dict[str, Any]:
    told = run.told()
    return {name: told[name] for name in AssessmentShown.model_fields}
