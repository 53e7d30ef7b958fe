"""A folder → the embedded index: chips in SQLite, vectors in segments, both durable per block.

Does not know models, rasters, or who asks.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Self

from satseek.errors import ChipNotFound, InvalidRequest
from satseek.index import auditing, compacting, effort
from satseek.index.checks import check_batch, check_ids, check_name
from satseek.index.compacting import ignore_progress
from satseek.index.editions import find_pending
from satseek.index.inventory import bytes_below, take_inventory
from satseek.index.lock import WriterLock
from satseek.index.milvus.pointing import POINTER
from satseek.index.opening import (
    checked_rows_per_segment,
    refuse_elsewhere,
    write_tables,
)
from satseek.index.planning import PlanLimits
from satseek.index.reading import DATABASE, Reader
from satseek.index.records import scene_from
from satseek.index.rewriting import Rewriting
from satseek.index.schema import storage_errors
from satseek.index.segments import ROWS_PER_SEGMENT
from satseek.index.snapshotting import take_snapshot
from satseek.index.spec import (
    CollectionSpec,
    CollectionStats,
    KnownScene,
    SceneBlock,
    SceneProgress,
    segments_name,
)
from satseek.index.tuning import RECALL
from satseek.index.writing import LOCK, Writer
from satseek.syncing import sync
from satseek.types import Filter, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from satseek.index.compacting import Compaction, OnProgress
    from satseek.index.inventory import Inventory
    from satseek.index.merging import Merging
    from satseek.index.pinned import Pinned
    from satseek.index.protocol import Found, QueryKind
    from satseek.index.snapshotting import Snapshot
    from satseek.index.spec import Pending
    from satseek.index.tuning import Tuning
    from satseek.index.watching import Asked
    from satseek.types import BBox, Chip, Scene, Vectors

__all__ = [
    "Collection",
    "CollectionSpec",
    "CollectionStats",
    "PlanLimits",
    "SceneBlock",
    "SceneProgress",
    "create_collection",
    "list_collections",
    "open_collection",
]

_DEFAULT_LIMITS = PlanLimits(costs=None)
_ANY = Filter()


class Collection:
    """The embedded index; make one with ``create_collection`` or ``open_collection``.

    Reading is safe from any number of threads; changes are made one after the other.
    """

    def __init__(
        self,
        *,
        folder: Path,
        reader: Reader,
        writer: Writer | None,
        identity: tuple[int, int] | None,
    ) -> None:
        """Put the parts together.

        Raises:
            DamagedData: A segment is missing or too short.
        """
        self._folder = folder
        self._identity = identity
        """Of the database's file, so that one made anew under the same name is told apart."""
        self._reader = reader
        self._writer = writer
        self._made_by = self.model

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    @property
    def spec(self) -> CollectionSpec:
        """What the collection is now: its model changes when it was embedded again."""
        with self.pinned() as pinned:
            return pinned.spec

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of the model whose vectors answer now."""
        with self.pinned() as pinned:
            return pinned.model

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    def is_current(self) -> bool:
        """Tell whether the folder still holds the collection that was opened.

        Another one lies there once it was deleted and made again, or embedded by another model.
        """
        if self._identity is None or _identity(self._folder) != self._identity:
            return False
        return self.model == self._made_by

    @property
    def generation(self) -> int:
        """Number of committed changes."""
        with self.pinned() as pinned:
            return pinned.generation

    def __len__(self) -> int:
        """Count the chips."""
        with self.pinned() as pinned:
            return len(pinned)

    def pinned(self) -> AbstractContextManager[Pinned]:
        """Lend the newest generation: its answers belong together, whatever is committed meanwhile.

        Raises:
            DamagedData: A segment is missing or too short.
        """
        return self._reader.pinned()

    def add(self, chips: Sequence[Chip], vectors: Vectors) -> None:
        """Add chips with their vectors; see ``Index.add``."""
        self._writing().add(chips, check_batch(chips, vectors, dim=self.spec.dim))

    def remove(self, chip_ids: Iterable[str]) -> int:
        """Remove chips; returns how many were there."""
        return self._writing().remove(chip_ids)

    def remove_scenes(self, scene_ids: Iterable[str]) -> int:
        """Remove scenes with their chips; returns how many chips were there."""
        return self._writing().remove_scenes(scene_ids)

    def search(
        self, queries: Vectors, *, k: int, where: Filter = _ANY, kind: QueryKind = "mixed"
    ) -> Found:
        """Find the k nearest chips of each query; see ``Index.search``."""
        with self.pinned() as pinned:
            return pinned.search(queries, k=k, where=where, kind=kind)

    def prepare(self) -> str:
        """Build ahead what the first search would; returns the plan of an unfiltered search."""
        return self._reader.prepare()

    def tune(self, queries: Mapping[QueryKind, Vectors], *, recall: float = RECALL) -> Tuning:
        """Find how many candidates each kind of query takes, and keep it; see ``effort.tune``."""
        return effort.tune(self._reader, queries, recall=recall)

    def tuning(self) -> Tuning | None:
        """Give the effort that was measured with the codes in use; None where none was."""
        return effort.current(self._reader)

    def observe(self, observer: Callable[[Asked], None]) -> None:
        """Tell somebody of every search that codes answer; what is called must not wait."""
        self._reader.observer = observer

    def compare(self, asked: Asked) -> float | None:
        """Answer a search again, by codes and exactly; see ``Pinned.compare``."""
        with self.pinned() as pinned:
            return pinned.compare(asked)

    def has_drifted(self) -> bool:
        """Tell whether newer vectors are unlike those that the codes were learnt from."""
        with self.pinned() as pinned:
            return self._reader.coding.drifted(pinned.view)

    def raise_effort(self, *kinds: QueryKind) -> None:
        """Compare more candidates of some kinds from now on, until they are tuned again."""
        self._reader.coding.raise_effort(*kinds)

    def mend(self, queries: Mapping[QueryKind, Vectors], *, recall: float = RECALL) -> bool:
        """Make codes and effort anew where they miss answers; see ``effort.mend``."""
        return effort.mend(self._reader, queries, recall=recall)

    def chips(self, rows: Iterable[int]) -> list[Chip]:
        """Give the chips of rows, in their order."""
        with self.pinned() as pinned:
            return pinned.chips(rows)

    def row_of(self, chip_id: str) -> int:
        """Give the row of a chip.

        Raises:
            ChipNotFound: No such chip.
        """
        with self.pinned() as pinned:
            return pinned.row_of(chip_id)

    def vectors(self, rows: Iterable[int]) -> Vectors:
        """Give the unit vectors of rows, in their order."""
        with self.pinned() as pinned:
            return pinned.vectors(rows)

    def sample(self, n: int, *, seed: int = 0) -> Vectors:
        """Give up to n vectors drawn without replacement."""
        with self.pinned() as pinned:
            return pinned.sample(n, seed=seed)

    def extent(self) -> BBox | None:
        """Give the box around all footprints."""
        with self.pinned() as pinned:
            return pinned.extent()

    def dates(self) -> tuple[datetime, datetime] | None:
        """Give the first and last acquisition time."""
        with self.pinned() as pinned:
            return pinned.dates()

    def pending(self) -> Pending | None:
        """Give the edition that lies beside the one in use; None where there is none."""
        with self._reader.connections.snapshot() as db:
            return find_pending(db)

    def rewriting(self) -> Rewriting:
        """Give what makes new vectors for every chip, beside those in use.

        Raises:
            InvalidRequest: The collection was opened for reading.
        """
        return Rewriting(reader=self._reader, writer=self._writing())

    def scene_progress(self, scene: Scene) -> SceneProgress:
        """Tell how far the indexing of a scene has come; a changed scene counts as new.

        The chips of a changed scene stay until the first block of the new content is committed.
        """
        known = self.find_known(scene.id)
        return SceneProgress() if known is None else known.progress_of(scene)

    def add_block(
        self,
        scene: Scene,
        chips: Sequence[Chip],
        vectors: Vectors,
        *,
        next_position: int,
        skipped: int,
        finished: bool,
    ) -> None:
        """Commit one block of a scene; see ``add_blocks``."""
        block = SceneBlock(
            scene=scene,
            chips=tuple(chips),
            vectors=vectors,
            next_position=next_position,
            skipped=skipped,
            finished=finished,
        )
        self.add_blocks([block])

    def add_blocks(self, blocks: Sequence[SceneBlock]) -> None:
        """Commit blocks with their scenes' progress, all or nothing; durable when it returns.

        Raises:
            InvalidRequest: As ``add``, over all blocks, or a chip of another scene than its block.
            ModelMismatch: As ``add``.
        """
        dim = self.spec.dim
        checked = [_checked(block, dim=dim) for block in blocks]
        check_ids(chip for block in checked for chip in block.chips)
        if checked:
            self._writing().add_blocks(checked)

    def merging(self) -> AbstractContextManager[Merging]:
        """Lend what makes one change of any size: all of it is committed at the end, or nothing.

        Raises:
            InvalidRequest: The collection was opened for reading.
            DiskFull: There is no room; nothing was changed.
        """
        return self._writing().merging()

    def refuse_scene(self, scene_id: str, refusal: Refusal) -> int:
        """Commit that a scene cannot be used and take back what was committed of it.

        Returns:
            Chips taken back.
        """
        return self._writing().refuse_scene(scene_id, refusal)

    def move_scene(self, scene: Scene) -> None:
        """Commit that the file of an indexed scene lies at ``scene.path`` now."""
        self._writing().move_scene(scene)

    def record_refusal(self, refusal: Refusal, digest: str) -> None:
        """Commit that a file could not be used; a later block of the same path removes it again."""
        self._writing().record_refusal(refusal, digest)

    def forget_refusal(self, path: str) -> None:
        """Commit that a file refused before can be used after all."""
        self._writing().forget_refusal(path)

    def is_refused(self, path: str, digest: str) -> bool:
        """Tell whether a file of this content was refused already."""
        text = "SELECT 1 FROM refusals WHERE path = ? AND digest = ?"
        with self._reader.connections.snapshot() as db:
            return db.execute(text, (path, digest)).fetchone() is not None

    def refusals(self) -> list[Refusal]:
        """List the files that could not be used, by path."""
        with self._reader.connections.snapshot() as db:
            found = db.execute("SELECT path, reason, kind FROM refusals ORDER BY path").fetchall()
        return [Refusal(path=path, reason=reason, kind=kind) for path, reason, kind in found]

    def scenes(self) -> list[Scene]:
        """List the scenes begun or finished, by id."""
        with self._reader.connections.snapshot() as db:
            found = db.execute("SELECT record FROM scenes ORDER BY id").fetchall()
        return [scene_from(record) for (record,) in found]

    def find_known(self, scene_id: str) -> KnownScene | None:
        """Give one scene begun or finished with its progress; None where there is no such scene."""
        text = "SELECT record, next_position, kept, skipped, finished FROM scenes WHERE id = ?"
        with self._reader.connections.snapshot() as db:
            found = db.execute(text, (scene_id,)).fetchone()
        if found is None:
            return None
        record, position, kept, skipped, finished = found
        progress = SceneProgress(
            next_position=position, kept=kept, skipped=skipped, finished=bool(finished)
        )
        return KnownScene(scene=scene_from(record), progress=progress)

    def find_scene(self, scene_id: str) -> Scene | None:
        """Give one scene begun or finished; None where there is no such scene."""
        known = self.find_known(scene_id)
        return None if known is None else known.scene

    def scene(self, scene_id: str) -> Scene:
        """Give one scene begun or finished.

        Raises:
            ChipNotFound: No such scene was indexed.
        """
        found = self.find_scene(scene_id)
        if found is None:
            message = f"{self._folder.name}: expected the id of an indexed scene, came {scene_id!r}"
            raise ChipNotFound(message)
        return found

    def stats(self) -> CollectionStats:
        """Count what the collection amounts to."""
        text = (
            "SELECT (SELECT count(*) FROM scenes), (SELECT count(*) FROM refusals),"
            " (SELECT coalesce(sum(skipped), 0) FROM scenes)"
        )
        with self.pinned() as pinned:
            scenes, refusals, skipped = pinned.db.execute(text).fetchone()
            return CollectionStats(
                chips=len(pinned),
                scenes=scenes,
                refusals=refusals,
                skipped=skipped,
                bytes=bytes_below(self._folder),
                generation=pinned.generation,
                dates=pinned.dates(),
                extent=pinned.extent(),
            )

    def verify(self, *, on_progress: OnProgress = ignore_progress) -> list[str]:
        """Read everything and list what is not as it was written; empty where all is well."""
        with self.pinned() as pinned:
            return auditing.verify(
                pinned.db, pinned.view.segments, self._folder, on_progress=on_progress
            )

    def inventory(self) -> Inventory:
        """Count what lies in the folder: rows by state, bytes by kind."""
        with self.pinned() as pinned:
            return take_inventory(self._folder, pinned)

    def compact(self, *, on_progress: OnProgress = ignore_progress) -> Compaction:
        """Give back the room of chips that were replaced or removed; see ``compacting.compact``.

        Rows that were handed out before mean other chips afterwards, but for who has pinned an
        older generation.
        """
        done = compacting.compact(
            reader=self._reader, writer=self._writing(), on_progress=on_progress
        )
        self.prepare()
        return done

    def snapshot(
        self, to: Path, *, name: str | None = None, on_progress: OnProgress = ignore_progress
    ) -> Snapshot:
        """Copy the newest generation into a folder of its own; see ``snapshotting``."""
        return take_snapshot(self._reader, to, name=name, on_progress=on_progress)

    def digest(self) -> str:
        """Digest chips and vectors, in the order of chip ids: the same for the same content."""
        with self.pinned() as pinned:
            return auditing.digest(pinned.db, pinned.view.segments)

    def close(self) -> None:
        """Let go of the folder; again does nothing."""
        try:
            self._reader.close()
        finally:
            if self._writer is not None:
                self._writer.close()

    def _writing(self) -> Writer:
        if self._writer is None:
            message = f"{self._folder.name}: expected one opened for writing, came one for reading"
            raise InvalidRequest(message)
        return self._writer


def create_collection(
    folder: Path,
    spec: CollectionSpec,
    *,
    rows_per_segment: int = ROWS_PER_SEGMENT,
    limits: PlanLimits = _DEFAULT_LIMITS,
) -> Collection:
    """Make an empty collection in a folder and open it for writing.

    Args:
        folder: Made where it is missing.
        spec: What the collection is.
        rows_per_segment: Rows in a full segment file.
        limits: Where one way of searching gives way to another.

    Raises:
        InvalidName: The name is no safe folder name.
        CollectionExists: There is one already.
        CollectionLocked: Another living writer is making one.
    """
    check_name(spec.name)
    refuse_elsewhere(folder)
    path = folder / DATABASE
    with storage_errors(path):
        (folder / segments_name(0)).mkdir(parents=True, exist_ok=True)
        lock = WriterLock(folder / LOCK)
        try:
            write_tables(path, spec, rows_per_segment)
            sync(folder)
        finally:
            lock.release()
    return open_collection(folder, mode="write", limits=limits)


def open_collection(
    folder: Path, *, mode: Literal["read", "write"], limits: PlanLimits = _DEFAULT_LIMITS
) -> Collection:
    """Open a collection.

    Args:
        folder: Where it lies.
        mode: ``write`` takes the folder for this process alone; any number may ``read`` meanwhile.
        limits: Where one way of searching gives way to another.

    Raises:
        CollectionNotFound: There is none.
        DamagedData: The database or a segment is not what was written.
        CollectionLocked: Another living writer has it (mode ``write``).
        Conflict: A newer satseek has made it.
    """
    identity = _identity(folder)  # first, so that what is replaced meanwhile counts as replaced
    rows_per_segment = checked_rows_per_segment(folder)
    with ExitStack() as undo:
        reader = Reader(folder, rows_per_segment=rows_per_segment, limits=limits)
        undo.callback(reader.close)
        writer = Writer(folder, rows_per_segment=rows_per_segment) if mode == "write" else None
        if writer is not None:
            undo.callback(writer.close)
        # maps every segment, so that damage shows now
        made = Collection(folder=folder, reader=reader, writer=writer, identity=identity)
        undo.pop_all()
    return made


def list_collections(root: Path) -> list[str]:
    """List the names of the collections below a folder; empty where there is no such folder."""
    return sorted(
        path.parent.name
        for path in (*root.glob(f"*/{DATABASE}"), *root.glob(f"*/{POINTER}"))
        if not path.parent.name.startswith(".")
    )


def _identity(folder: Path) -> tuple[int, int] | None:
    """Device and inode of the database; None where there is none."""
    try:
        found = (folder / DATABASE).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _checked(block: SceneBlock, *, dim: int) -> SceneBlock:
    vectors = check_batch(block.chips, block.vectors, dim=dim)
    for chip in block.chips:
        if chip.scene_id != block.scene.id:
            message = f"expected chips of the scene {block.scene.id!r}, came {chip.scene_id!r}"
            raise InvalidRequest(message)
    return replace(block, vectors=vectors)
