"""An address → a collection that lives in a Milvus, read and written as the embedded one is.

Does not know models, rasters, or who asks. What it does not answer it refuses, and says so.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NoReturn, cast

from satseek.errors import ChipNotFound, CollectionNotFound
from satseek.index.checks import check_batch
from satseek.index.collection import Collection
from satseek.index.compacting import ignore_progress
from satseek.index.halves import to_halves
from satseek.index.inventory import KINDS, Inventory
from satseek.index.milvus import layout
from satseek.index.milvus.book import Book
from satseek.index.milvus.engines import ENGINES
from satseek.index.milvus.expressions import literal
from satseek.index.milvus.pinned import MilvusPinned, refuse
from satseek.index.milvus.pointing import POINTER, pointer_identity
from satseek.index.milvus.remembering import Remembered
from satseek.index.milvus.shelf import Shelf
from satseek.index.milvus.states import bounds_of
from satseek.index.records import footprint_boxes, to_microseconds
from satseek.index.spec import CollectionStats, KnownScene, SceneBlock, SceneProgress
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from satseek.index.compacting import OnProgress
    from satseek.index.halves import Halves
    from satseek.index.milvus.connecting import Connection
    from satseek.index.milvus.pointing import Address
    from satseek.index.milvus.states import State, Told
    from satseek.index.protocol import Found, QueryKind
    from satseek.index.reading import Reader
    from satseek.index.spec import CollectionSpec
    from satseek.index.watching import Asked
    from satseek.index.writing import Writer
    from satseek.types import Chip, Refusal, Scene, Vectors

_ANY = Filter()

BATCH = 2_000
"""Chips in one call: 6 MB of vectors at 768 numbers; Milvus takes 64 MB."""


class MilvusIndex(Collection):
    """A collection that lives in a Milvus; the functions of ``making`` make one.

    Reading and writing are safe from any number of threads, and on a server from any number of
    processes. What a ``Collection`` can do and this cannot raises Conflict.
    """

    def __init__(self, *, address: Address, connection: Connection, told: Told) -> None:
        """Put the parts together; ``open_milvus`` does."""
        chips, book = layout.names_of(address.collection)
        shelf = Shelf(
            connection,
            chips,
            dim=told.spec.dim,
            engine=ENGINES[told.engine],
            vectors=told.vectors,
        )
        self.address = address
        self._connection = connection
        self._known = Remembered(told=told, book=Book(connection, book), shelf=shelf)
        self._reader = cast("Reader", _Elsewhere(address.collection))
        self._pointer: tuple[Path, tuple[int, int] | None] | None = None

    @property
    def told(self) -> Told:
        """What its maker wrote down: spec, and how vectors are kept and searched."""
        return self._known.told

    @property
    def shelf(self) -> Shelf:
        """Its chips."""
        return self._known.shelf

    @property
    def book(self) -> Book:
        """All else that it is."""
        return self._known.book

    def state(self) -> State:
        """Read what its writers have done."""
        return self._known.book.state()

    @property
    def spec(self) -> CollectionSpec:
        """What the collection is."""
        return self._known.told.spec

    @property
    def model(self) -> tuple[str, str]:
        """Name and version of the model whose vectors answer."""
        return self.spec.model_name, self.spec.model_version

    @property
    def folder(self) -> Path:
        """Where the file lies that says where it lives."""
        if self._pointer is None:
            refuse(self.spec.name, "a folder of its files")
        return self._pointer[0]

    def is_current(self) -> bool:
        """Tell whether it is still the collection that was opened, at the same address."""
        if self._pointer is not None:
            folder, identity = self._pointer
            if pointer_identity(folder) != identity:
                return False
        try:
            return self._known.book.told().born == self.told.born
        except CollectionNotFound:
            return False

    @property
    def generation(self) -> int:
        """Number of changes that all writers have announced or done."""
        return self._known.book.state().generation

    def __len__(self) -> int:
        """Count the chips."""
        return self._known.shelf.count()

    @contextlib.contextmanager
    def pinned(self) -> Iterator[MilvusPinned]:
        """Lend the newest chips, under the generation they have now; see ``MilvusPinned``."""
        yield MilvusPinned(self._known, self._known.book.state())

    def add(self, chips: Sequence[Chip], vectors: Vectors) -> None:
        """Add chips with their vectors; see ``Index.add``.

        Every other reader finds them when this returns. Milvus takes a batch of chips in several
        steps: who looks meanwhile may find some of them, and a killed writer may leave some.
        """
        self.put(chips, to_halves(check_batch(chips, vectors, dim=self.spec.dim)))

    def put(self, chips: Sequence[Chip], halves: Halves) -> None:
        """Add chips with their vectors as they are kept, batch by batch.

        Args:
            chips: Checked.
            halves: float16, shape (len(chips), dim).
        """
        boxes = footprint_boxes(chips)
        kept = layout.kept(halves, self.told.vectors)
        for start in range(0, len(chips), BATCH):
            part, around = chips[start : start + BATCH], boxes[start : start + BATCH]
            moments = [to_microseconds(chip.datetime) for chip in part]
            rows = self._known.book.begin(len(part), bounds_of(around, moments))
            together = zip(part, around, rows, kept[start : start + BATCH], strict=True)
            entities = [
                layout.entity_of(chip, box, row=row, half=half) for chip, box, row, half in together
            ]
            self._known.shelf.put(entities)
            self._known.book.finish()

    def remove(self, chip_ids: Iterable[str]) -> int:
        """Remove chips; returns how many were there."""
        there = [one["id"] for one in self._known.shelf.of_ids(sorted(set(chip_ids)))]
        if there:
            with self._changing():
                self._known.shelf.remove(there)
        return len(there)

    def remove_scenes(self, scene_ids: Iterable[str]) -> int:
        """Remove scenes with their chips; returns how many chips were there."""
        wanted = sorted(set(scene_ids))
        there = [chip_id for scene_id in wanted for chip_id in self._ids_of(scene_id)]
        with self._changing():
            self._known.shelf.remove(there)
            self._known.book.drop("scene", wanted)
        return len(there)

    def search(
        self, queries: Vectors, *, k: int, where: Filter = _ANY, kind: QueryKind = "mixed"
    ) -> Found:
        """Find the k nearest chips of each query; see ``Index.search``."""
        with self.pinned() as pinned:
            return pinned.search(queries, k=k, where=where, kind=kind)

    def prepare(self) -> str:
        """Load what searches need; returns the plan of an unfiltered search."""
        engine = self._known.shelf.engine
        return f"{'exact scan (FLAT)' if engine.exact else engine.name} in Milvus"

    def tuning(self) -> None:
        """Effort is not measured here: Milvus is asked with the parameters of its index."""

    def observe(self, observer: Callable[[Asked], None]) -> None:
        """No search is compared with its exact answer, which only Milvus could give."""

    def inventory(self) -> Inventory:
        """Count the rows ever given; bytes are those of its folder here."""
        state = self.state()
        rows = sum(end - first for first, end in state.spans)
        return Inventory(
            format_version=self.spec.format_version,
            edition=0,
            rows=rows,
            dead=rows - len(self),
            coded=None,
            bytes=dict.fromkeys(KINDS, 0) | {"other": self._bytes_here()},
            pending=None,
        )

    def _bytes_here(self) -> int:
        return 0 if self._pointer is None else (self.folder / POINTER).stat().st_size

    def pending(self) -> None:
        """Nothing lies beside: a collection in a Milvus is not embedded again there."""

    def find_known(self, scene_id: str) -> KnownScene | None:
        """Give one scene begun or finished with its progress; None where there is no such scene."""
        found = self._known.book.known_scenes(scene_id)
        return found[0] if found else None

    def scenes(self) -> list[Scene]:
        """List the scenes begun or finished, by id."""
        return list(self._known.scenes(self._known.book.state()))

    def scene(self, scene_id: str) -> Scene:
        """Give one scene begun or finished.

        Raises:
            ChipNotFound: No such scene was indexed.
        """
        found = self.find_scene(scene_id)
        if found is None:
            name = self.spec.name
            raise ChipNotFound(f"{name}: expected the id of an indexed scene, came {scene_id!r}")
        return found

    def add_blocks(self, blocks: Sequence[SceneBlock]) -> None:
        """Commit blocks of scenes one after the other; see ``Collection.add_blocks``.

        A scene's progress is written after its chips: a killed writer does a block again.
        """
        for block in blocks:
            vectors = check_batch(block.chips, block.vectors, dim=self.spec.dim)
            known = self.find_known(block.scene.id)
            so_far = SceneProgress() if known is None else known.progress_of(block.scene)
            if known is not None and known.scene.digest != block.scene.digest:
                self.remove(self._ids_of(block.scene.id))
            self.put(block.chips, to_halves(vectors))
            progress = SceneProgress(
                next_position=block.next_position,
                kept=so_far.kept + len(block.chips),
                skipped=so_far.skipped + block.skipped,
                finished=block.finished,
            )
            self.write_scenes([KnownScene(scene=block.scene, progress=progress)])

    def write_scenes(self, scenes: Sequence[KnownScene]) -> None:
        """Write scenes with how far they have come."""
        if scenes:
            with self._changing():
                self._known.book.write_scenes(scenes)

    def refusals(self) -> list[Refusal]:
        """List the files that could not be used, by path."""
        return [one for one, _ in self._known.book.refusals()]

    def is_refused(self, path: str, digest: str) -> bool:
        """Tell whether a file of this content was refused already."""
        return any(
            (one.path, known) == (path, digest) for one, known in self._known.book.refusals()
        )

    def stats(self) -> CollectionStats:
        """Count what the collection amounts to; bytes are those of its folder here."""
        scenes = self._known.book.known_scenes()
        with self.pinned() as pinned:
            return CollectionStats(
                chips=len(pinned),
                scenes=len(scenes),
                refusals=len(self.refusals()),
                skipped=sum(one.progress.skipped for one in scenes),
                bytes=self._bytes_here(),
                generation=pinned.generation,
                dates=pinned.dates(),
                extent=pinned.extent(),
            )

    def verify(self, *, on_progress: OnProgress = ignore_progress) -> list[str]:
        """Read everything and list what cannot be; empty where all is well."""
        from satseek.index.milvus.auditing import verify  # noqa: PLC0415 (it knows this class)

        return verify(self, on_progress=on_progress)

    def digest(self) -> str:
        """Digest chips and vectors, in the order of chip ids: as the embedded index does."""
        from satseek.index.milvus.auditing import digest  # noqa: PLC0415 (it knows this class)

        return digest(self)

    def attached(self, folder: Path, identity: tuple[int, int] | None) -> None:
        """Say which folder told where it lives, and what that file was."""
        self._pointer = folder, identity

    def close(self) -> None:
        """Let go of the connection; again does nothing."""
        self._connection.close()

    def _ids_of(self, scene_id: str) -> list[str]:
        """List the ids of a scene's chips."""
        spans = self._known.book.state().spans
        wanted = f"scene_id == {literal(scene_id)}"
        walk = self._known.shelf.walk(spans, "id", expression=wanted)
        return [one["id"] for part in walk for one in part]

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Announce a change that adds no chips, and say when it is done."""
        self._known.book.begin(0, bounds_of([], []))
        yield
        self._known.book.finish()

    def _writing(self) -> Writer:
        refuse(self.spec.name, "indexing, embedding again or compaction")


class _Elsewhere:
    """Stands where an embedded collection has its reader: whatever is asked of it is refused."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, _wanted: str) -> NoReturn:
        refuse(self._name, "what takes the files of a collection, such as tuning and snapshots")
