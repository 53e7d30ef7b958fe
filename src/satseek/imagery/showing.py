"""A scene, its stretch and a view → what the scene shows there, as RGBA.

Does not know tiles or other scenes. Reading is bounded whatever the view: from overviews where
there are any, else by window, else from a preview of the whole scene that is made once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from satseek.imagery._sources import RasterSource, Source, open_source
from satseek.imagery.ground import parse_crs, to_pixels
from satseek.imagery.stretching import apply, read_under
from satseek.types import Window

if TYPE_CHECKING:
    from satseek.imagery.stretching import Stretch
    from satseek.imagery.views import Positions, View
    from satseek.types import Scene

Shades: TypeAlias = NDArray[np.uint8]
"""uint8, shape (h, w, 4): red, green, blue, and 255 where something was measured, else 0."""

READ_PIXELS = 8_000_000
"""Pixels of a scene that are read for one view; as many take 0.1 to 0.3 s."""

PREVIEW_EDGE = 1024
"""Rows and columns of a preview at most: four tiles across."""

PREVIEW_PIXELS = 400_000_000
"""Pixels of a scene of which a preview is made; as many take some seconds."""

_LOOKS = 8
"""Every how many-th pixel of a view is looked at to tell how dense a scene is under it."""

_TURN = 360.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A part of a scene, or all of it, stretched and thinned out."""

    shades: Shades
    """RGBA."""
    column: int
    """Of the scene: where the first column of the picture begins."""
    row: int
    """Likewise."""
    step: int
    """Pixels of the scene for one of the picture, along both axes."""
    smooth: bool
    """False where colours stand for classes: they are never mixed."""

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return self.shades.nbytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where the pixels of a view lie in a scene."""

    columns: NDArray[np.float64]
    """Shape (h, w): in pixels of the scene, 0 at its left edge; NaN beside the scene."""
    rows: NDArray[np.float64]
    """Likewise, from its top edge."""
    density: float
    """Pixels of the scene for one of the view, along the denser axis."""

    @property
    def touches(self) -> bool:
        """Whether the view shows any of the scene."""
        return not bool(np.isnan(self.columns).all())


def spot(scene: Scene, view: View) -> Spot:
    """Find where a view lies in a scene with georeference."""
    assert scene.crs is not None
    xs, ys = view.positions(scene.crs)
    with np.errstate(invalid="ignore", over="ignore"):
        columns, rows = to_pixels(scene.transform, *_turned(scene, xs, ys))
        inside = (columns >= 0) & (columns < scene.width) & (rows >= 0) & (rows < scene.height)
        density = _density(columns, rows)
    return Spot(
        columns=np.where(inside, columns, np.nan),
        rows=np.where(inside, rows, np.nan),
        density=density,
    )


def read_picture(scene: Scene, where: Spot, *, stretch: Stretch) -> Picture | None:
    """Read what a view shows of a scene; None: that would be too much at once.

    Raises:
        UnreadableImage: its file is gone or damaged.
    """
    with open_source(scene) as source:
        step = max(1, min(int(where.density), scene.width, scene.height))
        window = _around(where, scene, step)
        if _cost(source, window, step) > READ_PIXELS:
            return None
        return _picture(source, window, stretch, step)


def preview(scene: Scene, *, stretch: Stretch) -> Picture:
    """Read a whole scene, thinned out, strip by strip; see `can_preview`.

    Raises:
        UnreadableImage: its file is gone or damaged.
    """
    step = -(-max(scene.width, scene.height) // PREVIEW_EDGE)
    width = scene.width // step * step
    deep = max(1, READ_PIXELS // (width * step)) * step
    strips = []
    with open_source(scene) as source:
        for top in range(0, scene.height // step * step, deep):
            height = min(deep, (scene.height - top) // step * step)
            window = Window(column=0, row=top, width=width, height=height)
            strips.append(_picture(source, window, stretch, step).shades)
    return Picture(
        shades=np.concatenate(strips), column=0, row=0, step=step, smooth=not stretch.palette
    )


def can_preview(scene: Scene) -> bool:
    """Tell whether a preview of a scene takes no longer than somebody waits for a tile."""
    long, short = max(scene.width, scene.height), min(scene.width, scene.height)
    return scene.width * scene.height <= PREVIEW_PIXELS and long <= PREVIEW_EDGE * short


def show(picture: Picture, where: Spot) -> Shades:
    """Lay a picture of a scene under a view."""
    height, width = picture.shades.shape[:2]
    with np.errstate(invalid="ignore"):
        across = (where.columns - picture.column) / picture.step
        down = (where.rows - picture.row) / picture.step
    # what was cut off at the far edges to a multiple of the step is less than a pixel of the view
    inside = (across >= 0) & (across < width + 1) & (down >= 0) & (down < height + 1)
    across, down = (np.where(inside, axis, 0.0) for axis in (across, down))
    columns = np.minimum(across.astype(np.int64), width - 1)
    rows = np.minimum(down.astype(np.int64), height - 1)
    if picture.smooth:
        shown = _mixed(picture.shades, across - 0.5, down - 0.5)
        shown[..., 3] = picture.shades[rows, columns, 3]
    else:
        shown = picture.shades[rows, columns]
    shown[~inside] = 0
    return shown


def _turned(scene: Scene, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> Positions:
    """Bring longitudes to the turn in which a scene in degrees lies: it may go on beyond ±180."""
    assert scene.crs is not None
    a, b, c, *_ = scene.transform
    if not parse_crs(scene.crs).is_geographic:
        return xs, ys
    west = c + min(0.0, a * scene.width) + min(0.0, b * scene.height)
    return west + np.mod(xs - west, _TURN), ys


def _density(columns: NDArray[np.float64], rows: NDArray[np.float64]) -> float:
    """How far apart neighbours lie, by the median; 1 where nothing can be told."""
    every = slice(None, None, _LOOKS)
    steps = []
    for axis in (0, 1):
        apart = np.hypot(*(np.diff(places, axis=axis)[every, every] for places in (columns, rows)))
        known = apart[np.isfinite(apart)]
        if known.size:
            steps.append(float(np.median(known)))
    return min(steps, default=1.0)


def _around(where: Spot, scene: Scene, step: int) -> Window:
    """Cut a window around what is seen, a pixel more on each side, its edges multiples of step."""
    left, width = _edge(where.columns, scene.width, step)
    top, height = _edge(where.rows, scene.height, step)
    return Window(column=left, row=top, width=width, height=height)


def _edge(places: NDArray[np.float64], extent: int, step: int) -> tuple[int, int]:
    first = max(int(np.nanmin(places)) // step - 1, 0)
    last = min(int(np.nanmax(places)) // step + 2, extent // step)
    return min(first, last - 1) * step, max(last - first, 1) * step


def _cost(source: Source, window: Window, step: int) -> float:
    """Count the pixels that are decoded: of the overview that is coarse enough, if there is one."""
    factors = source.dataset.overviews(1) if isinstance(source, RasterSource) else []
    coarser = max((factor for factor in factors if factor <= step), default=1)
    return window.width * window.height / coarser**2


def _picture(source: Source, window: Window, stretch: Stretch, step: int) -> Picture:
    samples = read_under(source, window, stretch, step=step)
    shades = np.empty((*samples.valid.shape, 4), np.uint8)
    shades[..., :3] = apply(samples.values, stretch)
    shades[..., 3] = 255
    shades[~samples.valid] = 0
    return Picture(
        shades=shades,
        column=window.column,
        row=window.row,
        step=step,
        smooth=not stretch.palette,
    )


def _mixed(shades: Shades, across: NDArray[np.float64], down: NDArray[np.float64]) -> Shades:
    """Interpolate between the four pixels around each place; what was not measured has no say."""
    height, width = shades.shape[:2]
    table = shades.reshape(-1, 4).astype(np.float32)
    left, right, beside = _beside(across, width)
    upper, lower, below = _beside(down, height)
    total = np.zeros((*across.shape, 4), np.float32)
    for rows, down_share in ((upper, 1 - below), (lower, below)):
        lines = rows * width
        for columns, share in ((left, 1 - beside), (right, beside)):
            total += table.take(lines + columns, axis=0) * (down_share * share)[..., None]
    if not shades[..., 3].all():
        total[..., :3] *= 255 / np.maximum(total[..., 3:], np.float32(1e-3))
    mixed: Shades = (np.minimum(total, 255) + np.float32(0.5)).astype(np.uint8)
    return mixed


def _beside(
    places: NDArray[np.float64], extent: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Give the pixels before and behind each place, and how near it lies to the latter, 0–1."""
    before = np.floor(places)
    share = (places - before).astype(np.float32)
    first = before.astype(np.int64)
    return np.clip(first, 0, extent - 1), np.clip(first + 1, 0, extent - 1), share
