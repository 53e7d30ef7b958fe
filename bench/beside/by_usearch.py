"""usearch: its graph over half-precision vectors, mapped from its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from beside.engine import CannotFilterError
from beside.measuring import step
from usearch.index import Index

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from beside.engine import Effort, Where
    from numpy.typing import NDArray

NEIGHBOURS = 32
"""As of the HNSW beside it; its default is 16."""


class Graph:
    """A graph that is viewed, not loaded."""

    one_by_one = True

    def __init__(self, folder: Path) -> None:
        self._path = folder / "index.usearch"
        self._index: Any = None

    def build(
        self,
        vectors: NDArray[np.float32],
        columns: int,  # noqa: ARG002
        tuning: Mapping[str, NDArray[np.float32]],  # noqa: ARG002
    ) -> None:
        """Write everything into the folder."""
        index = Index(ndim=vectors.shape[1], metric="ip", dtype="f16", connectivity=NEIGHBOURS)
        with step("build"):
            for start in range(0, len(vectors), 16_384):
                part = np.ascontiguousarray(vectors[start : start + 16_384])
                index.add(np.arange(start, start + len(part)), part)
        with step("write"):
            index.save(str(self._path))

    def efforts(self, rows: int, kind: str) -> Sequence[Effort]:  # noqa: ARG002
        """Give settings to try."""
        steps = (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096, 8192)
        return [{"expansion": one} for one in steps if one <= rows]

    def open(self) -> None:
        """Open what was built."""
        self._index = Index.restore(str(self._path), view=True)

    def ask(
        self, query: NDArray[np.float32], k: int, effort: Effort, where: Where | None
    ) -> Sequence[int]:
        """Give the rows nearest to one query."""
        if where is not None:
            raise CannotFilterError("its Python package has no filtered search")
        if self._index.expansion_search != effort["expansion"]:
            self._index.expansion_search = effort["expansion"]
        return [int(row) for row in self._index.search(query, k, threads=1).keys]
