"""The chips of a collection → their pixels, read again as they were when they were indexed.

Does not know what the pixels are for. A scene that is not what it was any more is named, not read.
"""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from satseek.errors import NotFound, SatseekError, UnreadableImage
from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.digests import current_digest
from satseek.imagery.recipes import stretch_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.index.collection import Collection
    from satseek.index.rewriting import Rewriting
    from satseek.types import Pixels, Scene

logger = logging.getLogger(__name__)

_Living = tuple[int, str, str]
"""Row, chip id, scene id."""


@dataclass(frozen=True, slots=True)
class Reread:
    """One chip as it was embedded before."""

    row: int
    """Its row."""
    scene_id: str
    """Its scene."""
    next_position: int
    """First candidate position of the scene behind it."""
    pixels: Pixels
    """RGB, north up."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The rest of a scene's successive chips, which cannot be read."""

    row: int
    """Row of the last of them; −1 where there are none."""
    chips: int
    """How many they are."""
    scene_id: str
    """Their scene."""
    state: str
    """As in ``Loss``."""
    reason: str
    """One line."""


def look_at(scene: Scene | None) -> str:
    """Tell from a scene's file, but not its pixels, why its chips cannot be read again.

    Args:
        scene: As it was when it was indexed; None stands for one without a record.

    Returns:
        One line; empty where they can.
    """
    if scene is None:
        return "the collection has no record of this scene"
    try:
        digest = current_digest(scene)
    except (NotFound, UnreadableImage, OSError) as error:
        return _line(error)
    return "" if digest == scene.digest else f"{scene.path}: changed since it was indexed"


def reread(collection: Collection, rewriting: Rewriting) -> Iterator[Reread | Unread]:
    """Read every chip that has no vector in the pending edition, in the order of rows.

    Scenes are read window set by window set, as they were indexed, so that pixels are the same to
    the bit. Of a scene that was lost before, or turns out to be, the rest of its chips come as one
    ``Unread``.
    """
    pending = rewriting.pending
    lost = {loss.scene_id: (loss.state, loss.reason) for loss in rewriting.losses()}
    begun, position = pending.scene_id, pending.next_position
    for scene_id, chips in groupby(rewriting.living(pending.next_row), key=itemgetter(2)):
        known = lost.get(scene_id)
        if known is not None:
            yield _rest(chips, scene_id, state=known[0], reason=known[1])
            continue
        start = position if scene_id == begun else 0
        begun = ""
        for found in _read_scene(scene_id, chips, collection=collection, start=start):
            if isinstance(found, Unread):
                lost[scene_id] = found.state, found.reason
            yield found


def _read_scene(
    scene_id: str, chips: Iterator[_Living], *, collection: Collection, start: int
) -> Iterator[Reread | Unread]:
    """Outermost loop over one scene: whatever is wrong with its file must not stop the others."""
    scene = collection.find_scene(scene_id)
    if (reason := look_at(scene)) or scene is None:
        yield _rest(chips, scene_id, state="", reason=reason)
        return
    try:
        yield from _read_chips(scene, chips, collection=collection, start=start)
        if reason := look_at(scene):  # it changed while it was read
            yield _rest(chips, scene_id, state="", reason=reason)
    except UnreadableImage as error:
        yield _rest(chips, scene_id, state=scene.digest, reason=_line(error))
    except SatseekError:
        raise
    except Exception as error:
        logger.exception("cannot read %s", scene.path)
        reason = f"{scene.path}: {type(error).__name__}: {_line(error)}"
        yield _rest(chips, scene_id, state=scene.digest, reason=reason)


def _read_chips(
    scene: Scene, chips: Iterator[_Living], *, collection: Collection, start: int
) -> Iterator[Reread]:
    spec = collection.spec
    plan = plan_chips(scene, grid=spec.grid)
    stretch = stretch_of(scene, spec.recipe)
    wanted = next(chips, None)
    cells = read_chips(scene, plan=plan, stretch=stretch, min_valid=spec.min_valid, start=start)
    with closing(cells):  # type: ignore[type-var] # it is a generator
        for read in cells:
            if wanted is None:
                return
            if read.chip is None or read.pixels is None or read.chip.id != wanted[1]:
                continue
            yield Reread(wanted[0], scene.id, read.position + 1, read.pixels)
            wanted = next(chips, None)
    if wanted is not None:
        raise UnreadableImage(f"{scene.path}: expected the chip {wanted[1]!r} in it, came none")


def _rest(chips: Iterator[_Living], scene_id: str, *, state: str, reason: str) -> Unread:
    left = [row for row, _, _ in chips]
    return Unread(left[-1] if left else -1, len(left), scene_id, state, reason)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
