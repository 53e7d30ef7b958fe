"""Stored vectors → compressed codes that are scanned many times faster, and the best candidates.

Does not know FAISS. Codes are derived: stale, damaged or missing ones are built again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.index import fastscan
from satseek.index.fastscan import FastScan, Refining
from satseek.index.projecting import Projection, learn
from satseek.index.scanning import stored_products
from satseek.index.segments import BYTES_PER_NUMBER, segment_path
from satseek.index.spanning import spanned

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.index.protocol import Rows
    from satseek.index.segments import Segments
    from satseek.types import Vectors

available = fastscan.available

_KEPT = 256
"""Numbers that are left of a vector at most (docs/concepts/index.md)."""

_NUMBERS_PER_CODE = 2
"""Numbers that share one 4-bit code."""

_TRAINED_ON = 8_192
"""Rows that all is learnt from: k-means takes at most 256 for each of 16 centroids."""

_LISTS_FROM = 4_000_000
"""Rows from which they are spread over lists, of which a search looks at some: all take 20 ms."""

_ROWS_PER_MIDDLE = 16
"""Rows that the middle of each list is learnt from."""

_RETRAIN_GROWTH = 4
"""All is learnt again once there are this many times the rows it was learnt from."""

_LONGEST_TAIL = 2_048
"""Rows without codes up to which they are scanned instead of encoded: 0.6 ms at 768 numbers."""

_TAIL_SHARE = 1 / 64
"""The same as a share of the codes: a row that is scanned takes the time of as many."""

_JUDGED = 1_024
"""Rows that tell what codes lose of vectors."""

_DRIFT = 1.25
"""Times as much as of the rows that they were learnt from codes may lose of newer ones."""

_LAYOUT = 2
"""Of the file. Others are built again."""

_KEYS = frozenset({"layout", "proof", "covered", "trained_at", "lost", "dim", "kept", "sha256"})
"""What a file's first line says."""

_FIRST_LAYOUT = frozenset({"proof", "covered", "trained_at", "sha256"})
"""The same of the first layout, which is made anew."""

_log = logging.getLogger(__name__)


def subquantizers(dim: int) -> int | None:
    """Tell how many codes a vector takes; None where its length does not divide."""
    kept = min(dim, _KEPT)
    return kept // _NUMBERS_PER_CODE if kept % _NUMBERS_PER_CODE == 0 else None


class Codes:
    """Codes of the first rows of a collection; never changed, so any number of threads may ask."""

    def __init__(
        self, scan: FastScan, projection: Projection, *, trained_at: int, lost: float
    ) -> None:
        """Put the parts together.

        Args:
            scan: Codes whose places are rows.
            projection: Of vectors to the numbers that have codes.
            trained_at: Rows there were when all was learnt.
            lost: Mean square of what codes lose of these rows' vectors.
        """
        self._scan = scan
        self._projection = projection
        self._asking = scan.asked_through(projection.directions)
        self._trained_at = trained_at
        self._lost = lost
        self._refining: Refining | None = None
        self._guard = threading.Lock()

    @property
    def covered(self) -> int:
        """Rows that have codes."""
        return len(self._scan)

    @property
    def trained_at(self) -> int:
        """Rows there were when all was learnt."""
        return self._trained_at

    @property
    def name(self) -> str:
        """FAISS' name of the codes."""
        lists = f"IVF{self._scan.lists}," if self._scan.lists > 1 else ""
        return f"{lists}PQ{self._scan.parts}x4fs"

    def candidates(
        self, queries: Vectors, count: int, *, mask: NDArray[np.bool_] | None = None
    ) -> Rows:
        """Give the rows that seem nearest, shape (queries, count), padded with −1.

        Args:
            queries: float32, shape (queries, dim).
            count: How many of each; no more come back than there are codes.
            mask: Marks the rows that may answer, shape (covered,) or longer; None: all.
        """
        return self._asking.nearest(queries, min(count, self.covered), mask=mask)

    def nearest(
        self,
        queries: Vectors,
        count: int,
        *,
        segments: Segments,
        mask: NDArray[np.bool_] | None = None,
    ) -> tuple[Rows, NDArray[np.float32]]:
        """Give the same rows with their inner products as stored, to float32 rounding, best first.

        Args:
            queries: As of ``candidates``.
            count: As of ``candidates``.
            segments: The rows' vectors.
            mask: As of ``candidates``.
        """
        refining = self._refined_by(segments)
        if refining is not None:
            return refining.nearest(queries, min(count, self.covered), mask=mask)
        rows = self.candidates(queries, count, mask=mask)
        return rows, stored_products(queries, rows, segments)

    def outgrown(self, rows: int) -> bool:
        """Tell whether the collection has outgrown the rows that all was learnt from."""
        return rows >= _RETRAIN_GROWTH * self._trained_at

    def tail_too_long(self, rows: int, *, times: int = 1) -> bool:
        """Tell whether the rows without codes are too many to be scanned with every query.

        Args:
            rows: There are, with codes and without.
            times: As many as usual are allowed.
        """
        return rows - self.covered > times * max(_LONGEST_TAIL, self.covered * _TAIL_SHARE)

    def drifted(self, segments: Segments) -> bool:
        """Tell whether codes lose much more of the rows that came later than of those before."""
        later = segments.rows - self._trained_at
        if later < _JUDGED:
            return False
        chosen = np.random.default_rng(0).choice(later, size=_JUDGED, replace=False)
        vectors = segments.gather(np.sort(self._trained_at + chosen))
        return _lost(self._projection, self._scan, vectors) > _DRIFT * self._lost

    def extended(self, segments: Segments) -> Codes:
        """Give codes of all rows: a copy, as others may be searching these."""
        scan = self._scan.copy()
        _encode(scan, self._projection, segments)
        return Codes(scan, self._projection, trained_at=self._trained_at, lost=self._lost)

    def save(self, path: Path, *, proof: str) -> None:
        """Write to a file in one step.

        Args:
            path: File; replaced.
            proof: Digest of the rows that the codes stand for.
        """
        content = self._projection.to_bytes(), self._scan.to_bytes().data  # large: never joined
        header = {
            "layout": _LAYOUT,
            "proof": proof,
            "covered": self.covered,
            "trained_at": self._trained_at,
            "lost": self._lost,
            "dim": self._projection.dim,
            "kept": self._projection.kept,
        }
        header["sha256"] = _digest(header, *content)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        with unfinished.open("wb") as file:
            file.write(json.dumps(header).encode("ascii") + b"\n")
            file.writelines(content)
        unfinished.replace(path)

    def _refined_by(self, segments: Segments) -> Refining | None:
        """Map the vectors with the first search; None where their files cannot be one range."""
        with self._guard:
            if self._refining is None:
                halves = _mapped(segments, self.covered)
                if halves is not None:
                    self._refining = self._asking.over(halves)
            return self._refining


