"""``/v1/collections/{name}/scenes/tiles``, ``…/heat`` and ``…/classes``: maps as tiles.

Knows addresses and headers, nothing of pixels. Tiles are those of Web Mercator, in which every web
map and every GIS asks for them; `tiling_describing` tells where they are.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from satseek.errors import FolderNotFound, UnreadableImage
from satseek.service.calling import caller
from satseek.service.chips import reading
from satseek.service.describing import PROBLEM
from satseek.service.running import Running, running
from satseek.service.tiling_asking import (
    ClassesAsked,
    Generation,
    HeatAsked,
    OfClasses,
    OfHeat,
    OfScenes,
    OfTile,
)
from satseek.service.tiling_drawing import Painted, tag_of
from satseek.service.tiling_making import made, wanted
from satseek.service.withholding import told

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.assemble import Matched
    from satseek.service.tiling_drawing import Shape

router = APIRouter(tags=["maps"])

Shared = Annotated[Running, Depends(running)]

SHORT_SECONDS, LONG_SECONDS = 60, 86_400
"""How long clients keep a tile before they ask whether it has changed: the longer where the address
names the generation, as another one has another address."""

BELOW = "/v1/collections/{name}"

_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_TILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": _PICTURE}},
    304: {"description": "The tile has not changed since it was fetched."},
    404: PROBLEM,
    409: PROBLEM,
    410: PROBLEM,
}


def _tiles(path: str, **more: Any) -> Callable[[Any], Any]:
    """Serve tiles as PNG, and by the same function in every other format and by the header."""

    def add(function: Any) -> Any:
        router.get(f"{path}.png", response_class=Response, responses=_TILE, **more)(function)
        for suffix in (".webp", ".jpg", ".jpeg", ""):  # the last one would match all others, too
            router.get(f"{path}{suffix}", include_in_schema=False)(function)
        return function

    return add


@_tiles(BELOW + "/scenes/tiles/{z}/{x}/{y}", summary="Show scenes as a tile")
async def show_scenes(
    request: Request,
    name: str,
    tile: OfTile,
    asked: OfScenes,
    shared: Shared,
    *,
    generation: Generation = None,
) -> Response:
    """Show the scenes, the newest on top, stretched as their recipe says."""
    who, drawing = reading(request), shared.tiling

    def tagged() -> tuple[str, int]:
        with shared.reader(name, who).pinned() as index:
            return tag_of(index, "scenes", tile.name, asked), index.generation

    tag, now = await shared.in_thread(tagged)
    if is_known(request, tag):
        return unchanged(tag, fresh=generation == now)

    def painted() -> Painted:
        collection = shared.reader(name, who)
        with collection.pinned() as index:
            own = tag_of(index, "scenes", tile.name, asked)
            return drawing.kept(
                own,
                lambda: drawing.paint_scenes(
                    tile,
                    collection=collection,
                    index=index,
                    where=asked.where,
                    scene=asked.scene,
                ),
            )

    async with drawing.imagery.turn():
        try:
            found = await shared.in_decoder(painted)
        except (FolderNotFound, UnreadableImage) as error:
            raise HTTPException(
                HTTPStatus.GONE, f"the scene can no longer be read: {told(error)}"
            ) from error
    return picture_of(found, tag, tile, fresh=generation == now)


@_tiles(BELOW + "/heat/{z}/{x}/{y}", summary="Show a heat map as a tile")
async def show_heat(
    request: Request,
    name: str,
    tile: OfTile,
    asked: OfHeat,
    shared: Shared,
    *,
    generation: Generation = None,
) -> Response:
    """Show how well each place fits words or chips, coloured by percentile."""
    caller(request).principal.require("search")
    return await _show_cells(request, name, tile, asked, shared=shared, generation=generation)


@_tiles(BELOW + "/classes/{z}/{x}/{y}", summary="Show a class map as a tile")
async def show_classes(
    request: Request,
    name: str,
    tile: OfTile,
    asked: OfClasses,
    shared: Shared,
    *,
    generation: Generation = None,
) -> Response:
    """Show what each place is, zero-shot, by labels of your own."""
    caller(request).principal.require("classify")
    return await _show_cells(request, name, tile, asked, shared=shared, generation=generation)


async def _show_cells(
    request: Request,
    name: str,
    tile: Shape,
    asked: HeatAsked | ClassesAsked,
    *,
    shared: Running,
    generation: int | None,
) -> Response:
    drawing = shared.tiling

    who = caller(request).principal

    def looked(matched: Matched) -> tuple[str, int, Painted | None]:
        want = wanted(asked, matched, shared=shared, who=who)
        with matched.pinned() as index:
            tag = tag_of(index, want.key, tile.name)
            if is_known(request, tag):
                return tag, index.generation, None
            painted = drawing.kept(
                tag,
                lambda: drawing.paint_cells(tile, made(want, matched, index, shared=shared)),
            )
            return tag, index.generation, painted

    async def work(_name: str, matched: Matched) -> tuple[str, int, Painted | None]:
        async with drawing.maps.turn():
            return await shared.in_thread(lambda: looked(matched))

    tag, now, found = await shared.with_collection(name, work, who=who)
    fresh = generation == now
    return (
        unchanged(tag, fresh=fresh) if found is None else picture_of(found, tag, tile, fresh=fresh)
    )


def is_known(request: Request, tag: str) -> bool:
    """Tell whether a client has what a tag names."""
    return tag in request.headers.get("if-none-match", "")


def _headers(tag: str, *, fresh: bool) -> dict[str, str]:
    seconds = LONG_SECONDS if fresh else SHORT_SECONDS
    return {"etag": tag, "cache-control": f"private, max-age={seconds}", "vary": "accept"}


def unchanged(tag: str, *, fresh: bool) -> Response:
    """Answer that a client has it; fresh: for a day without asking again."""
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_headers(tag, fresh=fresh))


def picture_of(found: Painted, tag: str, tile: Shape, *, fresh: bool) -> Response:
    """Answer with a tile."""
    headers = _headers(tag, fresh=fresh) if found.whole else {"cache-control": "no-store"}
    return Response(found.content, media_type=tile.how.media_type, headers=headers)
