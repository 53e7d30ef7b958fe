"""Addresses of ``/v1/search/export`` and ``/v1/collections/{name}/export`` → what is wanted.

Knows the wire only. Parameters of a question are those of ``GET /v1/search``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from satseek.export.formats import check, format_named
from satseek.export.projecting import WGS84
from satseek.search.exporting import Choices
from satseek.search.filtering import read_filter
from satseek.service.bodies import validated
from satseek.service.messages import BoundingBox, SearchAsked
from satseek.types import Filter

FormatName: TypeAlias = Literal[
    "geojson",
    "geojsonseq",
    "gpkg",
    "shapefile",
    "flatgeobuf",
    "geoparquet",
    "csv",
    "csv-excel",
    "xlsx",
]
"""Names of ``FORMATS``."""

MAX_CRS_IN_ADDRESS = 1_500
"""Letters of a CRS: its WKT has half of them mostly, and an address may have 64 KB in all, where a
letter takes up to twelve bytes."""


class FileWanted(BaseModel):
    """How a file is to be written."""

    model_config = ConfigDict(extra="forbid")

    format: FormatName = Field("geojson", description="Format; `/v1/formats` tells what they are.")
    crs: str = Field(
        WGS84,
        max_length=MAX_CRS_IN_ADDRESS,
        description="CRS of the coordinates: a code such as `EPSG:4490`, or WKT. GeoJSON is always "
        "in degrees on WGS 84.",
    )
    vectors: bool = Field(
        default=False,
        description="With the vectors: GeoParquet, GeoJSON and its sequences hold them.",
    )

    def choices(self) -> Choices:
        """Give it to the use-case, once it is known that the format can hold it.

        Raises:
            InvalidRequest: it cannot.
            DependencyMissing: the server lacks what the format takes.
        """
        check(format_named(self.format), crs=self.crs, vectors=self.vectors)
        return Choices(format=self.format, crs=self.crs, vectors=self.vectors)


class _Filtered(FileWanted):
    bbox: str | None = Field(None, description="West,south,east,north in degrees.")
    area: str | None = Field(None, description="A polygon instead, as GeoJSON or WKT.")
    area_crs: str | None = Field(
        None, max_length=MAX_CRS_IN_ADDRESS, description="Its CRS, such as `EPSG:25833`."
    )
    start: str | None = Field(None, description="Earliest date.")
    end: str | None = Field(None, description="Latest date, inclusive.")
    where: list[str] = Field(
        default_factory=list,
        description="Condition such as `eo:cloud_cover<=20`; several hold together.",
    )
    level: list[int] = Field(default_factory=list, description="Only chips of this size.")


class ChipsWanted(_Filtered):
    """Which chips of a collection, and how they are to be written."""

    def filter(self) -> Filter:
        """Read the filter.

        Raises:
            RequestValidationError: the box is no four numbers.
            InvalidFilter: it cannot be.
        """
        return read_filter(
            bbox=validated(_Box, {"bbox": self.bbox or None}).bbox,
            area=self.area,
            area_crs=self.area_crs,
            start=self.start,
            end=self.end,
            where=self.where,
            levels=self.level,
        )


class HitsWanted(_Filtered):
    """What is looked for, and how the hits are to be written."""

    text: str | None = Field(None, description="Words to look for.")
    concept: str | None = Field(None, description="A saved concept, such as `mines`.")
    collection: list[str] = Field(
        default_factory=list,
        description="Left out: the only one, or `default`. Several times: all of them together; "
        "`*`: all that you may see.",
    )
    rank_by: str = Field(
        "cosine", description="Over several collections: `cosine` or `percentile`."
    )
    least: float | None = Field(None, description="Least percentile of a hit.")
    group_by: str | None = Field(None, description="`place` or `scene`: one hit of each.")
    duplicate_cosine: float | None = Field(
        None, description="Cosine with a better hit from which one is left out."
    )
    k: int | None = Field(None, description="Number of hits; left out: 10, or all above `least`.")

    def asked(self) -> SearchAsked:
        """Give the question.

        Raises:
            RequestValidationError: it cannot be.
        """
        several = len(self.collection) > 1 or "*" in self.collection
        own = {"format", "crs", "vectors", "collection", "level"}
        fields: dict[str, Any] = self.model_dump(exclude=own, exclude_defaults=True)
        fields["levels"] = self.level
        if self.collection:
            fields |= (
                {"collections": self.collection} if several else {"collection": self.collection[0]}
            )
        return validated(
            SearchAsked,
            {name: value for name, value in fields.items() if value not in (None, "", [])},
        )


class _Box(BaseModel):
    bbox: BoundingBox | None = None


OfFile = Annotated[FileWanted, Query()]
OfChips = Annotated[ChipsWanted, Query()]
OfHits = Annotated[HitsWanted, Query()]
