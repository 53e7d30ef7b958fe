"""A finding and its history → what every door tells of them.

Does not know which door it is, nor who looks: whoever may not see a finding never comes here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from satseek.monitor.findings import showing
from satseek.monitor.findings.deciding import Decision
from satseek.monitor.findings.finding import Deed, Kind, Side, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.findings.finding import Finding, Step

_FOOTPRINT = {
    "type": "Polygon",
    "coordinates": [[[15.1, 52.3], [15.11, 52.3], [15.11, 52.31], [15.1, 52.31], [15.1, 52.3]]],
}
_PICTURE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_EVIDENCE = {
    "side": "after",
    "chip_id": "2025-07.tif/12_7",
    "scene": "2025-07.tif",
    "datetime": "2025-07-04T10:30:00+00:00",
    "picture": _PICTURE,
    "bounds": [15.09, 52.29, 15.12, 52.32],
    "path": f"/v1/findings/3f9ac2d1e07b5a8c4d10/pictures/{_PICTURE}",
}
EXAMPLE: dict[str, Any] = {
    "id": "3f9ac2d1e07b5a8c4d10",
    "kind": "watch",
    "source": "mines",
    "collection": "county",
    "label": "mine",
    "before": "forest",
    "after": "mine",
    "scores": {"percentile": 99.7},
    "footprint": _FOOTPRINT,
    "area_m2": 758000.0,
    "first_seen": "2025-07-04T10:30:00+00:00",
    "last_seen": "2025-08-05T10:30:00+00:00",
    "seen": 2,
    "urgency": 99.7,
    "flags": ["outside-permit"],
    "evidence": [_EVIDENCE],
    "properties": {"district": "north"},
    "state": "assigned",
    "assignee": "ldap:lin",
    "revision": 3,
    "created": "2025-07-05T02:00:11.120000+00:00",
    "changed": "2025-08-06T07:12:40.500000+00:00",
    "cell_count": 4,
    "may": ["assign", "release", "confirm", "reject", "comment"],
}
"""What one looks like."""


class EvidenceShown(BaseModel):
    """One chip that shows a finding at one of its dates."""

    model_config = ConfigDict(frozen=True)

    side: Side
    chip_id: str
    scene: str
    datetime: str | None = Field(description="When the scene was acquired; null: not known.")
    picture: str = Field(description="SHA-256 of the PNG that was kept; empty: none was.")
    bounds: tuple[float, float, float, float] | None = Field(
        description="West, south, east, north of a picture of the ground around the finding, in "
        "Web Mercator; null: it shows the chip, or there is none."
    )
    path: str | None = Field(description="Where the picture is had; null: none was kept.")


class FindingShown(BaseModel):
    """A place that somebody should look at, and what became of it."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"example": EXAMPLE})

    id: str
    kind: Kind
    source: str = Field(description="Name of the watch, land-use run or assessment.")
    collection: str
    label: str
    before: str
    after: str
    scores: dict[str, float] = Field(description="By kind; none of them is a probability.")
    footprint: dict[str, Any] | None = Field(
        description="GeoJSON (Multi)Polygon on WGS 84; null: no georeference."
    )
    area_m2: float | None
    first_seen: str | None = Field(description="Acquisition time of the first scene that shows it.")
    last_seen: str | None
    seen: int = Field(description="Dates at which it was seen.")
    urgency: float = Field(description="The larger, the sooner it is looked at.")
    flags: list[str]
    evidence: list[EvidenceShown] = Field(description="Of both dates, the best first.")
    properties: dict[str, str | int | float | bool | None]
    state: State
    assignee: str = Field(description="Who looks at it, or did; empty: nobody yet.")
    revision: int = Field(description="One more with every change: give it with a decision.")
    created: str
    changed: str
    cell_count: int = Field(description="Cells of the collection's grid that it covers.")
    may: list[Decision] = Field(description="What may be done with it in this state.")


class StepShown(BaseModel):
    """One line of a finding's history."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="The finding's after it.")
    at: str = Field(description="When, UTC.")
    who: str = Field(description="A person, or `KIND:SOURCE` where the machine did it.")
    deed: Deed
    before: State | None
    after: State
    assignee: str
    comment: str


class FindingDetails(FindingShown):
    """The same, its cells, and all that was ever done with it."""

    cells: list[str] = Field(description="Names of the cells, ascending.")
    history: list[StepShown] = Field(description="The oldest first.")


def picture_path(finding_id: str, digest: str, *, root: str = "") -> str:
    """Path under which a picture of a finding is served."""
    return f"{root}/v1/findings/{quote(finding_id, safe='')}/pictures/{digest}"


def shown(finding: Finding, *, root: str = "") -> FindingShown:
    """Show a finding as lists do."""
    return FindingShown(**_with_paths(showing.shown(finding), root))


def details(finding: Finding, history: Sequence[Step], *, root: str = "") -> FindingDetails:
    """Show all of a finding."""
    return FindingDetails(**_with_paths(showing.shown_whole(finding, history), root))


def feature(finding: Finding, *, root: str = "") -> dict[str, Any]:
    """Show a finding as a GeoJSON Feature (RFC 7946, 3.2)."""
    told = shown(finding, root=root).model_dump(mode="json", exclude={"id", "footprint"})
    geometry = finding.footprint
    return {"type": "Feature", "id": finding.id, "geometry": geometry, "properties": told}


def _with_paths(told: dict[str, Any], root: str) -> dict[str, Any]:
    for one in told["evidence"]:
        digest = one["picture"]
        one["path"] = picture_path(told["id"], digest, root=root) if digest else None
    return told
