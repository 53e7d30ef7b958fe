"""Events and vectors → durable blocks of a collection, and what indexing did.

Does not know who reads or embeds.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.collection import SceneBlock, SceneProgress
from satseek.search.indexing_reading import (
    Begun,
    Cell,
    Event,
    Finished,
    Moved,
    Refused,
    Unchanged,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.imagery.candidates import Candidates
    from satseek.imagery.chips import ReadChip
    from satseek.index.collection import Collection
    from satseek.types import Chip, Refusal, Scene

COMMIT_CELLS = 1024
"""Grid cells between two durable commits, at most."""

COMMIT_SECONDS = 5.0
"""Seconds between two durable commits, about: what a kill costs at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What indexing did."""

    scenes: int
    """Scenes that are now complete in the collection."""
    unchanged: int
    """Of these, scenes that were complete before."""
    chips_added: int
    """Chips added by this run."""
    cells_skipped: int
    """Grid cells left out by this run because too little of them is valid."""
    refusals: tuple[Refusal, ...]
    """Files and items that could not be used."""
    seconds: float
    """Wall time."""
    recipes: Mapping[str, int] = field(default_factory=dict)
    """Scenes read by this run, by the recipe that was used for them."""


@dataclass(slots=True)
class IndexProgress:
    """How far the work is; the same object is passed at every call."""

    scene: str = ""
    """Scene at work."""
    files_done: int = 0
    """Files and items finished or refused."""
    files_total: int = 0
    """Files and items found so far; a catalog that is walked goes on finding them."""
    cells_done: int = 0
    """Grid cells finished in the scene at work."""
    cells_total: int = 0
    """Grid cells of the scene at work."""
    chips: int = 0
    """Chips added by this run."""


@dataclass(slots=True)
class _Pending:
    """What of one scene waits for the next commit."""

    scene: Scene
    next_position: int
    known: bool
    """Whether a chip of the scene is committed already."""
    committed: int = 0
    """Chips that this run has committed of the scene."""
    left_out: int = 0
    """Cells that this run has skipped of the scene and committed."""
    chips: list[Chip] = field(default_factory=list)
    vectors: list[NDArray[np.float32]] = field(default_factory=list)
    skipped: int = 0
    finished: bool = False

    @property
    def ready(self) -> bool:
        """A scene is not written down before its first chip: it may turn out to have none."""
        return self.known or bool(self.chips) or self.finished

    def rest(self) -> _Pending:
        """What remains to be done once this is committed."""
        return _Pending(
            self.scene,
            self.next_position,
            known=True,
            committed=self.committed + len(self.chips),
            left_out=self.left_out + self.skipped,
        )

    def block(self, dim: int) -> SceneBlock:
        return SceneBlock(
            scene=self.scene,
            chips=tuple(self.chips),
            vectors=np.stack(self.vectors) if self.vectors else np.empty((0, dim), np.float32),
            next_position=self.next_position,
            skipped=self.skipped,
            finished=self.finished,
        )


class BlockWriter:
    """Takes events in order and commits them in blocks that may span scenes."""

    def __init__(
        self,
        collection: Collection,
        progress: IndexProgress,
        candidates: Candidates,
        on_progress: Callable[[IndexProgress], None],
    ) -> None:
        self._collection = collection
        self._progress = progress
        self._candidates = candidates
        self._on_progress = on_progress
        self._pending: list[_Pending] = []
        self._cells = 0
        self._committed_at = time.monotonic()
        self._scenes = self._unchanged = self._skipped = 0
        self._recipes: Counter[str] = Counter()
        self._refusals: list[Refusal] = []
        self._refused_before = {refusal.path for refusal in collection.refusals()}

    def take(self, events: Sequence[Event], vectors: NDArray[np.float32]) -> None:
        """Take one batch: ``vectors`` are those of the events with pixels, in order."""
        rows = iter(vectors)
        for event in events:
            match event:
                case Cell(read):
                    self._take_cell(read, rows)
                case Begun(scene, done, total):
                    self._begin(scene, done, total)
                case Finished() | Unchanged():
                    self._finish(event)
                case Moved(scene):
                    self._collection.move_scene(scene)
                case Refused(refusal, begun):
                    self._refuse(refusal, begun)
        waited = time.monotonic() - self._committed_at
        if self._cells >= COMMIT_CELLS or waited >= COMMIT_SECONDS:
            self.commit()
        self._progress.files_total = self._candidates.total
        self._on_progress(self._progress)

    def commit(self) -> None:
        """Make everything taken so far durable, in one transaction."""
        dim = self._collection.spec.dim
        ready = [pending for pending in self._pending if pending.ready]
        self._collection.add_blocks([pending.block(dim) for pending in ready])
        self._pending = [
            pending.rest() if pending.ready else pending
            for pending in self._pending
            if not pending.finished
        ]
        self._cells = 0
        self._committed_at = time.monotonic()

    def report(self, seconds: float) -> IndexReport:
        """Sum up; to be called after the last commit."""
        return IndexReport(
            scenes=self._scenes,
            unchanged=self._unchanged,
            chips_added=self._progress.chips,
            cells_skipped=self._skipped,
            refusals=tuple(self._refusals),
            seconds=seconds,
            recipes=dict(self._recipes),
        )

    def _begin(self, scene: Scene, done: SceneProgress, total: int) -> None:
        self._pending.append(_Pending(scene, done.next_position, known=done.kept > 0))
        self._progress.scene = scene.id
        self._progress.cells_done, self._progress.cells_total = done.next_position, total

    def _take_cell(self, read: ReadChip, rows: Iterator[NDArray[np.float32]]) -> None:
        pending = self._pending[-1]
        pending.next_position = read.position + 1
        if read.chip is None:
            pending.skipped += 1
            self._skipped += 1
        else:
            pending.chips.append(read.chip)
            pending.vectors.append(next(rows))
            self._progress.chips += 1
        self._cells += 1
        self._progress.cells_done = pending.next_position

    def _finish(self, event: Finished | Unchanged) -> None:
        self._scenes += 1
        self._progress.files_done += 1
        if isinstance(event, Finished):
            self._pending[-1].finished = True
            self._recipes[event.recipe] += 1
        else:
            self._unchanged += 1
            if event.scene.id in self._refused_before:
                self._collection.forget_refusal(event.scene.id)

    def _refuse(self, refusal: Refusal, begun: Scene | None) -> None:
        """Take back what was read of a scene: a damaged file must not answer with its half.

        A file that cannot even be opened takes nothing back: the disk may be away for a while.
        """
        if begun is None:
            self._collection.record_refusal(refusal, digest="")
        else:
            withdrawn = [one for one in self._pending if one.scene.id == begun.id]
            self._pending = [one for one in self._pending if one.scene.id != begun.id]
            self._progress.chips -= sum(len(one.chips) + one.committed for one in withdrawn)
            self._skipped -= sum(one.skipped + one.left_out for one in withdrawn)
            self._collection.refuse_scene(begun.id, refusal)
        self._refusals.append(refusal)
        self._progress.files_done += 1
