"""One hit → a dialog with its picture large, its scores, place and scene.

Does not know how it was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from nicegui import ui

from satseek.web.cards import CardActions, draw_scores, shown_date, thumbnail_address
from satseek.web.elements import tag
from satseek.web.wording import degrees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.types import GeoJSON, Hit

LARGE_PX = 1024
"""Edge of the large picture: a chip of 256 pixels is shown as it is, larger ones are reduced."""


class DetailDialog:
    """A dialog that is made once and filled for each hit."""

    def __init__(self, actions: CardActions) -> None:
        """Add the dialog, closed, to the page."""
        self._actions = actions
        self._dialog = ui.dialog()

    def show(self, hit: Hit, *, collection: str) -> None:
        """Fill the dialog with a hit and open it."""
        self._dialog.clear()
        chip_id = hit.chip.id

        async def similar() -> None:
            self._dialog.close()
            await self._actions.similar(chip_id)

        with self._dialog, tag("div", "detail"):
            address = thumbnail_address(collection, chip_id, size=LARGE_PX)
            tag("img", src=address, alt=chip_id)
            draw_scores(hit)
            with tag("dl"):
                for term, description in _facts(hit):
                    tag("dt", text=term)
                    tag("dd", text=description)
            with tag("div", "row-wrap"):
                ui.button("Similar", icon="image_search", on_click=similar).props("no-caps")
                path = f"v1/collections/{quote(collection, safe='')}/chips/{quote(chip_id)}"
                tag("a", text="GeoJSON of this chip", href=path, target="_blank")
                tag("span").style("flex: 1")
                ui.button("Close", on_click=self._dialog.close).props("flat no-caps")
        self._dialog.open()


def _facts(hit: Hit) -> Iterator[tuple[str, str]]:
    chip = hit.chip
    yield "rank", str(hit.rank)
    yield "acquired", shown_date(chip)
    yield "scene", chip.scene_id
    yield "cell", chip.cell
    yield "measured", f"{100 * chip.valid_fraction:.0f} % of the chip"
    yield "place", _centre(chip.footprint) if chip.footprint else "no georeference"


def _centre(footprint: GeoJSON) -> str:
    """Middle of the footprint's first ring: latitude, longitude."""
    rings = footprint["coordinates"]
    ring = rings[0] if footprint["type"] == "Polygon" else rings[0][0]
    east = [point[0] for point in ring]
    north = [point[1] for point in ring]
    latitude, longitude = (min(north) + max(north)) / 2, (min(east) + max(east)) / 2
    return f"{degrees(latitude)}, {degrees(longitude)} (latitude, longitude)"
