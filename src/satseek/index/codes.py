"""Stored vectors → 4-bit codes that are scanned many times faster, and candidates for refinement.

The only file that knows FAISS. Codes are derived: stale, damaged or missing ones are built again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.index.protocol import Rows
    from satseek.index.segments import Segments
    from satseek.types import Vectors

_NUMBERS_PER_CODE = 2
"""Numbers of a vector that share one 4-bit code: ``PQ384x4fs`` at 768 numbers. With four, half the
bytes, far fewer true answers are among the candidates (docs/concepts/index.md)."""

_TRAINED_ON = 8_192
"""Rows that a code book is learnt from: k-means takes at most 256 for each of 16 centroids."""

_RETRAIN_GROWTH = 4
"""The code book is learnt again once there are this many times the rows it was learnt from."""

_ADDED_AT_ONCE = 16_384
"""Rows widened and encoded at a time."""

_LONGEST_TAIL = 16_384
"""Rows without codes up to which they are scanned instead of encoded."""

_DRIFT = 1.25
"""Times as much that newer rows may lose in codes that were learnt from older ones."""

_COMPARED = 512
"""Rows that are encoded to see whether they have drifted."""

_log = logging.getLogger(__name__)


def available() -> bool:
    """Tell whether FAISS is installed."""
    return importlib.util.find_spec("faiss") is not None


def subquantizers(dim: int) -> int | None:
    """Tell how many codes a vector takes; None where its length does not divide."""
    return dim // _NUMBERS_PER_CODE if dim % _NUMBERS_PER_CODE == 0 else None


class Codes:
    """Codes of the first rows of a collection; never changed, so any number of threads may ask."""

    def __init__(self, index: Any, *, trained_at: int) -> None:
        """Wrap a FAISS index.

        Args:
            index: ``IndexPQFastScan`` whose ids are rows.
            trained_at: Rows there were when its code book was learnt.
        """
        self._index = index
        self._trained_at = trained_at

    @property
    def covered(self) -> int:
        """Rows that have codes."""
        return int(self._index.ntotal)

    @property
    def name(self) -> str:
        """FAISS' name of the codes."""
        return f"PQ{self._index.pq.M}x4fs"

    @property
    def trained_at(self) -> int:
        """Rows there were when the code book was learnt."""
        return self._trained_at

    def candidates(self, queries: Vectors, count: int) -> Rows:
        """Give the rows that seem nearest, shape (queries, count), padded with −1."""
        _, rows = self._index.search(queries, min(count, self.covered))
        return np.asarray(rows, dtype=np.int64)

    def outgrown(self, rows: int) -> bool:
        """Tell whether the collection has outgrown the rows that the code book was learnt from."""
        return rows >= _RETRAIN_GROWTH * self._trained_at

    def tail_too_long(self, rows: int) -> bool:
        """Tell whether the rows without codes are too many to be scanned with every query."""
        return rows - self.covered > max(_LONGEST_TAIL, self.covered // 8)

    def drifted(self, segments: Segments) -> bool:
        """Tell whether newer rows lose more in these codes than those that they were learnt from."""
        if segments.rows <= self._trained_at:
            return False
        former, newer = (
            self._lost(segments, np.arange(start, stop))
            for start, stop in ((0, self._trained_at), (self._trained_at, segments.rows))
        )
        return newer > _DRIFT * former

    def _lost(self, segments: Segments, rows: Rows) -> float:
        """Mean squared distance of some rows from what their codes stand for."""
        chosen = np.random.default_rng(0).choice(rows, min(rows.size, _COMPARED), replace=False)
        vectors = segments.gather(np.sort(chosen))
        book = self._index.pq
        return float(np.square(vectors - book.decode(book.compute_codes(vectors))).sum(1).mean())

    def extended(self, segments: Segments) -> Codes:
        """Give codes of all rows: a copy, as others may be searching these."""
        index = _faiss().clone_index(self._index)
        _encode(index, segments)
        return Codes(index, trained_at=self._trained_at)

    def save(self, path: Path, *, proof: str) -> None:
        """Write to a file in one step.

        Args:
            path: File; replaced.
            proof: Digest of the rows that the codes stand for.
        """
        faiss = _faiss()
        content = faiss.serialize_index(self._index).tobytes()
        header = {
            "proof": proof,
            "covered": self.covered,
            "trained_at": self._trained_at,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        unfinished.write_bytes(json.dumps(header).encode("ascii") + b"\n" + content)
        unfinished.replace(path)


def build(segments: Segments) -> Codes:
    """Learn a code book and encode all rows."""
    faiss = _faiss()
    rows = segments.rows
    chosen = np.random.default_rng(0).choice(rows, size=min(rows, _TRAINED_ON), replace=False)
    name = f"PQ{subquantizers(segments.dim)}x4fs"
    index = faiss.index_factory(segments.dim, name, faiss.METRIC_INNER_PRODUCT)
    index.train(segments.gather(np.sort(chosen)))
    _encode(index, segments)
    _log.info("built codes=%s rows=%d", name, rows)
    return Codes(index, trained_at=rows)


def covered_by(path: Path) -> int | None:
    """Tell how many rows a file's codes cover; None where there is no readable file."""
    header = _header(path)
    return None if header is None else int(header["covered"])


def load(path: Path, *, proof: str) -> Codes | None:
    """Read codes from a file; None where they are missing, damaged or stand for other rows."""
    header = _header(path)
    if header is None or header["proof"] != proof:
        return None
    with path.open("rb") as file:
        file.readline()
        content = file.read()
    if hashlib.sha256(content).hexdigest() != header["sha256"]:
        _log.warning("damaged codes are built again path=%s", path)
        return None
    index = _faiss().deserialize_index(np.frombuffer(content, dtype=np.uint8))
    return Codes(index, trained_at=int(header["trained_at"]))


def _encode(index: Any, segments: Segments) -> None:
    """Add the rows that have no codes yet."""
    for start in range(int(index.ntotal), segments.rows, _ADDED_AT_ONCE):
        rows = np.arange(start, min(start + _ADDED_AT_ONCE, segments.rows))
        index.add(segments.gather(rows))


def _header(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline(4096))
    except (FileNotFoundError, ValueError):
        return None
    known = {"proof", "covered", "trained_at", "sha256"}
    return header if isinstance(header, dict) and header.keys() == known else None


def _faiss() -> Any:
    import faiss  # noqa: PLC0415 - optional, and loaded only where a collection is large

    # searches come from many threads already; more threads each would wait for one another
    faiss.omp_set_num_threads(1)
    return faiss
