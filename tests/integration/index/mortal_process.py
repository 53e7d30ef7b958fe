"""A process that lets children change a collection, kills them, and checks what they have left.

Every change is planned before the child is forked, and acknowledged by one byte through a pipe:
what is left must be exactly what was acknowledged, or that and the one change that was under way.
Run as ``python mortal_process.py <verb> <folder> ...``; prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a fork takes no threads along

import numpy as np

from satseek.errors import SatseekError
from satseek.index import (
    Collection,
    CollectionSpec,
    PlanLimits,
    SceneBlock,
    bbox_area,
    create_collection,
    open_collection,
)
from satseek.index.spec import codes_name, segments_name, tuning_name
from satseek.types import Chip, GridSpec, Recipe, Scene, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from satseek.types import Vectors

DIM = 16
FEW = 160
"""Chips to begin with, and that there always are."""
FOR_CODES = 700
"""The same where codes are made: enough for a code book."""
MORE = 200
"""Chips that are added at most."""
CHANGES = 60
"""Changes that a child is given: more than it lives to make."""
ROWS_PER_SEGMENT = 64
SPEC = CollectionSpec(
    name="mortal",
    model_name="model-0",
    model_version="0" * 12,
    dim=DIM,
    recipe=Recipe(name="rgb8", version=1, bands=(1, 2, 3), stretch="none", low=0, high=255),
    grid=GridSpec(crs="EPSG:32633", chip_px=64, stride_px=64, pixel_size=10.0),
    min_valid=0.5,
)
EXACT = PlanLimits(codes_from=10**9)
CODED = PlanLimits(codes_from=FOR_CODES)
CALLS = (
    *("pwrite64", "write", "ftruncate", "fsync", "fdatasync"),
    *("unlink", "unlinkat", "rename", "mkdir", "rmdir"),
)
"""System calls that change what is on a disk."""
KNOWN = {"collection.sqlite", "writer.lock", "acknowledged"}


@dataclass(frozen=True, slots=True)
class State:
    """What a collection should hold."""

    chips: dict[str, int] = field(default_factory=dict)
    """Version of each chip, by id."""
    model: int = 0
    """Number of the model that made the vectors."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, and what the collection should hold after it."""

    verb: str
    ids: tuple[str, ...]
    after: State


@cache
def vector(chip_id: str, version: int, model: int) -> np.ndarray:
    """The vector that a model makes of a chip's version."""
    values = np.random.default_rng([crc32(chip_id.encode()), version, model]).standard_normal(DIM)
    return (values / np.linalg.norm(values)).astype(np.float32)


def vectors(state: State, ids: Sequence[str]) -> Vectors:
    rows = [vector(one, state.chips[one], state.model) for one in ids]
    return np.array(rows, dtype=np.float32).reshape(-1, DIM)


def chip(chip_id: str) -> Chip:
    number = int(chip_id.split("/")[1])
    west, south = number % 80, number // 80 % 80
    return Chip(
        id=chip_id,
        scene_id=chip_id.split("/", maxsplit=1)[0],
        cell=str(number),
        scene_path="/scene.tif",
        window=Window(column=0, row=number, width=64, height=64),
        footprint=bbox_area(west, south, west + 1, south + 1),
        datetime=None,
        valid_fraction=1.0,
    )


def scene(scene_id: str) -> Scene:
    return Scene(
        id=scene_id,
        path="/scene.tif",
        width=640,
        height=640,
        bands=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=(10.0, 0.0, 0.0, 0.0, -10.0, 0.0),
        nodata=None,
        datetime=None,
        digest="0",
    )


def least(verbs: Sequence[str]) -> int:
    """Chips that there always are."""
    return FOR_CODES if "codes" in verbs else FEW


