"""Hits → a contact sheet: one row of chips for each query, for people who would rather look.

Knows nothing of how the hits were found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PIL import Image, ImageDraw, ImageFont

from satseek.errors import UnreadableImage
from satseek.search.thumbnails import chip_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.types import Hit

EDGE = 160
GAP = 8
CAPTION = 20
HEAD = 30
PAPER = (250, 250, 248)
INK = (30, 30, 30)
FRAMES = {"right": (40, 150, 70), "wrong": (205, 55, 45), "unknown": (190, 190, 190)}

Verdict = Literal["right", "wrong", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetChip:
    """One picture of a row."""

    chip_id: str
    """Chip to show."""
    caption: str
    """A few words under it."""
    verdict: Verdict = "unknown"
    """Colour of the frame: whether the truth agrees, where there is a truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """One query and its chips."""

    title: str
    """What was asked."""
    chips: tuple[SheetChip, ...]
    """Best first."""

    @classmethod
    def of_hits(cls, title: str, hits: Sequence[Hit]) -> SheetRow:
        """Show hits with their rank and cosine."""
        chips = (
            SheetChip(chip_id=hit.chip.id, caption=f"{hit.rank}. cosine {hit.scores['cosine']:.3f}")
            for hit in hits
        )
        return cls(title=title, chips=tuple(chips))


def write_sheet(rows: Sequence[SheetRow], path: Path, *, collection: Collection) -> None:
    """Draw the rows and write them to ``path``; its suffix says PNG or JPEG."""
    columns = max((len(row.chips) for row in rows), default=0)
    row_height = HEAD + EDGE + CAPTION + GAP
    size = (GAP + max(columns, 3) * (EDGE + GAP), GAP + max(len(rows), 1) * row_height)
    sheet = Image.new("RGB", size, PAPER)
    for at, row in enumerate(rows):
        _draw_row(sheet, row, top=GAP + at * row_height, collection=collection)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _draw_row(sheet: Image.Image, row: SheetRow, *, top: int, collection: Collection) -> None:
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, top), row.title, INK, ImageFont.load_default(18))
    small = ImageFont.load_default(12)
    for column, chip in enumerate(row.chips):
        left, upper = GAP + column * (EDGE + GAP), top + HEAD
        frame = (left - 3, upper - 3, left + EDGE + 2, upper + EDGE + 2)
        draw.rectangle(frame, FRAMES[chip.verdict])
        sheet.paste(_picture(chip.chip_id, collection), (left, upper))
        draw.text((left, upper + EDGE + 4), chip.caption, INK, small)


def _picture(chip_id: str, collection: Collection) -> Image.Image:
    """Show a grey square where the scene is gone by now: the hit itself still stands."""
    try:
        pixels = chip_pixels(chip_id, collection=collection)
    except UnreadableImage:
        return Image.new("RGB", (EDGE, EDGE), (128, 128, 128))
    return Image.fromarray(pixels).resize((EDGE, EDGE), Image.Resampling.LANCZOS)
