"""Orders on standard input, a JSON object a line → answers of one engine in this process.

Does not know what the other engines do meanwhile. Whatever libraries print goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from beside import measuring
from beside.engine import CannotFilterError, Where
from beside.geometry import Ground

if TYPE_CHECKING:
    from collections.abc import Callable

ENOUGH_S = 2.0
"""Seconds after which no further query is asked in a turn: a slow engine gets fewer of them."""
LEAST = 5
"""Queries that are asked however long it takes."""
ENGINES = {
    "satseek": ("by_satseek", "Embedded"),
    "flat": ("by_faiss", "Flat"),
    "hnsw32": ("by_faiss", "Hnsw"),
    "ivf": ("by_faiss", "Ivf"),
    "usearch": ("by_usearch", "Graph"),
    "lancedb": ("by_lancedb", "Lance"),
    "milvus-lite": ("by_milvus", "Lite"),
}


class Worker:
    """One engine over one set of vectors."""

    def __init__(self, name: str, root: Path) -> None:
        """Load the engine's library.

        Args:
            name: Of the engine.
            root: Folder of ``vectors.npy``, ``queries.npz`` and the engines' folders.
        """
        folder = root / name
        folder.mkdir(exist_ok=True)
        module, kind = ENGINES[name]
        self._engine = getattr(importlib.import_module(f"beside.{module}"), kind)(folder)
        self._root = root
        self._vectors = np.load(root / "vectors.npy", mmap_mode="r")
        self._ground = Ground(rows=len(self._vectors))
        with np.load(root / "queries.npz") as found:
            self._queries = dict(found)
        self._wheres: dict[float, Where] = {}
        self._pool = ThreadPoolExecutor(len(measuring.ALL_CORES))

    def build(self) -> Any:
        """Build, on all cores."""
        tuning = {kind: self._queries[f"{kind}-tune"] for kind in ("text", "image")}
        self._engine.build(self._vectors, self._ground.columns, tuning)
        return measuring.steps()

    def efforts(self, kind: str) -> Any:
        """List settings to try."""
        return {
            "efforts": self._engine.efforts(len(self._vectors), kind),
            "one_by_one": self._engine.one_by_one,
        }

    def open(self) -> Any:
        """Open what was built and answer once."""
        bare = measuring.memory()
        begun = time.perf_counter()
        self._engine.open()
        opened = time.perf_counter()
        effort = self._engine.efforts(len(self._vectors), "text")[0]
        self._engine.ask(self._queries["text-tune"][0], 10, effort, None)
        return {
            "open_s": opened - begun,
            "first_answer_s": time.perf_counter() - opened,
            "bare": bare,
        }

    def ask(
        self,
        queries: str,
        *,
        effort: dict[str, Any],
        share: float | None = None,
        threads: int = 1,
        count: int | None = None,
        enough_s: float = ENOUGH_S,
    ) -> Any:
        """Ask queries one by one from so many threads, on as many cores, until time is up."""
        asked = self._queries[queries][:count]
        where = None if share is None else self._where(share)
        measuring.keep_to(threads)
        engine = self._engine

        begun, cpu_begun = time.perf_counter(), time.process_time()

        def one(number: int) -> tuple[float, list[int]] | None:
            started = time.perf_counter()
            if number >= LEAST and started - begun > enough_s:
                return None
            rows = engine.ask(asked[number], 10, effort, where)
            return time.perf_counter() - started, list(rows)

        each = map if threads == 1 else self._pool.map
        try:
            answers = list(each(one, range(len(asked))))
        except CannotFilterError as error:
            return {"cannot": str(error)}
        found = [answer for answer in answers if answer is not None]
        wall, cpu = time.perf_counter() - begun, time.process_time() - cpu_begun
        measuring.keep_to(len(measuring.ALL_CORES))
        return {
            "ms": [round(took * 1_000, 4) for took, _ in found],
            "rows": [rows for _, rows in found],
            "wall_s": wall,
            "cpu_s": cpu,
        }

    def tell(self, queries: str, effort: dict[str, Any], share: float | None = None) -> Any:
        """Say which way a search goes, where the engine can."""
        if not hasattr(self._engine, "told"):
            return None
        where = None if share is None else self._where(share)
        return self._engine.told(self._queries[queries][0], effort, where)

    def add(self, batches: int, size: int) -> Any:
        """Open for writing and commit batches; gives the seconds of each."""
        self._engine.open_to_add()
        rows, took, cpu = len(self._vectors), [], 0.0
        for number in range(batches):
            part = np.ascontiguousarray(self._vectors[number * size : (number + 1) * size][::-1])
            commit: Callable[[], None] = self._engine.add(
                part, rows + number * size, self._ground.columns
            )
            begun, cpu_begun = time.perf_counter(), time.process_time()
            commit()
            took.append(time.perf_counter() - begun)
            cpu += time.process_time() - cpu_begun
        self._engine.close()
        return {"s": took, "cpu_s": cpu, "size": size}

    def _where(self, share: float) -> Where:
        if share not in self._wheres:
            square = self._ground.square(share)
            self._wheres[share] = Where(
                number=len(self._wheres), square=square, mask=square.mask(len(self._vectors))
            )
        return self._wheres[share]


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(sys.argv[1], Path(sys.argv[2]))
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(worker, order.pop("do"))(**order)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