def planned(state: State, dice: random.Random, verbs: Sequence[str]) -> list[Change]:
    """Think up changes, one after the other."""
    found, kept = [], least(verbs)
    for _ in range(CHANGES):
        verb = dice.choice(verbs)
        ids = _chosen(state, verb, dice, kept)
        chips = dict(state.chips)
        if verb in ("add", "replace", "block"):
            chips |= {one: chips.get(one, 0) + 1 for one in ids}
        if verb == "remove":
            chips = {one: version for one, version in chips.items() if one not in set(ids)}
        state = State(chips, state.model + (verb == "reembed"))
        found.append(Change(verb, ids, state))
    return found


def _chosen(state: State, verb: str, dice: random.Random, kept: int) -> tuple[str, ...]:
    count = dice.randint(1, 60)
    if verb in ("add", "block"):
        room = kept + MORE - len(state.chips)
        free = (f"scene-{dice.randint(0, 9)}/{dice.randint(0, 99_999)}" for _ in range(count))
        return tuple({one for one in free if one not in state.chips} if room > count else ())
    if verb == "replace":
        return tuple(dice.sample(sorted(state.chips), count))
    if verb == "remove":
        return tuple(dice.sample(sorted(state.chips), min(count, len(state.chips) - kept)))
    return ()


def make(collection: Collection, change: Change) -> None:
    """Make one change."""
    after = change.after
    match change.verb:
        case "add" | "replace":
            collection.add([chip(one) for one in change.ids], vectors(after, change.ids))
        case "block":
            collection.add_blocks([_block(after, change.ids, name) for name in _scenes(change.ids)])
        case "remove":
            collection.remove(change.ids)
        case "codes":
            for path in collection.folder.glob("codes*.bin"):
                path.unlink()
            collection.prepare()
        case "compact":
            if collection.pending() is None:
                collection.compact()
        case "reembed":
            _reembed(collection, after)


def _scenes(ids: Sequence[str]) -> list[str]:
    return sorted({one.split("/")[0] for one in ids})


def _block(after: State, ids: Sequence[str], name: str) -> SceneBlock:
    own = [one for one in ids if one.startswith(f"{name}/")]
    return SceneBlock(
        scene=scene(name),
        chips=tuple(chip(one) for one in own),
        vectors=vectors(after, own),
        next_position=1,
        skipped=0,
        finished=False,
    )


def _reembed(collection: Collection, after: State) -> None:
    rewriting = collection.rewriting()
    if rewriting.find() is None:
        rewriting.begin(model_name=f"model-{after.model}", model_version="1" * 12, dim=DIM)
    while not rewriting.pending.finished:
        start, rows = rewriting.pending.next_row, rewriting.pending.rows
        stop = min(start + 90, rows)
        found = [(row, one) for row, one, _ in rewriting.living(start) if row < stop]
        rewriting.add(
            np.array([row for row, _ in found], dtype=np.int64),
            vectors(after, [one for _, one in found]),
            next_row=stop,
            scene_id="",
            next_position=0,
        )
    rewriting.switch(lost="refuse", old="drop")


def begun(folder: Path, chips: int = FEW) -> State:
    """Make a collection with some chips in it."""
    ids = [f"scene-{number % 10}/{number}" for number in range(chips)]
    state = State(dict.fromkeys(ids, 1))
    with create_collection(folder, SPEC, rows_per_segment=ROWS_PER_SEGMENT) as collection:
        for start in range(0, chips, 100):
            part = ids[start : start + 100]
            collection.add([chip(one) for one in part], vectors(state, part))
    return state


