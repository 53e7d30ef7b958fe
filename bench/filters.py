"""What do an area and dates cost a query over a million chips, and what do they lose of its answer?

Lays chips on a lattice that is visited at many dates over years, in some hundreds of scenes. What
they show depends on where they lie. Asks with words and images, unfiltered and filtered in turns,
with a slanted area and a range of dates that together keep 50, 10, 1, 0.1 and 0.01 % of the chips,
and once with scenes' attributes. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satseek.index import (
    Collection,
    CollectionSpec,
    PlanLimits,
    SceneBlock,
    create_collection,
    open_collection,
)
from satseek.types import Chip, Filter, GeoJSON, GridSpec, Recipe, Scene, Vectors, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from satseek.index import QueryKind

K = 10
DIM = 768
CLASSES = 19
TAUGHT = 200
"""Queries that the effort is tuned on; others are measured."""
VISITS = 25
"""Dates at which every place was acquired."""
DAYS_BETWEEN = 73
"""Days from visit to visit: 25 of them are five years."""
SCENES_ACROSS = 4
"""A visit takes this squared many scenes."""
SIDE = 0.01
"""Edge of a chip in degrees."""
SHARES = (0.5, 0.1, 0.01, 0.001, 0.0001)
NEW_YEAR = datetime(2019, 1, 1, tzinfo=UTC)
SLANT = 0.3
"""The area's upper edge lies this share of its width farther east than its lower one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where and when the chips lie: row by row, visit after visit, scene after scene."""

    edge: int
    """Places along each side of the ground."""

    @property
    def places(self) -> int:
        """Places in all."""
        return self.edge**2

    @property
    def chips(self) -> int:
        """Chips in all."""
        return self.places * VISITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One filter."""

    filter: str
    share: float
    """Of the chips, that passes."""
    passing: int
    plan: str
    candidates: int
    """Compared exactly."""
    recall_at_10: float
    worst_recall: float
    unfiltered_ms: float
    """Median over queries, asked in turns with the filtered ones."""
    filtered_ms: float
    ratio: float
    """Of the medians."""
    cpu_ratio: float
    """Of processor times: on a busy machine the clock measures the others."""
    first_ms: float
    """The first question with the filter: it is planned there."""
    first_cpu_ratio: float
    """Of its processor time to that of an unfiltered one."""


@dataclass(slots=True)
class Watch:
    """Times of one kind of question."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def time(self, ask: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]:
        """Ask once."""
        wall, cpu = time.perf_counter(), time.process_time()
        rows = ask()
        self.wall.append((time.perf_counter() - wall) * 1_000)
        self.cpu.append((time.process_time() - cpu) * 1_000)
        return rows


def unit(values: np.ndarray) -> Vectors:
    """Scale rows to length one."""
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


class Content:
    """What is to be seen where, and what is asked for."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw a cone of features with a falling spectrum, classes in it, and words beside it."""
        spectrum = (np.arange(1, DIM + 1) ** -0.5).astype(np.float32)
        self._rng = rng
        self._basis = rng.standard_normal((256, DIM), dtype=np.float32) * spectrum / 16
        self._cone = rng.standard_normal(DIM, dtype=np.float32) * 0.3
        self._means = self._cone + rng.standard_normal((CLASSES, DIM), dtype=np.float32) * spectrum
        self._words = rng.standard_normal(DIM, dtype=np.float32)

    def seen(self, classes: NDArray[np.int64]) -> Vectors:
        """Draw features of chips by what lies there."""
        spread = self._rng.standard_normal((len(classes), len(self._basis)), dtype=np.float32)
        return unit(self._means[classes] + spread @ self._basis)

    def asked(self, count: int) -> dict[QueryKind, Vectors]:
        """Draw queries: half of them images, half words, which lie far from all images."""
        classes = self._rng.integers(0, CLASSES, count)
        words = self._means[classes] * 0.5 + self._words
        words += self._rng.standard_normal((count, DIM), dtype=np.float32) * 0.3
        return {"image": self.seen(classes[::2]), "text": unit(words)[1::2]}


