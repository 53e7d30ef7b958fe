"""``…/tilejson.json`` and ``…/wmts``: where the maps of a collection are, for web maps and GIS.

Knows addresses, nothing of pixels.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import InvalidRequest
from satseek.search.mapping_colours import class_legend, heat_legend
from satseek.service.calling import caller
from satseek.service.chips import reading
from satseek.service.describing import PROBLEM
from satseek.service.negotiating import JSON
from satseek.service.running import Running, running
from satseek.service.tiling import BELOW
from satseek.service.tiling_asking import ClassesAsked, HeatAsked, OfClasses, OfHeat, OfScenes
from satseek.service.tiling_documents import MapShown, capabilities, tilejson
from satseek.service.tiling_making import made, wanted
from satseek.service.tiling_pictures import JPEG, PNG, WEBP

if TYPE_CHECKING:
    from satseek.assemble import Matched
    from satseek.index.pinned import Pinned
    from satseek.search.mapping_colours import Entry

router = APIRouter(tags=["maps"])

Shared = Annotated[Running, Depends(running)]

XML = "application/xml"

_DOCUMENT: dict[int | str, dict[str, Any]] = {404: PROBLEM, 409: PROBLEM}
_CAPABILITIES: dict[int | str, dict[str, Any]] = {
    200: {"content": {XML: {"schema": {"type": "string"}}}},
    **_DOCUMENT,
}

_ASKED = {
    "scenes": ("scene", "start", "end"),
    "heat": ("text", "concept", "liked", "disliked", "start", "end"),
    "classes": ("label", "template", "distractor", "start", "end"),
}
"""Parameters of each map that its tiles take over from what describes it."""

_TITLES = {"scenes": "scenes of {}", "heat": "heat map of {}", "classes": "class map of {}"}


@router.get(
    BELOW + "/scenes/tilejson.json", summary="Describe tiles of scenes", responses=_DOCUMENT
)
@router.get(BELOW + "/scenes/tiles/tilejson.json", include_in_schema=False)
async def describe_scenes(request: Request, name: str, shared: Shared, asked: OfScenes) -> Response:
    """Tell web maps and GIS where the tiles of scenes are and how far they go (TileJSON 3.0)."""
    who = reading(request)

    def described() -> bytes:
        collection = shared.reader(name, who)
        with collection.pinned() as index:
            extent = shared.tiling.extent(collection, index, scene=asked.scene)
            shown = _shown(request, shared, name, kind="scenes", index=index)
            return json.dumps(tilejson(shown, extent, generation=index.generation)).encode()

    return Response(await shared.in_thread(described), media_type=JSON)


@router.get(
    BELOW + "/heat/tilejson.json", summary="Describe tiles of a heat map", responses=_DOCUMENT
)
async def describe_heat(request: Request, name: str, shared: Shared, asked: OfHeat) -> Response:
    """Tell web maps and GIS where the tiles of a heat map are, and what its colours stand for."""
    caller(request).principal.require("search")
    return await _describe_cells(request, name, asked, shared=shared)


@router.get(
    BELOW + "/classes/tilejson.json", summary="Describe tiles of a class map", responses=_DOCUMENT
)
async def describe_classes(
    request: Request, name: str, shared: Shared, asked: OfClasses
) -> Response:
    """Tell web maps and GIS where the tiles of a class map are, and what its colours stand for."""
    caller(request).principal.require("classify")
    return await _describe_cells(request, name, asked, shared=shared)


@router.get(
    BELOW + "/wmts/1.0.0/WMTSCapabilities.xml",
    summary="Describe maps for WMTS",
    response_class=Response,
    responses=_CAPABILITIES,
)
@router.get(BELOW + "/wmts", include_in_schema=False)
async def describe_wmts(request: Request, name: str, shared: Shared) -> Response:
    """Tell a GIS of all maps (WMTS 1.0.0): scenes; by `text` a heat map too, by `label` classes."""
    who = reading(request)
    asked = {key.lower(): value for key, value in request.query_params.items()}
    if asked.get("request", "GetCapabilities").lower() != "getcapabilities":
        raise InvalidRequest("expected GetCapabilities: tiles have the addresses given there")
    kinds = ["scenes"]
    kinds += ["heat"] if any(asked.get(key) for key in ("text", "concept", "liked")) else []
    kinds += ["classes"] if asked.get("label") else []

    def described() -> bytes:
        collection = shared.reader(name, who)
        with collection.pinned() as index:
            extent = shared.tiling.extent(collection, index)
            maps = [_shown(request, shared, name, kind=kind, index=index) for kind in kinds]
            address = _root(request, shared) + request.url.path
            return capabilities(maps, extent, title=f"satseek: {name}", address=address)

    return Response(await shared.in_thread(described), media_type=XML)


async def _describe_cells(
    request: Request, name: str, asked: HeatAsked | ClassesAsked, *, shared: Running
) -> Response:
    """Describe a map; it is made at once, so that what cannot be is told here."""
    who = caller(request).principal

    def described(matched: Matched) -> bytes:
        want = wanted(asked, matched, shared=shared, who=who)
        with matched.pinned() as index:
            cells = made(want, matched, index, shared=shared)
            extent = shared.tiling.extent(matched.collection, index)
            kind = "classes" if isinstance(asked, ClassesAsked) else "heat"
            legend = class_legend(cells.names) if cells.names else heat_legend()
            shown = _shown(request, shared, name, kind=kind, index=index, legend=tuple(legend))
            return json.dumps(tilejson(shown, extent, generation=index.generation)).encode()

    async def work(_name: str, matched: Matched) -> bytes:
        async with shared.tiling.maps.turn():
            return await shared.in_thread(lambda: described(matched))

    content = await shared.with_collection(name, work, who=who)
    return Response(content, media_type=JSON)


def _shown(
    request: Request,
    shared: Running,
    name: str,
    *,
    kind: str,
    index: Pinned,
    legend: tuple[Entry, ...] = (),
) -> MapShown:
    asked = request.query_params.multi_items()
    pairs = [(key, value) for key, value in asked if key in _ASKED[kind]]
    query = urlencode([*pairs, ("generation", index.generation)], quote_via=quote)
    path = f"{_root(request, shared)}/v1/collections/{quote(name, safe='')}/{kind}"
    if kind == "scenes":
        path += "/tiles"
    places = "/{z}/{x}/{y}"
    of = ", ".join(value for key, value in pairs if key in {"scene", "text", "concept", "label"})
    return MapShown(
        id=kind,
        title=_TITLES[kind].format(name) + (f": {of}" if of else ""),
        addresses=tuple(
            (how.media_type, f"{path}{places}.{how.suffix}?{query}") for how in (PNG, WEBP, JPEG)
        ),
        legend=legend,
    )


def _root(request: Request, shared: Running) -> str:
    """Address of this server as its clients see it."""
    public = shared.assembly.settings.public_url
    return (public or str(request.base_url)).rstrip("/")
