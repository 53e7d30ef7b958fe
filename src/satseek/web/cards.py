"""Hits → a grid of cards: thumbnail, rank, date, scores, what can be done with it.

Does not know how the hits were found; tells the page what was pressed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from satseek.service.searching import thumbnail_path
from satseek.web.elements import icon_button, tag
from satseek.web.wording import EXPLAINED, shown_score

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satseek.types import Chip, Hit

THUMBNAIL_PX = 320
"""Twice the width of a card on a usual screen, so that sharp screens stay sharp."""


class CardActions(Protocol):
    """What a card can ask of the page."""

    def open(self, hit: Hit) -> None:
        """Show one hit large."""

    async def similar(self, chip_id: str) -> None:
        """Look for chips that look like this one."""

    async def like(self, chip_id: str) -> None:
        """Look for more of this."""

    async def dislike(self, chip_id: str) -> None:
        """Look for less of this."""


def draw_cards(hits: Iterable[Hit], *, collection: str, actions: CardActions) -> None:
    """Draw the grid into the element that is open."""
    with tag("section", "grid", aria_label="Hits, best first"):
        for hit in hits:
            _card(hit, collection=collection, actions=actions)


def thumbnail_address(collection: str, chip_id: str, *, size: int = THUMBNAIL_PX) -> str:
    """Address of a thumbnail relative to the page, so that it holds behind a path prefix too."""
    return f"{thumbnail_path(collection, chip_id).lstrip('/')}&size={size}"


def shown_date(chip: Chip) -> str:
    """Day of acquisition, or that there is none."""
    return chip.datetime.date().isoformat() if chip.datetime else "no date"


def _card(hit: Hit, *, collection: str, actions: CardActions) -> None:
    chip = hit.chip
    with tag("article", "chip", data_chip=chip.id):
        picture = tag("button", "picture", type="button", aria_label=f"Show hit {hit.rank} large")
        picture.on("click", lambda: actions.open(hit))
        with picture:
            address = thumbnail_address(collection, chip.id)
            tag("img", src=address, alt=chip.id, loading="lazy", decoding="async")
        tag("span", "rank", text=f"{hit.rank}")
        with tag("div", "facts"):
            with tag("div", "when"):
                tag("span", text=shown_date(chip))
                tag("span", "scene", text=chip.scene_id, title=chip.id)
            draw_scores(hit)
        with tag("div", "actions"):
            _actions(chip.id, actions=actions)


def draw_scores(hit: Hit) -> None:
    """Draw the scores by their names, each with its explanation."""
    with tag("div", "scores"):
        for kind, explained in EXPLAINED.items():
            if kind in hit.scores:
                with tag("div", "score", title=explained):
                    tag("span", "kind", text=kind)
                    tag("span", "value", text=shown_score(kind, hit.scores[kind]))


def _actions(chip_id: str, *, actions: CardActions) -> None:
    async def similar() -> None:
        await actions.similar(chip_id)

    async def like() -> None:
        await actions.like(chip_id)

    async def dislike() -> None:
        await actions.dislike(chip_id)

    presses: tuple[tuple[str, str, Any], ...] = (
        ("image_search", "Find similar chips", similar),
        ("thumb_up_off_alt", "More like this", like),
        ("thumb_down_off_alt", "Less like this", dislike),
    )
    for icon, explained, press in presses:
        icon_button(icon, explained, press)
