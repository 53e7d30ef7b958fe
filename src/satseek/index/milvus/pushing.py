"""A collection here → the same one in a Milvus, without embedding anything again.

Knows no terminal. It goes on where it was broken off, and ends with both sides compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import CollectionNotFound, Conflict, DamagedData, ModelMismatch
from satseek.index.milvus.making import create_milvus, open_milvus

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.index.collection import Collection
    from satseek.index.milvus.index import MilvusIndex
    from satseek.index.milvus.pointing import Address
    from satseek.index.pinned import Pinned
    from satseek.index.spec import CollectionSpec

BATCH = 2_000
"""Chips carried at once: what is done again at most where it was broken off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a push or a pull has done."""

    chips: int
    """Chips on either side at the end."""
    carried: int
    """Chips that were carried this time."""
    removed: int
    """Chips taken away on the other side, as they were gone here."""
    scenes: int
    """Scenes on either side."""
    digest: str
    """Of chips and vectors, equal on both sides."""


def push_collection(
    source: Collection,
    address: Address,
    *,
    engine: str = "auto",
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Carried:
    """Carry a collection into a Milvus; again carries what was added or changed since.

    Args:
        source: An embedded collection.
        address: Checked; made where there is no such collection yet.
        engine: Index of the vectors of one that is made.
        on_progress: Is told the chips done and in all.

    Raises:
        Conflict: Another collection of that name lives there, or the source changed meanwhile.
        ModelMismatch: That one was embedded by another model.
        DamagedData: The two differ at the end.
        ServerUnreachable, PermissionDenied, DependencyMissing: as ``open_milvus``.
    """
    try:
        target = open_milvus(address)
    except CollectionNotFound:
        target = create_milvus(address, source.spec, engine=engine)
    with target, source.pinned() as pinned:
        check_same(pinned.spec, target.spec)
        carried = _push_chips(pinned, target, on_progress)
        scenes = _push_book(source, target)
        target.shelf.flush()
        digest, removed = source.digest(), 0
        if len(pinned) != len(target):
            removed = _sweep(pinned, target)
        if source.generation != pinned.generation:
            raise Conflict(f"{pinned.spec.name}: changed while it was carried; push it again")
        compare(digest, len(pinned), target)
        mark = target.book.mark()
        target.book.write_mark(mark | {"finished": True})
        return Carried(
            chips=len(pinned), carried=carried, removed=removed, scenes=scenes, digest=digest
        )


def check_same(one: CollectionSpec, other: CollectionSpec) -> None:
    """Refuse two collections whose vectors do not belong together."""
    ours, theirs = (f"{said.model_name}@{said.model_version}" for said in (one, other))
    if ours != theirs:
        raise ModelMismatch(
            f"{one.name}: its vectors are of {ours}, those of the collection of that name on the "
            f"other side of {theirs}; choose another name with --as"
        )
    same = (one.dim, one.recipe, one.grid) == (other.dim, other.recipe, other.grid)
    if not same:
        raise Conflict(
            f"{one.name}: the collection of that name on the other side has another recipe or "
            "grid; choose another name with --as"
        )


def _push_chips(
    pinned: Pinned, target: MilvusIndex, on_progress: Callable[[int, int], None]
) -> int:
    """Carry the chips whose rows lie behind the last one carried; returns how many."""
    edition = pinned.view.edition.number
    mark = target.book.mark()
    same = mark.get("source") == [pinned.spec.name, edition]
    after, carried, total = (mark["row"] if same else -1), 0, len(pinned)
    while True:
        rows, _ = pinned.page(after=after, limit=BATCH)
        done = total if not rows else _rank(pinned, rows[0])
        on_progress(done, total)
        if not rows:
            return carried
        halves = pinned.view.segments.halves(np.array(rows, dtype=np.int64))
        target.put(pinned.chips(rows), halves)
        after = rows[-1]
        carried += len(rows)
        target.book.write_mark(
            {"source": [pinned.spec.name, edition], "row": after, "finished": False}
        )


def _rank(pinned: Pinned, row: int) -> int:
    """Count the living chips before a row."""
    return int(np.searchsorted(pinned.view.living(), row))


def _sweep(pinned: Pinned, target: MilvusIndex) -> int:
    """Take away chips that are gone here; returns how many."""
    here: set[str] = set()
    after = -1
    while rows := pinned.page(after=after, limit=BATCH)[0]:
        here.update(chip.id for chip in pinned.chips(rows))
        after = rows[-1]
    gone = [
        one["id"]
        for part in target.shelf.walk(target.state().spans, "id")
        for one in part
        if one["id"] not in here
    ]
    return target.remove(gone)


def _push_book(source: Collection, target: MilvusIndex) -> int:
    """Carry scenes, their progress and refusals; returns how many scenes there are."""
    scenes = [known for one in source.scenes() if (known := source.find_known(one.id)) is not None]
    target.write_scenes(scenes)
    names = {one.scene.id for one in scenes}
    target.book.drop("scene", {one.id for one in target.scenes()} - names)
    refusals = source.refusals()
    theirs = {one.path for one in target.refusals()}
    target.book.drop("refusal", theirs - {one.path for one in refusals})
    target.book.write_refusals([(one, "") for one in refusals])
    return len(scenes)


def compare(digest: str, chips: int, other: MilvusIndex) -> None:
    """Refuse to call it done where the two sides differ."""
    if chips != len(other):
        raise DamagedData(
            f"{other.spec.name}: {chips} chips here, {len(other)} in Milvus; push it again"
        )
    if digest != other.digest():
        raise DamagedData(
            f"{other.spec.name}: the chips or vectors in Milvus are not those here; drop it there "
            "and push it again"
        )
