"""``/stac``: a STAC API over every collection that somebody sees.

Knows HTTP; what Items are and how they are found is told elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from satseek.errors import InvalidFilter
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
from satseek.service.features.asking import parameters
from satseek.service.features.naming import find, told
from satseek.service.features.queryables import check_names, queryables
from satseek.service.features.searching import Search
from satseek.service.features.shelves import entry_of
from satseek.service.features.walking import Page, Walk
from satseek.service.listing import page_of_document
from satseek.service.running import Running
from satseek.service.stac.asking import Asked, from_address, from_body
from satseek.service.stac.collections import KINDS, all_shown, shown
from satseek.service.stac.items import ROOM, item
from satseek.service.stac.landing import conformance, described, landing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from satseek.service.features.naming import Told


async def show_landing(request: Request, shared: Running) -> Response:
    """Show the landing page."""
    parameters(request, ())
    every = await shared.in_thread(lambda: _every(request, shared))
    return written(landing(_base(request, shared), every), JSON)


async def show_conformance(request: Request, _shared: Running) -> Response:
    """Show what the door conforms to."""
    parameters(request, ())
    return written({"conformsTo": conformance()}, JSON)


async def show_document(request: Request, shared: Running) -> Response:
    """Show the OpenAPI document."""
    parameters(request, ())
    return written(described(_base(request, shared)), OPENAPI)


async def show_page(request: Request, shared: Running) -> Response:
    """Show the OpenAPI document to people."""
    return HTMLResponse(page_of_document(described(_base(request, shared)), source="api"))


async def list_collections(request: Request, shared: Running) -> Response:
    """List the collections that somebody sees."""
    parameters(request, ())
    base, who = _base(request, shared), caller(request).principal

    def listed() -> Response:
        every = _every(request, shared)
        content = {
            "links": [
                link("self", address(base, ROOM, "collections"), JSON),
                link("root", address(base, ROOM), JSON),
            ],
            "collections": all_shown(every, base=base, shared=shared, who=who),
        }
        return written(content, JSON)

    return await shared.in_thread(listed)


async def show_collection(request: Request, shared: Running) -> Response:
    """Show one collection."""
    parameters(request, ())
    base, who = _base(request, shared), caller(request).principal

    def found() -> Response:
        one = _told(request, shared)
        return written(shown(one, base=base, shared=shared, who=who), JSON)

    return await shared.in_thread(found)


async def show_queryables(request: Request, shared: Running) -> Response:
    """Show what conditions may name, on one collection or on all."""
    parameters(request, ())
    base, who = _base(request, shared), caller(request).principal

    def found() -> Response:
        own = address(base, ROOM, "queryables")
        every, title = _every(request, shared), "Every collection"
        if "collection" in request.path_params:
            one = _told(request, shared)
            own = address(base, ROOM, "collections", one.id, "queryables")
            every, title = [one], one.title
        content = queryables(every, address=own, title=title, shared=shared, who=who)
        return written(content, SCHEMA)

    return await shared.in_thread(found)


async def list_items(request: Request, shared: Running) -> Response:
    """List the Items of one collection page by page."""

    def read() -> tuple[Asked, Told]:
        return from_address(request), _told(request, shared)

    asked, one = await shared.in_thread(read)
    base = _base(request, shared)
    above = address(base, ROOM, "collections", one.id)
    elsewhere = asked.collections is not None and one.id not in asked.collections
    page = await _page(asked, [] if elsewhere else [one], request, shared)
    links = [link("self", as_asked(request, f"{above}/items"), GEOJSON)]
    links += [link("collection", above, JSON), link("parent", above, JSON)]
    if page.cursor is not None:
        links.append(link("next", with_cursor(request, f"{above}/items", page.cursor), GEOJSON))
    return await shared.in_thread(lambda: _items(page, asked, links, base))


async def show_item(request: Request, shared: Running) -> Response:
    """Show one Item."""
    parameters(request, ())
    base, who = _base(request, shared), caller(request).principal

    def found() -> Response:
        one = _told(request, shared)
        entry = entry_of(shared.reader(one.name, who), one, request.path_params["item"])
        return written(item(entry, base=base), GEOJSON)

    return await shared.in_thread(found)


async def get_search(request: Request, shared: Running) -> Response:
    """Search Items by an address."""
    asked = await shared.in_thread(lambda: from_address(request))
    page = await _searched(asked, request, shared)
    base = _base(request, shared)
    own = address(base, ROOM, "search")
    links = [link("self", as_asked(request, own), GEOJSON)]
    if page.cursor is not None:
        links.append(link("next", with_cursor(request, own, page.cursor), GEOJSON, method="GET"))
    return await shared.in_thread(lambda: _items(page, asked, links, base))


async def post_search(request: Request, shared: Running) -> Response:
    """Search Items by a body."""
    asked, body = await from_body(request)
    page = await _searched(asked, request, shared)
    base = _base(request, shared)
    own = address(base, ROOM, "search")
    links = [link("self", own, GEOJSON)]
    if page.cursor is not None:
        again = {**body, "cursor": page.cursor}
        links.append(link("next", own, GEOJSON, method="POST", body=again, merge=False))
    return await shared.in_thread(lambda: _items(page, asked, links, base))


async def _searched(asked: Asked, request: Request, shared: Running) -> Page:
    every = await shared.in_thread(lambda: _every(request, shared))
    if asked.collections is not None:
        every = [one for one in every if one.id in asked.collections]
    return await _page(asked, every, request, shared)


async def _page(asked: Asked, every: Sequence[Told], request: Request, shared: Running) -> Page:
    if asked.words is None:
        walk = Walk(
            told=every,
            wanted=asked.wanted,
            limit=asked.limit,
            order=asked.order,
            asked=asked.plain,
        )
        who = caller(request).principal
        names = [name for name, _ in asked.order]

        def walked() -> Page:
            check_names(names, every, shared=shared, who=who)
            return walk.page(asked.cursor, shared=shared, who=who)

        return await shared.in_thread(walked)
    chips = [one for one in every if one.kind == "chips"]
    if every and not chips:
        raise InvalidFilter(f"q: words find chips: ask {every[0].name}.chips")
    search = Search(
        words=asked.words,
        told=chips,
        wanted=asked.wanted,
        limit=asked.limit,
        asked=asked.plain,
    )
    return await search.page(asked.cursor, shared=shared, caller=caller(request))


def _items(page: Page, asked: Asked, links: list[dict[str, Any]], base: str) -> Response:
    items = [asked.fields.of(item(one, base=base)) for one in page.entries]
    content: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": items,
        "numberReturned": len(items),
        "links": [*links, link("root", address(base, ROOM), JSON)],
    }
    if page.matched is not None:
        content["numberMatched"] = page.matched
    return written(content, GEOJSON, headers=link_headers(links))


def _base(request: Request, shared: Running) -> str:
    return base_url(request, shared.assembly.settings)


def _every(request: Request, shared: Running) -> list[Told]:
    return told(shared.collections(caller(request).principal), KINDS)


def _told(request: Request, shared: Running) -> Told:
    who = caller(request).principal
    return find(request.path_params["collection"], KINDS, shared=shared, who=who)


_INSIDE = "/stac/collections/{collection}"

router = APIRouter(
    routes=[
        route("/stac", show_landing),
        route("/stac/", show_landing),
        route("/stac/api", show_document),
        route("/stac/api.html", show_page),
        route("/stac/conformance", show_conformance),
        route("/stac/queryables", show_queryables),
        route("/stac/search", get_search),
        route("/stac/search", post_search, method="POST"),
        route("/stac/collections", list_collections),
        route(_INSIDE, show_collection),
        route(f"{_INSIDE}/queryables", show_queryables),
        route(f"{_INSIDE}/items", list_items),
        route(f"{_INSIDE}/items/{{item:path}}", show_item),
    ]
)
