"""``/v1/collections``: what has been indexed, its refusals, chips and thumbnails.

Knows the index's own account of itself; changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import FolderNotFound, UnreadableImage
from satseek.search.geojson import chip_feature
from satseek.search.thumbnails import thumbnail
from satseek.service.describing import PROBLEM
from satseek.service.messages import (
    CollectionDetails,
    CollectionsAnswer,
    CollectionShown,
    ModelShown,
    RefusalsAnswer,
    RefusalShown,
)
from satseek.service.negotiating import GEOJSON
from satseek.service.running import Running, running
from satseek.service.withholding import told, without_folders

if TYPE_CHECKING:
    from satseek.assemble import Assembly
    from satseek.index.collection import Collection
    from satseek.types import Chip

router = APIRouter(tags=["collections"])

Shared = Annotated[Running, Depends(running)]

NOT_FOUND: dict[int | str, dict[str, Any]] = {404: PROBLEM}

THUMBNAIL_SECONDS = 3600
"""Browsers keep a thumbnail this long, then ask whether its scene has changed."""

MIN_SIZE, MAX_SIZE, DEFAULT_SIZE = 16, 1024, 256
"""Edge of a thumbnail in pixels."""


@router.get("/v1/collections", summary="List collections")
async def list_collections(shared: Shared) -> CollectionsAnswer:
    """List every collection with what it amounts to."""
    return await shared.in_thread(lambda: _listed(shared.assembly))


@router.get("/v1/collections/{name}", summary="Show a collection", responses=NOT_FOUND)
async def show_collection(name: str, shared: Shared) -> CollectionDetails:
    """Show what a collection amounts to and how its chips were made."""
    return await shared.in_thread(lambda: _details(name, shared.assembly))


@router.get("/v1/collections/{name}/refusals", summary="List refused files", responses=NOT_FOUND)
async def list_refusals(name: str, shared: Shared) -> RefusalsAnswer:
    """List the files that could not be used, and why."""
    refusals = await shared.in_thread(lambda: shared.assembly.reader(name).refusals())
    return RefusalsAnswer(
        refusals=[
            RefusalShown(path=one.path, reason=without_folders(one.reason), kind=one.kind)
            for one in refusals
        ]
    )


@router.get(
    "/v1/collections/{name}/thumbnail",
    summary="Show a chip as JPEG",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, 404: PROBLEM, 410: PROBLEM},
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
    tag = await shared.in_thread(lambda: _tag(shared.assembly.reader(name), chip, size))
    headers = {"etag": tag, "cache-control": f"private, max-age={THUMBNAIL_SECONDS}"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    content = await shared.in_decoder(lambda: _thumbnail(name, chip, size, shared.assembly))
    return Response(content, media_type="image/jpeg", headers=headers)


@router.get(
    "/v1/collections/{name}/chips/{chip_id:path}",
    summary="Show a chip as GeoJSON",
    response_class=Response,
    responses={200: {"content": {GEOJSON: {}}}, 404: PROBLEM},
)
async def show_chip(name: str, chip_id: str, shared: Shared) -> Response:
    """Show a chip's footprint, date and scene as a GeoJSON Feature."""
    chip = await shared.in_thread(lambda: _chip(shared.assembly.reader(name), chip_id))
    return Response(json.dumps(chip_feature(chip)), media_type=GEOJSON)


def _chip(collection: Collection, chip_id: str) -> Chip:
    (chip,) = collection.chips([collection.row_of(chip_id)])
    return chip


def _listed(assembly: Assembly) -> CollectionsAnswer:
    shown = [_shown(name, assembly) for name in assembly.collections()]
    return CollectionsAnswer(collections=[CollectionShown(**fields) for fields in shown])


def _details(name: str, assembly: Assembly) -> CollectionDetails:
    collection = assembly.reader(name)
    spec = collection.spec
    return CollectionDetails(
        **_shown(name, assembly),
        bytes=collection.stats().bytes,
        dim=spec.dim,
        min_valid=spec.min_valid,
        recipe=asdict(spec.recipe),
        grid=asdict(spec.grid),
    )


def _shown(name: str, assembly: Assembly) -> dict[str, Any]:
    collection = assembly.reader(name)
    spec, stats = collection.spec, collection.stats()
    start, end = stats.dates or (None, None)
    return {
        "name": name,
        "model": ModelShown(name=spec.model_name, version=spec.model_version),
        "searchable": assembly.can_search(spec),
        "chips": stats.chips,
        "scenes": stats.scenes,
        "refusals": stats.refusals,
        "generation": stats.generation,
        "extent": stats.extent,
        "start": start.isoformat() if start else None,
        "end": end.isoformat() if end else None,
    }


def _tag(collection: Collection, chip_id: str, size: int) -> str:
    """Entity tag of a thumbnail: another one once its scene has changed."""
    digest = collection.scene(_chip(collection, chip_id).scene_id).digest
    return f'"{hashlib.sha256(f"{digest} {chip_id} {size}".encode()).hexdigest()[:32]}"'


def _thumbnail(name: str, chip_id: str, size: int, assembly: Assembly) -> bytes:
    try:
        return thumbnail(chip_id, collection=assembly.reader(name), size=size)
    except (FolderNotFound, UnreadableImage) as error:
        raise HTTPException(
            HTTPStatus.GONE, f"its scene can no longer be read: {told(error)}"
        ) from error
