"""What a file says about its bands → the three (or one) that are shown.

Does not know sample values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from satseek.errors import UnsupportedRaster
from satseek.imagery._open import shown

if TYPE_CHECKING:
    from satseek.imagery._sources import BandLayout

_BY_COUNT: dict[int, tuple[int, ...]] = {
    1: (1,),
    3: (1, 2, 3),
    4: (1, 2, 3),  # RGB and near infrared, as NAIP orders them
    5: (3, 2, 1),  # RapidEye: blue, green, red, red edge, near infrared
    6: (3, 2, 1),  # blue, green, red, near and short-wave infrared, as in HLS stacks
    7: (4, 3, 2),  # Landsat 8 and 9 surface reflectance: B1 to B7
    10: (3, 2, 1),  # Sentinel-2 without its 60 m bands: B2, B3, B4, …
    12: (4, 3, 2),  # Sentinel-2 Level-2A: B1 to B12 without B10
    13: (4, 3, 2),  # Sentinel-2 Level-1C: B1 to B12
}
"""Red, green, blue by number of bands, for files that name none; 8 bands have two orders."""

_NAMES = (
    re.compile(r"red|(?:sr_)?b0?4", re.IGNORECASE),
    re.compile(r"green|(?:sr_)?b0?3", re.IGNORECASE),
    re.compile(r"blue|(?:sr_)?b0?2", re.IGNORECASE),
)
"""Band names of red, green, blue; B4, B3, B2 are those of Sentinel-2 and of Landsat 8 and 9."""


def choose_bands(layout: BandLayout, *, asked: tuple[int | str, ...], name: str) -> tuple[int, ...]:
    """Choose the 1-based bands shown as red, green, blue, or the one shown as grey.

    In this order: the bands ``asked`` for; colours the file declares; a palette; band names; the
    number of bands.

    Raises:
        UnsupportedRaster: complex samples, bands asked for that are not there, or no honest choice.
    """
    if layout.dtype.startswith("complex"):
        raise UnsupportedRaster(
            f"{shown(name)}: complex samples ({layout.dtype}); convert them to amplitude first"
        )
    if asked:
        return _asked_bands(layout, asked, name)
    chosen = _coloured(layout) or _named(layout) or _BY_COUNT.get(_shown_count(layout), ())
    if not chosen:
        raise UnsupportedRaster(
            f"{shown(name)}: {_listed(layout)} without known colours; "
            "name the bands to show as red, green and blue"
        )
    return chosen


def _asked_bands(layout: BandLayout, asked: tuple[int | str, ...], name: str) -> tuple[int, ...]:
    found = tuple(_number(band, layout) for band in asked)
    if len(asked) not in {1, 3} or not all(1 <= band <= layout.count for band in found):
        raise UnsupportedRaster(
            f"{shown(name)}: bands {asked} asked for, expected one or three of 1 to {layout.count}"
        )
    return found


def _number(band: int | str, layout: BandLayout) -> int:
    """Find a band by its name; 0: there is none of that name."""
    if isinstance(band, int):
        return band
    return layout.descriptions.index(band) + 1 if band in layout.descriptions else 0


def _coloured(layout: BandLayout) -> tuple[int, ...]:
    colours = layout.colours
    if {"red", "green", "blue"} <= set(colours):
        return tuple(colours.index(colour) + 1 for colour in ("red", "green", "blue"))
    return (1,) if layout.palette else ()


def _named(layout: BandLayout) -> tuple[int, ...]:
    found = [
        next((band for band, text in enumerate(layout.descriptions, 1) if name.fullmatch(text)), 0)
        for name in _NAMES
    ]
    return tuple(found) if all(found) else ()


def _shown_count(layout: BandLayout) -> int:
    return layout.count - layout.colours.count("alpha")


def _listed(layout: BandLayout) -> str:
    names = ", ".join(text for text in layout.descriptions if text)
    return f"{layout.count} bands" + (f" ({shown(names)})" if names else "")
