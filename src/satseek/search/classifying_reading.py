"""Parts → what happens while their images and chips are read, event by event, in order.

Does not know labels or models. One bad file must not stop the others; several are read at once.
"""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from satseek.errors import NoValidPixels, SatseekError, UnreadableImage, UnsafeReference
from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.decode import decode_image
from satseek.imagery.recipes import stretch_of
from satseek.model.preprocessing import squared
from satseek.search.classifying_plan import Cells, Item, Lost, Part, Whole
from satseek.search.indexing_reading import refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from satseek.imagery.recipes import Stretch
    from satseek.types import Chip, ModelCard, Pixels, Recipe, Refusal, Scene

logger = logging.getLogger(__name__)

AHEAD = 2
"""Images that are decoded, or wait to be, for each thread that decodes."""

_LARGE = 3 * 4**2
"""Samples per pixel of the model's square from which an image is resized as soon as it is read."""


@dataclass(frozen=True, slots=True)
class PartBegun:
    """A part is about to be read, or was done before."""

    part: Part
    """Which."""
    is_done: bool
    """True: none of its items follows."""


@dataclass(frozen=True, slots=True)
class ItemBegun:
    """An item of the part that was begun last is about to be read."""

    item: Item
    """Which."""


@dataclass(frozen=True, slots=True)
class Read:
    """One image, or one chip of a scene."""

    chip: Chip | None
    """The chip; None: the whole of a file without georeference."""
    pixels: Pixels
    """RGB."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A cell of which too little is valid."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The item that was begun last cannot be used: what was read of it is taken back."""

    refusal: Refusal
    """Why."""


@dataclass(frozen=True, slots=True)
class PartEnded:
    """The part that was begun last has no more items."""


Event: TypeAlias = PartBegun | ItemBegun | Read | Skipped | Refused | PartEnded


def pixels_of(event: Event) -> Pixels | None:
    """Give what is to be embedded, if anything."""
    return event.pixels if isinstance(event, Read) else None


def read_parts(
    parts: Iterable[Part],
    *,
    is_done: Callable[[Part], bool],
    recipe: Recipe,
    card: ModelCard,
    max_pixels: int,
    readers: int,
) -> Iterator[Event]:
    """Read parts in order.

    Args:
        parts: What there is.
        is_done: Tells whether a part was done before; its files are not read again.
        recipe: How samples become pixels.
        card: Of the model, which says how large images must be.
        max_pixels: Pixels above which a file without georeference is refused.
        readers: Such files decoded at once; at least 1.
    """
    source = _events(parts, is_done, recipe)
    pool = ThreadPoolExecutor(readers, thread_name_prefix="satseek-decode")
    waiting: deque[Event | Future[Event]] = deque()
    try:
        for one in source:
            if isinstance(one, Whole):
                waiting.append(pool.submit(_decoded, one, card, max_pixels))
            else:
                waiting.append(one)
            while waiting and (len(waiting) > AHEAD * readers or not _is_future(waiting[0])):
                yield _settled(waiting.popleft())
        while waiting:
            yield _settled(waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _is_future(one: Event | Future[Event]) -> bool:
    return isinstance(one, Future)


def _settled(one: Event | Future[Event]) -> Event:
    return one.result() if isinstance(one, Future) else one


def _events(
    parts: Iterable[Part], is_done: Callable[[Part], bool], recipe: Recipe
) -> Iterator[Event | Whole]:
    stretches = _Stretches(recipe)
    for part in parts:
        done = is_done(part)
        yield PartBegun(part, done)
        if done:
            continue
        for item in part.items:
            yield ItemBegun(item)
            match item:
                case Whole():
                    yield item
                case Cells():
                    yield from _chips(item, stretches)
                case Lost(refusal=refusal):
                    yield Refused(refusal)
        yield PartEnded()


def _decoded(item: Whole, card: ModelCard, max_pixels: int) -> Event:
    path = Path(item.scene.path)
    try:
        found = decode_image(path.read_bytes(), name=str(path), max_pixels=max_pixels)
    except OSError as error:
        reason = UnreadableImage(f"{path}: {error.strerror or error}")
        return Refused(refusal_of(item.scene.id, reason))
    except SatseekError as error:
        if not isinstance(error, UnreadableImage):
            raise
        return Refused(refusal_of(item.scene.id, error))
    pixels = found.pixels
    if pixels.size > _LARGE * card.image_size**2:  # else they would pile up waiting
        pixels = squared(pixels, size=card.image_size, how=card.preprocessing)
    return Read(None, pixels)


def _chips(item: Cells, stretches: _Stretches) -> Iterator[Event]:
    scene = item.scene
    try:
        cells = read_chips(
            scene,
            plan=plan_chips(scene, grid=item.grid),
            stretch=stretches.of(scene),
            min_valid=item.min_valid,
            start=item.start,
            stop=item.stop,
        )
        for cell in cells:
            if cell.chip is None or cell.pixels is None:
                yield Skipped()
            else:
                yield Read(cell.chip, cell.pixels)
    except NoValidPixels as error:
        if item.stop - item.start == item.total:  # else other ranges of the scene may have some
            yield Refused(refusal_of(scene.id, error))
    except (UnreadableImage, UnsafeReference) as error:
        yield Refused(refusal_of(scene.id, error))
    except SatseekError:
        raise
    except Exception as error:
        logger.exception("cannot read %s", scene.path)
        yield Refused(refusal_of(scene.id, error))


class _Stretches:
    """The stretch of the scene that is read, whose ranges follow each other."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._key: tuple[str, str] | None = None
        self._last: Stretch | None = None

    def of(self, scene: Scene) -> Stretch:
        key = scene.path, scene.digest
        if self._last is None or self._key != key:
            self._last, self._key = stretch_of(scene, self._recipe), key
        return self._last
