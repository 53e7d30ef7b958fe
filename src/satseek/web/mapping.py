"""Extent, hits and area → a map without any basemap; a drawn polygon → an area.

Knows no search. Drawing and highlighting happen in the browser (static/satseek.js).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nicegui import ui

from satseek.web.cards import shown_date, thumbnail_address
from satseek.web.elements import tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from satseek.types import BBox, GeoJSON, Hit

WHOLE = 0.999
"""Valid fraction from which a chip's picture fills its footprint."""

_TOOLS = {
    "draw": {
        "rectangle": {"showArea": False},  # Leaflet.draw's area readout fails in strict scripts
        "polygon": {"allowIntersection": False},
        "polyline": False,
        "circle": False,
        "circlemarker": False,
        "marker": False,
    },
    "edit": {"edit": False, "remove": False},
}
_OPTIONS = {"attributionControl": False, "maxZoom": 19, "minZoom": 1, "zoomSnap": 0.25}


class MapPane:
    """The map of one page."""

    def __init__(self, on_area: Callable[[GeoJSON], Any]) -> None:
        """Draw it into the element that is open."""
        self._map = ui.leaflet(center=(20, 0), zoom=2, options=_OPTIONS, draw_control=_TOOLS)
        self._map.clear_layers()  # the element's own tiles would come from outside
        self._map.classes("map")
        self._note = tag("span", "hint", text=" ")
        ui.on("satseek_area", lambda event: on_area(event.args))

    def attach(self) -> None:
        """Let the browser's part take over; once, when the page is connected."""
        ui.run_javascript(f"satseek.attach({self._map.id})")

    def show_extent(self, extent: BBox | None) -> None:
        """Outline the collection and fit the map to it."""
        _tell("showExtent", extent)

    def show_hits(self, hits: Iterable[Hit], *, collection: str) -> None:
        """Draw footprints and thumbnails, and fit the map to them."""
        found = [
            {
                "chip": hit.chip.id,
                "rank": hit.rank,
                "date": shown_date(hit.chip) if hit.chip.datetime else None,
                "geometry": hit.chip.footprint,
                "thumbnail": thumbnail_address(collection, hit.chip.id) if _whole(hit) else None,
            }
            for hit in hits
        ]
        _tell("showHits", found)

    def show_area(self, area: GeoJSON | None) -> None:
        """Draw what the search is restricted to."""
        _tell("showArea", area)

    def say(self, note: str) -> None:
        """Say something below the map."""
        self._note.set_text(note or " ")

    def focus(self, chip_id: str) -> None:
        """Bring one footprint near."""
        _tell("focus", chip_id)


def _whole(hit: Hit) -> bool:
    """Tell whether the footprint is the whole chip: at a scene's edge it is only a part of it."""
    return hit.chip.valid_fraction >= WHOLE


def _tell(verb: str, content: Any) -> None:
    ui.run_javascript(f"satseek.{verb}({json.dumps(content)})")
