"""A folder of scenes → a collection of embedded chips; resumable, one bad file never stops it.

Knows neither the terminal that shows its progress nor the runtime that embeds.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satseek.embed.streaming import embed_stream
from satseek.errors import SatseekError, UnreadableImage
from satseek.imagery.chips import ReadChip, plan_chips, read_chips
from satseek.imagery.recipes import stretch_of
from satseek.imagery.scenes import describe_scene, find_scenes
from satseek.index.collection import SceneBlock, SceneProgress
from satseek.logs import log_line
from satseek.types import Chip, Pixels, Refusal, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.index.collection import Collection
    from satseek.index.spec import CollectionSpec, KnownScene

logger = logging.getLogger(__name__)

COMMIT_CELLS = 1024
"""Grid cells between two durable commits, at most."""

COMMIT_SECONDS = 5.0
"""Seconds between two durable commits, about: what a kill costs at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What indexing a folder did."""

    scenes: int
    """Scenes that are now complete in the collection."""
    unchanged: int
    """Of these, scenes that were complete before."""
    chips_added: int
    """Chips added by this run."""
    cells_skipped: int
    """Grid cells left out by this run because too little of them is valid."""
    refusals: tuple[Refusal, ...]
    """Files that could not be used."""
    seconds: float
    """Wall time."""


@dataclass(slots=True)
class IndexProgress:
    """How far the work is; the same object is passed at every call."""

    scene: str = ""
    """Scene at work."""
    files_done: int = 0
    """Files finished or refused."""
    files_total: int = 0
    """Files found."""
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


@dataclass(frozen=True, slots=True)
class _Unchanged:
    scene: Scene


@dataclass(frozen=True, slots=True)
class _Moved:
    """The file of a known scene lies elsewhere now."""

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
    """Index every scene below ``folder``; go on where an earlier run stopped.

    Scenes already complete and unchanged are passed over. A file that cannot be used is counted,
    stored with the collection and listed in the report. What is committed survives any kill. At the
    end whatever makes searches fast is built, so that the first of them need not wait.

    Args:
        folder: Folder of scenes, or one scene.
        collection: Opened for writing.
        embedder: Of the model that the collection was made with.
        batch: Chips in one call of the engine.
        workers: Calls of the engine at once; see ``embed_stream``.
        on_progress: Called after every batch.

    Raises:
        FolderNotFound: ``folder`` is not there.
    """
    started = time.perf_counter()
    folder = folder.absolute()  # chips are read again later, from wherever the server was started
    paths = find_scenes(folder)
    root = folder if folder.is_dir() else folder.parent
    writer = _Writer(collection, IndexProgress(files_total=len(paths)), on_progress)
    events = _read(paths, root=root, collection=collection)
    stream = embed_stream(events, pixels=_pixels, embedder=embedder, batch=batch, workers=workers)
    for items, vectors in stream:
        writer.take(items, vectors)
    writer.commit()
    collection.prepare()
    report = writer.report(time.perf_counter() - started)
    log_line(
        logger,
        "indexed",
        folder=str(folder),
        scenes=report.scenes,
        chips_added=report.chips_added,
        refused=len(report.refusals),
        seconds=round(report.seconds, 2),
    )
    return report


def _pixels(event: _Event) -> Pixels | None:
    return event.read.pixels if isinstance(event, _Cell) else None


def _read(paths: Sequence[Path], *, root: Path, collection: Collection) -> Iterator[_Event]:
    """Outermost loop of the reading thread: one bad file must not stop the others."""
    spec = collection.spec
    for path in paths:
        name, known = _own_id(path, root=root, collection=collection)
        begun: Scene | None = None
        try:
            scene = replace(describe_scene(path, root=root), id=name)
            for event in _read_scene(scene, known=known, spec=spec):
                begun = scene if isinstance(event, _Begun) else begun
                yield event
        except UnreadableImage as error:
            yield _Refused(_refusal(name, error), begun)
        except SatseekError:
            raise
        except Exception as error:
            logger.exception("cannot read %s", path)
            yield _Refused(_refusal(name, error), begun)


def _refusal(name: str, error: Exception) -> Refusal:
    reason = " ".join(str(error).split())
    if not isinstance(error, SatseekError):
        reason = f"{name}: {type(error).__name__}: {reason}"
    return Refusal(path=name, reason=reason, kind=type(error).__name__)


def _own_id(path: Path, *, root: Path, collection: Collection) -> tuple[str, KnownScene | None]:
    """Give a file's id and what is known of it; usable or not, it is always the same.

    It is the path below the folder, with folder names before it while another file that is still
    there has that id. So ``2024/north.tif`` and ``2025/north.tif`` can be indexed one folder after
    the other, and be refused apart.
    """
    below = path.relative_to(root)
    name, folders = _written(below), path.parents[len(below.parts) - 1]
    while (known := collection.find_known(name)) is not None:
        if known.scene.path == str(path) or not Path(known.scene.path).is_file():
            break
        name, folders = f"{_written(Path(folders.name))}/{name}", folders.parent
    return name, known


def _written(path: Path) -> str:
    """Spell out bytes of a name that are not UTF-8: no database takes them as they are."""
    return path.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def _read_scene(
    scene: Scene, *, known: KnownScene | None, spec: CollectionSpec
) -> Iterator[_Event]:
    done = SceneProgress() if known is None else known.progress_of(scene)
    if known is not None and _has_moved(known.scene, scene):
        yield _Moved(scene)
    if done.finished:
        yield _Unchanged(scene)
        return
    plan = plan_chips(scene, grid=spec.grid)
    yield _Begun(scene, done, len(plan))
    stretch = stretch_of(scene, spec.recipe)
    cells = read_chips(
        scene, plan=plan, stretch=stretch, min_valid=spec.min_valid, start=done.next_position
    )
    for read in cells:
        yield _Cell(read)
    yield _Finished(scene)


def _has_moved(before: Scene, now: Scene) -> bool:
    return before.path != now.path and before.digest == now.digest


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
        on_progress: Callable[[IndexProgress], None],
    ) -> None:
        self._collection = collection
        self._progress = progress
        self._on_progress = on_progress
        self._pending: list[_Pending] = []
        self._cells = 0
        self._committed_at = time.monotonic()
        self._scenes = self._unchanged = self._skipped = 0
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
