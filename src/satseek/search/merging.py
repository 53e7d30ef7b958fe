"""A plan and what came of its pieces → the collection, by one commit.

Does not know who made the pieces. What is said of a scene is what reading it whole would have said:
one that cannot be used leaves nothing, in however many pieces it was read.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import DamagedData, NoValidPixels
from satseek.search.indexing_reading import Moved, Refused, Unchanged
from satseek.search.indexing_writing import IndexReport
from satseek.search.partitioning import Divided

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from satseek.index.collection import Collection
    from satseek.index.merging import Merging
    from satseek.index.partitions import StoredPiece
    from satseek.search.partitioning import Plan, Step
    from satseek.types import Refusal, Scene


def merge(
    plan: Plan,
    stored: Mapping[str, StoredPiece],
    *,
    collection: Collection,
    on_scene: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
) -> IndexReport:
    """Put all pieces of a plan into its collection, in order; durable when it returns.

    Killed at any moment, it leaves the collection as it was, and can be done again.

    Args:
        plan: What was planned for the collection as it is.
        stored: What came of each piece, by key.
        collection: Opened for writing.
        on_scene: Called with each scene's name, how many are merged, and how many there are.

    Raises:
        DamagedData: A piece is missing, or not what was written; nothing was changed.
        DiskFull: There is no room; nothing was changed.
    """
    started = time.perf_counter()
    before = {refusal.path for refusal in collection.refusals()}
    merged = _Merged()
    if all(isinstance(step, Unchanged) and step.scene.id not in before for step in plan.steps):
        merged.unchanged = len(plan.steps)
        return merged.report(time.perf_counter() - started)
    with collection.merging() as change:
        for done, step in enumerate(plan.steps, 1):
            _merge_step(step, stored, change, merged, before)
            name = step.refusal.path if isinstance(step, Refused) else step.scene.id
            on_scene(name, done, len(plan.steps))
    return merged.report(time.perf_counter() - started)


@dataclass(slots=True)
class _Merged:
    """What was merged so far."""

    finished: int = 0
    unchanged: int = 0
    chips: int = 0
    skipped: int = 0
    recipes: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)

    def report(self, seconds: float) -> IndexReport:
        return IndexReport(
            scenes=self.finished + self.unchanged,
            unchanged=self.unchanged,
            chips_added=self.chips,
            cells_skipped=self.skipped,
            refusals=tuple(self.refusals),
            seconds=seconds,
            recipes=dict(self.recipes),
        )


def _merge_step(
    step: Step,
    stored: Mapping[str, StoredPiece],
    change: Merging,
    merged: _Merged,
    refused_before: set[str],
) -> None:
    match step:
        case Divided():
            _merge_scene(step, _found(step, stored), change, merged)
        case Unchanged(scene):
            merged.unchanged += 1
            if scene.id in refused_before:
                change.forget_refusal(scene.id)
        case Moved(scene):
            change.move_scene(scene)
        case Refused(refusal, begun):
            _refuse(refusal, begun, change, merged)


def _found(step: Divided, stored: Mapping[str, StoredPiece]) -> list[StoredPiece]:
    missing = [piece.key for piece in step.pieces if piece.key not in stored]
    if missing:
        raise DamagedData(
            f"{step.scene.id}: expected what came of {len(step.pieces)} pieces of it, "
            f"{len(missing)} are missing; do the same again"
        )
    return [stored[piece.key] for piece in step.pieces]


def _merge_scene(
    step: Divided, pieces: Sequence[StoredPiece], change: Merging, merged: _Merged
) -> None:
    scene, position = step.scene, step.done.next_position
    refused = _why_refused(step, pieces)
    if refused is not None and refused.refusal is not None:
        _refuse(refused.refusal, scene if refused.begun else None, change, merged)
        return
    if not pieces:
        none = np.empty((0, 0), dtype=np.float16)
        change.add(scene, (), none, next_position=position, skipped=0, finished=True)
    for number, (piece, result) in enumerate(zip(step.pieces, pieces, strict=True), 1):
        chips, halves = result.load()
        skipped = result.skipped if result.refusal is None else piece.cells
        change.add(
            scene,
            chips,
            halves,
            next_position=piece.stop,
            skipped=skipped,
            finished=number == len(pieces),
        )
        merged.chips += len(chips)
        merged.skipped += skipped
    merged.finished += 1
    merged.recipes.update({piece.recipe for piece in pieces if piece.recipe})


def _why_refused(step: Divided, pieces: Sequence[StoredPiece]) -> StoredPiece | None:
    """Give the piece that says why a scene cannot be used: the first, as who reads on stops there.

    That nothing was measured in a piece says nothing of its scene, unless it is so in all of them.
    """
    for piece in pieces:
        if piece.refusal is not None and piece.refusal.kind != NoValidPixels.__name__:
            return piece
    empty = [piece for piece in pieces if piece.refusal is not None]
    return empty[0] if empty and len(empty) == len(pieces) and not step.done.kept else None


def _refuse(refusal: Refusal, begun: Scene | None, change: Merging, merged: _Merged) -> None:
    if begun is None:
        change.record_refusal(refusal)
    else:
        change.refuse_scene(begun.id, refusal)
    merged.refusals.append(refusal)
