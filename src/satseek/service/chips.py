"""``/v1/collections/{name}/chips`` and ``…/thumbnail``: chips page by page, one by one, as JPEG.

Knows the index's own account of itself; changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import FolderNotFound, UnreadableImage
from satseek.search.filtering import read_filter
from satseek.search.geojson import chip_feature
from satseek.search.thumbnails import thumbnail
from satseek.service.bodies import validated
from satseek.service.calling import caller
from satseek.service.describing import FEATURE, FEATURES, PROBLEM
from satseek.service.messages import BoundingBox, ChipShown
from satseek.service.negotiating import GEOJSON, Format, form_of
from satseek.service.paging import DEFAULT_LIMIT, Cursor, Limit, Listing, link_header, next_path
from satseek.service.running import Running, running
from satseek.service.searching import thumbnail_path
from satseek.service.withholding import told

if TYPE_CHECKING:
    from satseek.index.collection import Collection
    from satseek.service.access.principals import Principal
    from satseek.types import Chip, Filter

router = APIRouter(tags=["collections"])

Shared = Annotated[Running, Depends(running)]

THUMBNAIL_SECONDS = 3600
"""Browsers keep a thumbnail this long, then ask whether its scene has changed."""

MIN_SIZE, MAX_SIZE, DEFAULT_SIZE = 16, 1024, 256
"""Edge of a thumbnail in pixels."""


class ChipsAnswer(BaseModel):
    """One page of chips, in the order of indexing."""

    model_config = ConfigDict(frozen=True)

    collection: str
    generation: int = Field(description="State of the collection that answered.")
    matched: int = Field(description="Chips that pass the filter, on all pages.")
    chips: list[ChipShown]
    next: str | None = Field(description="Path of the next page; null: this is the last.")


class _ChipsAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    bbox: BoundingBox | None = None
    start: str | None = None
    end: str | None = None


@router.get(
    "/v1/collections/{name}/chips",
    summary="List chips page by page",
    response_model=ChipsAnswer,
    responses={200: {"content": {GEOJSON: {"schema": FEATURES}}}, 404: PROBLEM, 409: PROBLEM},
)
async def list_chips(
    request: Request,
    name: str,
    shared: Shared,
    *,
    bbox: Annotated[
        str | None, Query(description="West,south,east,north in degrees; chips that touch it.")
    ] = None,
    start: Annotated[str | None, Query(description="Earliest date.")] = None,
    end: Annotated[str | None, Query(description="Latest date, inclusive.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
    f: Format = None,
) -> Response:
    """List a collection's chips, as JSON or GeoJSON; a change of the collection ends the walk."""
    asked = validated(_ChipsAsked, {"bbox": bbox or None, "start": start, "end": end})
    where = read_filter(bbox=asked.bbox, start=asked.start, end=asked.end)
    who, root = caller(request).principal, request.scope.get("root_path", "")
    form = form_of(request, f)

    def written() -> tuple[bytes, str | None]:
        page = _page(name, where, asked, cursor=cursor, limit=limit, shared=shared, who=who)
        path = next_path(request, page["next"])
        shown = page | {"next": path}
        return (_geojson(shown, root) if form == GEOJSON else _json(shown, root)), path

    content, path = await shared.in_thread(written)
    return Response(content, media_type=form, headers={"vary": "accept", **link_header(path)})


