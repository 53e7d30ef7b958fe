"""What every engine of the benchmark can be told: build, open, ask, add.

Does not know any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from beside.geometry import Square
    from numpy.typing import NDArray

Effort: TypeAlias = "dict[str, Any]"
"""Settings of one search, such as ``{"efSearch": 64}``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Where:
    """A filter: as a square for those who filter by columns, as rows for those who take rows."""

    number: int
    """Which of the filters: what is made of one may be kept."""
    square: Square
    mask: NDArray[np.bool_]


class Engine(Protocol):
    """One way to keep vectors and to find the nearest."""

    one_by_one: bool
    """True where the efforts are in the order of their cost, so that the first that does is it."""

    def __init__(self, folder: Path) -> None:
        """Take a folder of its own; do nothing yet."""

    def build(
        self, vectors: NDArray[np.float32], columns: int, tuning: Mapping[str, NDArray[np.float32]]
    ) -> None:
        """Write everything into the folder, in steps named by ``step``."""

    def efforts(self, rows: int, kind: str) -> Sequence[Effort]:
        """Give settings to try for a kind of query, cheapest first."""

    def open(self) -> None:
        """Open what was built, as a program does that will search."""

    def ask(
        self, query: NDArray[np.float32], k: int, effort: Effort, where: Where | None
    ) -> Sequence[int]:
        """Give the rows nearest to one query, best first; safe from any number of threads."""


class CannotFilterError(Exception):
    """The engine has no filtered search."""