def forked(work: Callable[[int], None]) -> tuple[int, int]:
    """Let a child work; give its number and the end of a pipe that it writes to."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)
    try:
        work(writing)
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - the parent is told
        os.write(writing, f"\n{type(error).__name__}: {error}".encode())
        os._exit(1)


def heard_of(reading: int, changes: int) -> bytes:
    """Wait until so many changes were acknowledged, or until there is nobody who could."""
    heard = b""
    while len(heard) < changes and (more := os.read(reading, changes - len(heard))):
        heard += more
    return heard


def told(reading: int, heard: bytes = b"") -> tuple[int, str]:
    """How many changes were acknowledged, and what went wrong."""
    with os.fdopen(reading, "rb") as pipe:
        acknowledged, _, wrong = (heard + pipe.read()).partition(b"\n")
    return len(acknowledged), wrong.decode()


def living(folder: Path, changes: Sequence[Change]) -> Callable[[int], None]:
    """What a child does: every change, and a byte for each."""

    def work(writing: int) -> None:
        with open_collection(folder, mode="write", limits=CODED) as collection:
            for change in changes:
                make(collection, change)
                os.write(writing, b".")

    return work


def check(folder: Path, wanted: Sequence[State], *, verified: str = "at once") -> State:
    """Stop unless the folder holds one of the states, whole; give it.

    Args:
        folder: The collection.
        wanted: What it may hold.
        verified: ``at once``, or ``after a writer`` has taken it over.
    """
    with open_collection(folder, mode="read", limits=EXACT) as collection:
        state = _held(collection, wanted)
        damages = collection.verify()
        assert not damages or verified != "at once", damages
    with open_collection(folder, mode="write", limits=EXACT) as collection:
        damages = collection.verify()
        assert not damages, damages
        held, pending = collection.inventory(), collection.pending()
    numbers = {held.edition, *([pending.number] if pending else [])}
    kept = KNOWN.union(*(files_of(number) for number in numbers))
    left = {path.name for path in folder.iterdir()} - kept
    assert not left, left
    whole = -(-held.rows // ROWS_PER_SEGMENT)
    sizes = [
        path.stat().st_size for path in sorted((folder / segments_name(held.edition)).iterdir())
    ]
    assert (len(sizes), sum(sizes)) == (whole, held.rows * DIM * 2), sizes
    return state


def files_of(number: int) -> set[str]:
    return {name(number) for name in (segments_name, codes_name, tuning_name)}


def _held(collection: Collection, wanted: Sequence[State]) -> State:
    with collection.pinned() as pinned:
        rows, count = pinned.page(after=-1, limit=10**6)
        assert len(rows) == count == len(pinned)
        ids = [one.id for one in pinned.chips(rows)]
        stored = pinned.vectors(rows)
        model = int(pinned.model[0].split("-")[1])
        possible = [
            state
            for state in wanted
            if state.model == model
            and state.chips.keys() == set(ids)
            and np.abs(vectors(state, ids) - stored).max() < 2e-3
        ]
        assert possible, f"{len(ids)} chips of model {model}, none of what was acknowledged"
        found = pinned.search(stored, k=1).rows[:, 0]
        assert found.tolist() == rows
    return possible[0]


def may_be_left(before: State, changes: Sequence[Change], done: int) -> list[State]:
    """What may be left: what was acknowledged, or that and the next change."""
    return [before, *(change.after for change in changes)][done : done + 2]


def kill_often(folder: Path, kills: int, seed: int, verbs: Sequence[str]) -> dict[str, object]:
    """Kill children at random moments until there were enough kills; count what they were at."""
    dice = random.Random(seed)
    state = begun(folder, least(verbs))
    killed, acknowledged = 0, 0
    under_way: Counter[str] = Counter()
    while killed < kills:
        changes = planned(state, dice, verbs)
        child, reading = forked(living(folder, changes))
        heard = heard_of(reading, dice.choice((0, 0, 1, 2, 4)))
        time.sleep(dice.uniform(0, 0.04))
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        done, wrong = told(reading, heard)
        assert not wrong, wrong
        killed += os.WIFSIGNALED(status)
        acknowledged += done
        under_way[changes[done].verb if done < len(changes) else "nothing"] += 1
        state = check(folder, may_be_left(state, changes, done))
    return {"kills": killed, "acknowledged": acknowledged, "under_way": dict(under_way)}


def kill_at_calls(
    folder: Path, seed: int, every: int, verbs: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Kill children as they enter the first, second … of each kind of system call that writes.

    Args:
        folder: To be made.
        seed: Of the dice.
        every: Only one of so many calls.
        verbs: Kinds of changes, each tried with each call.

    Returns:
        Kills by verb and call.
    """
    dice = random.Random(seed)
    state = begun(folder, least(verbs))
    killed: dict[str, dict[str, int]] = {verb: {} for verb in verbs}
    for verb in verbs:
        for call in CALLS:
            at = 1 + dice.randrange(every)
            while True:
                change = planned(state, dice, [verb])[0]
                child, reading, go = _waiting(folder, [change])
                with _traced(child, call, at):
                    os.write(go, b".")
                    os.close(go)
                    status = os.waitpid(child, 0)[1]
                done, wrong = told(reading)
                assert not wrong, wrong
                state = check(folder, may_be_left(state, [change], done))
                if not os.WIFSIGNALED(status):
                    break
                killed[verb][call] = killed[verb].get(call, 0) + 1
                at += every
    return killed


