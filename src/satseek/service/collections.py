"""``/v1/collections``: what has been indexed, what was refused, and how a collection goes.

Knows the index's own account of itself. Whoever asks sees the collections that are theirs to see.
"""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import CollectionNotFound, ServerUnreachable
from satseek.service.calling import caller
from satseek.service.chips import reading
from satseek.service.describing import PROBLEM
from satseek.service.messages import (
    CollectionDetails,
    CollectionsAnswer,
    CollectionShown,
    ModelShown,
    RefusalsAnswer,
    RefusalShown,
)
from satseek.service.paging import (
    MAX_LIMIT,
    Cursor,
    Limit,
    Listing,
    link_header,
    next_path,
    page_of,
)
from satseek.service.recording import record
from satseek.service.repeating import REPEATED, Repeatable
from satseek.service.running import Running, running
from satseek.service.withholding import without_folders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.index.spec import CollectionSpec, CollectionStats

router = APIRouter(tags=["collections"], route_class=Repeatable)

Shared = Annotated[Running, Depends(running)]

NOT_FOUND: dict[int | str, dict[str, Any]] = {404: PROBLEM}


@router.get("/v1/collections", summary="List collections")
async def list_collections(
    request: Request,
    response: Response,
    shared: Shared,
    cursor: Cursor = None,
    limit: Limit = MAX_LIMIT,
) -> CollectionsAnswer:
    """List the collections that you may see, by name, with what each amounts to."""
    who = reading(request)

    def listed() -> tuple[list[CollectionShown], str | None]:
        names = shared.collections(who)
        listing = Listing(name="collections", where={})
        page = page_of(names, listing, key=str, cursor=cursor, limit=limit)
        return accounts(page.items, shared), page.cursor

    shown, following = await shared.in_thread(listed)
    path = next_path(request, following)
    response.headers.update(link_header(path))
    return CollectionsAnswer(collections=shown, next=path)


@router.get("/v1/collections/{name}", summary="Show a collection", responses=NOT_FOUND)
async def show_collection(request: Request, name: str, shared: Shared) -> CollectionDetails:
    """Show what a collection amounts to and how its chips were made."""
    who = reading(request)

    def shown() -> CollectionDetails:
        collection = shared.reader(name, who)
        spec = collection.spec
        stats = collection.stats()
        return CollectionDetails(
            **_shown(name, spec, stats, shared),
            bytes=stats.bytes,
            dim=spec.dim,
            min_valid=spec.min_valid,
            recipe=asdict(spec.recipe),
            grid=asdict(spec.grid),
        )

    return await shared.in_thread(shown)


@router.delete(
    "/v1/collections/{name}",
    summary="Remove a collection",
    status_code=HTTPStatus.NO_CONTENT,
    responses={404: PROBLEM, 409: PROBLEM},
    openapi_extra=REPEATED,
)
async def remove_collection(request: Request, name: str, shared: Shared) -> Response:
    """Remove a collection with its chips and vectors; the scenes' files stay where they are."""
    asking = caller(request)
    asking.principal.require("collections")
    async with record("collection.remove", name, shared=shared, caller=asking):
        await shared.in_thread(lambda: shared.reader(name, asking.principal))
        await shared.in_thread(lambda: shared.assembly.remove(name))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/v1/collections/{name}/refusals", summary="List refused files", responses=NOT_FOUND)
async def list_refusals(
    request: Request,
    response: Response,
    name: str,
    shared: Shared,
    *,
    cursor: Cursor = None,
    limit: Limit = MAX_LIMIT,
) -> RefusalsAnswer:
    """List the files that could not be used, by path, and why."""
    who = reading(request)
    found = await shared.in_thread(lambda: shared.reader(name, who).refusals())
    listing = Listing(name=f"refusals of {name}", where={})
    page = page_of(found, listing, key=lambda one: one.path, cursor=cursor, limit=limit)
    path = next_path(request, page.cursor)
    response.headers.update(link_header(path))
    shown = [
        RefusalShown(path=one.path, reason=without_folders(one.reason), kind=one.kind)
        for one in page.items
    ]
    return RefusalsAnswer(refusals=shown, next=path)


def accounts(names: Sequence[str], shared: Running) -> list[CollectionShown]:
    """Tell what collections amount to.

    One that is removed meanwhile, or whose Milvus does not answer, is left out.
    """
    shown = []
    for name in names:
        try:
            collection = shared.assembly.reader(name)
            account = _shown(name, collection.spec, collection.stats(), shared)
        except (CollectionNotFound, ServerUnreachable):
            continue
        shown.append(CollectionShown(**account))
    return shown


def _shown(
    name: str, spec: CollectionSpec, stats: CollectionStats, shared: Running
) -> dict[str, Any]:
    start, end = stats.dates or (None, None)
    return {
        "name": name,
        "model": ModelShown(name=spec.model_name, version=spec.model_version),
        "searchable": shared.assembly.can_search(spec),
        "chips": stats.chips,
        "scenes": stats.scenes,
        "refusals": stats.refusals,
        "generation": stats.generation,
        "extent": stats.extent,
        "start": start.isoformat() if start else None,
        "end": end.isoformat() if end else None,
    }
