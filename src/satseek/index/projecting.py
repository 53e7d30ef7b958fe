"""Vectors of a collection → the few numbers in which its chips differ most, and queries to match.

Does not know codes. A query's inner products are kept, but for a constant and what was left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.types import Vectors

_FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """Where a collection's chips lie, and along which directions they differ."""

    mean: NDArray[np.float32]
    """float32, shape (dim,): what all have in common tells none from another."""
    directions: NDArray[np.float32]
    """float32, shape (dim, kept): unit columns, at right angles."""

    @property
    def dim(self) -> int:
        """Numbers of a vector."""
        return int(self.directions.shape[0])

    @property
    def kept(self) -> int:
        """Numbers that are left of it."""
        return int(self.directions.shape[1])

    def of_vectors(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Project stored vectors, shape (n, dim), to (n, kept)."""
        return np.asarray(vectors @ self.directions - self.mean @ self.directions)

    def back(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the vectors that projected numbers, shape (n, kept), stand for."""
        return np.asarray(numbers @ self.directions.T + self.mean)

    def to_bytes(self) -> bytes:
        """Give what ``from_bytes`` reads."""
        return self.mean.tobytes() + self.directions.tobytes()

    @classmethod
    def from_bytes(
        cls, content: NDArray[np.uint8], *, dim: int, kept: int
    ) -> tuple[Projection, NDArray[np.uint8]]:
        """Read a projection; also gives what is behind it."""
        end = (dim + dim * kept) * _FLOAT32_BYTES
        numbers = np.frombuffer(content[:end].tobytes(), dtype=np.float32)
        projection = cls(mean=numbers[:dim], directions=numbers[dim:].reshape(dim, kept))
        return projection, content[end:]


def learn(sample: Vectors, *, kept: int, parts: int) -> Projection:
    """Find the directions along which a sample differs most.

    The strongest directions, as many as there are parts, are turned at random among themselves, so
    that all differ as much; so are the next ones. Each part then gets one of each: codes are looked
    up in tables of 256 steps, which one far stronger part would take for itself.

    Args:
        sample: float32, shape (n, dim).
        kept: Directions to keep; a multiple of ``parts``.
        parts: Equal parts that the numbers will be cut into.
    """
    mean = sample.mean(axis=0, dtype=np.float64)
    away = sample - mean.astype(np.float32)
    variances, directions = np.linalg.eigh(away.T @ away)
    strongest = directions[:, np.argsort(-variances)[:kept]]
    rng = np.random.default_rng(0)
    turned = [
        strongest[:, first : first + parts] @ _turn(parts, rng) for first in range(0, kept, parts)
    ]
    dealt = np.stack(turned, axis=2).reshape(len(mean), kept)
    return Projection(
        mean=mean.astype(np.float32), directions=np.ascontiguousarray(dealt, dtype=np.float32)
    )


def _turn(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a rotation."""
    return np.asarray(np.linalg.qr(rng.standard_normal((size, size)))[0])
