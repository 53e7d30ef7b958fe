"""Scenes, wherever they are → a collection of embedded chips; resumable, none stops the others.

Knows neither the terminal that shows its progress nor the runtime that embeds.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from satseek.embed.streaming import embed_stream
from satseek.errors import SatseekError, UnreadableImage, UnsafeReference
from satseek.imagery.candidates import FolderScenes
from satseek.imagery.chips import ReadChip, plan_chips, read_chips
from satseek.imagery.recipes import stretch_of
from satseek.imagery.scenes import is_there
from satseek.index.collection import SceneBlock, SceneProgress
from satseek.logs import log_line
from satseek.types import Chip, Pixels, Refusal, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.imagery.candidates import Candidate, Candidates
    from satseek.index.collection import Collection
    from satseek.index.spec import CollectionSpec, KnownScene

logger = logging.getLogger(__name__)

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


@dataclass(frozen=True, slots=True)
class _Begun:
    scene: Scene
    done: SceneProgress
    total: int


@dataclass(frozen=True, slots=True)
class _Cell:
    read: ReadChip


@dataclass(frozen=True, slots=True)
class _Finished:
    scene: Scene
    recipe: str


@dataclass(frozen=True, slots=True)
class _Unchanged:
    scene: Scene


@dataclass(frozen=True, slots=True)
class _Moved:
    """A known scene lies elsewhere now, or more is said of it; its pixels are the same."""

    scene: Scene


@dataclass(frozen=True, slots=True)
class _Refused:
    refusal: Refusal
    begun: Scene | None
    """The scene, if its pixels were being read: what was taken of it is taken back."""


_Event = _Begun | _Cell | _Finished | _Unchanged | _Moved | _Refused


def index_folder(
    folder: Path,
    *,
    collection: Collection,
    embedder: Embedder,
    batch: int = 32,
    workers: int = 1,
    on_progress: Callable[[IndexProgress], None] = lambda _: None,
) -> IndexReport:
    """Index every scene below ``folder``, or one scene; as `index_scenes`.

    Raises:
        FolderNotFound: ``folder`` is not there.
    """
    return index_scenes(
        FolderScenes(folder),
        collection=collection,
        embedder=embedder,
        batch=batch,
        workers=workers,
        on_progress=on_progress,
    )


def index_scenes(
    candidates: Candidates,
    *,
    collection: Collection,
    embedder: Embedder,
    batch: int = 32,
    workers: int = 1,
    on_progress: Callable[[IndexProgress], None] = lambda _: None,
) -> IndexReport:
    """Index whatever scenes there are; go on where an earlier run stopped.

    Scenes already complete and unchanged are passed over. What cannot be used is counted, stored
    with the collection and listed in the report. What is committed survives any kill. At the end
    whatever makes searches fast is built, so that the first of them need not wait.

    Args:
        candidates: What may be scenes; see `satseek.imagery.candidates.find_candidates`.
        collection: Opened for writing.
        embedder: Of the model that the collection was made with.
        batch: Chips in one call of the engine.
        workers: Calls of the engine at once; see ``embed_stream``.
        on_progress: Called after every batch.

    Raises:
        UnreadableImage: what lists the scenes cannot be read at all.
    """
    started = time.perf_counter()
    progress = IndexProgress(files_total=candidates.total)
    writer = _Writer(collection, progress, candidates, on_progress)
    events = _read(candidates, collection=collection)
    stream = embed_stream(events, pixels=_pixels, embedder=embedder, batch=batch, workers=workers)
    for items, vectors in stream:
        writer.take(items, vectors)
    writer.commit()
    collection.prepare()
    report = writer.report(time.perf_counter() - started)
    log_line(
        logger,
        "indexed",
        source=candidates.source,
        scenes=report.scenes,
        chips_added=report.chips_added,
        refused=len(report.refusals),
        seconds=round(report.seconds, 2),
    )
    return report


def _pixels(event: _Event) -> Pixels | None:
    return event.read.pixels if isinstance(event, _Cell) else None


def _read(candidates: Candidates, *, collection: Collection) -> Iterator[_Event]:
    """Outermost loop of the reading thread: one bad scene must not stop the others."""
    some = False
    try:
        for candidate in candidates:
            some = True
            yield from _read_candidate(candidate, collection)
    except (UnreadableImage, UnsafeReference) as error:
        if not some:
            raise
        yield _Refused(_refusal(candidates.source, error), None)  # what lists them broke off


def _read_candidate(candidate: Candidate, collection: Collection) -> Iterator[_Event]:
    name, known = _own_id(candidate, collection)
    begun: Scene | None = None
    try:
        scene = replace(candidate.describe(collection.spec.recipe), id=name)
        for event in _read_scene(scene, known=known, spec=collection.spec):
            begun = scene if isinstance(event, _Begun) else begun
            yield event
    except (UnreadableImage, UnsafeReference) as error:
        yield _Refused(_refusal(name, error), begun)
    except SatseekError:
        raise
    except Exception as error:
        logger.exception("cannot read %s", candidate.path)
        yield _Refused(_refusal(name, error), begun)


def _refusal(name: str, error: Exception) -> Refusal:
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


def _read_scene(
    scene: Scene, *, known: KnownScene | None, spec: CollectionSpec
) -> Iterator[_Event]:
    done = SceneProgress() if known is None else known.progress_of(scene)
    if known is not None and _is_told_otherwise(known.scene, scene):
        yield _Moved(scene)
    if done.finished:
        yield _Unchanged(scene)
        return
    plan = plan_chips(scene, grid=spec.grid)
    yield _Begun(scene, done, len(plan))
    stretch = stretch_of(scene, spec.recipe)
    logger.info("%s: recipe %s %s", scene.id, stretch.recipe, stretch.why)
    cells = read_chips(
        scene, plan=plan, stretch=stretch, min_valid=spec.min_valid, start=done.next_position
    )
    for read in cells:
        yield _Cell(read)
    yield _Finished(scene, stretch.recipe)


def _is_told_otherwise(before: Scene, now: Scene) -> bool:
    """Whether the same pixels lie elsewhere, or something else is said of them."""
    said = attrgetter("path", "properties", "band_names", "assets", "hosts")
    return before.digest == now.digest and said(before) != said(now)


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


class _Writer:
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

    def take(self, events: Sequence[_Event], vectors: NDArray[np.float32]) -> None:
        """Take one batch: ``vectors`` are those of the events with pixels, in order."""
        rows = iter(vectors)
        for event in events:
            match event:
                case _Cell(read):
                    self._take_cell(read, rows)
                case _Begun(scene, done, total):
                    self._begin(scene, done, total)
                case _Finished() | _Unchanged():
                    self._finish(event)
                case _Moved(scene):
                    self._collection.move_scene(scene)
                case _Refused(refusal, begun):
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

    def _finish(self, event: _Finished | _Unchanged) -> None:
        self._scenes += 1
        self._progress.files_done += 1
        if isinstance(event, _Finished):
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
