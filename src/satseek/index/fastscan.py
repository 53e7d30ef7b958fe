"""Numbers → 4-bit codes that are scanned many times faster; candidates → their inner products.

Only this file and `gpu` know FAISS. Does not know collections, nor why the numbers were chosen.
"""

from __future__ import annotations

import importlib.util
import math
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


_LIST_ROUNDS = 8
"""Of k-means for the middles of lists."""

_LOOKED_AT = 128
"""Passing rows that are looked at for each candidate, at least: see docs/concepts/index.md."""

_LEAST_SHARE = 1 / 16
"""Of the lists that a search looks at."""


def available() -> bool:
    """Tell whether FAISS is installed."""
    return importlib.util.find_spec("faiss") is not None


class FastScan:
    """Codes in the order of adding. Searched from any number of threads once all are added."""

    def __init__(self, index: Any) -> None:
        """Wrap a FAISS index.

        Args:
            index: ``IndexIVFPQFastScan``, also of one list: ``IndexPQFastScan`` takes no mask.
        """
        self._index = index

    @classmethod
    def learn(cls, sample: NDArray[np.float32], *, parts: int, lists: int = 1) -> FastScan:
        """Learn a code book.

        Args:
            sample: float32, shape (n, kept).
            parts: Codes of a row.
            lists: Lists of rows that lie near one another, of which a search looks at some.
        """
        faiss = _faiss()
        kept = sample.shape[1]
        middles = faiss.IndexFlatIP(kept)
        middles.add(_middles(sample, lists))
        index = faiss.IndexIVFPQFastScan(
            middles, kept, lists, parts, _CODE_BITS, faiss.METRIC_INNER_PRODUCT
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

    @property
    def lists(self) -> int:
        """Lists that the rows are spread over."""
        return int(self._index.nlist)

    def add(self, numbers: NDArray[np.float32]) -> None:
        """Encode more rows, float32, shape (n, kept)."""
        faiss = _faiss()
        products = self._index.quantizer
        distances = faiss.IndexFlatL2(self._index.d)
        distances.add(products.reconstruct_n(0, self.lists))
        # a query looks where products are largest; rows put there by products, too, are missed
        # twice as often (docs/concepts/index.md)
        self._index.quantizer = distances
        try:
            self._index.add(numbers)
        finally:
            self._index.quantizer = products
            distances.thisown = True  # or FAISS would be thought to free it

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
        self._codes = index
        self._index = faiss.IndexPreTransform(turn, index)
        self._held = index, turn  # FAISS holds their addresses alone

    def nearest(self, queries: Vectors, count: int, *, mask: NDArray[np.bool_] | None) -> Rows:
        """Give the rows that seem nearest, shape (q, count), padded with −1.

        Args:
            queries: float32, shape (q, dim).
            count: How many.
            mask: Marks the rows that may answer, shape (rows,) or longer; None: all.
        """
        return _looked_for(self._index, self._codes, queries, count, mask)[0]

    def over(self, halves: Halves) -> Refining:
        """Give the same with the vectors that the codes stand for.

        Args:
            halves: float16, shape (rows, dim).
        """
        return Refining(self._index, halves, codes=self._codes)


class Refining:
    """Codes with the vectors that they stand for: candidates are compared as they are found."""

    def __init__(self, index: Any, halves: Halves, *, codes: Any) -> None:
        """Put vectors behind codes.

        Args:
            index: The codes, behind a projection.
            halves: float16, shape (rows, dim); read where they are.
            codes: The codes themselves.
        """
        self._codes = codes
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
        return _looked_for(self._index, self._codes, queries, count, mask)


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


def _looked_for(
    index: Any, codes: Any, queries: Vectors, count: int, mask: NDArray[np.bool_] | None
) -> tuple[Rows, NDArray[np.float32]]:
    """Look for candidates in the lists that lie nearest, in all where these have too few."""
    probes = _probes(codes, count, mask)
    products, rows = index.search(queries, count, params=_among(index, mask, probes))
    if probes < codes.nlist and (rows[:, -1] < 0).any():
        products, rows = index.search(queries, count, params=_among(index, mask, codes.nlist))
    return np.asarray(rows), np.asarray(products)


def _probes(codes: Any, count: int, mask: NDArray[np.bool_] | None) -> int:
    """Tell in how many lists so many candidates are looked for."""
    if codes.nlist == 1:
        return 1
    passing = int(codes.ntotal if mask is None else np.count_nonzero(mask[: codes.ntotal]))
    share = max(_LOOKED_AT * count / max(passing, 1), _LEAST_SHARE)
    lists = int(codes.nlist)
    return min(math.ceil(share * lists), lists)


def _among(index: Any, mask: NDArray[np.bool_] | None, probes: int) -> Any:
    """Say which rows, and how many lists of them, are looked at."""
    faiss = _faiss()
    how = faiss.SearchParametersIVF(nprobe=probes)
    if mask is not None:
        how.sel = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
    if isinstance(index, faiss.IndexRefine):
        return faiss.IndexRefineSearchParameters(k_factor=1.0, base_index_params=how)
    return how


def _middles(sample: NDArray[np.float32], lists: int) -> NDArray[np.float32]:
    """Find the middles of lists, shape (lists, kept)."""
    if lists == 1:
        return np.zeros((1, sample.shape[1]), dtype=np.float32)
    means = _faiss().Kmeans(
        sample.shape[1], lists, niter=_LIST_ROUNDS, seed=0, min_points_per_centroid=1
    )
    means.train(sample)
    return np.asarray(means.centroids)


def _faiss() -> Any:
    import faiss  # noqa: PLC0415 - optional, and loaded only where a collection is large

    # searches come from many threads already; more threads each would wait for one another
    faiss.omp_set_num_threads(1)
    return faiss
