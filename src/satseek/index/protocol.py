"""Vectors and chips → the nearest chips under a filter: the contract of every index.

Does not know how the vectors are stored, nor where a query vector comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from satseek.types import BBox, Chip, Filter, Vectors

Rows: TypeAlias = NDArray[np.int64]
"""int64, shape (n,): places in an index, given in the order of adding. They mean the same chips for
as long as a generation is pinned, and until an index is compacted."""


QueryKind: TypeAlias = Literal["text", "image", "mixed"]
"""What a query vector was made of. Words lie far from all images, so that more candidates must be
looked at for the same recall; ``mixed`` is words and examples together, or unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way in which a search could be done, and what it is expected to take."""

    name: str
    """Such as ``exact scan`` or ``PQ128x4fs``."""
    rows: int
    """Rows or codes that it looks at."""
    expected_ms: float
    """By the costs measured on this machine, for one query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a search went the way it went, and what it took."""

    living: int
    """Chips in the collection."""
    passing: int
    """Chips left by the filter."""
    ways: tuple[Way, ...]
    """The ways that could be taken; the first was."""
    candidates: int
    """Candidates compared exactly, of one query; of an exact scan all that passed."""
    filter_ms: float
    """Spent on the filter; near 0 where its rows were remembered."""
    search_ms: float
    """Spent on candidates and their comparison, all queries together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What a search found: arrays first, chips on demand."""

    rows: NDArray[np.int64]
    """int64, shape (queries, k): best first, padded with −1 where fewer chips pass the filter."""
    cosines: NDArray[np.float32]
    """float32, shape (queries, k), −1 to 1, descending, equal ones by chip id; padded with −inf."""
    plan: str
    """Which way was taken, for people and tests."""
    explanation: Explanation | None = None
    """Why; None where an index cannot tell."""


class Searchable(Protocol):
    """One generation of an index, or an index that answers with its newest."""

    @property
    def model(self) -> tuple[str, str] | None:
        """Name and version of the model whose vectors it holds; None where it was not told."""

    @property
    def generation(self) -> int:
        """Raised by every change of what a search may answer."""

    def __len__(self) -> int:
        """Count the chips."""

    def search(
        self, queries: Vectors, *, k: int, where: Filter, kind: QueryKind = "mixed"
    ) -> Found:
        """Find the k nearest chips of each query among those that pass the filter.

        Args:
            queries: float32, shape (n, dim), unit rows.
            k: How many of each.
            where: Which chips may answer.
            kind: What the queries were made of: decides how many candidates are looked at.

        Raises:
            InvalidK: k is not within 1–10,000.
            InvalidFilter: The area or the dates cannot be.
            ModelMismatch: The queries have another length than the index.
        """

    def chips(self, rows: Iterable[int]) -> list[Chip]:
        """Give the chips of rows, in their order; rows of replaced or removed chips stay readable.

        Raises:
            ChipNotFound: A row that was never given.
        """

    def row_of(self, chip_id: str) -> int:
        """Give the row of a chip.

        Raises:
            ChipNotFound: No such chip.
        """

    def vectors(self, rows: Iterable[int]) -> Vectors:
        """Give the unit vectors of rows, in their order.

        Raises:
            ChipNotFound: A row that was never given.
        """

    def sample(self, n: int, *, seed: int = 0) -> Vectors:
        """Give up to n vectors drawn without replacement: the same ones until the next change."""

    def extent(self) -> BBox | None:
        """Give the box around all footprints; None where no chip has one."""

    def dates(self) -> tuple[datetime, datetime] | None:
        """Give the first and last acquisition time; None where no chip has one."""


class Index(Searchable, Protocol):
    """Nearest chips under a filter.

    Vectors are kept at half precision and compared as kept: every implementation rounds the same
    way, so that cosines agree to float32 rounding.
    """

    def pinned(self) -> AbstractContextManager[Searchable]:
        """Lend the newest generation, for one thread: its answers all belong together.

        The model of its vectors is the same from the first of them to the last, even where the
        index is embedded again by another one meanwhile.
        """

    def add(self, chips: Sequence[Chip], vectors: Vectors) -> None:
        """Add chips with their vectors; durable when it returns.

        A chip whose id is there already is replaced, never doubled.

        Args:
            chips: One per vector, ids distinct.
            vectors: float32, shape (len(chips), dim), unit rows.

        Raises:
            ModelMismatch: The vectors have another length than the index.
            InvalidRequest: Not one finite unit vector per chip, or an id twice.
        """

    def remove(self, chip_ids: Iterable[str]) -> int:
        """Remove chips; ids that are not there are passed over. Returns how many were removed."""