def _waiting(folder: Path, changes: Sequence[Change]) -> tuple[int, int, int]:
    """Fork a child that waits for a byte before it begins."""
    waiting, go = os.pipe()
    live = living(folder, changes)

    def work(writing: int) -> None:
        os.close(go)
        os.read(waiting, 1)
        live(writing)

    child, reading = forked(work)
    os.close(waiting)
    return child, reading, go


@contextmanager
def _traced(child: int, call: str, at: int) -> Iterator[None]:
    """Have a child killed by ``strace`` as it enters a system call for the nth time."""
    command = ["strace", "-f", "-qq", "-o", os.devnull, "-p", str(child), "-e", f"trace={call}"]
    command += ["-e", f"inject={call}:signal=KILL:when={at}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as strace:
        status = Path(f"/proc/{child}/status")
        while "TracerPid:\t0\n" in status.read_text():
            assert strace.poll() is None, strace.stderr and strace.stderr.read()
            time.sleep(0.001)
        yield


def starve(folder: Path, verb: str, when: str, most: str) -> str:
    """Let no file of a child grow, by opening or by a change, beyond a size; then let it.


    Args:
        folder: To be made.
        verb: The change.
        when: ``opening``: no file may be larger than ``most``; ``changing``: the same once it is
            open; ``closing``: none may be larger than the database is and ``most``.
        most: Bytes.

    Returns:
        A dot for each change that was acknowledged, a ! for each refusal.
    """
    room = int(most)
    state = begun(folder, least([verb]))
    changes = planned(state, random.Random(3), [verb])[:3]
    if when == "closing":
        room += (folder / "collection.sqlite").stat().st_size

    def work(writing: int) -> None:
        _limit(room if when == "opening" else resource.RLIM_INFINITY)
        with _until_there_is_room(folder, writing) as collection:
            _limit(room if when != "opening" else resource.RLIM_INFINITY)
            for change in changes:
                try:
                    make(collection, change)
                except SatseekError:
                    os.write(writing, b"!")
                    _limit(resource.RLIM_INFINITY)
                    make(collection, change)
                os.write(writing, b".")

    child, reading = forked(work)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode()
    assert "\n" not in told, told
    check(folder, [changes[-1].after])
    return told


def _until_there_is_room(folder: Path, writing: int) -> Collection:
    try:
        return open_collection(folder, mode="write", limits=CODED)
    except SatseekError:
        os.write(writing, b"!")
        _limit(resource.RLIM_INFINITY)
        return open_collection(folder, mode="write", limits=CODED)


def _limit(file_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))


VERBS = {
    "kill_at_calls": lambda folder, seed, every, *verbs: kill_at_calls(
        folder, int(seed), int(every), verbs
    ),
    "starve": lambda folder, *cases: {
        case: starve(folder / str(place), *case.split(":")) for place, case in enumerate(cases)
    },
    "kill_often": lambda folder, kills, seed, *verbs: kill_often(
        folder, int(kills), int(seed), verbs
    ),
}

if __name__ == "__main__":
    done = VERBS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
    sys.stdout.write(json.dumps(done) + "\n")
