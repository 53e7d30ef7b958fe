"""``/v1/search/export`` and ``/v1/collections/{name}/export``: hits and chips as files.

Knows the use-case and the wire, nothing of formats. A file is written whole before its first byte
is sent, so that whatever goes wrong is told as what it is, and never is half a file.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal, TypeAlias
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from satseek.errors import ChipNotFound, Conflict
from satseek.export.formats import FORMATS, check, format_named
from satseek.export.projecting import WGS84
from satseek.search.exporting import Choices, found_hits, write_chips, write_hits
from satseek.search.filtering import read_filter
from satseek.service.bodies import read_body, validated
from satseek.service.calling import caller
from satseek.service.chips import reading
from satseek.service.describing import PROBLEM, SEARCH_BODY
from satseek.service.messages import DEFAULT_K, BoundingBox, SearchAsked
from satseek.service.running import Running, running
from satseek.service.verbs import Found, find

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.search.exporting import Found as FoundHits
    from satseek.types import Hit, Vectors

router = APIRouter(tags=["export"])

Shared = Annotated[Running, Depends(running)]

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

FOLDER = "exports"
"""Where files are written, in the data folder; each is gone once it is sent."""

LEFT_SECONDS = 86_400
"""What is older was left behind by a server that was killed."""

CHUNK = 1 << 18
"""Bytes sent at a time."""

MAX_CRS = 10_000
"""Letters of a CRS: WKT of the longest in the EPSG register has half of it."""

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {one.media_type: _BINARY for one in FORMATS.values()},
    },
    **dict.fromkeys((404, 409, 422, 429), PROBLEM),
}

AsFormat = Annotated[FormatName, Query(description="Format; `/v1/formats` tells what they are.")]
AsCrs = Annotated[
    str,
    Query(
        max_length=MAX_CRS,
        description="CRS of the coordinates: a code such as `EPSG:4490`, or WKT. GeoJSON is always "
        "in degrees on WGS 84.",
    ),
]
WithVectors = Annotated[
    bool, Query(description="With the vectors: GeoParquet, GeoJSON and its sequences hold them.")
]
Box = Annotated[str | None, Query(description="West,south,east,north in degrees.")]
Start = Annotated[str | None, Query(description="Earliest date.")]
End = Annotated[str | None, Query(description="Latest date, inclusive.")]


class FormatShown(BaseModel):
    """One way in which hits and chips are written."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    suffix: str = Field(description="Of its files.")
    media_type: str
    any_crs: bool = Field(description="False: always degrees on WGS 84.")
    vectors: bool = Field(description="Whether it holds vectors.")
    at_hand: bool = Field(description="False: the server lacks what it takes.")


class FormatsAnswer(BaseModel):
    """Every format."""

    model_config = ConfigDict(frozen=True)

    formats: list[FormatShown]


