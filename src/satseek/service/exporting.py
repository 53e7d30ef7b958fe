"""``/v1/search/export`` and ``/v1/collections/{name}/export``: hits and chips as files.

Knows the use-case and the wire, nothing of formats.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from satseek.assemble.exporting import found_in
from satseek.export.formats import FORMATS, format_named
from satseek.search.exporting import write_chips, write_hits
from satseek.service.bodies import read_body
from satseek.service.calling import caller
from satseek.service.chips import reading
from satseek.service.describing import FEATURES, PROBLEM, SEARCH_BODY
from satseek.service.exporting_asking import OfChips, OfFile, OfHits
from satseek.service.exporting_files import Written, download, written
from satseek.service.messages import SearchAsked
from satseek.service.negotiating import GEOJSON
from satseek.service.running import Running, running
from satseek.service.verbs import Found, find

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.search.exporting import Choices

router = APIRouter(tags=["export"])

Shared = Annotated[Running, Depends(running)]

FOLDER = "exports"
"""Where files are written, in the data folder; each is gone once it is sent."""

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {one.media_type: _BINARY for one in FORMATS.values()}
        | {GEOJSON: {"schema": FEATURES}},
    },
    **dict.fromkeys((404, 409, 422, 429), PROBLEM),
}


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
async def post_search_export(request: Request, shared: Shared, wanted: OfFile) -> Response:
    """Find chips as `POST /v1/search` does, and write the hits into a file."""
    choices = wanted.choices()
    asked, image = await read_body(request, SearchAsked, shared=shared)
    return await _found(request, asked, image, shared=shared, choices=choices)


@router.get(
    "/v1/search/export",
    summary="Find chips by words, as a file",
    response_class=Response,
    responses=_RESPONSES,
)
async def get_search_export(request: Request, shared: Shared, wanted: OfHits) -> Response:
    """Find the chips nearest to words, as a file: an address that can be handed on."""
    choices = wanted.choices()
    return await _found(request, wanted.asked(), None, shared=shared, choices=choices)


@router.get(
    "/v1/collections/{name}/export",
    summary="Export a collection's chips",
    response_class=Response,
    responses=_RESPONSES,
)
async def export_collection(
    request: Request, name: str, shared: Shared, wanted: OfChips
) -> Response:
    """Write all chips of one generation of a collection, or those that pass a filter."""
    who, asking = reading(request), caller(request)
    choices, where = wanted.choices(), wanted.filter()

    def work() -> Written:
        collection = shared.reader(name, who)
        write = partial(write_chips, collection, where=where, choices=choices)
        kind = format_named(wanted.format)
        return written(write, name, kind, folder=_folder(shared))

    one = await shared.in_exporter(work)
    asking.pairs.update(collection=name, format=wanted.format, chips=one.count)
    return download(one)


async def _found(
    request: Request,
    asked: SearchAsked,
    image: bytes | None,
    *,
    shared: Running,
    choices: Choices,
) -> Response:
    asking, kind = caller(request), format_named(choices.format or "")

    def write(one: Found) -> Written:
        hits = [(one.place_of(hit), hit) for hit in one.answer.hits]
        names = [source.collection for source in one.sources]  # whoever asks sees them
        groups = found_in(hits, names, parts=shared.assembly, vectors=choices.vectors)
        into = partial(write_hits, groups, choices=choices, facts=_facts(asked, one))
        stem = f"{one.collection}-hits" if len(one.sources) == 1 else "hits"
        return written(into, stem, kind, folder=_folder(shared))

    one = await find(asked, image, shared=shared, caller=asking, write=write)
    asking.pairs.update(format=kind.name)
    return download(one)


def _folder(shared: Running) -> Path:
    return shared.assembly.settings.data_dir / FOLDER


def _facts(asked: SearchAsked, one: Found) -> dict[str, str]:
    """Say what was asked, in the words of the request, and how it was answered."""
    given = asked.model_dump(
        mode="json", exclude_unset=True, exclude={"image", "image_ref", "explain"}
    )
    given.pop("collection", None)
    if asked.image is not None or asked.image_ref is not None:
        given["image"] = "an example image"
    answer = one.answer
    given |= {
        "concept": one.concept,
        "translated": answer.translated,
        "plan": answer.plan,
        "generation": str(answer.generation),
        "note": " ".join(one.warnings),
    }
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in given.items()
        if value not in (None, [], {}, "")
    }
