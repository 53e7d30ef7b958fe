"""Candidates → partitions: what workers anywhere can embed apart, the same however many there are.

Does not know who does them, nor where. Scenes come in order, each as one piece, or as several where
it has many cells; a partition is some successive pieces. What a piece is depends on its scene and
the collection alone: a run that was broken off finds what it has done, whatever else is new.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from satseek.imagery.chips import plan_chips
from satseek.imagery.recipes import stretch_of
from satseek.imagery.stretching import Stretch
from satseek.index.collection import SceneProgress
from satseek.index.records import scene_from, scene_text
from satseek.search.indexing_reading import (
    Begun,
    Moved,
    Refused,
    Unchanged,
    look_up,
    walk,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from satseek.imagery.candidates import Candidates
    from satseek.index.collection import Collection
    from satseek.index.spec import CollectionSpec, KnownScene
    from satseek.types import Scene

PIECE_CELLS = 2048
"""Cells of a piece, about: a Sentinel-2 scene on chips of 256 pixels has 1,849 and is one. At ten
chips a second and worker, what a dead one had not finished costs three minutes."""

LEAST_CELLS = 256
"""Cells of a partition at least: its file, its turn and its answer take some 20 ms."""

PARTITIONS = 256
"""Partitions of small work, about: enough that no worker waits long for the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Successive cells of one scene."""

    key: str
    """Digest of all that its chips and vectors depend on."""
    scene: Scene
    """As it was planned."""
    start: int
    """First cell."""
    stop: int
    """First cell behind it."""
    stretch: Stretch | None
    """Of the scene, where it has several pieces; None: who reads the piece finds it."""

    @property
    def cells(self) -> int:
        """Count the cells."""
        return self.stop - self.start

    def to_json(self) -> dict[str, Any]:
        """Write as JSON."""
        return {
            "key": self.key,
            "scene": scene_text(self.scene),
            "start": self.start,
            "stop": self.stop,
            "stretch": None if self.stretch is None else asdict(self.stretch),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Read from JSON."""
        return cls(
            key=told["key"],
            scene=scene_from(told["scene"]),
            start=told["start"],
            stop=told["stop"],
            stretch=_stretch_from(told["stretch"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Pieces that are done together by one worker."""

    name: str
    """Names what comes of it; another one for other pieces."""
    pieces: tuple[Piece, ...]
    """In order; at least one."""

    @property
    def cells(self) -> int:
        """Count the cells."""
        return sum(piece.cells for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Divided:
    """A scene that is to be read."""

    scene: Scene
    """Which."""
    done: SceneProgress
    """How far an earlier run came."""
    pieces: tuple[Piece, ...]
    """In order; none where an earlier run has read all and did not come to say so."""


Step = Divided | Unchanged | Moved | Refused
"""What is to be said of one candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is to be done for a source of scenes."""

    source: str
    """What was named."""
    steps: tuple[Step, ...]
    """In the order of the candidates."""

    @property
    def pieces(self) -> list[Piece]:
        """All pieces, in order."""
        return [piece for step in self.steps if isinstance(step, Divided) for piece in step.pieces]


def plan_pieces(
    candidates: Candidates,
    *,
    collection: Collection,
    piece_cells: int = PIECE_CELLS,
    on_scene: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
) -> Plan:
    """Read the headers of whatever scenes there are, and divide those that are not complete yet.

    Args:
        candidates: What may be scenes.
        collection: Opened for writing, so that nobody else changes what is known.
        piece_cells: Cells of a piece, about.
        on_scene: Called with each scene's name, how many were looked at, and how many there are.

    Raises:
        UnreadableImage, UnsafeReference: what lists the scenes cannot be read at all.
    """

    def read(
        scene: Scene, known: KnownScene | None, spec: CollectionSpec
    ) -> Iterator[Step | Begun]:
        return _divide(scene, known, spec, piece_cells)

    steps: list[Step] = []
    places: dict[str, int] = {}
    for event in walk(candidates, collection=collection, read=read):
        if isinstance(event, Begun):
            continue
        if isinstance(event, Divided):
            event = _only(event, steps, places)  # noqa: PLW2901 - as it is said now
        steps.append(event)
        on_scene(_name(event), len(steps), max(candidates.total, len(steps)))
    return Plan(source=candidates.source, steps=tuple(steps))


def pack(pieces: Iterable[Piece], *, cells: int | None = None) -> list[Partition]:
    """Put successive pieces together into partitions.

    Args:
        pieces: In order.
        cells: Cells of a partition, about; None: by how many there are in all.
    """
    waiting = list(pieces)
    if cells is None:
        total = sum(piece.cells for piece in waiting)
        cells = min(PIECE_CELLS, max(LEAST_CELLS, total // PARTITIONS))
    partitions: list[Partition] = []
    taken: list[Piece] = []
    left = cells
    for piece in waiting:
        taken.append(piece)
        left -= piece.cells
        if left <= 0:
            partitions.append(_partition(taken))
            taken, left = [], cells
    return [*partitions, _partition(taken)] if taken else partitions


def _partition(pieces: list[Piece]) -> Partition:
    keys = "\n".join(piece.key for piece in pieces)
    return Partition(name=_digest(keys), pieces=tuple(pieces))


def _divide(
    scene: Scene, known: KnownScene | None, spec: CollectionSpec, cells: int
) -> Iterator[Step | Begun]:
    done = SceneProgress() if known is None else known.progress_of(scene)
    yield from look_up(scene, known)
    if done.finished:
        return
    plan = plan_chips(scene, grid=spec.grid)
    yield Begun(scene, done, len(plan))
    ranges = plan.ranges(cells)
    stretch = stretch_of(scene, spec.recipe) if len(ranges) > 1 else None
    first = done.next_position
    left = [(max(start, first), stop) for start, stop in ranges if stop > first or not first]
    text = f"{spec.to_json()}\n{scene_text(_lasting(scene))}"
    yield Divided(
        scene,
        done,
        tuple(
            Piece(
                key=_digest(f"{text}\n{start} {stop}"),
                scene=scene,
                start=start,
                stop=stop,
                stretch=stretch,
            )
            for start, stop in left
        ),
    )


def _lasting(scene: Scene) -> Scene:
    """Leave out what says nothing of the pixels: behind a ? may be a signature that expires."""
    assets = {name: place.partition("?")[0] for name, place in scene.assets.items()}
    return replace(scene, assets=assets)


def _only(event: Divided, steps: list[Step], places: dict[str, int]) -> Divided | Unchanged:
    """Say of two items of one id what indexing one after the other would: the later one stays."""
    before = places.get(event.scene.id)
    places[event.scene.id] = len(steps)
    if before is None:
        return event
    former = steps[before]
    if isinstance(former, Divided) and former.scene.digest == event.scene.digest:
        places[event.scene.id] = before
        return Unchanged(event.scene)
    steps[before] = Unchanged(event.scene)
    return event


def _name(step: Step) -> str:
    return step.refusal.path if isinstance(step, Refused) else step.scene.id


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _stretch_from(told: Mapping[str, Any] | None) -> Stretch | None:
    """Read a stretch from JSON, which knows no tuples."""
    if told is None:
        return None
    fields = dict(told)
    for name in ("bands", "low", "high"):
        fields[name] = tuple(fields[name])
    fields["palette"] = tuple((r, g, b, a) for r, g, b, a in fields["palette"])
    return Stretch(**fields)