class _ChipsWanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    bbox: BoundingBox | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A file that has no name any more."""

    file: BinaryIO
    """Open at its beginning."""
    size: int
    """Bytes."""
    count: int
    """Features."""


@router.get("/v1/formats", summary="List formats")
async def list_formats() -> FormatsAnswer:
    """List the formats in which hits and chips are written."""
    return FormatsAnswer(
        formats=[
            FormatShown(
                name=one.name,
                title=one.title,
                suffix=one.suffixes[0],
                media_type=one.media_type,
                any_crs=one.any_crs,
                vectors=one.takes_vectors,
                at_hand=one.is_at_hand,
            )
            for one in FORMATS.values()
        ]
    )


@router.post(
    "/v1/search/export",
    summary="Find chips, as a file",
    response_class=Response,
    openapi_extra=SEARCH_BODY,
    responses=_RESPONSES | {413: PROBLEM, 415: PROBLEM},
)
async def post_search_export(
    request: Request,
    shared: Shared,
    format: AsFormat = "geojson",  # noqa: A002 (what everybody calls it)
    crs: AsCrs = WGS84,
    vectors: WithVectors = False,  # noqa: FBT002 (a parameter of an address)
) -> Response:
    """Find chips as `POST /v1/search` does, and write the hits into a file."""
    choices = _choices(format, crs, vectors=vectors)
    asked, image = await read_body(request, SearchAsked, shared=shared)
    return await _found(request, asked, image, shared=shared, choices=choices)


@router.get(
    "/v1/search/export",
    summary="Find chips by words, as a file",
    response_class=Response,
    responses=_RESPONSES,
)
async def get_search_export(
    request: Request,
    shared: Shared,
    *,
    text: Annotated[str, Query(description="Words to look for.")],
    collection: Annotated[
        str | None, Query(description="Left out: the only one, or `default`.")
    ] = None,
    bbox: Box = None,
    start: Start = None,
    end: End = None,
    k: Annotated[int, Query(description="Number of hits.")] = DEFAULT_K,
    format: AsFormat = "geojson",  # noqa: A002
    crs: AsCrs = WGS84,
    vectors: WithVectors = False,
) -> Response:
    """Find the chips nearest to words, as a file: an address that can be handed on."""
    choices = _choices(format, crs, vectors=vectors)
    fields = {"text": text, "collection": collection, "start": start, "end": end, "k": k}
    given = {name: value for name, value in fields.items() if value is not None}
    asked = validated(SearchAsked, given | ({"bbox": bbox} if bbox else {}))
    return await _found(request, asked, None, shared=shared, choices=choices)


@router.get(
    "/v1/collections/{name}/export",
    summary="Export a collection's chips",
    response_class=Response,
    responses=_RESPONSES,
)
async def export_collection(
    request: Request,
    name: str,
    shared: Shared,
    *,
    bbox: Box = None,
    start: Start = None,
    end: End = None,
    format: AsFormat = "geojson",  # noqa: A002
    crs: AsCrs = WGS84,
    vectors: WithVectors = False,
) -> Response:
    """Write all chips of one generation of a collection, or those that pass a filter."""
    who, asking = reading(request), caller(request)
    choices = _choices(format, crs, vectors=vectors)
    box = validated(_ChipsWanted, {"bbox": bbox or None}).bbox
    where = read_filter(bbox=box, start=start, end=end)

    def work() -> _Written:
        collection = shared.reader(name, who)
        write = partial(write_chips, collection, where=where, choices=choices)
        return _written(write, _file_name(name, choices), shared=shared)

    written = await shared.in_exporter(work)
    asking.pairs.update(collection=name, format=choices.format, chips=written.count)
    return _download(written, _file_name(name, choices), choices)


async def _found(
    request: Request,
    asked: SearchAsked,
    image: bytes | None,
    *,
    shared: Running,
    choices: Choices,
) -> Response:
    asking = caller(request)

    def write(one: Found) -> tuple[_Written, str]:
        groups = _groups(one, shared, vectors=choices.vectors)
        name = _file_name(f"{one.collection}-hits" if len(groups) == 1 else "hits", choices)
        facts = _facts(asked) | {
            "plan": one.answer.plan,
            "generation": str(one.answer.generation),
        }
        into = partial(write_hits, groups, choices=choices, facts=facts)
        return _written(into, name, shared=shared), name

    written, name = await find(asked, image, shared=shared, caller=asking, write=write)
    asking.pairs.update(format=choices.format)
    return _download(written, name, choices)


def _groups(one: Found, shared: Running, *, vectors: bool) -> list[FoundHits]:
    """Put hits together with their collections, which whoever asks was found to see."""
    names = dict.fromkeys(hit.collection or one.collection for hit in one.answer.hits)
    groups = []
    for name in names or [one.collection]:
        collection = shared.assembly.reader(name)
        hits = [hit for hit in one.answer.hits if (hit.collection or one.collection) == name]
        found = _vectors_of(hits, collection) if vectors else None
        groups.append(found_hits(hits, collection, vectors=found))
    return groups


def _vectors_of(hits: list[Hit], collection: Collection) -> Vectors:
    with collection.pinned() as index:
        try:
            return index.vectors([index.row_of(hit.chip.id) for hit in hits])
        except ChipNotFound as error:
            raise Conflict("the collection was changed meanwhile; ask again") from error


def _choices(format: FormatName, crs: str, *, vectors: bool) -> Choices:  # noqa: A002
    """Check first what a format cannot hold, before anything is computed for it."""
    check(format_named(format), crs=crs, vectors=vectors)
    return Choices(format=format, crs=crs, vectors=vectors)


def _facts(asked: SearchAsked) -> dict[str, str]:
    """Say what was asked, in the words of the request."""
    given = asked.model_dump(mode="json", exclude_unset=True, exclude={"image", "image_ref"})
    given.pop("collection", None)
    if asked.image is not None or asked.image_ref is not None:
        given["image"] = "an example image"
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in given.items()
        if value not in (None, [], "")
    }


def _file_name(stem: str, choices: Choices) -> str:
    return f"{stem}{format_named(choices.format or '').suffixes[0]}"


def _written(write: Callable[..., int], name: str, *, shared: Running) -> _Written:
    """Write a file, and take its name away: it is gone once it is closed."""
    folder = shared.assembly.settings.data_dir / FOLDER
    folder.mkdir(exist_ok=True)
    _sweep(folder)
    room = folder / tempfile.mkdtemp(dir=folder)
    try:
        path = room / name
        count = write(path)
        return _Written(file=path.open("rb"), size=path.stat().st_size, count=count)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _sweep(folder: Path) -> None:
    oldest = time.time() - LEFT_SECONDS
    for room in folder.iterdir():
        if room.stat().st_mtime < oldest:
            shutil.rmtree(room, ignore_errors=True)


def _download(written: _Written, name: str, choices: Choices) -> Response:
    kind = format_named(choices.format or "")
    headers = {
        "content-length": str(written.size),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "cache-control": "no-store",
    }
    return StreamingResponse(_chunks(written.file), media_type=kind.media_type, headers=headers)


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := await to_thread.run_sync(file.read, CHUNK):
            yield chunk
