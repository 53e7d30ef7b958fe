"""Candidates → parts: images and chips that are classified, and written down, together.

Does not know labels or models. How a folder falls into parts depends on its files alone, and a file
that comes or goes changes only the part that it is in: what was done before stays done.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from satseek.errors import SatseekError, UnreadableImage, UnsafeReference
from satseek.imagery.chips import plan_chips
from satseek.search.indexing_reading import refusal_of
from satseek.types import GridSpec, Recipe, Refusal, Scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from satseek.imagery.candidates import Candidate
    from satseek.imagery.chips import ChipPlan

logger = logging.getLogger(__name__)

Cut: TypeAlias = Literal["auto", "always", "never"]
"""What is cut into chips; ``auto``: what is georeferenced and larger than a chip or so."""

PART_IMAGES = 128
"""Images of a part, about: at four a second, the half minute that a death costs."""

MOST_IMAGES = 4 * PART_IMAGES
"""Images and chips of a part at most."""

ALONE_CELLS = 64
"""A scene of more cells than this makes parts of its own."""

RANGE_CELLS = 256
"""Cells of one part of such a scene, about: at four a second, a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How what is found becomes images to classify."""

    recipe: Recipe
    """How samples become pixels."""
    grid: GridSpec
    """Where chips lie in what is cut."""
    min_valid: float
    """Least valid fraction of a chip, 0–1."""
    cut: Cut = "auto"
    """What is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A file without georeference: one image, read as an upload is."""

    scene: Scene
    """Which."""

    def key(self) -> list[object]:
        """Tell it from any other, and from itself once it is changed."""
        return ["whole", self.scene.id, self.scene.path, self.scene.digest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Some or all chips of a scene."""

    scene: Scene
    """Which."""
    start: int
    """First cell of the scene's plan."""
    stop: int
    """First cell behind."""
    total: int
    """Cells of the scene."""
    grid: GridSpec
    """Where they lie."""
    min_valid: float
    """Least valid fraction of a chip, 0–1; 0: any."""

    @property
    def is_one_image(self) -> bool:
        """True where the scene is not cut."""
        return self.total == 1

    def key(self) -> list[object]:
        """As `Whole.key`."""
        return ["cells", self.scene.id, self.scene.path, self.scene.digest, self.start, self.stop]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Something that cannot even be described."""

    refusal: Refusal
    """What, and why."""
    path: str
    """Where it lies."""

    def key(self) -> list[object]:
        """As `Whole.key`."""
        return ["lost", self.refusal.path, self.path, self.refusal.reason]


Item: TypeAlias = Whole | Cells | Lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is written down together."""

    items: tuple[Item, ...]
    """At least one, in the order of the source."""
    is_range: bool = False
    """True: a range of one scene's cells, whose other ranges come right before or behind."""

    @property
    def name(self) -> str:
        """Digest of what is in it, 32 hex digits."""
        text = json.dumps([item.key() for item in self.items])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def images(self) -> int:
        """Images and cells."""
        return sum(_size(item) for item in self.items)


def plan_parts(candidates: Iterable[Candidate], cutting: Cutting) -> Iterator[Part]:
    """Describe candidates one after another, and put them together; reads headers alone.

    Raises:
        UnreadableImage, UnsafeReference: what lists the candidates cannot be read at all, or broke
            off: then after the parts before it.
    """
    together: list[Item] = []
    for candidate in candidates:
        items = _items_of(candidate, cutting)
        if isinstance(items[0], Cells) and items[0].total > ALONE_CELLS:
            if together:
                yield Part(items=tuple(together))
                together = []
            yield from (Part(items=(one,), is_range=len(items) > 1) for one in items)
            continue
        together += items
        if _ends_part(items[-1]) or sum(map(_size, together)) >= MOST_IMAGES:
            yield Part(items=tuple(together))
            together = []
    if together:
        yield Part(items=tuple(together))


def _ends_part(item: Item) -> bool:
    """Let names say where parts end, so that one more file does not move all that come behind."""
    name = item.refusal.path if isinstance(item, Lost) else item.scene.id
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % PART_IMAGES == 0


def _size(item: Item) -> int:
    return item.stop - item.start if isinstance(item, Cells) else 1


def _items_of(candidate: Candidate, cutting: Cutting) -> list[Item]:
    name = candidate.name
    try:
        scene = replace(candidate.describe(cutting.recipe), id=name)
        return _described(scene, cutting)
    except (UnreadableImage, UnsafeReference) as error:
        return [_lost(candidate, error)]
    except SatseekError:
        raise
    except Exception as error:
        logger.exception("cannot read %s", candidate.path)
        return [_lost(candidate, error)]


def _lost(candidate: Candidate, error: Exception) -> Lost:
    path = candidate.path.encode("utf-8", "backslashreplace").decode("utf-8")
    return Lost(refusal=refusal_of(candidate.name, error), path=path)


def _described(scene: Scene, cutting: Cutting) -> list[Item]:
    cut = cutting.cut == "always" or (cutting.cut == "auto" and scene.crs is not None)
    if not cut and _is_plain(scene, cutting.recipe):
        return [Whole(scene=scene)]
    grid = cutting.grid if cut else _whole_grid(scene)
    plan = plan_chips(scene, grid=grid)
    total = len(plan)
    return [
        Cells(
            scene=scene,
            start=start,
            stop=stop,
            total=total,
            grid=grid,
            min_valid=cutting.min_valid if total > 1 else 0.0,
        )
        for start, stop in _ranges(plan)
    ]


def _ranges(plan: ChipPlan) -> list[tuple[int, int]]:
    return plan.ranges(RANGE_CELLS) if len(plan) > ALONE_CELLS else [(0, len(plan))]


def _is_plain(scene: Scene, recipe: Recipe) -> bool:
    """Tell whether a scene is read as an upload is: a file by itself, as it lies there."""
    alone = not scene.assets and Path(scene.path).is_file()
    return alone and scene.crs is None and recipe.name == "auto"


def _whole_grid(scene: Scene) -> GridSpec:
    """Make one chip of a whole scene."""
    edge = max(scene.width, scene.height)
    return GridSpec(crs=None, chip_px=edge, stride_px=edge, pixel_size=None)
