"""Holds one date's county while it is painted: colour, height, land cover and single objects.

It does not know what it shows, nor where the sun stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from PIL import Image, ImageDraw
from shapely import MultiPolygon, Polygon

from satseek.imagery.county.inventory import CODES
from satseek.imagery.county.texture import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from satseek.imagery.county.inventory import Colour, Points
    from satseek.imagery.county.texture import Field

HEIGHT_STEPS_PER_M: Final = 4
"""Heights are kept as quarter metres in 8 bits: up to 63 m."""


@dataclass(slots=True, kw_only=True)
class Canvas:
    """One date of a county, painted from the ground up."""

    rgb: NDArray[np.uint8]
    """Colour in full sunlight, shape (h, w, 3)."""
    height: NDArray[np.uint8]
    """Height above the ground in quarter metres, shape (h, w)."""
    cover: NDArray[np.uint8]
    """Land cover codes, shape (h, w)."""
    objects: list[tuple[str, Points]] = field(default_factory=list)
    """Kind and outline in pixels of every object of the truth."""
    trees: list[NDArray[np.float64]] = field(default_factory=list)
    """Single trees still to be planted: arrays (n, 3) of x, y and crown radius in pixels."""

    hedges: list[NDArray[np.float64]] = field(default_factory=list)
    """Trees that stand only where the fields around them still are, as `trees`."""

    @classmethod
    def blank(cls, width: int, height: int) -> Canvas:
        """Give an empty county, farmland everywhere."""
        return cls(
            rgb=np.zeros((height, width, 3), np.uint8),
            height=np.zeros((height, width), np.uint8),
            cover=np.full((height, width), CODES["farmland"], np.uint8),
        )

    def window(self, bounds: Sequence[float], margin: int = 2) -> Window | None:
        """Give the pixels around bounds (left, top, right, bottom); None outside the county."""
        rows, columns = self.cover.shape
        window = Window(
            top=max(0, floor(bounds[1]) - margin),
            bottom=min(rows, ceil(bounds[3]) + margin),
            left=max(0, floor(bounds[0]) - margin),
            right=min(columns, ceil(bounds[2]) + margin),
        )
        return window if min(window.shape) > 0 else None

    def squares(self) -> Iterator[Window]:
        """Walk over the county in squares small enough for a processor's cache."""
        height, width = self.cover.shape
        yield from Window(top=0, bottom=height, left=0, right=width).parts()

    def around(self, window: Window, margin: int) -> Window:
        """Give a window with a margin, as far as the county reaches."""
        rows, columns = self.cover.shape
        return Window(
            top=max(0, window.top - margin),
            bottom=min(rows, window.bottom + margin),
            left=max(0, window.left - margin),
            right=min(columns, window.right + margin),
        )

    def lay(
        self,
        window: Window,
        mask: NDArray[np.bool_],
        colours: NDArray[np.float32],
        cover: str | None = None,
    ) -> None:
        """Put colours (h, w, 3) on the masked pixels; also name their land cover."""
        bytes_ = np.clip(colours, 0, 255).astype(np.uint8)
        np.copyto(self.rgb[window.slices], bytes_, where=mask[..., None])
        if cover is not None:
            self.cover[window.slices][mask] = CODES[cover]
            self.height[window.slices][mask] = 0

    def raise_to(self, window: Window, mask: NDArray[np.bool_], metres: Field) -> None:
        """Set heights in metres on the masked pixels."""
        steps = np.clip(metres[mask] * HEIGHT_STEPS_PER_M, 0, 255)
        self.height[window.slices][mask] = steps.astype(np.uint8)

    def is_level(self, spots: Points) -> NDArray[np.bool_]:
        """Tell which spots (n, 2 or more) lie inside the county on ground without height."""
        rows, columns = self.cover.shape
        x, y = spots[:, 0].astype(np.intp), spots[:, 1].astype(np.intp)
        inside = (x >= 0) & (y >= 0) & (x < columns) & (y < rows)
        x, y = np.where(inside, x, 0), np.where(inside, y, 0)
        return np.asarray(inside & (self.height[y, x] == 0))

    def pen(self, bounds: Sequence[float]) -> Pen:
        """Draw flat shapes inside the bounds: `with canvas.pen(bounds) as pen: ...`."""
        return Pen(self, self.window(bounds, margin=4))


