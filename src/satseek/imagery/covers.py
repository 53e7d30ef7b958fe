"""A scene that tells its clouds in a band → which part of any window of it they hide.

Does not know recipes: whoever wants clouds left out of the imagery itself takes one that masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.imagery._sources import open_source
from satseek.imagery.masks import telling_band, uncovered

if TYPE_CHECKING:
    from satseek.types import Scene, Valid, Window

EDGE = 1024
"""Rows and columns of a scene that are read of its band of clouds: a cloud that matters is larger
than a thousandth of the scene."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cover:
    """Where a scene's ground is seen, thinned out."""

    seen: Valid
    """Shape (rows, columns), at most `EDGE` each; True where no cloud is told."""
    width: int
    """Columns of the scene."""
    height: int
    """Rows of the scene."""

    def share(self, window: Window) -> float:
        """Give the share of a window's pixels that clouds hide, 0–1; outside the scene none."""
        rows, columns = self.seen.shape
        top, bottom = _within(window.row, window.height, self.height, rows)
        left, right = _within(window.column, window.width, self.width, columns)
        return float(1 - self.seen[top:bottom, left:right].mean())


def read_cover(scene: Scene) -> Cover | None:
    """Read where a scene says that clouds are; None: it has no band that tells.

    Raises:
        UnreadableImage: it cannot be read.
    """
    with open_source(scene) as source:
        band, mask = telling_band(source.layout)
        if not band:
            return None
        samples = source.sample(bands=(band,), edge=EDGE)
        seen = uncovered(samples.values[0], mask) & samples.valid
        return Cover(seen=seen, width=source.width, height=source.height)


def _within(first: float, length: float, size: int, thinned: int) -> tuple[int, int]:
    """Bring a stretch of pixels to the thinned ones it touches, at least one of them."""
    begin = min(max(int(first * thinned / size), 0), thinned - 1)
    return begin, max(min(round((first + length) * thinned / size), thinned), begin + 1)
