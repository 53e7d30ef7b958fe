"""Milvus Lite: Milvus' client over one file in this process, with columns for filters."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from beside.measuring import step
from pymilvus import DataType, MilvusClient, MilvusException

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from beside.engine import Effort, Where
    from numpy.typing import NDArray

NAME = "chips"
AT_ONCE = 2_000
"""Rows of an insert: 6 MB, well below the 64 MB that a message may have."""
INDEXES: dict[str, dict[str, Any]] = {
    "HNSW": {"M": 32, "efConstruction": 100},
    "IVF_FLAT": {"nlist": 1024},
    "FLAT": {},
}
"""In the order of preference: the first that this version can build is taken."""


class Lite:
    """A collection of vectors and places."""

    one_by_one = True

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "milvus.db")
        self._client: Any = None
        self._index = ""

    def build(
        self,
        vectors: NDArray[np.float32],
        columns: int,
        tuning: Mapping[str, NDArray[np.float32]],  # noqa: ARG002
    ) -> None:
        """Write everything into the folder."""
        client = MilvusClient(self._path)
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        schema.add_field("x", DataType.INT64)
        schema.add_field("y", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
        client.create_collection(NAME, schema=schema)
        with step("fill"):
            for start in range(0, len(vectors), AT_ONCE):
                client.insert(NAME, _rows(vectors[start : start + AT_ONCE], start, columns))
        with step("build"):
            self._build_index(client)
        client.close()

    def efforts(self, rows: int, kind: str) -> Sequence[Effort]:  # noqa: ARG002
        """Give settings to try."""
        steps = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
        name = {"HNSW": "ef", "IVF_FLAT": "nprobe"}.get(self._index)
        if name is None:
            return [{}]
        most = 1024 if name == "nprobe" else rows
        return [{name: one} for one in steps if one <= most]

    def open(self) -> None:
        """Open what was built."""
        self._client = MilvusClient(self._path)
        self._client.load_collection(NAME)
        self._index = str(self._client.describe_index(NAME, "vector")["index_type"])

    def ask(
        self, query: NDArray[np.float32], k: int, effort: Effort, where: Where | None
    ) -> Sequence[int]:
        """Give the rows nearest to one query."""
        text = ""
        if where is not None:
            low, high = where.square.first, where.square.last
            text = f"x >= {low} and x < {high} and y >= {low} and y < {high}"
        (found,) = self._client.search(
            NAME,
            data=[query.tolist()],
            anns_field="vector",
            limit=k,
            filter=text,
            search_params={"metric_type": "IP", "params": effort},
        )
        return [int(hit["row"]) for hit in found]

    def told(
        self,
        query: NDArray[np.float32],  # noqa: ARG002
        effort: Effort,  # noqa: ARG002
        where: Where | None,  # noqa: ARG002
    ) -> str:
        """Say which index it was."""
        return self._index

    def _build_index(self, client: Any) -> None:
        for name, settings in INDEXES.items():
            wanted = client.prepare_index_params()
            wanted.add_index("vector", index_type=name, metric_type="IP", params=settings)
            with suppress(MilvusException):
                client.create_index(NAME, wanted)
                client.load_collection(NAME)
                return
        raise RuntimeError(f"expected one of {', '.join(INDEXES)} to be built, came none")


def _rows(vectors: NDArray[np.float32], start: int, columns: int) -> list[dict[str, Any]]:
    return [
        {"row": row, "x": row % columns, "y": row // columns, "vector": vector.tolist()}
        for row, vector in enumerate(vectors, start)
    ]
