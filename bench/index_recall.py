"""How much does the embedded index find of what there is, and how much faster than a full scan?

Grows published features (../shared/data/features19, or made-up ones where they are absent) to a
large collection, asks it with texts and images, with areas that keep 100, 10, 1 and 0.1 % of the
chips, and compares every answer with the exact one. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from beside.geometry import FEATURES, grow, made_up, published

from satseek.index import (
    Collection,
    CollectionSpec,
    PlanLimits,
    bbox_area,
    create_collection,
    open_collection,
)
from satseek.types import Chip, Filter, GridSpec, Recipe, Vectors, Window

K = 10
CANDIDATES = (160, 320, 640, 1_280)
BLOCK = 4_096
SIDE = 0.01
"""Edge of a chip in degrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measurement."""

    queries: str
    kept: float
    plan: str
    recall_at_10: float
    worst_recall: float
    ms_per_query: float
    exact_ms_per_query: float
    cpu_ms_per_query: float
    exact_cpu_ms_per_query: float
    times_faster: float
    """By processor time: on a busy machine the clock measures the others."""


def chips(start: int, count: int, columns: int) -> list[Chip]:
    """Lay chips on a square lattice, row by row, a minute apart."""
    made = []
    for number in range(start, start + count):
        row, column = divmod(number, columns)
        west, south = column * SIDE, row * SIDE
        made.append(
            Chip(
                id=f"bench/{number:09d}",
                scene_id="bench",
                cell=f"{number:09d}",
                scene_path="/bench.tif",
                window=Window(column=column * 64, row=row * 64, width=64, height=64),
                footprint=bbox_area(west, south, west + SIDE, south + SIDE),
                datetime=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
                valid_fraction=1.0,
            )
        )
    return made


def fill(folder: Path, vectors: Vectors, columns: int) -> tuple[Collection, float]:
    """Write the collection; also gives the processor seconds of writing."""
    spec = CollectionSpec(
        name="bench",
        model_name="published",
        model_version="0" * 12,
        dim=vectors.shape[1],
        recipe=Recipe(name="rgb8", version=1, bands=(), stretch="none", low=0, high=255),
        grid=GridSpec(crs=None, chip_px=64, stride_px=64, pixel_size=None),
        min_valid=0.5,
    )
    collection = create_collection(folder, spec)
    spent = 0.0
    for start in range(0, len(vectors), BLOCK):
        part = vectors[start : start + BLOCK]
        made = chips(start, len(part), columns)
        begun = time.process_time()
        collection.add(made, part)
        spent += time.process_time() - begun
    return collection, spent


def exact_rows(vectors: Vectors, queries: Vectors, allowed: np.ndarray) -> np.ndarray:
    """Find the true answers on the vectors as they were before they were stored."""
    scores = queries @ vectors[allowed].T
    order = np.argsort(-scores, axis=1)[:, :K]
    return allowed[order]


def area_of(share: float, columns: int, rows: int) -> tuple[Filter, np.ndarray]:
    """Make a square area that keeps a share of the lattice, and the rows strictly inside it."""
    numbers = np.arange(rows)
    if share == 1:
        return Filter(), numbers
    edge = max(round(columns * share**0.5), 2)
    first = columns // 3
    place = numbers // columns, numbers % columns
    inside = np.all([(at >= first) & (at < first + edge) for at in place], axis=0)
    low, high = (first + 0.5) * SIDE, (first + edge - 0.5) * SIDE
    return Filter(area=bbox_area(low, low, high, high)), numbers[inside]


def measure(
    indexes: tuple[Collection, Collection],
    vectors: Vectors,
    asked: tuple[str, Vectors],
    share: float,
    columns: int,
) -> Line:
    """Measure one kind of query at one share of kept rows."""
    name, queries = asked
    fast, slow = indexes
    where, allowed = area_of(share, columns, len(vectors))
    truth = exact_rows(vectors, queries, allowed)
    times, cpu_times = [], []
    for index in indexes:
        index.search(queries[:1], k=K, where=where)
        begun, cpu_begun = time.perf_counter(), time.process_time()
        answers = [index.search(query[None], k=K, where=where) for query in queries]
        times.append((time.perf_counter() - begun) / len(queries) * 1_000)
        cpu_times.append((time.process_time() - cpu_begun) / len(queries) * 1_000)
        if index is fast:
            found = answers
    hits = [
        len(set(true.tolist()) & set(answer.rows[0].tolist())) / len(true)
        for true, answer in zip(truth, found, strict=True)
    ]
    del slow
    return Line(
        queries=name,
        kept=allowed.size / len(vectors),
        plan=found[0].plan,
        recall_at_10=float(np.mean(hits)),
        worst_recall=float(min(hits)),
        ms_per_query=round(times[0], 3),
        exact_ms_per_query=round(times[1], 3),
        cpu_ms_per_query=round(cpu_times[0], 3),
        exact_cpu_ms_per_query=round(cpu_times[1], 3),
        times_faster=round(cpu_times[1] / cpu_times[0], 2),
    )


def run(name: str, rows: int, asked: int) -> dict[str, object]:
    """Measure one model's features."""
    rng = np.random.default_rng(0)
    found = published(name) if FEATURES.is_dir() else made_up(768, rng)
    images, labels, texts = found
    grown = grow(images, labels, rows + asked, rng)
    vectors = grown[asked:]
    queries = {
        "text": texts[rng.choice(len(texts), asked, replace=False)],
        "image": grown[:asked],
    }
    columns = int(np.ceil(rows**0.5))
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "bench"
        filled, spent = fill(folder, vectors, columns)
        with filled as fast:
            begun = time.process_time()
            plan = fast.prepare()
            prepared = time.process_time() - begun
            with open_exact(folder) as slow:
                lines = [
                    measure((fast, slow), vectors, one, share, columns)
                    for one in queries.items()
                    for share in (1, 0.1, 0.01, 0.001)
                ]
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "features": name if FEATURES.is_dir() else "made up",
        "rows": rows,
        "dim": vectors.shape[1],
        "queries": asked,
        "plan": plan,
        "chips_written_per_cpu_s": round(rows / spent),
        "prepare_cpu_s": round(prepared, 2),
        "folder_bytes": size,
        "lines": [asdict(line) for line in lines],
    }


