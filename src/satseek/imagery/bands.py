"""What a file says about its bands → the three (or one) that are shown.

Does not know sample values. Bands are asked for by number, by name or by common name; there are no
expressions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from satseek.errors import UnsupportedRaster
from satseek.imagery._open import shown
from satseek.imagery.sensors import plain

if TYPE_CHECKING:
    from satseek.imagery._sources import BandLayout
    from satseek.imagery.sensors import Sensor

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

_TRUE_COLOURS = ("red", "green", "blue")


def choose_bands(
    layout: BandLayout, *, asked: tuple[int | str, ...], name: str, sensor: Sensor | None = None
) -> tuple[int, ...]:
    """Choose the 1-based bands shown as red, green, blue, or the one shown as grey.

    In this order: the bands ``asked`` for; colours the file declares; a palette; band names; the
    number of bands.

    Args:
        layout: The file's bands.
        asked: Numbers from 1, names such as ``B04``, or common names such as ``nir``.
        name: File, for messages.
        sensor: Whose names the bands have; None: not known.

    Raises:
        UnsupportedRaster: complex samples, bands asked for that are not there, or no honest choice.
    """
    if layout.dtype.startswith("complex"):
        raise UnsupportedRaster(
            f"{shown(name)}: complex samples ({layout.dtype}); convert them to amplitude first"
        )
    if asked:
        return _asked_bands(layout, asked, name, sensor)
    chosen = _usual(layout)
    if not chosen:
        raise UnsupportedRaster(
            f"{shown(name)}: {_listed(layout)} without known colours; "
            "name the bands to show as red, green and blue"
        )
    return chosen


def find_band(asked: str, layout: BandLayout, *, sensor: Sensor | None = None) -> int:
    """Find a band by name or common name; 0: there is none.

    In this order: the file's names; its common names; colours that it declares; the order of the
    sensor's bands in a file that names none; what is usually shown as red, green and blue; the only
    band as ``pan``.
    """
    for wanted in sensor.names_of(asked) if sensor else (asked,):
        for names in (layout.descriptions, layout.common_names):
            if (known := [plain(text) for text in names]).count(plain(wanted)):
                return known.index(plain(wanted)) + 1
    if asked.lower() in layout.colours:
        return layout.colours.index(asked.lower()) + 1
    return _by_order(asked, layout, sensor) or _by_usage(asked.lower(), layout, sensor)


def _asked_bands(
    layout: BandLayout, asked: tuple[int | str, ...], name: str, sensor: Sensor | None
) -> tuple[int, ...]:
    found = tuple(
        band if isinstance(band, int) else find_band(band, layout, sensor=sensor) for band in asked
    )
    missing = [
        band for band, at in zip(asked, found, strict=True) if isinstance(band, str) and not at
    ]
    if missing:
        raise UnsupportedRaster(
            f"{shown(name)}: no band {', '.join(shown(band) for band in missing)} in "
            f"{_listed(layout)}; ask for others, or by number from 1 to {layout.count}"
        )
    if len(asked) not in {1, 3} or not all(1 <= band <= layout.count for band in found):
        raise UnsupportedRaster(
            f"{shown(name)}: bands {asked} asked for, expected one or three of 1 to {layout.count}"
        )
    return found


def _by_order(asked: str, layout: BandLayout, sensor: Sensor | None) -> int:
    if sensor is None or any(layout.descriptions):
        return 0
    stack = next((one for one in sensor.stacks if len(one) == _shown_count(layout)), ())
    return next((stack.index(name) + 1 for name in sensor.names_of(asked) if name in stack), 0)


def _by_usage(asked: str, layout: BandLayout, sensor: Sensor | None) -> int:
    if asked == "pan":
        return 1 if _shown_count(layout) == 1 else 0
    plainly = sensor is None or _shown_count(layout) == len(_TRUE_COLOURS)
    usual = _usual(layout) if plainly else _coloured(layout)
    if asked in _TRUE_COLOURS and len(usual) == len(_TRUE_COLOURS):
        return usual[_TRUE_COLOURS.index(asked)]
    return 0


def _usual(layout: BandLayout) -> tuple[int, ...]:
    return _coloured(layout) or _named(layout) or _BY_COUNT.get(_shown_count(layout), ())


def _coloured(layout: BandLayout) -> tuple[int, ...]:
    colours = layout.colours
    if set(_TRUE_COLOURS) <= set(colours):
        return tuple(colours.index(colour) + 1 for colour in _TRUE_COLOURS)
    return (1,) if layout.palette else ()


def _named(layout: BandLayout) -> tuple[int, ...]:
    for names in (layout.descriptions, layout.common_names):
        found = [
            next((band for band, text in enumerate(names, 1) if name.fullmatch(text)), 0)
            for name in _NAMES
        ]
        if all(found):
            return tuple(found)
    return ()


def _shown_count(layout: BandLayout) -> int:
    return layout.count - layout.colours.count("alpha")


def _listed(layout: BandLayout) -> str:
    names = ", ".join(text for text in layout.descriptions if text)
    counted = "1 band" if layout.count == 1 else f"{layout.count} bands"
    return counted + (f" ({shown(names)})" if names else "")