class Pen:
    """Draws flat polygons and lines into a window of a canvas."""

    def __init__(self, canvas: Canvas, window: Window | None) -> None:
        self._canvas = canvas
        self._window = window or Window(top=0, bottom=1, left=0, right=1)
        self._offset = np.array([self._window.left, self._window.top], np.float64)

    def __enter__(self) -> Self:
        here = self._window.slices
        self._images = [
            Image.fromarray(array[here])
            for array in (self._canvas.rgb, self._canvas.height, self._canvas.cover)
        ]
        self._rgb, self._height, self._cover = map(ImageDraw.Draw, self._images)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            return
        here = self._window.slices
        for array, image in zip(
            (self._canvas.rgb, self._canvas.height, self._canvas.cover), self._images, strict=True
        ):
            array[here] = np.asarray(image)

    def polygon(
        self,
        points: Points,
        colour: Colour | None,
        *,
        height_m: float | None = None,
        cover: str | None = None,
        kind: str | None = None,
    ) -> None:
        """Fill a polygon with colour, and optionally give it height, land cover, an object kind."""
        flat = (points - self._offset).round(2).ravel().tolist()
        if colour is not None:
            self._rgb.polygon(flat, fill=colour)
        if height_m is not None:
            self._height.polygon(flat, fill=min(255, round(height_m * HEIGHT_STEPS_PER_M)))
        if cover is not None:
            self._cover.polygon(flat, fill=CODES[cover])
        if kind is not None:
            self._canvas.objects.append((kind, points))

    def polygons(self, outlines: Points, colours: NDArray[np.uint8], height_m: float) -> None:
        """Fill many outlines (n, m, 2) with their colours (n, 3), all of one height."""
        if not len(outlines):
            return
        steps = min(255, round(height_m * HEIGHT_STEPS_PER_M))
        flat = (outlines - self._offset).round(2).reshape(len(outlines), -1).tolist()
        for corners, colour in zip(flat, colours.tolist(), strict=True):
            self._rgb.polygon(corners, fill=tuple(colour))
            self._height.polygon(corners, fill=steps)

    def line(
        self,
        points: Points,
        width_m: float,
        colour: Colour,
        *,
        cover: str | None = None,
        height_m: float | None = None,
    ) -> None:
        """Draw a line of a width, with rounded bends."""
        flat = (points - self._offset).round(2).ravel().tolist()
        width = max(1, round(width_m))
        self._rgb.line(flat, fill=colour, width=width, joint="curve")
        if cover is not None:
            self._cover.line(flat, fill=CODES[cover], width=width, joint="curve")
        if height_m is not None:
            steps = round(height_m * HEIGHT_STEPS_PER_M)
            self._height.line(flat, fill=steps, width=width, joint="curve")


def mask_of(shape: Polygon | MultiPolygon, window: Window) -> NDArray[np.bool_]:
    """Rasterise a polygon with its holes: True inside, shape of the window."""
    return levels_of([shape], window) > 0


def levels_of(shapes: Sequence[Polygon | MultiPolygon], window: Window) -> NDArray[np.uint8]:
    """Count how many of nested shapes (outermost first, at most 255) cover each pixel."""
    rows, columns = window.shape
    image = Image.new("L", (columns, rows))
    draw = ImageDraw.Draw(image)
    offset = np.array([window.left, window.top], np.float64)
    for level, shape in enumerate(shapes, start=1):
        for part in shape.geoms if isinstance(shape, MultiPolygon) else [shape]:
            if not isinstance(part, Polygon) or part.is_empty:
                continue
            _fill(draw, part.exterior.coords, offset, level)
            for hole in part.interiors:
                _fill(draw, hole.coords, offset, level - 1)
    return np.asarray(image)


def nested(shape: Polygon, step_m: float, count: int) -> list[Polygon | MultiPolygon]:
    """Shrink a shape in equal steps: element i lies i steps inside its edge."""
    return [shape.buffer(-step_m * i, quad_segs=3) for i in range(count)]


def _fill(
    draw: ImageDraw.ImageDraw, ring: Sequence[tuple[float, ...]], offset: Points, value: int
) -> None:
    draw.polygon((np.asarray(ring)[:, :2] - offset).round(2).ravel().tolist(), fill=value)
