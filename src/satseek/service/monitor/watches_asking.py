"""What a watch is to be, as it comes over the wire → the noun, or a refusal that names a field.

Knows the wire only. Less is taken than from a file: no path leads anywhere but below the roots that
the server's settings name.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from satseek.jobs.asking import StacSearch
from satseek.monitor.watch.describing import scenes_as_told
from satseek.monitor.watch.files import check_no_constant, watch_from
from satseek.monitor.watch.watch import (
    BACKGROUND_QUANTILE,
    GROW_QUANTILE,
    MAX_PERSISTENCE,
    Watch,
)

MAX_WORDS = 100
"""Prompts, negatives or chips of one kind."""

_Word = Annotated[str, Field(min_length=1, max_length=1000)]
_Words = Annotated[list[_Word], Field(max_length=MAX_WORDS)]
_Share = Annotated[float, Field(gt=0, lt=1)]
_Ground = dict[str, Any] | str | None


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _WithoutConstant(_Asked):
    """A table in which people look for a constant threshold: it is refused with the reason."""

    table: ClassVar[str]
    """Its name."""

    @model_validator(mode="before")
    @classmethod
    def _no_constant(cls, said: Any) -> Any:
        check_no_constant(said, cls.table)
        return said


class ConceptAsked(_WithoutConstant):
    """What is looked for."""

    table = "concept"

    label: str = Field(min_length=1, max_length=200, description="What its alerts are called.")
    prompts: _Words = Field(default_factory=list, description="Words for it.")
    negatives: _Words = Field(
        default_factory=list, description="Words for what is mistaken for it: hard negatives."
    )
    liked: _Words = Field(
        default_factory=list, description="Chips that show it: `COLLECTION/CHIP`."
    )
    disliked: _Words = Field(default_factory=list, description="Chips that do not.")
    saved: str = Field(
        "", max_length=100, description="A saved concept that counts as well, `mines` or `mines@3`."
    )


class ScenesAsked(_Asked):
    """Where new scenes come from."""

    folder: str = Field(
        min_length=1,
        max_length=1000,
        description="Folder, scene, STAC document or table of STAC items below one of the server's "
        "`reference_roots`; or an address on one of its `stac_hosts`.",
    )
    search: StacSearch | None = Field(None, description="What a STAC API is asked for.")
    recipe: str | None = Field(None, max_length=64, description="Of a collection to be made.")
    chip_px: int | None = Field(None, ge=16, le=8192, description="Chip edge of such a one.")
    stride_px: int | None = Field(None, ge=1, le=8192, description="Step from chip to chip.")
    pixel_size: float | None = Field(None, gt=0, description="Metres per pixel.")
    crs: str | None = Field(None, max_length=1000, description="CRS of its grid.")
    min_valid: float | None = Field(None, ge=0, le=1, description="Least valid part of a chip.")
    here: bool = Field(
        default=False,
        description="True: a person at the server's terminal named them; they stay as they are, "
        "and come back as the watch was told.",
    )

    def told(self) -> dict[str, Any]:
        """Give what was said, as a watch's file says it."""
        said = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        if self.search is not None:
            said["search"] = self.search.model_dump(mode="json", exclude_unset=True)
        return said


class GroundAsked(_Asked):
    """Where it is looked for."""

    area: _Ground = Field(None, description="AOI, GeoJSON or WKT; unset: all of the collection.")
    permits: _Ground = Field(None, description="Ground on which it is allowed.")
    exclusions: _Ground = Field(None, description="Ground that is not looked at.")
    crs: str | None = Field(None, max_length=5000, description="CRS of these; unset: degrees.")


class ScheduleAsked(_Asked):
    """When it is looked for."""

    cron: str = Field(min_length=9, max_length=200, description="Five fields, as crontab(5).")
    timezone: str = Field("UTC", min_length=1, max_length=64, description="IANA name.")


class PointAsked(_WithoutConstant):
    """Where the cut lies: one of three, never a constant."""

    table = "operating_point"

    background_quantile: _Share | None = Field(
        None,
        description="Share of the ground as it was at first that lies below the cut; the usual one "
        f"is {BACKGROUND_QUANTILE}.",
    )
    precision: _Share | None = Field(None, description="Expected by answered findings.")
    recall: _Share | None = Field(None, description="Likewise.")
    grow_quantile: _Share = Field(
        GROW_QUANTILE, description="From here on a cell beside a seed belongs to it."
    )


