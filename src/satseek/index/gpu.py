"""Stored vectors → copies on a GPU, where FAISS was built for one, and the best candidates there.

Does not know filters. Up to some millions of rows all are compared; beyond, those of the lists that
lie nearest. What comes back is compared again with the vectors as stored, so that cosines are the
same as elsewhere.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.index.planning import Fetch, Plan
from satseek.index.protocol import Way
from satseek.index.scanning import stored_products
from satseek.index.segments import BYTES_PER_NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from numpy.typing import NDArray

    from satseek.index.protocol import Rows
    from satseek.index.segments import Segments
    from satseek.index.view import View
    from satseek.types import Vectors

    Move: TypeAlias = Callable[[Any], Any]
    """Takes an empty index of FAISS to where it is to live."""

LISTS_FROM = 4_000_000
"""Rows from which they are spread over lists."""

MOST_FETCHED = 2_048
"""Candidates that FAISS gives of one query on a GPU, at most (its wiki, "Faiss on the GPU")."""

_ROWS_PER_MIDDLE = 64
"""Rows that the middle of each list is learnt from."""

_SHARE = 1 / 16
"""Of the lists that a search looks at, as with the codes of the processor."""

_SPARE = 4
"""Times as many candidates are fetched as hits are wanted: they are compared in other digits."""

_LONGEST_TAIL = 2_048
"""Rows that are not there up to which they are scanned beside it, as with codes."""

_TIMED = 3
"""How often a search is timed; the median counts."""

_log = logging.getLogger(__name__)


def gpus() -> int:
    """Count the GPUs that FAISS can use; 0 where it is not installed, or built for processors."""
    try:
        import faiss  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        return 0
    count = getattr(faiss, "get_num_gpus", None)
    return 0 if count is None else int(count())


def to_gpu(index: Any) -> Any:
    """Take an empty index to the first GPU, where its vectors will be float16."""
    import faiss  # noqa: PLC0415 - an extra, and slow to load

    options = faiss.GpuClonerOptions()
    options.useFloat16 = True
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index, options)


class OnGpu:
    """The first rows of a collection's edition; FAISS wants one caller at a time there."""

    def __init__(self, dim: int, *, lists: int, sample: Vectors, move: Move = to_gpu) -> None:
        """Make an empty one.

        Args:
            dim: Numbers of a vector.
            lists: How many there are; 1: all rows are compared.
            sample: What the middles of lists are learnt from, shape (n, dim).
            move: Takes it to where it is to live.
        """
        import faiss  # noqa: PLC0415 - an extra, and slow to load

        self.name = "GPU Flat" if lists == 1 else f"GPU IVF{lists},Flat"
        """What it is, as FAISS names it."""
        described = "Flat" if lists == 1 else f"IVF{lists},Flat"
        self._index = move(faiss.index_factory(dim, described, faiss.METRIC_INNER_PRODUCT))
        if lists > 1:
            self._index.train(np.ascontiguousarray(sample))
            self._index.nprobe = min(MOST_FETCHED, math.ceil(lists * _SHARE))
        self._guard = threading.Lock()
        self.spent_ms = math.inf
        """What a query took when its rows were last added."""

    @property
    def covered(self) -> int:
        """Rows that are there."""
        return int(self._index.ntotal)

    def extend(self, segments: Segments) -> None:
        """Add the rows that are not there yet, and time a search."""
        with self._guard:
            for _, vectors in segments.run(self.covered, segments.rows):
                self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))
            query = segments.gather(np.zeros(1, dtype=np.int64))
            taken = []
            for _ in range(_TIMED):
                begun = time.perf_counter()
                self._index.search(query, min(_SPARE * 10, self.covered))
                taken.append(1_000 * (time.perf_counter() - begun))
            self.spent_ms = sorted(taken)[_TIMED // 2]

    def nearest(
        self,
        queries: Vectors,
        count: int,
        *,
        segments: Segments,
        mask: NDArray[np.bool_] | None = None,
    ) -> tuple[Rows, NDArray[np.float32]]:
        """Give the rows that seem nearest, best first, and their inner products as stored.

        Args:
            queries: float32, shape (queries, dim).
            count: How many of each, padded with −1.
            segments: The rows' vectors.
            mask: Marks the rows that may answer, shape (covered,) or longer; None: all.
        """
        share = 1.0 if mask is None else max(float(mask[: self.covered].mean()), 1e-9)
        fetched = min(math.ceil(count / share), MOST_FETCHED, self.covered)
        with self._guard:
            found = self._index.search(np.ascontiguousarray(queries), fetched)[1]
        if mask is not None:
            found[~mask[found] | (found < 0)] = -1
        products = stored_products(queries, found, segments)
        order = np.argsort(-products, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(found, order, 1), np.take_along_axis(products, order, 1)


class Held:
    """One collection's vectors on a GPU: kept, made longer, replaced; for any number of threads."""

    def __init__(
        self, *, most_bytes: int, least_rows: int, move: Move = to_gpu, lists_from: int = LISTS_FROM
    ) -> None:
        """Take no memory yet.

        Args:
            most_bytes: Memory of the GPU that its vectors may take; 0: it is left alone.
            least_rows: Rows below which there is nothing to gain.
            move: Takes an index to where it is to live.
            lists_from: Rows from which they are spread over lists.
        """
        self._most_bytes, self._least_rows = most_bytes, least_rows
        self._move, self._lists_from = move, lists_from
        self._there = move is not to_gpu
        """Whether anything can be moved; asked of FAISS when it first matters."""
        self._guard = threading.Lock()
        self._kept: tuple[int, OnGpu] | None = None
        """Number of the edition, and its rows."""

    def better(self, view: View, plan: Plan, *, k: int) -> tuple[Plan, OnGpu] | None:
        """Give the way by a GPU where nothing is filtered and it is sooner; None elsewhere.

        FAISS leaves no rows out on a GPU, so that what a filter keeps may not be among the first.

        Args:
            view: The generation that is asked.
            plan: The way that would be taken.
            k: Hits wanted.
        """
        count = _SPARE * max(k, 10)
        if not self._wanted(view) or count * view.segments.rows > MOST_FETCHED * len(view):
            return None
        there = self._usable(view)
        if there is None or there.spent_ms >= plan.ways[0].expected_ms:
            return None
        way = Way(name=there.name, rows=view.segments.rows, expected_ms=there.spent_ms)
        return Plan(ways=(way, *plan.ways), fetch=Fetch(count=count)), there

    def close(self) -> None:
        """Give its memory back."""
        with self._guard:
            self._kept = None

    def _wanted(self, view: View) -> bool:
        needed = view.segments.rows * view.segments.dim * BYTES_PER_NUMBER
        if not self._least_rows <= view.segments.rows or needed > self._most_bytes:
            return False
        self._there = self._there or gpus() > 0
        return self._there

    def _usable(self, view: View) -> OnGpu | None:
        """Give the rows of a generation; None while another thread puts them there."""
        number, rows = view.edition.number, view.segments.rows
        if not self._guard.acquire(blocking=False):
            return None
        try:
            kept = self._kept
            there = kept[1] if kept is not None and kept[0] == number else self._placed(view)
            if there.covered < rows - _LONGEST_TAIL:
                there.extend(view.segments)
            self._kept = number, there
        finally:
            self._guard.release()
        return there if there.covered <= rows else None

    def _placed(self, view: View) -> OnGpu:
        segments = view.segments
        lists = math.isqrt(segments.rows) if segments.rows >= self._lists_from else 1
        size = min(segments.rows, _ROWS_PER_MIDDLE * lists)
        chosen = np.random.default_rng(0).choice(segments.rows, size=size, replace=False)
        sample = segments.gather(np.sort(chosen))
        self._kept = None  # its memory first
        there = OnGpu(segments.dim, lists=lists, sample=sample, move=self._move)
        there.extend(segments)
        _log.info("vectors on a gpu index=%s rows=%d", there.name, there.covered)
        return there
