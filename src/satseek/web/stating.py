"""What the page says where no hits are, and above them where there are.

Knows no search; every state says what to do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from nicegui import ui

from satseek.web.elements import tag
from satseek.web.wording import EXAMPLES, counted, terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.search.searching import Answer
    from satseek.web.asking import Form


class Asker(Protocol):
    """What takes a clicked example."""

    async def ask(self, text: str) -> None:
        """Ask an example."""


def draw_welcome(*, has_collection: bool) -> None:
    """Say how to begin."""
    with tag("div", "empty"):
        if not has_collection:
            tag("h2", text="No collection yet")
            tag("p", text="Index a folder of satellite or aerial images, then reload this page:")
            tag("code", text="satseek index FOLDER")
            tag("p", text="Or make a demonstration county, and serve that:")
            tag("code", text="satseek demo run && satseek --data-dir demo/data serve")
            return
        tag("h2", text="What are you looking for?")
        tag("p", text="Type words and press Enter, click an example, or drop an image here.")
        tag("p", text="Draw a rectangle on the map to search only within it.")


def draw_examples(asker: Asker) -> None:
    """Draw the examples as words to click."""
    for words in EXAMPLES:

        async def ask(text: str = words) -> None:
            await asker.ask(text)

        tag("button", "word", text=words, type="button").on("click", ask)


def draw_nothing_found(form: Form) -> None:
    """Say why nothing was found and what to change."""
    reasons = [
        "the drawn area" if form.area else "",
        "the dates" if form.start or form.end else "",
    ]
    shown = " and ".join(reason for reason in reasons if reason)
    with tag("div", "empty"):
        tag("h2", text="No chip passes the filter")
        if shown:
            tag("p", text=f"Nothing in this collection lies within {shown}. Widen or clear it.")
        else:
            tag("p", text="The collection has no chips yet: index a folder into it.")
            tag("code", text=f"satseek index FOLDER -c {form.collection}")


def draw_refusal(message: str) -> None:
    """Say what keeps this search from being answered, where the hits would be."""
    with tag("div", "empty", role="alert"):
        tag("h2", text="This cannot be searched")
        tag("p", text=message)


def draw_status(line: Any, answer: Answer, *, model: str, download: Callable[[], None]) -> None:
    """Say how many hits there are, how and by which model they were found, what scores mean."""
    line.clear()
    with line:
        with tag("span"):
            tag("b", text=counted(len(answer.hits), "hit"))
        with tag("span", "term", text=f"{answer.seconds * 1000:.0f} ms"):
            ui.tooltip(f"Found by {model}: {answer.plan}")
        for name, explained in terms(answer.hits):
            with tag("span", "term", text=name):
                ui.tooltip(explained).style("max-width: 20rem; font-size: .85rem")
        if answer.hits:
            button = ui.button("GeoJSON", icon="download", on_click=download)
            button.props("flat dense no-caps").tooltip("Download the hits for your GIS")
