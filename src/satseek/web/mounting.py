"""The page → its place on the application, at ``/``.

Knows what must be loaded in the browser, not what the page does there.
"""

from __future__ import annotations

import gzip
import mimetypes
from typing import TYPE_CHECKING

from nicegui import app, ui
from starlette.exceptions import HTTPException
from starlette.requests import Request  # noqa: TC002 (the framework reads the annotation)
from starlette.responses import Response

from satseek.errors import SatseekError
from satseek.service.access.guarding import shown_in
from satseek.service.calling import caller
from satseek.service.withholding import told
from satseek.web.drawing import FAVICON, FILES, STATIC_PATH, Visit, draw_body, draw_head
from satseek.web.wording import COOKIE, language_of

if TYPE_CHECKING:
    from fastapi import FastAPI

    from satseek.assemble import Assembly
    from satseek.service.running import Running

RECONNECT_SECONDS = 20
"""A browser that lost its connection finds its page again within this time."""

BUILD_SECONDS = 30
"""The page may take this long to be built while the machine is busy with searches."""

STATIC_HEADERS = {
    "cache-control": f"public, max-age={365 * 24 * 3600}, immutable",
    "vary": "Accept-Encoding",
}
"""Browsers may keep style and scripts a year; other ones have another address."""

_TOOLS = {"draw": {"polyline": False}, "edit": {"edit": False, "remove": False}}
_MAP = {"attributionControl": False, "maxZoom": 22, "minZoom": 1, "zoomSnap": 0.25}


def mount_page(application: FastAPI, assembly: Assembly) -> None:
    """Serve the page at ``/``; once in a process, as the framework wants it."""
    running: Running = application.state.running
    _add_statics()

    @ui.page("/", title="satseek", response_timeout=BUILD_SECONDS)
    async def page(request: Request) -> None:
        await _draw(request, assembly, running)

    ui.run_with(
        application,
        title="satseek",
        dark=None,
        tailwind=False,
        favicon=FAVICON,
        reconnect_timeout=RECONNECT_SECONDS,
        show_welcome_message=False,
    )


def _add_statics() -> None:
    """Hand out style and scripts from memory, compressed once: few, small, asked for at once."""
    small = {name: gzip.compress(content, mtime=0) for name, content in FILES.items()}

    @app.get(f"/{STATIC_PATH}/{{name}}", include_in_schema=False)
    async def static(request: Request, name: str) -> Response:
        if name not in FILES:
            raise HTTPException(404)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(FILES[name], media_type=kind, headers=STATIC_HEADERS)
        headers = STATIC_HEADERS | {"content-encoding": "gzip"}
        return Response(small[name], media_type=kind, headers=headers)


async def _draw(request: Request, assembly: Assembly, running: Running) -> None:
    who = caller(request).principal
    collections = await running.in_thread(lambda: running.collections(who))
    tiles = ui.leaflet(
        center=(20, 0), zoom=2, options=_MAP, draw_control=_TOOLS, hide_drawn_items=True
    )
    tiles.clear_layers()  # the element's own tiles would come from outside
    tiles.classes("map")
    visit = Visit(
        language=language_of(
            request.cookies.get(COOKIE), request.headers.get("accept-language", "")
        ),
        scopes=tuple(who.scopes),
        who=who.name,
        leaver=who.name if shown_in(request.scope).cookie is not None else "",
        collections=collections,
        model=await running.in_thread(lambda: _model_name(assembly)),
        map_id=tiles.id,
    )
    ui.add_head_html(draw_head(visit))
    ui.add_body_html(draw_body(visit))


def _model_name(assembly: Assembly) -> str:
    try:
        return assembly.model().ref
    except SatseekError as error:
        return told(error)