@router.get(
    "/v1/collections/{name}/thumbnail",
    summary="Show a chip as JPEG",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The chip has not changed since it was fetched."},
        404: PROBLEM,
        410: PROBLEM,
    },
)
async def show_thumbnail(
    request: Request,
    name: str,
    shared: Shared,
    chip: Annotated[str, Query(description="Id of the chip.")],
    size: Annotated[
        int, Query(ge=MIN_SIZE, le=MAX_SIZE, description="Longer edge in pixels.")
    ] = DEFAULT_SIZE,
) -> Response:
    """Show a chip as it was embedded, stretched like its whole scene."""
    who = reading(request)
    tag = await shared.in_thread(lambda: _tag(shared.reader(name, who), chip, size))
    headers = {"etag": tag, "cache-control": f"private, max-age={THUMBNAIL_SECONDS}"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    content = await shared.in_decoder(lambda: _thumbnail(shared.reader(name, who), chip, size))
    return Response(content, media_type="image/jpeg", headers=headers)


@router.get(
    "/v1/collections/{name}/chips/{chip_id:path}",
    summary="Show a chip as GeoJSON",
    response_class=Response,
    responses={200: {"content": {GEOJSON: {"schema": FEATURE}}}, 404: PROBLEM},
)
async def show_chip(request: Request, name: str, chip_id: str, shared: Shared) -> Response:
    """Show a chip's footprint, date and scene as a GeoJSON Feature."""
    who = reading(request)
    chip = await shared.in_thread(lambda: _chip(shared.reader(name, who), chip_id))
    return Response(json.dumps(chip_feature(chip)), media_type=GEOJSON)


def reading(request: Request) -> Principal:
    """Return who asks, if they may see collections: whoever may search them or change them.

    Raises:
        PermissionDenied: they may do neither.
    """
    who = caller(request).principal
    if "collections" not in who.scopes:
        who.require("search")
    return who


def _page(
    name: str,
    where: Filter,
    asked: _ChipsAsked,
    *,
    cursor: str | None,
    limit: int,
    shared: Running,
    who: Principal,
) -> dict[str, Any]:
    """Read one page from one generation; ``next`` is a cursor."""
    collection = shared.reader(name, who)
    with collection.pinned() as index:
        listing = Listing(
            name=f"chips of {name}", where=asked.model_dump(), generation=index.generation
        )
        after = listing.after(cursor, kind=int)
        rows, matched = index.page(
            where=where, after=-1 if after is None else after, limit=limit + 1
        )
        shown = rows[:limit]
        return {
            "collection": name,
            "generation": index.generation,
            "matched": matched,
            "chips": index.chips(shown),
            "next": listing.cursor(shown[-1]) if len(rows) > limit else None,
        }


def _json(page: dict[str, Any], root: str) -> bytes:
    name = page["collection"]
    shown = [
        ChipShown.of(chip, thumbnail=thumbnail_path(name, chip.id, root=root))
        for chip in page["chips"]
    ]
    return ChipsAnswer(**page | {"chips": shown}).model_dump_json().encode()


def _geojson(page: dict[str, Any], root: str) -> bytes:
    """Write a FeatureCollection with the counts and links of OGC API Features (17-069r4, 7.15)."""
    features = [chip_feature(chip) for chip in page["chips"]]
    for feature in features:
        path = thumbnail_path(page["collection"], feature["id"], root=root)
        feature["properties"]["thumbnail"] = path
    links = [{"rel": "next", "href": page["next"], "type": GEOJSON}] if page["next"] else []
    content = {
        "type": "FeatureCollection",
        "features": features,
        "collection": page["collection"],
        "generation": page["generation"],
        "numberMatched": page["matched"],
        "numberReturned": len(features),
        "links": links,
    }
    return json.dumps(content).encode()


def _chip(collection: Collection, chip_id: str) -> Chip:
    (chip,) = collection.chips([collection.row_of(chip_id)])
    return chip


def _tag(collection: Collection, chip_id: str, size: int) -> str:
    """Entity tag of a thumbnail: another one once its scene has changed."""
    digest = collection.scene(_chip(collection, chip_id).scene_id).digest
    return f'"{hashlib.sha256(f"{digest} {chip_id} {size}".encode()).hexdigest()[:32]}"'


def _thumbnail(collection: Collection, chip_id: str, size: int) -> bytes:
    try:
        return thumbnail(chip_id, collection=collection, size=size)
    except (FolderNotFound, UnreadableImage) as error:
        raise HTTPException(
            HTTPStatus.GONE, f"its scene can no longer be read: {told(error)}"
        ) from error
