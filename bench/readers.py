"""Does anybody who reads a collection get a wrong, torn or late answer while another writes to it?

One process adds, replaces, removes and moves chips and compacts the collection, and writes down
each change before it commits it and once it is acknowledged. Readers, each a process of its own,
open the collection anew from time to time, pin a generation, follow the log up to it and compare
all that they are told with what that generation must hold. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as many processes as cores, and more

import numpy as np

from satseek.index import Collection, CollectionSpec, bbox_area, create_collection, open_collection
from satseek.types import Chip, Filter, GridSpec, Recipe, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.types import Vectors

DIM = 64
CHIPS = 1_500
"""Living chips that the writer keeps to, more or less."""
BATCH = 50
K = 10
LOG = "log"
STALL_SECONDS = 1.0
"""An answer that takes longer is a stall."""
REOPENED = 200
"""Looks after which a reader opens the collection anew."""
COMPACTED = 10
"""Changes after which the writer compacts the collection."""
HALF = Filter(area=bbox_area(0.0, 0.0, 0.5, 1.0))
"""Every second chip lies in it."""
ROUNDING = 1e-3
"""Farthest that a cosine at half precision lies from the one that it was made of."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """What one reader saw."""

    looks: int = 0
    generations: int = 0
    compactions: int = 0
    wrong: list[str] = field(default_factory=list)
    slowest_ms: float = 0.0
    stalls: int = 0
    times_ms: list[float] = field(default_factory=list)


class World:
    """What a generation must hold, by the log."""

    def __init__(self, log: Path) -> None:
        """Know nothing yet."""
        self._file = log.open("rb")
        self._left = b""
        self.generation = -1
        self.acknowledged = -1
        self.compactions = 0
        self.versions: dict[int, int] = {}
        """Version of each living chip, by number."""
        self._planned: dict[int, dict[str, list[list[int]]]] = {}

    def read(self) -> None:
        """Read what was written to the log since."""
        *lines, self._left = (self._left + self._file.read()).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "done" in said:
                self.acknowledged = said["done"]
            else:
                self._planned[said["generation"]] = said

    def follow(self, generation: int) -> bool:
        """Become a generation; False where the log does not tell of it."""
        while self.generation < generation:
            said = self._planned.pop(self.generation + 1, None)
            if said is None:
                return False
            for number, version in said["put"]:
                self.versions[number] = version
            for (number,) in said["gone"]:
                del self.versions[number]
            self.compactions += "compaction" in said
            self.generation += 1
        return True


def vectors_of(chips: list[tuple[int, int]]) -> Vectors:
    """Make the vectors of chips, each by its number and version."""
    rows = [np.random.default_rng(chip).standard_normal(DIM, dtype=np.float32) for chip in chips]
    values = np.array(rows, dtype=np.float32).reshape(-1, DIM)
    unit: Vectors = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit


def chip(number: int, version: int) -> Chip:
    """Make up a chip; even ones lie in the west."""
    west = 0.1 + 0.6 * (number % 2)
    ring = [[west, 0.1], [west + 0.1, 0.1], [west + 0.1, 0.2], [west, 0.1]]
    return Chip(
        id=f"c{number}",
        scene_id=f"s{number % 7}",
        cell=f"{version}",
        scene_path="/s.tif",
        window=Window(column=number, row=version, width=8, height=8),
        footprint={"type": "Polygon", "coordinates": [ring]},
        datetime=datetime(2024, 1, 1 + number % 28, tzinfo=UTC),
        valid_fraction=1.0,
    )


class Writing:
    """The one writer."""

    def __init__(self, collection: Collection, log: Path) -> None:
        """Begin with an empty collection."""
        self._collection = collection
        self._log = log.open("ab", buffering=0)
        self._versions: dict[int, int] = {}
        self._next = 0
        self._rng = np.random.default_rng(1)
        self.changes: Counter[str] = Counter()

    def go_on(self) -> None:
        """Make one change."""
        if sum(self.changes.values()) % COMPACTED == COMPACTED - 1:
            return self._commit("compaction", [], [])
        living = list(self._versions)
        if len(living) < CHIPS:
            numbers = range(self._next, max(CHIPS, self._next + BATCH))
            self._next = numbers.stop
            return self._commit("add", [(number, 0) for number in numbers], [])
        chosen = [living[place] for place in self._rng.choice(len(living), BATCH, replace=False)]
        if self._rng.random() < 0.5:
            again = [(number, self._versions[number] + 1) for number in chosen]
            return self._commit("replace", again, [])
        return self._commit("remove", [], chosen)

    def _commit(self, what: str, put: list[tuple[int, int]], gone: list[int]) -> None:
        generation = self._collection.generation + 1
        told = {"generation": generation, "put": put, "gone": [[one] for one in gone], what: 1}
        self._say(told)
        if put:
            self._collection.add([chip(*one) for one in put], vectors_of(put))
        elif gone:
            self._collection.remove([f"c{number}" for number in gone])
        else:
            self._collection.compact()
        self._say({"done": generation})
        self._versions.update(dict(put))
        for number in gone:
            del self._versions[number]
        self.changes[what] += 1

    def _say(self, told: dict[str, object]) -> None:
        self._log.write(json.dumps(told).encode("ascii") + b"\n")


class Reading:
    """One reader."""

    def __init__(self, folder: Path, log: Path, seed: int) -> None:
        """Open nothing yet."""
        self._folder = folder
        self._world = World(log)
        self._rng = np.random.default_rng(seed)
        self.watch = Watch()
        self._made: dict[tuple[int, int], NDArray[np.float32]] = {}

    def look(self, until: float) -> None:
        """Look until the time has come."""
        while time.monotonic() < until:
            with open_collection(self._folder, mode="read") as collection:
                for _ in range(REOPENED):
                    if time.monotonic() >= until:
                        break
                    self._look(collection)
        self.watch.compactions = self._world.compactions

    def _look(self, collection: Collection) -> None:
        self._world.read()
        acknowledged, before = self._world.acknowledged, self._world.generation
        query = vectors_of([(-int(self._rng.integers(1, 1 << 30)) % (1 << 31), 0)])
        where = HALF if self._rng.random() < 0.5 else Filter()
        begun = time.monotonic()
        with collection.pinned() as pinned:
            found = pinned.search(query, k=K, where=where)
            rows = found.rows[0][found.rows[0] >= 0]
            chips = pinned.chips(rows)
            told = [(int(one.id[1:]), int(one.cell)) for one in chips]
            generation, count = pinned.generation, len(pinned)
            spent = (time.monotonic() - begun) * 1_000
            self._world.read()
            self._compare(acknowledged, generation, count)
            if not self.watch.wrong:
                self._check(query[0], where, told, found.cosines[0][: len(told)])
                self._check_own(pinned)
        self._note(spent)
        self.watch.generations += self._world.generation != before

    def _note(self, spent: float) -> None:
        watch = self.watch
        watch.looks += 1
        watch.times_ms.append(spent)
        watch.slowest_ms = max(watch.slowest_ms, spent)
        watch.stalls += spent > STALL_SECONDS * 1_000

    def _compare(self, acknowledged: int, generation: int, count: int) -> None:
        if generation < max(acknowledged, self._world.generation):
            self._wrong(f"generation {generation} after {acknowledged} was acknowledged")
        elif not self._world.follow(generation):
            self._wrong(f"generation {generation}, of which nobody wrote")
        elif count != len(self._world.versions):
            self._wrong(f"{count} chips where there are {len(self._world.versions)}")

    def _check(
        self,
        query: NDArray[np.float32],
        where: Filter,
        told: list[tuple[int, int]],
        cosines: NDArray[np.float32],
    ) -> None:
        """Compare an answer with what an exact one must be."""
        living = [
            one for one in self._world.versions.items() if where == Filter() or one[0] % 2 == 0
        ]
        strangers = set(told) - set(living)
        if strangers or len(set(told)) != min(K, len(living)):
            self._wrong(f"hits {told} with {sorted(strangers)} that cannot be there")
            return
        true = np.sort(self._vectors(living) @ query)[::-1][: len(told)] if living else cosines
        own = self._vectors(told) @ query
        if np.abs(own - cosines).max(initial=0) > ROUNDING:
            self._wrong(f"cosines {cosines.tolist()}, they are {own.tolist()}")
        if np.abs(true - cosines).max(initial=0) > ROUNDING:
            self._wrong(f"cosines {cosines.tolist()}, the nearest have {true.tolist()}")

    def _check_own(self, pinned: Pinned) -> None:
        """Ask for a chip by its id and by its vector."""
        living = list(self._world.versions.items())
        if not living:
            return
        number, version = living[int(self._rng.integers(len(living)))]
        row = pinned.row_of(f"c{number}")
        own = vectors_of([(number, version)])
        if np.abs(pinned.vectors([row]) - own).max() > ROUNDING:
            self._wrong(f"chip {number} has another vector than that of version {version}")
        if pinned.search(own, k=1).rows[0, 0] != row:
            self._wrong(f"chip {number} is not found by its own vector")

    def _vectors(self, chips: list[tuple[int, int]]) -> Vectors:
        for one in chips:
            if one not in self._made:
                self._made[one] = vectors_of([one])[0]
        return np.array([self._made[one] for one in chips], dtype=np.float32).reshape(-1, DIM)

    def _wrong(self, what: str) -> None:
        self.watch.wrong.append(f"generation {self._world.generation}: {what}")


def spec() -> CollectionSpec:
    """Describe the collection."""
    return CollectionSpec(
        name="read",
        model_name="made-up",
        model_version="0" * 12,
        dim=DIM,
        recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
        grid=GridSpec(crs=None, chip_px=8, stride_px=8, pixel_size=None),
        min_valid=0.5,
    )


def run(seconds: float, readers: int, root: Path) -> dict[str, object]:
    """Have them all at work for some time; returns the figures."""
    folder, log = root / "read", root / LOG
    log.write_text(json.dumps({"generation": 0, "put": [], "gone": []}) + "\n")
    create_collection(folder, spec(), rows_per_segment=1_024).close()
    until = time.monotonic() + seconds
    children = [_started(_read, folder, log, seed, until) for seed in range(readers)]
    written = _started(_write, folder, log, 0, until)
    watches = [Watch(**json.loads(told)) for told in map(_ended, children)]
    changes = json.loads(_ended(written))
    with open_collection(folder, mode="read") as collection:
        damages = collection.verify()
    times = np.concatenate([watch.times_ms for watch in watches])
    return {
        "seconds": seconds,
        "readers": readers,
        "changes": changes,
        "looks": sum(watch.looks for watch in watches),
        "generations_seen": [watch.generations for watch in watches],
        "compactions_seen": [watch.compactions for watch in watches],
        "wrong": [one for watch in watches for one in watch.wrong][:20],
        "stalls": sum(watch.stalls for watch in watches),
        "slowest_ms": round(max(watch.slowest_ms for watch in watches), 1),
        "p50_ms": round(float(np.percentile(times, 50)), 2),
        "p99_ms": round(float(np.percentile(times, 99)), 2),
        "damages": damages,
    }


def _read(folder: Path, log: Path, seed: int, until: float) -> object:
    reading = Reading(folder, log, seed)
    reading.look(until)
    return asdict(reading.watch)


def _write(folder: Path, log: Path, _seed: int, until: float) -> object:
    with open_collection(folder, mode="write") as collection:
        writing = Writing(collection, log)
        while time.monotonic() < until:
            writing.go_on()
        return dict(writing.changes)


def _started(work: Callable[..., object], *given: object) -> tuple[int, int]:
    """Do something in a process of its own, which has all modules open."""
    told, tells = os.pipe()
    child = os.fork()
    if child:
        os.close(tells)
        return child, told
    try:
        with os.fdopen(tells, "w") as pipe:
            json.dump(work(*given), pipe)
    except BaseException as error:  # noqa: BLE001 - a process ends here, one way or the other
        sys.stderr.write(f"{work.__name__}: {type(error).__name__}: {error}\n")
        os._exit(1)
    os._exit(0)


def _ended(child: tuple[int, int]) -> str:
    with os.fdopen(child[1]) as pipe:
        told = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child[0], 0)[1])
    if code:
        raise SystemExit(f"process {child[0]} ended with {code}")
    return told


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--readers", type=int, default=8)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        print(json.dumps(run(asked.minutes * 60, asked.readers, Path(root))))


if __name__ == "__main__":
    main()
