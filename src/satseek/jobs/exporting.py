"""A collection's chips → a file that others open: the use-case, run here and now.

Does not know queues or processes. The file is there whole, or not at all.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from satseek.assemble import Assembly
from satseek.buckets import deliver, file_of, standing_in
from satseek.jobs.asking import ByHand, CollectionTask
from satseek.jobs.results import FILES, new_try, told

if TYPE_CHECKING:
    from satseek.jobs.asking import OnProgress, Parts, Result
    from satseek.search.exporting import Choices
    from satseek.settings import Settings
    from satseek.types import Filter


USUAL = "geojson"
"""Format of a job's file where none is asked for."""


class ExportTask(CollectionTask):
    """Write the chips of a collection into a file."""

    format: str | None = Field(
        None, max_length=20, description="Format, as `/v1/formats` lists them; unset: GeoJSON."
    )
    crs: str = Field(
        "EPSG:4326", max_length=5000, description="CRS of the coordinates: a code, or WKT."
    )
    vectors: bool = Field(default=False, description="With the vectors, where the format holds it.")
    bbox: tuple[float, float, float, float] | None = Field(
        None, description="West, south, east, north in degrees; unset: anywhere."
    )
    area: dict[str, Any] | str | None = Field(
        None, description="A polygon instead, as GeoJSON or WKT."
    )
    area_crs: str | None = Field(None, max_length=5000, description="CRS of the area.")
    start: str | None = Field(None, max_length=100, description="Earliest date.")
    end: str | None = Field(None, max_length=100, description="Latest date, inclusive.")
    where: tuple[Annotated[str, Field(min_length=3, max_length=200)], ...] = Field(
        (), max_length=20, description="Conditions such as `eo:cloud_cover<=20`."
    )
    levels: tuple[int, ...] = Field(
        (), max_length=6, description="Only chips of these sizes; none: any."
    )


class ExportHere(ExportTask, ByHand):
    """The same, asked by a person at this machine's terminal."""

    out: str | None = None
    """File to write, an absolute path or s3://BUCKET/KEY, whose name tells the format; None: among
    the job's files."""


def check_export(asked: ExportTask, parts: Parts) -> None:
    """Refuse a collection that is not there, a filter or a format that cannot be.

    Raises:
        CollectionNotFound, InvalidFilter, InvalidRequest, DependencyMissing: as said.
    """
    from satseek.export.replacing import check_place  # noqa: PLC0415 - slow to load

    parts.reader(asked.collection)
    _where(asked)
    path = Path(_file_name(asked))
    check_place(path)
    _choices(asked).checked(path)


def export(asked: ExportTask, settings: Settings, on_progress: OnProgress, results: Path) -> Result:
    """Write chips; the file is one of the job's, or where it was asked for."""
    if isinstance(asked, ExportHere) and asked.out is not None:
        path = standing_in(asked.out, folder=settings.data_dir)
        count = _write(asked, path, settings, on_progress)
        deliver(path, asked.out)
        return {"collection": asked.collection, "features": count, "file": asked.out}
    name = _name(asked)
    with new_try(results) as folder:
        count = _write(asked, folder / name, settings, on_progress)
        kind = _choices(asked).checked(folder / name)
        files = told(folder, media_types={name: kind.media_type})
    return {"collection": asked.collection, "features": count, "file": name, FILES: files}


def _write(asked: ExportTask, path: Path, settings: Settings, on_progress: OnProgress) -> int:
    from satseek.search.exporting import write_chips  # noqa: PLC0415 - slow to load

    with closing(Assembly(settings)) as parts:
        return write_chips(
            parts.reader(asked.collection),
            path,
            where=_where(asked),
            choices=_choices(asked),
            on_progress=lambda done, total: on_progress(done, total, "chips"),
        )


def _choices(asked: ExportTask) -> Choices:
    from satseek.search.exporting import Choices  # noqa: PLC0415 - slow to load

    return Choices(format=asked.format, crs=asked.crs, vectors=asked.vectors)


def _where(asked: ExportTask) -> Filter:
    from satseek.search.filtering import read_filter  # noqa: PLC0415 - slow to load

    return read_filter(
        bbox=asked.bbox,
        area=asked.area,
        area_crs=asked.area_crs,
        start=asked.start,
        end=asked.end,
        where=list(asked.where),
        levels=asked.levels,
    )


def _name(asked: ExportTask) -> str:
    """Name the file among the job's, so that it tells the format."""
    from satseek.export.formats import format_named  # noqa: PLC0415 - slow to load

    return f"{asked.collection}{format_named(asked.format or USUAL).suffixes[0]}"


def _file_name(asked: ExportTask) -> str:
    out = asked.out if isinstance(asked, ExportHere) else None
    return file_of(out) if out else _name(asked)
