"""The form: words, image, collection, dates, area and number of hits, as a person fills it.

Knows no search: it writes into the form and tells the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from nicegui import ui

from satseek.service.messages import MAX_TEXT
from satseek.web.asking import KS
from satseek.web.cards import thumbnail_address
from satseek.web.elements import notify, tag
from satseek.web.stating import draw_examples
from satseek.web.wording import counted

if TYPE_CHECKING:
    from satseek.index.collection import CollectionStats
    from satseek.types import GeoJSON
    from satseek.web.asking import Form

TOKEN_PX = 64


class FormActions(Protocol):
    """What the form can ask of the page."""

    async def search(self) -> None:
        """Ask what stands in the form."""

    async def ask(self, text: str) -> None:
        """Ask an example."""

    async def take_image(self, content: bytes, name: str) -> None:
        """Look for what an image shows."""

    async def drop_image(self) -> None:
        """Look without the image."""

    async def drop_chip(self, chip_id: str) -> None:
        """Take back what was said of a chip."""

    async def take_area(self, area: GeoJSON | None) -> None:
        """Restrict the search; None lifts the restriction."""

    async def take_collection(self) -> None:
        """Go on with another collection."""

    async def ask_again(self) -> None:
        """Ask what stands in the form, if anything does."""


class FormPane:
    """The form of one page."""

    def __init__(self, form: Form, *, page: FormActions, collections: list[str]) -> None:
        """Draw it into the element that is open."""
        self._form = form
        self._page = page
        with tag("section", "ask", aria_label="Search"):
            with tag("div", "ask-bar", role="search"):
                self._draw_bar()
            self._tokens = tag("div", "row-wrap")
            with tag("div", "row-wrap filters"):
                self._draw_filters(collections)
            with tag("div", "row-wrap"):
                tag("span", "hint", text="Try")
                draw_examples(page)
        self.refresh()

    def refresh(self) -> None:
        """Show the form as it stands after somebody else changed it."""
        self._tokens.clear()
        with self._tokens:
            self._draw_tokens()

    def show_busy(self) -> None:
        """Show that the search runs."""
        self._go.props("loading")

    def show_idle(self) -> None:
        """Show that nothing runs."""
        self._go.props(remove="loading")

    def show_stats(self, stats: CollectionStats) -> None:
        """Say what the collection amounts to, and which dates it has."""
        parts = [counted(stats.chips, "chip"), counted(stats.scenes, "scene")]
        if stats.dates:
            first, last = (moment.date().isoformat() for moment in stats.dates)
            parts.append(first if first == last else f"{first} to {last}")
        self._stats.set_text(" · ".join(parts))

    def _draw_bar(self) -> None:
        words = ui.input(placeholder="Describe what you are looking for")
        words.props(f"borderless dense autofocus clearable maxlength={MAX_TEXT}")
        words.props["aria-label"] = "Words to look for"
        words.bind_value(self._form, "text", forward=lambda value: value or "")
        words.on("keydown.enter", self._page.search)
        upload = ui.upload(auto_upload=True, on_upload=self._upload, on_rejected=_refuse)
        upload.props("accept=image/*,.tif,.tiff,.jp2").style("display: none")
        ui.run_javascript(f"satseek.takeDrops({upload.id})")
        image = ui.button(icon="add_photo_alternate").props("flat round dense")
        image.props["aria-label"] = "Search by an image"
        image.tooltip("Search by an image; or drop one onto the page")
        image.on("click", js_handler=f"() => satseek.pickImage({upload.id})")
        self._upload_pane = upload
        self._go = ui.button("Search", icon="search", on_click=self._page.search)
        self._go.props("unelevated no-caps").classes("go")

    def _draw_filters(self, collections: list[str]) -> None:
        chosen = ui.select(
            collections,
            label="Collection",
            value=self._form.collection,  # given before it is bound, so that nothing changes yet
            on_change=self._page.take_collection,
        )
        chosen.bind_value(self._form, "collection").classes("wide")
        first = ui.input("From").props("type=date stack-label")
        first.bind_value(self._form, "start", forward=lambda value: value or "")
        last = ui.input("To").props("type=date stack-label")
        last.bind_value(self._form, "end", forward=lambda value: value or "")
        number = ui.select(
            list(KS), label="Hits", value=self._form.k, on_change=self._page.ask_again
        )
        number.bind_value(self._form, "k").classes("slim")
        for element in (chosen, first, last, number):
            element.props("outlined dense options-dense")
        for element in (first, last):
            element.on("keydown.enter", self._page.search)
        self._stats = tag("span", "hint", text=" ")

    def _draw_tokens(self) -> None:
        form, page = self._form, self._page
        if form.image is not None:
            self._token(f"looks like {form.image_name}", page.drop_image)
        for chips, meaning, classes in (
            (form.liked, "like this", ""),
            (form.disliked, "not like this", "not"),
        ):
            for chip_id in chips:
                self._chip_token(chip_id, meaning, classes)
        if form.area is not None:
            self._token("within the drawn area", lambda: page.take_area(None))

    def _chip_token(self, chip_id: str, meaning: str, classes: str) -> None:
        async def drop() -> None:
            await self._page.drop_chip(chip_id)

        address = thumbnail_address(self._form.collection or "", chip_id, size=TOKEN_PX)
        self._token(meaning, drop, classes=classes, picture=address)

    def _token(self, text: str, drop: Any, *, classes: str = "", picture: str = "") -> None:
        with tag("span", f"token {classes}"):
            if picture:
                tag("img", src=picture, alt="")
            tag("span", text=text)
            remove = tag("button", text="×", type="button", aria_label=f"Remove: {text}")
            remove.on("click", drop)

    async def _upload(self, event: Any) -> None:
        content = await event.file.read()
        self._upload_pane.reset()
        await self._page.take_image(content, event.file.name)


def _refuse() -> None:
    notify("That file is no image that can be searched with.", kind="negative")