def what_lies(ground: Ground, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the class of every place: neighbours are mostly alike, as land cover is."""
    across = np.linspace(0, 1, ground.edge)
    waves = rng.standard_normal((3, CLASSES, 6))
    field_of = np.zeros((CLASSES, ground.edge, ground.edge))
    for number in range(6):
        turn_x, turn_y, shift = (waves[axis, :, number, None, None] for axis in range(3))
        field_of += np.sin(9 * turn_x * across[:, None] + 9 * turn_y * across + 6 * shift)
    likely = field_of.argmax(axis=0)
    odd = rng.random(likely.shape) < 0.2
    return np.where(odd, rng.integers(0, CLASSES, likely.shape), likely).reshape(-1)


def blocks(
    ground: Ground, content: Content, classes: NDArray[np.int64]
) -> Iterator[tuple[SceneBlock, NDArray[np.int64]]]:
    """Make scene after scene; also gives the place of each chip."""
    outlines = [_outline(ground, place) for place in range(ground.places)]
    parts = np.array_split(np.arange(ground.edge), SCENES_ACROSS)
    rng = np.random.default_rng(1)
    for visit in range(VISITS):
        taken = NEW_YEAR + timedelta(days=DAYS_BETWEEN * visit)
        for row, rows in enumerate(parts):
            for column, columns in enumerate(parts):
                places = (rows[:, None] * ground.edge + columns).reshape(-1)
                scene = _scene(f"v{visit:02d}_r{row}c{column}", taken, rng)
                chips = tuple(_chip(scene, int(place), outlines[place], ground) for place in places)
                block = SceneBlock(
                    scene=scene,
                    chips=chips,
                    vectors=content.seen(classes[places]),
                    next_position=len(chips),
                    skipped=0,
                    finished=True,
                )
                yield block, places


def _outline(ground: Ground, place: int) -> GeoJSON:
    """Outline a place; slightly turned, as chips in UTM are."""
    row, column = divmod(place, ground.edge)
    west, south, tilt = column * SIDE, row * SIDE, SIDE * 0.01
    ring = [
        [west, south + tilt],
        [west + SIDE - tilt, south],
        [west + SIDE, south + SIDE - tilt],
        [west + tilt, south + SIDE],
    ]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def _scene(name: str, taken: datetime, rng: np.random.Generator) -> Scene:
    platform = ("sentinel-2a", "sentinel-2b")[int(rng.integers(0, 2))]
    return Scene(
        id=name,
        path=f"/{name}.tif",
        width=10_980,
        height=10_980,
        bands=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=(10.0, 0.0, 5e5, 0.0, -10.0, 5.2e6),
        nodata=None,
        datetime=taken,
        digest=name,
        properties={"platform": platform, "eo:cloud_cover": float(rng.integers(0, 100))},
    )


def _chip(scene: Scene, place: int, outline: GeoJSON, ground: Ground) -> Chip:
    row, column = divmod(place, ground.edge)
    return Chip(
        id=f"{scene.id}/{place:07d}",
        scene_id=scene.id,
        cell=f"{place:07d}",
        scene_path=scene.path,
        window=Window(column=column * 64, row=row * 64, width=64, height=64),
        footprint=outline,
        datetime=scene.datetime,
        valid_fraction=1.0,
    )


def area_and_dates(ground: Ground, share: float) -> Filter:
    """Make an area and a range of dates that keep a share of the chips together, half each."""
    visits = max(round(VISITS * share**0.5), 1)
    width = max(ground.edge * SIDE * (share * VISITS / visits) ** 0.5, 1.5 * SIDE)
    low = (ground.edge * SIDE - width * (1 + SLANT)) / 2
    left, right = max(low, 0), max(low, 0) + width
    ring = [
        [left, low],
        [right, low],
        [right + SLANT * width, low + width],
        [left + SLANT * width, low + width],
        [left, low],
    ]
    first = (VISITS - visits) // 2
    return Filter(
        area={"type": "Polygon", "coordinates": [ring]},
        start=NEW_YEAR + timedelta(days=DAYS_BETWEEN * first),
        end=NEW_YEAR + timedelta(days=DAYS_BETWEEN * (first + visits - 1)),
    )


def fill(folder: Path, ground: Ground, content: Content) -> tuple[Collection, dict[str, float]]:
    """Write the collection; also gives what it took."""
    spec = CollectionSpec(
        name="bench",
        model_name="generated",
        model_version="0" * 12,
        dim=DIM,
        recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
        grid=GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None),
        min_valid=0.5,
    )
    begun, cpu_begun = time.perf_counter(), time.process_time()
    collection = create_collection(folder, spec)
    written = 0.0
    classes = what_lies(ground, np.random.default_rng(2))
    for block, _ in blocks(ground, content, classes):
        before = time.process_time()
        collection.add_blocks([block])
        written += time.process_time() - before
    prepared = time.process_time()
    collection.prepare()
    took = {
        "build_s": time.perf_counter() - begun,
        "build_cpu_s": time.process_time() - cpu_begun,
        "write_cpu_s": written,
        "codes_cpu_s": time.process_time() - prepared,
    }
    return collection, {name: round(value, 1) for name, value in took.items()}


def measure(
    fast: Collection,
    slow: Collection,
    asked: dict[QueryKind, Vectors],
    where: Filter,
    name: str,
) -> Line:
    """Ask with one filter and without, in turns; compare with the exact answer."""
    plain, filtered = Watch(), Watch()
    answers = []
    queries = np.concatenate(list(asked.values()))
    kinds = [kind for kind, part in asked.items() for _ in part]
    fast.search(queries[:1], k=K)
    for query, kind in zip(queries, kinds, strict=True):
        ask = partial(fast.search, query[None], k=K, kind=kind)
        plain.time(lambda ask=ask: ask().rows)  # type: ignore[misc]
        answers.append(filtered.time(lambda ask=ask: ask(where=where).rows))  # type: ignore[misc]
    truth = slow.search(queries, k=K, where=where).rows
    hits = [
        len(set(true[true >= 0].tolist()) & set(rows[0].tolist())) / max((true >= 0).sum(), 1)
        for true, rows in zip(truth, answers, strict=True)
    ]
    with fast.pinned() as pinned:
        passing = pinned.page(where=where, after=-1, limit=1)[1]
    told = fast.search(queries[:1], k=K, where=where, kind=kinds[0])
    assert told.explanation is not None
    wall = float(np.median(plain.wall)), float(np.median(filtered.wall[1:]))
    cpu = float(np.median(plain.cpu)), float(np.median(filtered.cpu[1:]))
    return Line(
        filter=name,
        share=passing / len(fast),
        passing=passing,
        plan=told.plan,
        candidates=told.explanation.candidates,
        recall_at_10=round(float(np.mean(hits)), 4),
        worst_recall=float(min(hits)),
        unfiltered_ms=round(wall[0], 2),
        filtered_ms=round(wall[1], 2),
        ratio=round(wall[1] / wall[0], 3),
        cpu_ratio=round(cpu[1] / cpu[0], 3),
        first_ms=round(filtered.wall[0], 2),
        first_cpu_ratio=round(filtered.cpu[0] / cpu[0], 3),
    )


def run(rows: int, asked: int, limits: PlanLimits) -> dict[str, object]:
    """Build a collection of about so many chips and measure all filters."""
    ground = Ground(edge=round((rows / VISITS) ** 0.5))
    content = Content(np.random.default_rng(0))
    attributes = {"platform": "sentinel-2a", "eo:cloud_cover": {"lte": 20}}
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "bench"
        filled, took = fill(folder, ground, content)
        filled.close()
        gc.collect()
        begun = time.perf_counter()
        with open_collection(folder, mode="read", limits=limits) as opened:
            len(opened)
            took["open_s"] = round(time.perf_counter() - begun, 3)
        exact = PlanLimits(codes_from=2**62, matrix_bytes=0)
        with (
            open_collection(folder, mode="read", limits=limits) as fast,
            open_collection(folder, mode="read", limits=exact) as slow,
        ):
            begun = time.perf_counter()
            fast.prepare()
            prepared = time.perf_counter() - begun
            begun = time.perf_counter()
            tuning = fast.tune(content.asked(TAUGHT))
            tuned = time.perf_counter() - begun
            queries = content.asked(asked)
            plan = fast.search(queries["text"][:1], k=K, kind="text").plan
            wheres = {
                f"area + dates {share:.2%}": area_and_dates(ground, share) for share in SHARES
            }
            wheres["attributes"] = Filter(attributes=attributes)
            wheres["area + dates 50.00% + attributes"] = replace(
                area_and_dates(ground, SHARES[0]), attributes=attributes
            )
            lines = [measure(fast, slow, queries, where, name) for name, where in wheres.items()]
            unfiltered = measure(fast, slow, queries, Filter(), "none")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "rows": ground.chips,
        "dim": DIM,
        "scenes": VISITS * SCENES_ACROSS**2,
        "queries": asked,
        "plan": plan,
        **took,
        "prepared_s": round(prepared, 2),
        "tuned_s": round(tuned, 2),
        "tuned": {kind: asdict(one) for kind, one in tuning.kinds.items()},
        "folder_bytes": size,
        "unfiltered_recall_at_10": unfiltered.recall_at_10,
        "least_filtered_recall": min(line.recall_at_10 for line in lines),
        "worst_ratio": max(line.ratio for line in lines),
        "worst_cpu_ratio": max(line.cpu_ratio for line in lines),
        "lines": [asdict(line) for line in lines],
        "load_average": os.getloadavg()[0],
    }


def main() -> None:
    """Measure; print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=40)
    asked = parser.parse_args()
    print(json.dumps(run(asked.rows, asked.queries, PlanLimits(costs=None))))


if __name__ == "__main__":
    main()
