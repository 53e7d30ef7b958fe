"""What every task needs to know, and what a folder of scenes is asked for, as checked parameters.

Does not know what any task does with it. What only a person at this machine's terminal may say is
kept apart: no door takes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.settings import Settings

Result: TypeAlias = dict[str, Any]
"""What came of a job: JSON."""

OnProgress: TypeAlias = Callable[[int, int, str], None]
"""Takes what is done, what there is in all, and a note."""

OnStage: TypeAlias = Callable[[str, int, int], None]
"""Takes the same with the note first, as use-cases tell it."""


class Parts(Protocol):
    """The working parts as far as whoever asks sees them: an Assembly, or less of one."""

    @property
    def settings(self) -> Settings:
        """The settings."""

    def reader(self, name: str, /) -> object:
        """Open a collection; raises CollectionNotFound."""

    def local_folder(self, name: str, /) -> Path:
        """Find a collection's files, sound or not; raises CollectionNotFound, Conflict."""

    def model_named(self, ref: str | None, /) -> object:
        """Find a model; raises ModelNotServed."""


class Task(BaseModel):
    """What every task needs to know: nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: ClassVar[Literal["jobs", "models"]] = "jobs"
    """What somebody must be allowed to do who asks for it."""

    def about(self) -> str:
        """Name the collection that it is about; empty: none."""
        return ""


class CollectionTask(Task):
    """A task about one collection."""

    collection: str = Field(
        min_length=1, max_length=64, description="Collection that the job is about."
    )

    def about(self) -> str:
        """Name the collection."""
        return self.collection


class StacSearch(BaseModel):
    """Which items of a STAC API are taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collections: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(
        (), max_length=100, description="Ids of collections; none: all."
    )
    bbox: tuple[float, float, float, float] | None = Field(
        None, description="West, south, east, north in degrees; unset: anywhere."
    )
    datetime: str | None = Field(
        None, max_length=100, description="RFC 3339 moment or `START/END`; unset: any time."
    )
    query: tuple[Annotated[str, Field(min_length=3, max_length=200)], ...] = Field(
        (), max_length=20, description="Conditions such as `eo:cloud_cover<20`."
    )
    ids: tuple[Annotated[str, Field(min_length=1, max_length=500)], ...] = Field(
        (), max_length=1000, description="Ids of items; none: any."
    )
    max_items: int | None = Field(None, ge=1, description="Items taken at most; unset: all.")


class CutAsked(BaseModel):
    """How scenes are cut and stretched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str | None = Field(None, max_length=64, description="Radiometric recipe; unset: auto.")
    chip_px: int | None = Field(None, ge=16, le=8192, description="Chip edge in pixels.")
    stride_px: int | None = Field(None, ge=1, le=8192, description="Step from chip to chip.")
    pixel_size: float | None = Field(None, gt=0, description="Metres per pixel; unset: scenes'.")
    crs: str | None = Field(None, max_length=1000, description="CRS of the grid; unset: scenes'.")
    levels: tuple[int, ...] | None = Field(
        None, min_length=1, max_length=6, description="Sizes of chips, such as 1, 2, 4; unset: 1."
    )
    min_valid: float | None = Field(None, ge=0, le=1, description="Least valid fraction of a chip.")


class ScenesAsked(CutAsked):
    """Where scenes come from, and how they are cut and stretched."""

    folder: str = Field(
        min_length=1,
        max_length=1000,
        description="Folder, scene, STAC document or table of STAC items below one of the server's "
        "`reference_roots`; or the address of a STAC document, table or API on one of its "
        "`stac_hosts`.",
    )
    search: StacSearch | None = Field(
        None, description="Set where `folder` is the address of a STAC API: what it is asked for."
    )


class GroundAsked(BaseModel):
    """Where and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bbox: tuple[float, float, float, float] | None = Field(
        None, description="West, south, east, north in degrees; unset: anywhere."
    )
    area: dict[str, Any] | str | None = Field(
        None, description="A polygon instead, as GeoJSON or WKT."
    )
    area_crs: str | None = Field(None, max_length=5000, description="CRS of the area.")
    start: str | None = Field(None, max_length=100, description="Earliest date.")
    end: str | None = Field(None, max_length=100, description="Latest date, inclusive.")


class Elsewhere(BaseModel):
    """Whose workers do the work."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    executor: Literal["local", "ray", "dask"] | None = Field(
        None,
        description="Divide the work among processes, or a cluster's workers, where the setting "
        "`executor_address` says; the result is the same. Unset: the job's own process.",
    )
    workers: int | None = Field(
        None, ge=1, le=10_000, description="Workers of the executor at most; unset: all there are."
    )

    @model_validator(mode="after")
    def _of_executor(self) -> Self:
        if self.executor is None and self.workers is not None:
            raise ValueError("workers goes with executor")
        return self


class ByHand(BaseModel):
    """What a person at this machine's terminal may say besides; no door takes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    here: bool = False
    """True: what is named need not lie below ``reference_roots``, nor on ``stac_hosts``; paths are
    absolute."""
    allow: tuple[str, ...] = ()
    """Folders, hosts and buckets that a STAC document may lead to besides its own place."""
    address: str | None = None
    """Cluster of the executor; None: as the settings say."""


class TypedByHand(ByHand):
    """The same of what leaves a report, which tells who asked, and for what."""

    operator: str = Field("", max_length=200)
    """Who asks; empty: not told."""
    command: str = Field("", max_length=20_000)
    """What was typed; empty: the task and its parameters are told."""


def operator_of(asked: Task) -> str:
    """Say who asked, as far as that is told; for a report."""
    return asked.operator if isinstance(asked, TypedByHand) else ""


def command_of(task: str, asked: Task) -> str:
    """Write what was asked, for a report."""
    if isinstance(asked, TypedByHand) and asked.command:
        return asked.command
    hidden = {*ByHand.model_fields, *TypedByHand.model_fields, "out"}
    said = asked.model_dump(mode="json", exclude_defaults=True, exclude=hidden)
    return f"{task} {json.dumps(said, ensure_ascii=False, sort_keys=True)}"
