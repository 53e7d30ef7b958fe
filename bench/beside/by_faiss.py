"""FAISS: a flat scan, HNSW32 and IVF-Flat, all over float32 vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
from beside.measuring import step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from beside.engine import Effort, Where
    from numpy.typing import NDArray

TRAINED_PER_LIST = 64
"""Vectors per list that coarse centroids are learnt from: FAISS warns below 39, takes up to 256."""


class Flat:
    """Every vector is compared."""

    code = "Flat"
    one_by_one = True

    def __init__(self, folder: Path) -> None:
        self._path = folder / "index.faiss"
        self._index: Any = None
        self._selectors: dict[int, Any] = {}

    def build(
        self,
        vectors: NDArray[np.float32],
        columns: int,  # noqa: ARG002
        tuning: Mapping[str, NDArray[np.float32]],  # noqa: ARG002
    ) -> None:
        """Write everything into the folder."""
        with step("build"):
            index = faiss.index_factory(
                vectors.shape[1], self._named(len(vectors)), faiss.METRIC_INNER_PRODUCT
            )
            if not index.is_trained:
                self._train(index, vectors)
            for start in range(0, len(vectors), 16_384):
                index.add(np.ascontiguousarray(vectors[start : start + 16_384]))
        with step("write"):
            faiss.write_index(index, str(self._path))

    def efforts(self, rows: int, kind: str) -> Sequence[Effort]:  # noqa: ARG002
        """Give settings to try."""
        return [{}]

    def open(self) -> None:
        """Open what was built."""
        faiss.omp_set_num_threads(1)  # threads come from the callers, as in a server
        self._index = faiss.read_index(str(self._path))

    def ask(
        self, query: NDArray[np.float32], k: int, effort: Effort, where: Where | None
    ) -> Sequence[int]:
        """Give the rows nearest to one query."""
        selector = None if where is None else self._selector(where)
        _, rows = self._index.search(query[None], k, params=self._parameters(effort, selector))
        return [int(row) for row in rows[0] if row >= 0]

    def _named(self, rows: int) -> str:  # noqa: ARG002
        return self.code

    def _train(self, index: Any, vectors: NDArray[np.float32]) -> None:
        wanted = min(len(vectors), TRAINED_PER_LIST * index.nlist)
        chosen = np.random.default_rng(0).choice(len(vectors), size=wanted, replace=False)
        index.train(np.ascontiguousarray(vectors[np.sort(chosen)]))

    def _parameters(self, effort: Effort, selector: Any) -> Any:  # noqa: ARG002
        return faiss.SearchParameters(sel=selector)

    def _selector(self, where: Where) -> Any:
        if where.number not in self._selectors:
            bits = np.packbits(where.mask, bitorder="little")
            self._selectors[where.number] = faiss.IDSelectorBitmap(bits)
        return self._selectors[where.number]


class Hnsw(Flat):
    """A graph of 32 neighbours a vector, built with FAISS' defaults."""

    code = "HNSW32"

    def efforts(self, rows: int, kind: str) -> Sequence[Effort]:  # noqa: ARG002
        """Give settings to try."""
        steps = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096, 8192)
        return [{"efSearch": ef} for ef in steps if ef <= rows]

    def _parameters(self, effort: Effort, selector: Any) -> Any:
        return faiss.SearchParametersHNSW(sel=selector, efSearch=effort["efSearch"])


class Ivf(Flat):
    """Lists around centroids, about four times the root of the vectors' number."""

    def efforts(self, rows: int, kind: str) -> Sequence[Effort]:  # noqa: ARG002
        """Give settings to try."""
        lists = self._lists(rows)
        steps = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096)
        return [{"nprobe": probes} for probes in steps if probes <= lists]

    def _named(self, rows: int) -> str:
        return f"IVF{self._lists(rows)},Flat"

    def _lists(self, rows: int) -> int:
        return int(2 ** round(np.log2(4 * rows**0.5)))

    def _parameters(self, effort: Effort, selector: Any) -> Any:
        return faiss.SearchParametersIVF(sel=selector, nprobe=effort["nprobe"])
