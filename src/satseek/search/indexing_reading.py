"""Candidates → what happens while their scenes are read, event by event, in order.

Does not know what embeds or stores. One bad scene must not stop the others.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from satseek.errors import SatseekError, UnreadableImage, UnsafeReference
from satseek.imagery.chips import ReadChip, plan_chips, read_chips
from satseek.imagery.recipes import stretch_of
from satseek.imagery.scenes import is_there
from satseek.index.collection import SceneProgress
from satseek.types import Refusal, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.imagery.candidates import Candidate, Candidates
    from satseek.index.collection import Collection
    from satseek.index.spec import CollectionSpec, KnownScene
    from satseek.types import Pixels

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Begun:
    """A scene is about to be read."""

    scene: Scene
    """Which."""
    done: SceneProgress
    """How far an earlier run came."""
    total: int
    """Its grid cells."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One grid cell of the scene that was begun last."""

    read: ReadChip
    """Its chip, if enough of it is valid."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The scene that was begun last has no more cells."""

    scene: Scene
    """Which."""
    recipe: str
    """Label of the recipe that was used."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A scene was complete before."""

    scene: Scene
    """Which."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A known scene lies elsewhere now, or more is said of it; its pixels are the same."""

    scene: Scene
    """As it is now."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Something cannot be used."""

    refusal: Refusal
    """What, and why."""
    begun: Scene | None
    """The scene, if its pixels were being read: what was taken of it is taken back."""


Event = Begun | Cell | Finished | Unchanged | Moved | Refused

T = TypeVar("T")


def pixels_of(event: Event) -> Pixels | None:
    """Give what is to be embedded, if anything."""
    return event.read.pixels if isinstance(event, Cell) else None


def read_events(candidates: Candidates, *, collection: Collection) -> Iterator[Event]:
    """Read every scene that is not complete yet; the reading thread runs it."""
    return walk(candidates, collection=collection, read=_read_scene)


def walk(
    candidates: Candidates,
    *,
    collection: Collection,
    read: Callable[[Scene, KnownScene | None, CollectionSpec], Iterator[T]],
) -> Iterator[T | Refused]:
    """Do something with every scene, in order; the outermost loop: a bad one stops no other.

    Args:
        candidates: What may be scenes.
        collection: What is known of them.
        read: Is given each with what is known of it; a ``Begun`` among what it yields says that
            pixels are read from then on.

    Raises:
        UnreadableImage, UnsafeReference: what lists the scenes cannot be read at all.
    """
    some = False
    try:
        for candidate in candidates:
            some = True
            yield from _read_candidate(candidate, collection, read)
    except (UnreadableImage, UnsafeReference) as error:
        if not some:
            raise
        yield Refused(refusal_of(candidates.source, error), None)  # what lists them broke off


def _read_candidate(
    candidate: Candidate,
    collection: Collection,
    read: Callable[[Scene, KnownScene | None, CollectionSpec], Iterator[T]],
) -> Iterator[T | Refused]:
    name, known = _own_id(candidate, collection)
    begun: Scene | None = None
    try:
        scene = replace(candidate.describe(collection.spec.recipe), id=name)
        for event in read(scene, known, collection.spec):
            begun = scene if isinstance(event, Begun) else begun
            yield event
    except (UnreadableImage, UnsafeReference) as error:
        yield Refused(refusal_of(name, error), begun)
    except SatseekError:
        raise
    except Exception as error:
        logger.exception("cannot read %s", candidate.path)
        yield Refused(refusal_of(name, error), begun)


def refusal_of(name: str, error: Exception) -> Refusal:
    """Say on one line why something cannot be used."""
    reason = " ".join(str(error).split())
    if not isinstance(error, SatseekError):
        reason = f"{name}: {type(error).__name__}: {reason}"
    return Refusal(path=name, reason=reason, kind=type(error).__name__)


def _own_id(candidate: Candidate, collection: Collection) -> tuple[str, KnownScene | None]:
    """Give a candidate's id and what is known of it; usable or not, it is always the same.

    It is the path below the folder, with folder names before it while another file that is still
    there has that id. So ``2024/north.tif`` and ``2025/north.tif`` can be indexed one folder after
    the other, and be refused apart.
    """
    names = candidate.names()
    name = next(names)
    while (known := collection.find_known(name)) is not None:
        if known.scene.path == candidate.path or not is_there(known.scene):
            break
        longer = next(names, None)
        if longer is None:
            break
        name = longer
    return name, known


def look_up(scene: Scene, known: KnownScene | None) -> Iterator[Moved | Unchanged]:
    """Say what is to be said of a scene before it is read, and whether it was complete before."""
    if known is not None and _is_told_otherwise(known.scene, scene):
        yield Moved(scene)
    if known is not None and known.progress_of(scene).finished:
        yield Unchanged(scene)


def _read_scene(scene: Scene, known: KnownScene | None, spec: CollectionSpec) -> Iterator[Event]:
    done = SceneProgress() if known is None else known.progress_of(scene)
    yield from look_up(scene, known)
    if done.finished:
        return
    plan = plan_chips(scene, grid=spec.grid)
    yield Begun(scene, done, len(plan))
    stretch = stretch_of(scene, spec.recipe)
    logger.info("%s: recipe %s %s", scene.id, stretch.recipe, stretch.why)
    cells = read_chips(
        scene, plan=plan, stretch=stretch, min_valid=spec.min_valid, start=done.next_position
    )
    for read in cells:
        yield Cell(read)
    yield Finished(scene, stretch.recipe)


def _is_told_otherwise(before: Scene, now: Scene) -> bool:
    """Whether the same pixels lie elsewhere, or something else is said of them."""
    said = attrgetter("path", "properties", "band_names", "assets", "hosts")
    return before.digest == now.digest and said(before) != said(now)
