"""Numbers → 4-bit codes that are scanned many times faster; candidates → their inner products.

The only file that knows FAISS. Does not know collections, nor why the numbers were chosen.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.index.halves import Halves
    from satseek.index.protocol import Rows
    from satseek.types import Vectors

_CODE_BITS = 4
"""Of which FAISS looks up 32 codes' parts with one instruction."""

_ROUNDS = 12
"""Of k-means for 16 centroids: from there on they hardly move."""


def available() -> bool:
    """Tell whether FAISS is installed."""
    return importlib.util.find_spec("faiss") is not None


class FastScan:
    """Codes in the order of adding. Searched from any number of threads once all are added."""

    def __init__(self, index: Any) -> None:
        """Wrap a FAISS index.

        Args:
            index: ``IndexIVFPQFastScan`` of one list: unlike ``IndexPQFastScan`` it takes a mask.
        """
        self._index = index

    @classmethod
    def learn(cls, sample: NDArray[np.float32], *, parts: int) -> FastScan:
        """Learn a code book.

        Args:
            sample: float32, shape (n, kept).
            parts: Codes of a row.
        """
        faiss = _faiss()
        kept = sample.shape[1]
        whole = faiss.IndexFlatIP(kept)
        whole.add(np.zeros((1, kept), dtype=np.float32))
        index = faiss.IndexIVFPQFastScan(
            whole, kept, 1, parts, _CODE_BITS, faiss.METRIC_INNER_PRODUCT
        )
        index.pq.cp.niter = _ROUNDS
        index.train(sample)
        return cls(index)

    @classmethod
    def from_bytes(cls, content: NDArray[np.uint8]) -> FastScan:
        """Read what ``to_bytes`` gave."""
        return cls(_faiss().deserialize_index(content))

    def to_bytes(self) -> NDArray[np.uint8]:
        """Give everything that is needed to search again."""
        return np.asarray(_faiss().serialize_index(self._index))

    def copy(self) -> FastScan:
        """Give codes to add to, while others search these."""
        return FastScan(_faiss().clone_index(self._index))

    def __len__(self) -> int:
        """Count the rows."""
        return int(self._index.ntotal)

    @property
    def parts(self) -> int:
        """Codes of a row."""
        return int(self._index.pq.M)

    def add(self, numbers: NDArray[np.float32]) -> None:
        """Encode more rows, float32, shape (n, kept)."""
        self._index.add(numbers)

    def told(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the numbers that the codes of some would stand for."""
        book = self._index.pq
        return np.asarray(book.decode(book.compute_codes(numbers)))

    def asked_through(self, directions: NDArray[np.float32]) -> Asking:
        """Give the same codes to ask with queries as they are.

        Args:
            directions: float32, shape (dim, kept): multiplies them.
        """
        return Asking(self._index, directions)


class Asking:
    """Codes behind a projection of queries."""

    def __init__(self, index: Any, directions: NDArray[np.float32]) -> None:
        """Put the projection before the codes.

        Args:
            index: The codes.
            directions: float32, shape (dim, kept).
        """
        faiss = _faiss()
        dim, kept = directions.shape
        turn = faiss.LinearTransform(dim, kept, False)  # noqa: FBT003 - without a constant
        faiss.copy_array_to_vector(np.ascontiguousarray(directions.T).ravel(), turn.A)
        turn.is_trained = True
        self._index = faiss.IndexPreTransform(turn, index)
        self._held = index, turn  # FAISS holds their addresses alone

    def nearest(self, queries: Vectors, count: int, *, mask: NDArray[np.bool_] | None) -> Rows:
        """Give the rows that seem nearest, shape (q, count), padded with −1.

        Args:
            queries: float32, shape (q, dim).
            count: How many.
            mask: Marks the rows that may answer, shape (rows,) or longer; None: all.
        """
        how = None if mask is None else _only(mask)
        return np.asarray(self._index.search(queries, count, params=how)[1])

    def over(self, halves: Halves) -> Refining:
        """Give the same with the vectors that the codes stand for.

        Args:
            halves: float16, shape (rows, dim).
        """
        return Refining(self._index, halves)


class Refining:
    """Codes with the vectors that they stand for: candidates are compared as they are found."""

    def __init__(self, index: Any, halves: Halves) -> None:
        """Put vectors behind codes.

        Args:
            index: The codes, behind a projection.
            halves: float16, shape (rows, dim); read where they are.
        """
        exact = _scalar(halves)
        self._index = _faiss().IndexRefine(index, exact)
        self._held = index, exact, halves  # FAISS holds their addresses alone

    def nearest(
        self, queries: Vectors, count: int, *, mask: NDArray[np.bool_] | None
    ) -> tuple[Rows, NDArray[np.float32]]:
        """Give candidates and their inner products as stored, shape (q, count), the best first.

        Args:
            queries: float32, shape (q, dim).
            count: How many candidates.
            mask: Marks the rows that may answer; None: all.
        """
        how = _faiss().IndexRefineSearchParameters(k_factor=1.0)
        if mask is not None:
            how.base_index_params = _only(mask)
        products, rows = self._index.search(queries, count, params=how)
        return np.asarray(rows), np.asarray(products)


class Exact:
    """Vectors as they are stored, every one of which is looked at."""

    def __init__(self, halves: Halves) -> None:
        """Look at vectors where they are.

        Args:
            halves: float16, shape (rows, dim), rows behind one another.
        """
        self._index = _scalar(halves)
        self._held = halves

    def nearest(self, queries: Vectors, count: int) -> tuple[Rows, NDArray[np.float32]]:
        """Give the nearest rows and their inner products, shape (q, count), the best first."""
        products, rows = self._index.search(queries, count)
        return np.asarray(rows), np.asarray(products)


def _scalar(halves: Halves) -> Any:
    faiss = _faiss()
    index = faiss.IndexScalarQuantizer(
        halves.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    _look_at(index, halves)
    return index


def _look_at(index: Any, halves: Halves) -> None:
    """Let an index read its vectors where they are, without a copy."""
    content = halves.reshape(-1).view(np.uint8)
    where = _faiss().swig_ptr(content)
    codes = index.codes
    codes.is_owned = False
    codes.view_data = codes.c_ptr = where
    codes.view_size = codes.c_size = content.size
    index.ntotal = len(halves)


def _only(mask: NDArray[np.bool_]) -> Any:
    faiss = _faiss()
    bits = np.packbits(mask, bitorder="little")
    return faiss.SearchParametersIVF(sel=faiss.IDSelectorBitmap(bits), nprobe=1)


def _faiss() -> Any:
    import faiss  # noqa: PLC0415 - optional, and loaded only where a collection is large

    # searches come from many threads already; more threads each would wait for one another
    faiss.omp_set_num_threads(1)
    return faiss
