"""LanceDB: IVF-PQ on disk, refined on the vectors, with columns for filters."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import lancedb
import numpy as np
import pyarrow as pa
from beside.measuring import step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from beside.engine import Effort, Where
    from numpy.typing import NDArray

NUMBERS_PER_CODE = 8
"""Numbers of a vector that share an 8-bit code: LanceDB's advice for recall is dim / 8."""
ROWS_PER_LIST = 4_096
"""LanceDB's documentation advises lists of this order."""


class Lance:
    """A table of vectors and places."""

    one_by_one = False

    def __init__(self, folder: Path) -> None:
        self._uri = str(folder)
        self._table: Any = None

    def build(
        self,
        vectors: NDArray[np.float32],
        columns: int,
        tuning: Mapping[str, NDArray[np.float32]],  # noqa: ARG002
    ) -> None:
        """Write everything into the folder."""
        database = lancedb.connect(self._uri)
        with step("fill"):
            table = database.create_table(
                "chips", data=_batches(vectors, columns), schema=_schema(vectors.shape[1])
            )
        with step("build"):
            table.create_index(
                metric="dot",
                vector_column_name="vector",
                index_type="IVF_PQ",
                num_partitions=max(len(vectors) // ROWS_PER_LIST, 1),
                num_sub_vectors=vectors.shape[1] // NUMBERS_PER_CODE,
            )
            for name in ("x", "y"):
                table.create_scalar_index(name)

    def efforts(self, rows: int, kind: str) -> Sequence[Effort]:  # noqa: ARG002
        """Give settings to try."""
        lists = max(rows // ROWS_PER_LIST, 1)
        probes = sorted({min(one, lists) for one in (4, 8, 16, 32, 64, 128, 256)})
        return [
            {"nprobes": one, "refine": factor}
            for factor, one in product((5, 10, 20, 50, 100, 200), probes)
        ]

    def open(self) -> None:
        """Open what was built."""
        self._table = lancedb.connect(self._uri).open_table("chips")

    def ask(
        self, query: NDArray[np.float32], k: int, effort: Effort, where: Where | None
    ) -> Sequence[int]:
        """Give the rows nearest to one query."""
        search = self._table.search(query, vector_column_name="vector").distance_type("dot")
        search = search.nprobes(effort["nprobes"]).refine_factor(effort["refine"])
        if where is not None:
            low, high = where.square.first, where.square.last
            text = f"x >= {low} AND x < {high} AND y >= {low} AND y < {high}"
            search = search.where(text, prefilter=True)
        found = search.limit(k).select(["row", "_distance"]).to_arrow()
        return [int(row) for row in found["row"].to_pylist()]

    def open_to_add(self) -> None:
        """Open for writing."""
        self.open()

    def add(self, vectors: NDArray[np.float32], start: int, columns: int) -> Any:
        """Make the rows first, then give what commits them: only that is timed."""
        batch = _batch(vectors, start, columns)
        return lambda: self._table.add(batch)

    def close(self) -> None:
        """Let go of the folder."""
        self._table = None


def _schema(dim: int) -> pa.Schema:
    return pa.schema(
        [
            ("row", pa.int64()),
            ("x", pa.int32()),
            ("y", pa.int32()),
            ("vector", pa.list_(pa.float32(), dim)),
        ]
    )


def _batch(vectors: NDArray[np.float32], start: int, columns: int) -> pa.Table:
    rows = np.arange(start, start + len(vectors))
    y, x = np.divmod(rows, columns)
    flat = pa.array(np.ascontiguousarray(vectors).reshape(-1))
    return pa.Table.from_arrays(
        [
            pa.array(rows),
            pa.array(x.astype(np.int32)),
            pa.array(y.astype(np.int32)),
            pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        ],
        schema=_schema(vectors.shape[1]),
    )


def _batches(vectors: NDArray[np.float32], columns: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(vectors), 16_384):
        yield from _batch(vectors[start : start + 16_384], start, columns).to_batches()
