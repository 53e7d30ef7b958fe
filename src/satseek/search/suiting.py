"""What a prompt names and the pixel size → a warning where the one is too small for the other.

Does not know models. The table beside this file says from which pixel on a thing is lost, and why.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from satseek.imagery.ground import metres_per_pixel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.index.collection import Collection

TABLE = "suiting.tsv"
"""Names, largest pixel in metres, reason; parted by tabs."""

_COLUMNS = 3
_SLACK = 1.05
"""Pixels up to a twentieth larger than the table says are let pass: sizes are nominal."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[a-z]+")
_REMEMBERED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """From which pixel on a thing is lost."""

    name: str
    """What it is called."""
    pixel_m: float
    """Largest pixel on which it can be told from its surroundings, metres."""


def suits(text: str, pixel_size_m: float) -> str | None:
    """Tell that pixels are too large for what a text names, on one line; None where they suit.

    Of several things the one that needs the finest pixels is told. Longer names go first: a parking
    lot is no lot of cars.

    Args:
        text: A prompt, English or Chinese.
        pixel_size_m: Metres per pixel.
    """
    named = _named(text)
    worst = min(named, key=lambda limit: limit.pixel_m, default=None)
    if worst is None or pixel_size_m <= worst.pixel_m * _SLACK:
        return None
    return (
        f"{worst.name!r} takes pixels of {worst.pixel_m:g} m or smaller, these are of "
        f"{pixel_size_m:.3g} m: expect places that go with it, not the thing itself"
    )


def pixel_size_of(collection: Collection) -> float | None:
    """Give the metres per pixel of a collection's finest scene; None without georeference.

    Where its grid has a pixel size of its own, no finer one is left in the chips.
    """
    return _sizes.of(collection)


class _Sizes:
    """Pixel sizes of collections: asking every scene with every search would take too long."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._known: OrderedDict[tuple[str, int], float | None] = OrderedDict()

    def of(self, collection: Collection) -> float | None:
        key = str(collection.folder), collection.generation
        with self._guard:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        sizes = [size for scene in collection.scenes() if (size := metres_per_pixel(scene))]
        least = collection.spec.grid.pixel_size or 0.0  # in degrees it is smaller than any scene's
        finest = max(min(sizes), least) if sizes else None
        with self._guard:
            self._known[key] = finest
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return finest


_sizes = _Sizes()


def _named(text: str) -> list[Limit]:
    """Find what a text names: the longest names first, each letter taken once."""
    lowered = text.lower()
    singular = " ".join(_singular(word) for word in _WORD.findall(lowered))
    found = []
    for name, limit in _limits().items():
        if name not in lowered and name not in singular:  # hundreds of names, asked by each search
            continue
        if _HAN.search(name):
            taken, lowered = lowered.count(name), lowered.replace(name, " ")
        else:
            singular, taken = re.subn(rf"\b{re.escape(name)}\b", " ", singular)
        if taken:
            found.append(limit)
    return found


def _singular(word: str) -> str:
    """Drop an English plural; both sides of a comparison go through it, so that it may be rough."""
    for ending, instead in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss")):
        if word.endswith(ending):
            return word[: -len(ending)] + instead
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > len("gas"):
        return word[:-1]
    return word


@lru_cache(maxsize=1)
def _limits() -> Mapping[str, Limit]:
    """Read the table; the longest names come first."""
    content = files("satseek.search").joinpath(TABLE).read_text(encoding="utf-8")
    lines = [line for line in content.splitlines() if line and not line.startswith("#")]
    found: dict[str, Limit] = {}
    for line in lines:
        names, pixel_m, _ = line.split("\t", _COLUMNS - 1)
        for name in names.split("|"):
            key = " ".join(_singular(word) for word in _WORD.findall(name)) or name
            found[key] = Limit(name=name, pixel_m=float(pixel_m))
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))
