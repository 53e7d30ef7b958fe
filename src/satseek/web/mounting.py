"""The page → its place on the application, at ``/``.

Knows what must be loaded in the browser, not what the page does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nicegui import app, ui
from starlette.requests import Request  # noqa: TC002 (the framework reads the annotation)

from satseek.errors import SatseekError
from satseek.service.access.guarding import shown_in
from satseek.service.withholding import told
from satseek.web.asking import form_from
from satseek.web.elements import tag
from satseek.web.page import SearchPage
from satseek.web.visiting import Visitor

if TYPE_CHECKING:
    from fastapi import FastAPI

    from satseek.assemble import Assembly
    from satseek.service.running import Running

STATIC = Path(__file__).parent / "static"

RECONNECT_SECONDS = 20
"""A browser that lost its connection finds its page again within this time."""

BUILD_SECONDS = 30
"""The page may take this long to be built while the machine is busy with searches."""

MODEL_SECONDS = 2.0
"""How soon an open page shows that another model is in force."""

MARK = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8">'
    '<path d="M3 3h6v6H3zM3 12h6v6H3zM12 3h6v6h-6z"/><circle cx="15.6" cy="15.6" r="3.6"/>'
    '<path d="m18.3 18.3 3 3" stroke-linecap="round"/></svg>'
)


def mount_page(application: FastAPI, assembly: Assembly) -> None:
    """Serve the page at ``/``; once in a process, as the framework wants it."""
    running: Running = application.state.running
    app.add_static_files("/_satseek", STATIC)

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


FAVICON = MARK.replace("currentColor", "#0b7a5f").replace(
    "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1
)


async def _draw(request: Request, assembly: Assembly, running: Running) -> None:
    visitor = Visitor(running, shown=shown_in(request.scope))
    ui.colors(primary="#0b7a5f")
    ui.add_head_html('<link rel="stylesheet" href="_satseek/satseek.css">')
    ui.add_head_html('<script src="_satseek/satseek.js"></script>')
    address = {name: request.query_params.getlist(name) for name in request.query_params}
    who = await visitor.principal()
    collections = await running.in_thread(lambda: running.collections(who))
    form = form_from(address, collections=collections)
    leaver = who.name if visitor.logged_in else ""
    _draw_top(await running.in_thread(lambda: _model_name(assembly)), running, leaver=leaver)
    page = SearchPage(form, running=running, visitor=visitor, collections=collections)
    await ui.context.client.connected()
    ui.run_javascript("satseek.restoreDark()")
    await page.begin()


def _draw_top(model: str, running: Running, *, leaver: str) -> None:
    with tag("header", "top"):
        with tag("div", "brand"):
            ui.html(MARK, sanitize=False)
            tag("span", text="satseek")
        tag("span", "grow")
        shown = tag("span", "model", text=model, title="The model in force")
        # a text that stays the same costs no message
        ui.timer(MODEL_SECONDS, lambda: shown.set_text(running.readiness.model or shown.text))
        tag("a", text="API", href="docs")
        if leaver:
            tag("a", text="Log out", href="logout", title=leaver)
        dark = ui.button(icon="contrast").props("flat round dense")
        dark.props["aria-label"] = "Light or dark"
        dark.on("click", js_handler="() => satseek.toggleDark()")


def _model_name(assembly: Assembly) -> str:
    try:
        return assembly.model().ref
    except SatseekError as error:
        return told(error)