class PersistenceAsked(_Asked):
    """On how many dates it must be seen."""

    seen: int = Field(1, ge=1, le=MAX_PERSISTENCE, description="Sightings that make an alert.")
    of: int | None = Field(
        None, ge=1, le=MAX_PERSISTENCE, description="Among the latest so many looks; unset: `seen`."
    )


class WatchAsked(_WithoutConstant):
    """What a watch is to be."""

    table = "watch"

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={
        "example": {
            "collection": "county",
            "concept": {
                "label": "mine",
                "prompts": ["an open-pit mine in the forest"],
                "negatives": ["a quarry", "bare land"],
            },
            "ground": {
                "area": "POLYGON ((13.1 52.1, 13.4 52.1, 13.4 52.3, 13.1 52.3, 13.1 52.1))"
            },
            "schedule": {"cron": "30 2 * * *", "timezone": "Europe/Berlin"},
            "operating_point": {"background_quantile": 0.995},
        }
    })  # fmt: skip

    collection: str = Field(min_length=1, max_length=64, description="Where it looks.")
    concept: ConceptAsked
    scenes: ScenesAsked | None = Field(
        None, description="Unset: whatever somebody else indexes into the collection."
    )
    ground: GroundAsked = Field(default_factory=lambda: GroundAsked.model_validate({}))
    since: date | None = Field(
        None, description="Alerts are of what was not there on this day; unset: at the first look."
    )
    schedule: ScheduleAsked | None = Field(None, description="Unset: it is run when somebody does.")
    paused: bool = Field(default=False, description="True: the schedule waits to be resumed.")
    operating_point: PointAsked = Field(
        default_factory=lambda: PointAsked.model_validate({}), description="Where the cut lies."
    )
    persistence: PersistenceAsked = Field(
        default_factory=lambda: PersistenceAsked.model_validate({})
    )
    neighbours: float = Field(
        0.25, ge=0, le=1, description="What the mean of a cell's neighbours counts in its score."
    )
    least_cells: int = Field(1, ge=1, le=1_000_000, description="Smallest alert, in cells.")
    least_area_ha: float = Field(0.0, ge=0, le=1e9, description="Smallest alert, in hectares.")
    existing: Literal["known", "alert"] = Field(
        "known", description="`alert`: what was there at first is one, too."
    )
    level: int = Field(1, ge=1, le=64, description="Size of the chips that are looked at.")
    least_valid: float = Field(0.5, ge=0, le=1, description="Least measured share of a cell.")
    deliver: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(
        default_factory=list, max_length=20, description="Channels that are told of its alerts."
    )

    @field_validator("since", mode="before")
    @classmethod
    def _day(cls, said: Any) -> Any:
        if said is not None and not isinstance(said, str | date):
            raise ValueError("expected a day such as 2024-06-30")
        return said

    def watch(self, name: str, former: Watch | None = None) -> Watch:
        """Give the noun.

        Args:
            name: What it is to be called.
            former: The watch of that name as it is; None: there is none.

        Raises:
            InvalidName, InvalidRequest, InvalidFilter, InvalidConfig: it cannot be.
        """
        told = self.model_dump(
            mode="json", exclude={"paused", "ground", "scenes", "persistence"}, exclude_none=True
        )
        told |= {"name": name, "ground": self.ground.model_dump(exclude_none=True)}
        told["persistence"] = self.persistence.model_dump(exclude_none=True)
        if self.scenes is not None and self.scenes.here:
            scenes = scenes_as_told(self.scenes.told(), former)
            return replace(watch_from(told), scenes=scenes)
        if self.scenes is not None:
            told["scenes"] = self.scenes.model_dump(
                mode="json", exclude={"here"}, exclude_none=True
            )
        return watch_from(told)


class ExamplesAsked(_Asked):
    """Chips that a watch is shown."""

    liked: _Words = Field(default_factory=list, description="They show it: `COLLECTION/CHIP`.")
    disliked: _Words = Field(default_factory=list, description="They do not.")

    @model_validator(mode="after")
    def _apart(self) -> ExamplesAsked:
        both = sorted(set(self.liked) & set(self.disliked))
        if both:
            raise ValueError(f"chip {both[0]!r} is liked and disliked")
        return self


class HeldOutAsked(_Asked):
    """What a watch is measured on."""

    truth: _Ground = Field(
        None, description="Polygons of what is there; unset: what people answered."
    )
    truth_crs: str | None = Field(None, max_length=5000, description="Their CRS.")
    day: str | None = Field(
        None, max_length=10, description="Day of which they are true; unset: the latest one."
    )


class WatchRunAsked(_Asked):
    """How a watch is run."""

    again: bool = Field(
        default=False, description="Look at all dates again, as after a change; sites stay known."
    )