def compare_codes(name: str, rows: int, asked: int, codes: list[str]) -> list[dict[str, object]]:
    """Measure which share of the true answers lies among the candidates of some FAISS codes."""
    import faiss  # noqa: PLC0415 - only where it is asked for

    faiss.omp_set_num_threads(1)
    rng = np.random.default_rng(0)
    images, labels, texts = published(name) if FEATURES.is_dir() else made_up(768, rng)
    grown = grow(images, labels, rows + asked, rng)
    vectors = grown[asked:]
    queries = {"text": texts[rng.choice(len(texts), asked, replace=False)], "image": grown[:asked]}
    found: list[dict[str, object]] = []
    for code in codes:
        index = faiss.index_factory(vectors.shape[1], code, faiss.METRIC_INNER_PRODUCT)
        index.train(vectors[:8_192])
        index.add(vectors)
        for kind, part in queries.items():
            truth = exact_rows(vectors, part, np.arange(rows))
            near = index.search(part, max(CANDIDATES))[1]
            kept = {
                f"among {count}": float(
                    np.mean(
                        [
                            np.isin(true, line[:count]).mean()
                            for true, line in zip(truth, near, strict=True)
                        ]
                    )
                )
                for count in CANDIDATES
            }
            found.append({"codes": code, "features": name, "rows": rows, "queries": kind, **kept})
    return found


def open_exact(folder: Path) -> Collection:
    """Open the same folder so that it never uses codes nor a copy in memory."""
    limits = PlanLimits(codes_from=2**62, matrix_bytes=0)
    return open_collection(folder, mode="read", limits=limits)


def main() -> None:
    """Measure recall and time, then what each kind of codes would find; print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--features", nargs="+", default=["GeoRSCLIP_ViT-L-14"])
    parser.add_argument(
        "--codes", nargs="+", default=["RR768,PQ192x4fs", "PQ384x4fs"], help="codes to compare"
    )
    asked = parser.parse_args()
    figures = {
        "recall": [run(name, asked.rows, asked.queries) for name in asked.features],
        "codes": [
            line
            for name in asked.features
            for line in compare_codes(name, asked.rows // 2, asked.queries, asked.codes)
        ],
        "load_average": os.getloadavg()[0],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
