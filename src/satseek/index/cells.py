"""One generation of a collection → all of its cells, and their cosines with queries, at once.

Does not know where cells lie. A search looks for the best few chips; a map shows all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.index.protocol import Rows
    from satseek.types import Filter, Vectors

UNDATED = np.iinfo(np.int64).min
"""Stands for no date: earlier than all dates."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """The cell of every living chip that lies on the ground."""

    rows: Rows
    """Shape (n,), ascending."""
    names: list[str]
    """Name of each chip's cell."""
    taken: NDArray[np.int64]
    """Shape (n,): microseconds since 1970; `UNDATED` without a date."""


def read_cells(index: Pinned) -> Cells:
    """List the living chips that lie on the ground, with their cells and dates."""
    text = "SELECT row, cell, taken FROM chips WHERE dead = 0 AND west IS NOT NULL ORDER BY row"
    found = index.db.execute(text).fetchall()
    rows = np.fromiter((row for row, _, _ in found), dtype=np.int64, count=len(found))
    moments = (UNDATED if taken is None else taken for _, _, taken in found)
    taken = np.fromiter(moments, dtype=np.int64, count=len(found))
    return Cells(rows=rows, names=[name for _, name, _ in found], taken=taken)


def passing(index: Pinned, where: Filter) -> Rows:
    """Give the living rows that pass a filter, ascending; raises InvalidFilter."""
    rows, _ = index.page(where=where, after=-1, limit=max(len(index), 1))
    return np.array(rows, dtype=np.int64)


def cosines(index: Pinned, queries: Vectors, rows: Rows) -> NDArray[np.float32]:
    """Compare each of some queries (q, dim) with each of some rows: shape (q, rows)."""
    found = np.empty((len(queries), rows.size), dtype=np.float32)
    done = 0
    for part, vectors in index.view.blocks(rows):
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))  # stored at half precision
        found[:, done : done + part.size] = (queries @ vectors.T) / lengths
        done += part.size
    return np.clip(found, -1, 1)
