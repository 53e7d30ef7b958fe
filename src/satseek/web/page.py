"""One person's page: form, hits and map, and what happens when something is pressed.

Calls the same use-case as every other door; knows neither HTTP nor the index.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nicegui import ui

from satseek.errors import Overloaded, SatseekError
from satseek.search.geojson import feature_collection
from satseek.service.bodies import decode
from satseek.service.withholding import told
from satseek.web.cards import draw_cards
from satseek.web.detailing import DetailDialog
from satseek.web.elements import notify, tag
from satseek.web.filling import FormPane
from satseek.web.mapping import MapPane
from satseek.web.stating import draw_nothing_found, draw_refusal, draw_status, draw_welcome

if TYPE_CHECKING:
    from satseek.assemble import Matched
    from satseek.search.searching import Answer
    from satseek.service.running import Running
    from satseek.types import GeoJSON, Hit
    from satseek.web.asking import Form
    from satseek.web.visiting import Visitor


NO_GEOREFERENCE = "These scenes carry no georeference: nothing of them can lie on the map."


class SearchPage:
    """The page of one person; lives as long as the browser tab."""

    def __init__(
        self, form: Form, *, running: Running, visitor: Visitor, collections: list[str]
    ) -> None:
        """Draw everything into the element that is open."""
        self._form = form
        self._running = running
        self._visitor = visitor
        self._client = ui.context.client
        self._answer: Answer | None = None
        self._upload = b""
        self._decoded_for = ""
        """Model (``name@version``) to whose square the form's image was reduced."""
        self._asked = 0
        self._pane = FormPane(form, page=self, collections=collections)
        with tag("main", "found"):
            with tag("div"):
                self._status = tag("div", "status", role="status", aria_live="polite")
                self._hits = tag("div")
            with tag("aside", "side"):
                self._map = MapPane(self.take_area)
        self._dialog = DetailDialog(self)
        with self._hits:
            draw_welcome(has_collection=form.collection is not None)

    async def begin(self) -> None:
        """Go on once the browser is connected: show the extent, ask what the address asks."""
        self._map.attach()
        await self._show_extent()
        if self._form.asks():
            await self.search()

    async def search(self) -> None:
        """Ask what stands in the form; the latest question wins."""
        # What was pressed may be gone by the time its answer comes: the tab itself is not.
        with self._client:
            await self._search()

    async def _search(self) -> None:
        if self._form.collection is None:
            notify("There is no collection yet: make one with `satseek index FOLDER`", kind="info")
            return
        if not self._form.asks():
            notify("Type what to look for, or give an image.", kind="info")
            return
        self._asked += 1
        mine, collection = self._asked, self._form.collection
        self._hits.classes("loading")
        self._pane.show_busy()
        try:
            who = await self._visitor.asking()
            with self._running.permits.one():
                answer, model = await self._running.with_collection(collection, self._find, who=who)
            self._visitor.note(who, answer, collection=collection or "", model=model)
        except SatseekError as error:
            self._refuse(error)
            return
        finally:
            self._hits.classes(remove="loading")
            self._pane.show_idle()
        if mine == self._asked:
            self._show(answer, model)

    async def ask(self, text: str) -> None:
        """Ask an example."""
        self._form.text = text
        self._pane.refresh()
        await self.search()

    async def similar(self, chip_id: str) -> None:
        """Look for what a chip shows, and for nothing else."""
        self._form.only(chip_id)
        await self.ask_again()

    async def like(self, chip_id: str) -> None:
        """Look for more of what a chip shows."""
        self._form.like(chip_id)
        await self.ask_again()

    async def dislike(self, chip_id: str) -> None:
        """Look for less of what a chip shows."""
        self._form.dislike(chip_id)
        await self.ask_again()

    async def drop_chip(self, chip_id: str) -> None:
        """Take back what was said of a chip."""
        self._form.drop(chip_id)
        await self.ask_again()

    async def take_image(self, content: bytes, name: str) -> None:
        """Look for what an uploaded image shows."""
        try:
            await self._visitor.principal()
            with self._running.permits.one():
                model = await self._running.in_thread(self._running.assembly.model)
                pixels = await decode(content, model.card, running=self._running)
        except SatseekError as error:
            notify(f"{name}: {told(error)}", kind="negative")
            return
        self._form.image, self._form.image_name = pixels, name
        self._upload, self._decoded_for = content, model.ref
        await self.ask_again()

    async def drop_image(self) -> None:
        """Look without the image."""
        self._form.image, self._form.image_name = None, ""
        self._upload = b""
        await self.ask_again()

    async def take_area(self, area: GeoJSON | None) -> None:
        """Restrict the search to what was drawn; None lifts the restriction."""
        self._form.area = area
        with self._client:
            self._map.show_area(area)
            await self.ask_again()

    async def take_collection(self) -> None:
        """Go on with another collection."""
        self._form.forget_chips()
        self._map.show_hits((), collection="")
        self._clear()
        await self._show_extent()
        await self.ask_again()

    async def ask_again(self) -> None:
        """Ask what stands in the form; where nothing does, go back to the beginning."""
        with self._client:
            self._pane.refresh()
            if self._form.asks():
                await self._search()
            elif self._answer is not None:
                self._clear()
                self._map.show_hits((), collection="")

    def open(self, hit: Hit) -> None:
        """Show one hit large, and near on the map."""
        self._map.focus(hit.chip.id)
        self._dialog.show(hit, collection=self._form.collection or "")

    def download(self) -> None:
        """Hand over the hits as GeoJSON."""
        if self._answer is None:
            return
        content = feature_collection(
            self._answer.hits,
            collection=self._form.collection,
            plan=self._answer.plan,
            generation=self._answer.generation,
        )
        ui.download.content(json.dumps(content), "hits.geojson", "application/geo+json")

    async def _find(self, _name: str, matched: Matched) -> tuple[Answer, str]:
        """Search with the model that made the collection; returns its name, too."""
        model = matched.model
        if self._form.image is not None and self._decoded_for != model.ref:
            decoded = await decode(self._upload, model.card, running=self._running)
            self._form.image, self._decoded_for = decoded, model.ref
        query = self._form.query()

        def found() -> Answer:
            with matched.pinned() as index:
                remembered = self._running.remembered
                return remembered.search(query, index=index, embedder=model.embedder)

        answer = await self._running.in_thread(found)
        self._running.metrics.count_search(answer)
        return answer, model.ref

    def _show(self, answer: Answer, model: str) -> None:
        self._answer = answer
        name = self._form.collection or ""
        ui.navigate.history.replace(f"?{self._form.address()}")
        self._hits.clear()
        with self._hits:
            if answer.hits:
                draw_cards(answer.hits, collection=name, actions=self)
            else:
                draw_nothing_found(self._form)
        draw_status(self._status, answer, model=model, download=self.download)
        self._map.show_hits(answer.hits, collection=name)

    def _refuse(self, error: SatseekError) -> None:
        """Tell what was refused; what stays wrong stays told, unless there are hits to keep."""
        message = told(error)
        notify(message, kind="warning" if isinstance(error, Overloaded) else "negative")
        if self._answer is None and not isinstance(error, Overloaded):
            self._hits.clear()
            with self._hits:
                draw_refusal(message)

    def _clear(self) -> None:
        self._answer = None
        self._status.clear()
        self._hits.clear()
        with self._hits:
            draw_welcome(has_collection=self._form.collection is not None)

    async def _show_extent(self) -> None:
        name = self._form.collection
        if name is None:
            return
        try:
            who = await self._visitor.principal()
            stats = await self._running.in_thread(lambda: self._running.reader(name, who).stats())
        except SatseekError as error:
            notify(told(error), kind="negative")
            return
        self._pane.show_stats(stats)
        self._map.show_extent(stats.extent)
        self._map.say("" if stats.extent or not stats.chips else NO_GEOREFERENCE)
