"""A collection in a Milvus → the same one in a folder, without embedding anything again.

Knows no terminal. It goes on where it was broken off, and ends with both sides compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import CollectionNotFound, Conflict
from satseek.index.collection import create_collection, open_collection
from satseek.index.milvus.expressions import literal
from satseek.index.milvus.layout import CHIP_FIELDS, VECTOR, chip_of, stored
from satseek.index.milvus.making import open_milvus
from satseek.index.milvus.pushing import BATCH, Carried, check_same, compare
from satseek.index.spec import SceneBlock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from satseek.index.collection import Collection
    from satseek.index.milvus.index import MilvusIndex
    from satseek.index.milvus.pointing import Address
    from satseek.index.spec import CollectionSpec, KnownScene


def pull_collection(
    address: Address,
    folder: Path,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Carried:
    """Carry a collection from a Milvus into a folder; again goes on where it was broken off.

    Args:
        address: Checked.
        folder: Where the embedded collection will lie.
        on_progress: Is told the chips done and in all.

    Raises:
        CollectionNotFound: None of that name lives there.
        Conflict: What lies in the folder is not the beginning of this one, or it changed meanwhile.
        ModelMismatch: That one was embedded by another model.
        DamagedData: The two differ at the end.
        ServerUnreachable, PermissionDenied, DependencyMissing: as ``open_milvus``.
    """
    with open_milvus(address) as source:
        begun = source.state()
        spec = replace(source.spec, name=folder.name)
        with _begun(folder, spec) as target:
            check_same(spec, target.spec)
            pull = _Pull(source=source, target=target, on_progress=on_progress)
            pull.run()
            if source.generation != begun.generation:
                raise Conflict(f"{address.collection}: changed while it was carried; pull it again")
            digest = target.digest()
            compare(digest, len(target), source)
            return Carried(
                chips=len(target),
                carried=pull.carried,
                removed=0,
                scenes=len(target.scenes()),
                digest=digest,
            )


def _begun(folder: Path, spec: CollectionSpec) -> Collection:
    try:
        return open_collection(folder, mode="write")
    except CollectionNotFound:
        return create_collection(folder, spec)


@dataclass(slots=True, kw_only=True)
class _Pull:
    """One pull: scene by scene, so that scenes come with how far they have come."""

    source: MilvusIndex
    target: Collection
    on_progress: Callable[[int, int], None]
    carried: int = 0
    done: int = 0

    def run(self) -> None:
        """Carry what is not there yet."""
        total = len(self.source)
        spans = self.source.state().spans
        self.on_progress(0, total)
        scenes = self.source.book.known_scenes()
        for known in scenes:
            self._scene(known, spans, total)
        self._others({known.scene.id for known in scenes}, spans, total)
        for refusal, digest in self.source.book.refusals():
            self.target.record_refusal(refusal, digest)

    def _scene(self, known: KnownScene, spans: Sequence[tuple[int, int]], total: int) -> None:
        here = self.target.find_known(known.scene.id)
        if here is not None and here == known:
            self.done += known.progress.kept
            return
        wanted = f"scene_id == {literal(known.scene.id)}"
        if here is not None:
            self.target.remove_scenes([known.scene.id])
        for part in self.source.shelf.walk(spans, *CHIP_FIELDS, VECTOR, expression=wanted):
            vectors = stored(part, dim=self.target.spec.dim)
            block = SceneBlock(  # as if none were seen yet: until the last one, it is done again
                scene=known.scene,
                chips=tuple(chip_of(one) for one in part),
                vectors=vectors,
                next_position=0,
                skipped=0,
                finished=False,
            )
            self.target.add_blocks([block])
            self._count(len(part), total)
        self.target.add_blocks([_last(known, self.target.spec.dim)])

    def _others(self, scenes: set[str], spans: Sequence[tuple[int, int]], total: int) -> None:
        """Carry chips of scenes that nobody wrote down."""
        for part in self.source.shelf.walk(spans, "scene_id", "id"):
            rows = [one["row"] for one in part if one["scene_id"] not in scenes]
            for start in range(0, len(rows), BATCH):
                found = self.source.shelf.of_rows(rows[start : start + BATCH], *CHIP_FIELDS, VECTOR)
                vectors = stored(found, dim=self.target.spec.dim)
                self.target.add([chip_of(one) for one in found], vectors)
                self._count(len(found), total)

    def _count(self, chips: int, total: int) -> None:
        self.carried += chips
        self.done += chips
        self.on_progress(self.done, total)


def _last(known: KnownScene, dim: int) -> SceneBlock:
    """Give the block that says how far a scene has come."""
    return SceneBlock(
        scene=known.scene,
        chips=(),
        vectors=np.empty((0, dim), dtype=np.float32),
        next_position=known.progress.next_position,
        skipped=known.progress.skipped,
        finished=known.progress.finished,
    )