def build(segments: Segments) -> Codes:
    """Learn from a sample and encode all rows."""
    rows = segments.rows
    lists = math.isqrt(rows) if rows >= _LISTS_FROM else 1
    size = min(rows, max(_TRAINED_ON, _ROWS_PER_MIDDLE * lists))
    chosen = np.random.default_rng(0).choice(rows, size=size, replace=False)
    sample = segments.gather(np.sort(chosen))
    kept = min(segments.dim, _KEPT)
    parts = kept // _NUMBERS_PER_CODE
    projection = learn(sample, kept=kept, parts=parts)
    scan = FastScan.learn(projection.of_vectors(sample), parts=parts, lists=lists)
    lost = _lost(projection, scan, sample[:: max(len(sample) // _JUDGED, 1)])
    _encode(scan, projection, segments)
    codes = Codes(scan, projection, trained_at=rows, lost=lost)
    _log.info("built codes=%s rows=%d", codes.name, rows)
    return codes


def covered_by(path: Path) -> int | None:
    """Tell how many rows a file's codes cover; None where there is no readable file."""
    header = _header(path)
    return None if header is None else int(header["covered"])


def load(path: Path, *, proof: str) -> Codes | None:
    """Read codes from a file; None where they are missing, damaged or stand for other rows."""
    header = _header(path)
    if header is None or header["proof"] != proof:
        return None
    try:
        with path.open("rb") as file:
            file.readline()
            content = np.fromfile(file, dtype=np.uint8)
    except FileNotFoundError:  # its edition was replaced a moment ago
        return None
    if _digest(header, content.data) != header["sha256"]:
        _log.warning("damaged codes are built again path=%s", path)
        return None
    projection, rest = Projection.from_bytes(content, dim=header["dim"], kept=header["kept"])
    return Codes(
        FastScan.from_bytes(rest),
        projection,
        trained_at=int(header["trained_at"]),
        lost=float(header["lost"]),
    )


def is_damaged(path: Path) -> bool:
    """Tell whether a file of codes is not what was written; one of an older layout may be."""
    try:
        with path.open("rb") as file:
            header, content = json.loads(file.readline(4096)), file.read()
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    if isinstance(header, dict) and header.keys() == _FIRST_LAYOUT:
        return False
    known = isinstance(header, dict) and header.keys() == _KEYS
    return not known or _digest(header, content) != header["sha256"]


def _digest(header: dict[str, Any], *content: bytes | memoryview) -> str:
    """SHA-256, as hex, of all that a file says."""
    said = {name: value for name, value in header.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(said).encode("ascii"))
    for part in content:
        digest.update(part)
    return digest.hexdigest()


def _encode(scan: FastScan, projection: Projection, segments: Segments) -> None:
    """Add the rows that have no codes yet."""
    for _, vectors in segments.run(len(scan), segments.rows):
        scan.add(projection.of_vectors(vectors))


def _lost(projection: Projection, scan: FastScan, vectors: Vectors) -> float:
    """Give the mean square of what codes lose of some vectors."""
    away = vectors - projection.back(scan.told(projection.of_vectors(vectors)))
    return float((away * away).sum(axis=1).mean())


def _mapped(segments: Segments, rows: int) -> NDArray[np.float16] | None:
    """Map the first rows as if they were in one file."""
    full, row = segments.rows_per_segment, segments.dim * BYTES_PER_NUMBER
    files = [
        (segment_path(segments.folder, number), min(full, rows - first) * row)
        for number, first in enumerate(range(0, rows, full))
    ]
    content = spanned(files)
    return None if content is None else content.view(np.float16).reshape(rows, segments.dim)


def _header(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline(4096))
    except (FileNotFoundError, ValueError):
        return None
    right = isinstance(header, dict) and header.keys() == _KEYS and header["layout"] == _LAYOUT
    return header if right else None
