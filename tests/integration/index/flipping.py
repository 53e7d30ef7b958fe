"""Flips bytes of a small collection, one after the other, and tells what becomes of each.

Imported by tests, and by ``bench/kills.py``, which flips every byte.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import mortal_process as mortal

from satseek.errors import SatseekError
from satseek.index import Collection, PlanLimits, SceneBlock, create_collection, open_collection
from satseek.index.repairing import repair_collection
from satseek.types import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHIPS = 60
FEW = PlanLimits(codes_from=10**9)

Outcome = Literal["named", "refused", "harmless"]


@dataclass(frozen=True, slots=True)
class Flip:
    """A flipped bit and what became of it."""

    file: str
    offset: int
    outcome: Outcome
    told: str
    """What verify or the error says."""


def lived(folder: Path, *, chips: int = CHIPS, limits: PlanLimits = FEW) -> Collection:
    """Make a collection that has something in every table; it stays open for writing."""
    collection = create_collection(folder, mortal.SPEC, rows_per_segment=256)
    collection.close()
    collection = open_collection(folder, mode="write", limits=limits)
    ids = [f"scene-{number % 3}/{number}" for number in range(chips)]
    state = mortal.State(dict.fromkeys(ids, 1))
    blocks = [block(state, ids, f"scene-{number}") for number in range(3)]
    collection.add_blocks(blocks)
    again = replace_versions(state, ids[:7])
    collection.add([mortal.chip(one) for one in ids[:7]], mortal.vectors(again, ids[:7]))
    collection.remove(ids[7:10])
    refusal = Refusal(path="/torn.tif", reason="cannot be read", kind="UnreadableImage")
    collection.record_refusal(refusal, "digest")
    rewriting = collection.rewriting()
    rewriting.begin(model_name="model-1", model_version="1" * 12, dim=mortal.DIM)
    return collection


def replace_versions(state: mortal.State, ids: list[str]) -> mortal.State:
    return mortal.State(state.chips | {one: state.chips[one] + 1 for one in ids}, state.model)


def block(state: mortal.State, ids: list[str], name: str) -> SceneBlock:
    own = [one for one in ids if one.startswith(f"{name}/")]
    return SceneBlock(
        scene=replace(mortal.scene(name), digest=name),
        chips=tuple(mortal.chip(one) for one in own),
        vectors=mortal.vectors(state, own),
        next_position=len(own),
        skipped=1,
        finished=True,
    )


def copy_as_killed(folder: Path, to: Path) -> None:
    """Copy what a writer would leave if it were killed now: its log, but nobody's shared memory."""
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*-shm"))


def answers(collection: Collection) -> tuple[object, ...]:
    """All that a collection says."""
    return (
        collection.digest(),
        collection.spec,
        [(one, collection.scene_progress(one)) for one in collection.scenes()],
        collection.refusals(),
        collection.pending(),
        collection.generation,
    )


def said(folder: Path) -> tuple[object, ...]:
    with open_collection(folder, mode="read", limits=FEW) as collection:
        return answers(collection)


def examined(folder: Path, expected: tuple[object, ...]) -> tuple[Outcome, str]:
    """Open a collection, verify it, and ask everything.

    Raises:
        AssertionError: It answers otherwise, and says that all is well.
    """
    try:
        with open_collection(folder, mode="read", limits=FEW) as collection:
            damages = collection.verify()
            if damages:
                return "named", damages[0]
            came = answers(collection)
    except SatseekError as error:
        return "refused", str(error)
    assert came == expected, "verified, but it answers otherwise"
    return "harmless", ""


def flips(pristine: Path, work: Path, *, each: int, seed: int = 0) -> Iterator[Flip]:
    """Flip a bit in one of so many bytes of each file of a collection; `work` holds the damaged."""
    expected = told_by(pristine, work)
    dice = random.Random(seed)
    for path in sorted(one for one in pristine.rglob("*") if one.is_file()):
        name, size = str(path.relative_to(pristine)), path.stat().st_size
        for start in range(0, size, each):
            offset = min(start + dice.randrange(each), size - 1)
            laid(pristine, work)
            flip(work / name, offset, 1 << dice.randrange(8))
            try:
                outcome, told = examined(work, expected)
            except Exception as error:
                error.add_note(f"{name} at {offset}")
                raise
            yield Flip(name, offset, outcome, told)


def told_by(pristine: Path, work: Path) -> tuple[object, ...]:
    """What the collection says while nothing is flipped."""
    laid(pristine, work)
    return said(work)


def laid(pristine: Path, work: Path) -> None:
    """Put a sound copy in place of whatever is there."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(pristine, work)


def flip(path: Path, offset: int, bits: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        (value,) = file.read(1)
        file.seek(offset)
        file.write(bytes([value ^ bits]))


def mended(work: Path, expected: dict[str, bytes]) -> str:
    """Repair a damaged collection; tell whether it could be, and check that nothing got worse.

    Args:
        work: The damaged one.
        expected: What its chips should be, by id.
    """
    try:
        repair = repair_collection(work)
    except SatseekError as error:
        return f"refused: {error}"
    with open_collection(work, mode="read", limits=FEW) as collection:
        assert collection.verify() == []
        left = chips_of(collection)
    assert left.items() <= expected.items() or repair.lost, repair
    gone = expected.keys() - left.keys()
    assert bool(gone) == bool(repair.chips) or repair.lost, repair
    return "mended" if not repair.lost else "lost"


def chips_of(collection: Collection) -> dict[str, bytes]:
    """Chips with their vectors, by id."""
    with collection.pinned() as pinned:
        rows, _ = pinned.page(after=-1, limit=10**6)
        found = zip(pinned.chips(rows), pinned.vectors(rows), strict=True)
        return {chip.id: repr(chip).encode() + vector.tobytes() for chip, vector in found}
