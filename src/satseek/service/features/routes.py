"""``/ogc``: OGC API Features, parts 1, 2 and 3, over every collection that somebody sees.

Knows HTTP; what features are and how they are found is told elsewhere. Unknown parameters are
refused, as part 1 asks (17-069r4, 7.5).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from satseek.service.calling import caller
from satseek.service.features.addressing import (
    GEOJSON,
    JSON,
    OPENAPI,
    SCHEMA,
    address,
    as_asked,
    base_url,
    link,
    link_headers,
    with_cursor,
)
from satseek.service.features.answering import route, written
from satseek.service.features.asking import (
    condition_in,
    limit_in,
    number_in,
    parameters,
    span_in,
)
from satseek.service.features.boxes import split_numbers
from satseek.service.features.collections import KINDS, all_shown, shown
from satseek.service.features.geojson import ROOM, features, single
from satseek.service.features.landing import ITEMS, conformance, described, landing
from satseek.service.features.moments import written as moment_text
from satseek.service.features.naming import find, told
from satseek.service.features.projecting import ALWAYS, asked_crs, box_in, offered
from satseek.service.features.queryables import queryables
from satseek.service.features.searching import MAX_HITS, Search
from satseek.service.features.shelves import Wanted, entry_of
from satseek.service.features.walking import Page, Walk
from satseek.service.listing import page_of_document
from satseek.service.running import Running
from satseek.types import Filter

if TYPE_CHECKING:
    from starlette.requests import Request

    from satseek.service.features.naming import Told

USUAL_HITS = 100
"""Hits of a search that does not say how many."""

MIXED = ("q", "concept", "least", "k")
"""Parameters of features that clients repeat wherever they go: passed over elsewhere."""


async def show_landing(request: Request, shared: Running) -> Response:
    """Show the landing page."""
    parameters(request, MIXED)
    return written(landing(_base(request, shared)), JSON)


async def show_conformance(request: Request, _shared: Running) -> Response:
    """Show what the door conforms to."""
    parameters(request, MIXED)
    return written({"conformsTo": conformance()}, JSON)


async def show_document(request: Request, shared: Running) -> Response:
    """Show the OpenAPI document."""
    parameters(request, MIXED)
    return written(described(_base(request, shared)), OPENAPI)


async def show_page(request: Request, shared: Running) -> Response:
    """Show the OpenAPI document to people."""
    return HTMLResponse(page_of_document(described(_base(request, shared)), source="api"))


async def list_collections(request: Request, shared: Running) -> Response:
    """List the collections that somebody sees."""
    parameters(request, MIXED)
    base, who = _base(request, shared), caller(request).principal

    def listed() -> Response:
        every = told(shared.collections(who), KINDS)
        content = {
            "links": [link("self", address(base, ROOM, "collections"), JSON)],
            "crs": list(ALWAYS),
            "collections": all_shown(every, base=base, shared=shared, who=who),
        }
        return written(content, JSON)

    return await shared.in_thread(listed)


async def show_collection(request: Request, shared: Running) -> Response:
    """Show one collection."""
    parameters(request, MIXED)
    base, who = _base(request, shared), caller(request).principal

    def found() -> Response:
        one = _told(request, shared)
        return written(shown(one, base=base, shared=shared, who=who), JSON)

    return await shared.in_thread(found)


async def show_queryables(request: Request, shared: Running) -> Response:
    """Show what conditions on a collection may name."""
    parameters(request, MIXED)
    base, who = _base(request, shared), caller(request).principal

    def found() -> Response:
        one = _told(request, shared)
        own = address(base, ROOM, "collections", one.id, "queryables")
        content = queryables([one], address=own, title=one.title, shared=shared, who=who)
        return written(content, SCHEMA)

    return await shared.in_thread(found)


async def list_items(request: Request, shared: Running) -> Response:
    """List features page by page."""
    asked = parameters(request, ITEMS)
    cursor = asked.pop("cursor", None)
    one = await shared.in_thread(lambda: _told(request, shared))
    limit = limit_in(asked.get("limit"))
    wanted, crs = await shared.in_thread(lambda: _wanted(asked, one, request, shared))
    if one.kind == "search":
        page = await _search(asked, one, wanted, limit=limit).page(
            cursor, shared=shared, caller=caller(request)
        )
    else:
        walk = Walk(told=[one], wanted=wanted, limit=limit, asked=asked)
        who = caller(request).principal
        page = await shared.in_thread(lambda: walk.page(cursor, shared=shared, who=who))
    return await shared.in_thread(lambda: _items(page, one, crs, request, shared))


async def show_item(request: Request, shared: Running) -> Response:
    """Show one feature."""
    asked = parameters(request, ("crs", *MIXED))
    base, who = _base(request, shared), caller(request).principal

    def found() -> Response:
        one = _told(request, shared)
        collection = shared.reader(one.name, who)
        crs = asked_crs(asked.get("crs"), offered(collection.spec.grid.crs), name="crs")
        entry = entry_of(collection, one, request.path_params["feature"])
        headers = {"content-crs": f"<{crs}>"}
        return written(single(entry, base=base, crs=crs), GEOJSON, headers=headers)

    return await shared.in_thread(found)


def _base(request: Request, shared: Running) -> str:
    return base_url(request, shared.assembly.settings)


def _told(request: Request, shared: Running) -> Told:
    who = caller(request).principal
    return find(request.path_params["collection"], KINDS, shared=shared, who=who)


def _wanted(
    asked: dict[str, str], one: Told, request: Request, shared: Running
) -> tuple[Wanted, str]:
    """Read what is asked for, and the system of the answer."""
    collection = shared.reader(one.name, caller(request).principal)
    systems = offered(collection.spec.grid.crs)
    crs = asked_crs(asked.get("crs"), systems, name="crs")
    box_crs = asked_crs(asked.get("bbox-crs"), systems, name="bbox-crs")
    box = asked.get("bbox")
    start, end = span_in(asked.get("datetime"))
    area = None if box is None else box_in(split_numbers(box), box_crs)
    condition = condition_in(asked, usual="cql2-text")
    where = Filter(area=area, start=start, end=end)
    return Wanted(where=where, condition=condition), crs


def _search(asked: dict[str, str], one: Told, wanted: Wanted, *, limit: int) -> Search:
    """Read what is looked for; where nothing is, nothing is searched."""
    words, concept = asked.get("q", "").strip() or None, asked.get("concept")
    return Search(
        words=words,
        concept=concept,
        least=None if "least" not in asked else number_in(asked["least"], name="least"),
        told=[one] if words or concept else [],
        wanted=wanted,
        limit=limit,
        hits=limit_in(asked.get("k"), most=MAX_HITS, usual=USUAL_HITS),
        asked=asked,
    )


def _items(page: Page, one: Told, crs: str, request: Request, shared: Running) -> Response:
    base = _base(request, shared)
    above = address(base, ROOM, "collections", one.id)
    links = [
        link("self", as_asked(request, f"{above}/items"), GEOJSON),
        link("collection", above, JSON),
    ]
    if page.cursor is not None:
        links.append(link("next", with_cursor(request, f"{above}/items", page.cursor), GEOJSON))
    shown_features = features(page.entries, base=base, crs=crs)
    content: dict[str, Any] = {
        "type": "FeatureCollection",
        "timeStamp": moment_text(datetime.now(UTC).replace(microsecond=0)),
        "numberReturned": len(shown_features),
        "features": shown_features,
        "links": links,
    }
    if page.matched is not None:
        content["numberMatched"] = page.matched
    headers = {"content-crs": f"<{crs}>", **link_headers(links)}
    return written(content, GEOJSON, headers=headers)


_INSIDE = "/ogc/collections/{collection}"

router = APIRouter(
    routes=[
        route("/ogc", show_landing),
        route("/ogc/", show_landing),
        route("/ogc/api", show_document),
        route("/ogc/api.html", show_page),
        route("/ogc/conformance", show_conformance),
        route("/ogc/collections", list_collections),
        route(_INSIDE, show_collection),
        route(f"{_INSIDE}/queryables", show_queryables),
        route(f"{_INSIDE}/items", list_items),
        route(f"{_INSIDE}/items/{{feature:path}}", show_item),
    ]
)
