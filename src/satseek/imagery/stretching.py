"""A stretch and samples → 8-bit RGB, and where it shows something that was measured.

Does not know recipes or scenes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from satseek.errors import NoValidPixels
from satseek.imagery._open import shown
from satseek.imagery._sources import Samples, measured
from satseek.imagery.masks import uncovered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.imagery._sources import Reducing, Source
    from satseek.types import Pixels, Valid, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A recipe resolved for one scene."""

    bands: tuple[int, ...]
    """1-based bands shown as red, green, blue; one band is shown as grey or by its palette."""
    low: tuple[float, ...]
    """Sample value of each band that becomes 0."""
    high: tuple[float, ...]
    """Sample value of each band that becomes 255; above ``low``."""
    nodata: float | None = None
    """Sample value that means nothing measured, besides what the file says itself."""
    palette: tuple[tuple[int, int, int, int], ...] = field(default=(), repr=False)
    """RGBA by sample value; empty where samples are no indices."""
    gamma: float = 1.0
    """As in `Recipe`."""
    mask: Literal["none", "scl", "qa_pixel"] = "none"
    """What ``mask_band`` holds; ``none`` where the scene has no such band."""
    mask_band: int = 0
    """1-based band that says where clouds are; 0: none."""
    recipe: str = field(default="", compare=False)
    """``name@version`` of the recipe that was resolved: ``auto`` may have picked another one."""
    why: str = field(default="", compare=False)
    """Why it was picked, and how what is the scene's own was known; one line, may be empty."""


def apply(samples: NDArray[Any], stretch: Stretch) -> Pixels:
    """Turn samples (bands, h, w) of the stretch's bands into RGB; what is not finite becomes 0."""
    if stretch.palette:
        colours = np.array(stretch.palette, np.uint8)[:, :3]
        shades: Pixels = colours[np.minimum(samples[0], len(colours) - 1)]
        return shades
    bands = [
        _to_8_bit(band, low, high, stretch.gamma)
        for band, low, high in zip(samples, stretch.low, stretch.high, strict=True)
    ]
    shades = np.empty((*samples.shape[1:], 3), np.uint8)
    for channel, band in enumerate(bands * 3 if len(bands) == 1 else bands):
        shades[..., channel] = band  # half the time of np.stack
    return shades


def valid_under(samples: Samples, stretch: Stretch) -> Valid:
    """Where something was measured, by the file, the recipe and the palette's transparency."""
    valid = samples.valid
    if stretch.nodata is not None:
        valid = valid & measured(samples.values, nodata=stretch.nodata)
    if stretch.palette:
        opaque = np.array(stretch.palette, np.uint8)[:, 3] > 0
        valid = valid & opaque[np.minimum(samples.values[0], len(opaque) - 1)]
    return valid


def nothing_measured(name: str, *, masked: bool) -> NoValidPixels:
    """Say of a scene that it shows nothing; ``masked``: clouds were left out."""
    reason = "nodata or under clouds" if masked else "nodata"
    return NoValidPixels(f"{shown(name)}: no pixel was measured, all are {reason}")


def read_under(source: Source, window: Window, stretch: Stretch, *, step: int = 1) -> Samples:
    """Read the stretch's bands; valid is what `valid_under` says and what lies under no cloud.

    Args:
        source: Where they lie.
        window: Pixels of the source; its edges are multiples of ``step`` long.
        stretch: The scene's.
        step: Each pixel that comes back stands for ``step`` x ``step`` of the source.
    """
    by: Reducing = "nearest" if stretch.palette else "average"
    samples = source.read(window, bands=stretch.bands, step=step, by=by)
    valid = valid_under(samples, stretch)
    if stretch.mask_band:
        cover = source.read(window, bands=(stretch.mask_band,), step=step, by="nearest")
        valid = valid & uncovered(cover.values[0], stretch.mask)
    return Samples(values=samples.values, valid=valid)


def _to_8_bit(band: NDArray[Any], low: float, high: float, gamma: float) -> NDArray[np.uint8]:
    if band.dtype == np.uint8 and (low, high, gamma) == (0.0, 255.0, 1.0):
        return band
    if band.dtype.kind in "iu" and band.dtype.itemsize <= 2:  # noqa: PLR2004 (a table of 64 KiB)
        table = _shades_of_all(str(band.dtype), low, high, gamma)
        numbers = band.view(f"u{band.dtype.itemsize}")
        return np.take(table, numbers)  # a fifth of the time of table[numbers]
    return _shades(band, low, high, gamma)


@lru_cache(maxsize=64)
def _shades_of_all(dtype: str, low: float, high: float, gamma: float) -> NDArray[np.uint8]:
    """Shade of every value of a small integer type, by its bits."""
    bits = np.dtype(dtype).itemsize * 8
    every = np.arange(2**bits, dtype=f"u{bits // 8}").view(dtype)
    return _shades(every, low, high, gamma)


def _shades(band: NDArray[Any], low: float, high: float, gamma: float) -> NDArray[np.uint8]:
    wide = np.float64 if band.dtype.itemsize > 2 else np.float32  # noqa: PLR2004 (float32 holds 16 bits)
    scaled = np.subtract(band, low, dtype=wide) * wide(255.0 / (high - low))
    finite = np.clip(np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0), 0.0, 255.0)
    if gamma != 1:
        finite = 255.0 * (finite / 255.0) ** (1.0 / gamma)
    shades: NDArray[np.uint8] = np.rint(finite).astype(np.uint8)
    return shades
