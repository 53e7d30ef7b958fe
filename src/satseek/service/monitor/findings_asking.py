"""What is asked of findings over the wire → filters and decisions, or a refusal that names a field.

Knows the wire only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from satseek.export.formats import check, format_named
from satseek.export.projecting import WGS84
from satseek.monitor.findings.checking import MAX_COMMENT, MAX_NAME
from satseek.monitor.findings.finding import Kind, State
from satseek.monitor.findings.pages import FindingFilter, Order
from satseek.search.filtering import read_filter
from satseek.service.bodies import validated
from satseek.service.exporting_asking import MAX_CRS_IN_ADDRESS, FormatName
from satseek.service.messages import MAX_CRS, BoundingBox
from satseek.service.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT

MOST = 100
"""Names of one kind in a filter."""

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Names = Annotated[list[Name], Field(max_length=MOST)]
Person = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]

_ASSIGNEE = "Who looks at it; empty: nobody; `@me`: you."


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What somebody decided of a finding."""

    deed: str
    """One of ``deciding.DECISIONS``."""
    comment: str = ""
    """Why."""
    revision: int | None = None
    """The finding's, as they saw it; None: whatever it is by now."""
    assignee: str | None = None
    """Of ``assign``: who is to look at it; None: who decides."""
    who: str | None = None
    """Who decides, where nobody is asked who they are; None: as they are known."""


class _Ground(BaseModel):
    bbox: BoundingBox | None = None


class FindingsWanted(BaseModel):
    """Which findings are asked for; what is left out restricts nothing."""

    model_config = ConfigDict(extra="forbid")

    kind: list[Kind] = Field(
        default_factory=list, max_length=MOST, description="Any of `landuse`, `watch`, `damage`."
    )
    source: Names = Field(
        default_factory=list, description="Any of these watches, runs or assessments."
    )
    collection: Names = Field(default_factory=list, description="Any of these collections.")
    state: list[State] = Field(
        default_factory=list, max_length=MOST, description="Any of these states."
    )
    label: Names = Field(default_factory=list, description="Any of these labels.")
    flag: Names = Field(
        default_factory=list, description="All of these flags, such as `outside-permit`."
    )
    assignee: str | None = Field(None, max_length=MAX_NAME, description=_ASSIGNEE)
    bbox: str | None = Field(None, description="West,south,east,north in degrees.")
    area: str | None = Field(None, description="A polygon instead, as GeoJSON or WKT.")
    area_crs: str | None = Field(
        None, max_length=MAX_CRS_IN_ADDRESS, description="Its CRS, such as `EPSG:25833`."
    )
    start: str | None = Field(None, description="Seen at or after this date.")
    end: str | None = Field(None, description="First seen at or before this date; a day is whole.")

    def filter(self) -> FindingFilter:
        """Read the filter.

        Raises:
            RequestValidationError: the box is no four numbers.
            InvalidFilter: an area or dates that cannot be.
        """
        given = self.model_dump(include=set(FindingsWanted.model_fields))
        given["bbox"] = validated(_Ground, {"bbox": self.bbox or None}).bbox
        return _filter(given, plural="")


class FindingsListed(FindingsWanted):
    """Which findings a page shows."""

    order: Order = Field(
        "newest", description="`newest`: kept last comes first; `urgent`: the most urgent."
    )
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Items on a page at most.")
    cursor: str | None = Field(
        None, max_length=MAX_CURSOR, description="From `next` of the page before."
    )
    f: Literal["json", "geojson"] | None = Field(
        None, description="Format, for clients that cannot set the Accept header."
    )

    def asked(self) -> dict[str, Any]:
        """Tell what a cursor belongs to."""
        return self.model_dump(mode="json", exclude={"limit", "cursor", "f"})


class FindingsWritten(FindingsWanted):
    """Which findings, and as what they are to be written."""

    format: FormatName = Field("geojson", description="Format; `/v1/formats` tells what they are.")
    crs: str = Field(
        WGS84,
        max_length=MAX_CRS_IN_ADDRESS,
        description="CRS of the coordinates; GeoJSON is always in degrees on WGS 84.",
    )

    def check(self) -> None:
        """Refuse what the format cannot hold.

        Raises:
            InvalidRequest: it cannot.
            DependencyMissing: the server lacks what the format takes.
        """
        check(format_named(self.format), crs=self.crs, vectors=False)


class _Among(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kinds: list[Kind] = Field(default_factory=list, max_length=MOST)
    sources: Names = Field(default_factory=list)
    collections: Names = Field(default_factory=list)
    labels: Names = Field(default_factory=list)
    flags: Names = Field(default_factory=list, description="All of these.")
    bbox: BoundingBox | None = None
    area: dict[str, Any] | str | None = Field(
        None, description="A polygon instead, as GeoJSON or WKT."
    )
    area_crs: str | None = Field(None, max_length=MAX_CRS)
    start: str | None = Field(None, description="Seen at or after this date.")
    end: str | None = Field(None, description="First seen at or before this date.")

    def filter(self) -> FindingFilter:
        """Read the filter; raises InvalidFilter."""
        return _filter(self.model_dump(), plural="s")


class FilterAsked(_Among):
    """Which findings; what is left out restricts nothing."""

    states: list[State] = Field(default_factory=list, max_length=MOST)
    assignee: str | None = Field(None, max_length=MAX_NAME, description=_ASSIGNEE)


class NextAsked(_Among):
    """Among which findings the next one is looked for; left out: all."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"kinds": ["watch"], "sources": ["mines"]}}
    )

    who: Person | None = Field(
        None, description="Your name, where the server asks nobody who they are."
    )


class DecisionAsked(BaseModel):
    """Why, and on what somebody decides."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"comment": "seen on site", "revision": 3}}
    )

    comment: str = Field("", max_length=MAX_COMMENT, description="Why; of `comment`: what.")
    revision: int | None = Field(
        None,
        ge=1,
        le=2**53,
        description="The finding's `revision` that you saw: refused where it has changed since.",
    )
    who: Person | None = Field(
        None, description="Your name, where the server asks nobody who they are."
    )

    def decided(self, deed: str, *, assignee: str | None = None) -> Decided:
        """Say what was decided."""
        return Decided(
            deed=deed,
            comment=self.comment,
            revision=self.revision,
            assignee=assignee,
            who=self.who,
        )


class AssignmentAsked(DecisionAsked):
    """The same, and who is to look at it."""

    assignee: Person | None = Field(None, description="Who is to look at it; left out: you.")


def _filter(given: dict[str, Any], *, plural: str) -> FindingFilter:
    ground = read_filter(
        bbox=given["bbox"],
        area=given["area"],
        area_crs=given["area_crs"],
        start=given["start"],
        end=given["end"],
    )
    return FindingFilter(
        kinds=tuple(given[f"kind{plural}"]),
        sources=tuple(given[f"source{plural}"]),
        collections=tuple(given[f"collection{plural}"]),
        states=tuple(given.get(f"state{plural}") or ()),
        labels=tuple(given[f"label{plural}"]),
        flags=tuple(given[f"flag{plural}"]),
        assignee=given.get("assignee"),
        area=ground.area,
        start=ground.start,
        end=ground.end,
    )


ANY_NEXT = NextAsked.model_validate({})
"""Of a request without a body."""
WORDLESS = DecisionAsked.model_validate({})
TO_YOU = AssignmentAsked.model_validate({})

OfList = Annotated[FindingsListed, Query()]
OfFile = Annotated[FindingsWritten, Query()]
OfCount = Annotated[FindingsWanted, Query()]
