"""Published or made-up features → as many as are wanted, on the ground, and the true answers.

Knows numpy alone, so that every process of a benchmark can read what it writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

FEATURES = Path(__file__).parents[3] / "shared" / "data" / "features19"
MADE_UP = "generated"
K = 10
OWN_SHARE = 0.6
"""Of a grown feature's spread from its own class, the rest from all classes."""
AT_ONCE = 16_384
"""Vectors drawn or compared at a time."""
WAVES = 6
"""Waves of which the ground's classes are made: neighbours are mostly alike, as land cover is."""
ODD = 0.2
"""Share of places where anything may lie."""


def unit(values: np.ndarray) -> NDArray[np.float32]:
    """Scale rows to length one."""
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def published(name: str) -> tuple[NDArray[np.float32], np.ndarray, NDArray[np.float32]]:
    """Read image features, their classes, and text features."""
    with np.load(FEATURES / f"{name}.npz") as found:
        images, labels = found["image"].astype(np.float32), found["labels"]
        texts = found["text"].reshape(-1, images.shape[1]).astype(np.float32)
    return unit(images), labels, unit(texts)


def made_up(
    dim: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], np.ndarray, NDArray[np.float32]]:
    """Make up features in a cone with a falling spectrum, and texts in another cone."""
    labels = np.arange(1_000) % 19
    spectrum = np.arange(1, dim + 1) ** -0.5
    cone, away = rng.standard_normal((2, dim))
    spread = rng.standard_normal((1_000, dim)) + rng.standard_normal((19, dim))[labels]
    texts = rng.standard_normal((2_000, dim)) * 0.5 + away
    return unit(cone * 0.3 + spread * spectrum), labels, unit(texts)


def features(
    name: str, rng: np.random.Generator
) -> tuple[NDArray[np.float32], np.ndarray, NDArray[np.float32]]:
    """Read published features; made-up ones where that is their name or they are absent."""
    if name != MADE_UP and (FEATURES / f"{name}.npz").is_file():
        return published(name)
    return made_up(768, rng)


def grow(
    images: NDArray[np.float32], labels: np.ndarray, rows: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw features with the means of the classes and the spread of the features."""
    return grown(images, labels, rng.integers(0, len(np.unique(labels)), rows), rng)


def grown(
    images: NDArray[np.float32], labels: np.ndarray, chosen: np.ndarray, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw a feature of each chosen class, by its number among the classes."""
    means = np.stack([images[labels == one].mean(axis=0) for one in np.unique(labels)])
    spread = images - means[np.searchsorted(np.unique(labels), labels)]
    drawn = np.empty((len(chosen), images.shape[1]), dtype=np.float32)
    for one, mean in enumerate(means):
        places = np.flatnonzero(chosen == one)
        own = spread[labels == np.unique(labels)[one]]
        near = rng.standard_normal((places.size, len(own)), dtype=np.float32) @ own
        wide = rng.standard_normal((places.size, len(spread)), dtype=np.float32) @ spread
        drawn[places] = (
            mean
            + np.sqrt(OWN_SHARE / len(own)) * near
            + np.sqrt((1 - OWN_SHARE) / len(spread)) * wide
        )
    return unit(drawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A square lattice of chips, row by row from the south-west."""

    rows: int
    """Chips in all."""

    @property
    def columns(self) -> int:
        """Chips from west to east."""
        return int(np.ceil(self.rows**0.5))

    def classes(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw what lies at each place."""
        across = np.linspace(0, 1, self.columns, dtype=np.float32)
        turns = rng.standard_normal((WAVES, 3, count))
        best = np.full((self.columns, self.columns), -np.inf, dtype=np.float32)
        chosen = np.zeros(best.shape, dtype=np.int64)
        for one in range(count):
            height = sum(
                np.sin(9 * x * across[:, None] + 9 * y * across + 6 * shift)
                for x, y, shift in turns[:, :, one]
            )
            higher = height > best
            best[higher], chosen[higher] = height[higher], one
        flat = chosen.reshape(-1)[: self.rows]
        odd = rng.random(self.rows) < ODD
        return np.where(odd, rng.integers(0, count, self.rows), flat)

    def square(self, share: float) -> Square:
        """Give a square away from the border that keeps about a share of the chips."""
        edge = min(max(round(self.columns * share**0.5), 1), self.columns)
        first = (self.columns - edge) // 3
        return Square(first=first, last=first + edge, columns=self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """Chips whose column and row are within first (inclusive) and last (exclusive)."""

    first: int
    last: int
    columns: int

    def mask(self, rows: int) -> NDArray[np.bool_]:
        """Mark the chips within."""
        row, column = np.divmod(np.arange(rows), self.columns)
        within = [(at >= self.first) & (at < self.last) for at in (row, column)]
        return np.asarray(within[0] & within[1])


def write_vectors(path: Path, ground: Ground, name: str) -> tuple[NDArray[np.float32], np.ndarray]:
    """Write a feature for each chip of a ground; gives image and text queries from beside them.

    Args:
        path: ``.npy`` file, float32, shape (chips, dim).
        ground: Where the chips lie.
        name: Of published features, or ``generated``.
    """
    rng = np.random.default_rng(0)
    images, labels, texts = features(name, rng)
    classes = ground.classes(len(np.unique(labels)), rng)
    shape = (ground.rows, images.shape[1])
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, ground.rows, AT_ONCE):
        out[start : start + AT_ONCE] = grown(images, labels, classes[start : start + AT_ONCE], rng)
    out.flush()
    return grow(images, labels, 2_000, rng), rng.permutation(texts)


def true_rows(
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    masks: Sequence[NDArray[np.bool_] | None],
    k: int = K,
) -> list[NDArray[np.int64]]:
    """Find the true answers among the rows of each mask (None: all), padded with −1."""
    best = [np.full((len(queries), k), -np.inf, dtype=np.float32) for _ in masks]
    found = [np.full((len(queries), k), -1, dtype=np.int64) for _ in masks]
    for start, block in blocks(vectors):
        scores = queries @ block.T
        for number, mask in enumerate(masks):
            own = (
                np.arange(len(block))
                if mask is None
                else np.flatnonzero(mask[start:][: len(block)])
            )
            both = np.concatenate([best[number], scores[:, own]], axis=1)
            rows = np.broadcast_to(start + own, (len(queries), own.size))
            named = np.concatenate([found[number], rows], axis=1)
            order = np.argsort(-both, axis=1, kind="stable")[:, :k]
            best[number] = np.take_along_axis(both, order, axis=1)
            found[number] = np.take_along_axis(named, order, axis=1)
    return found


def blocks(vectors: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Walk over vectors."""
    for start in range(0, len(vectors), AT_ONCE):
        yield start, vectors[start : start + AT_ONCE]


def recall(true: NDArray[np.int64], found: Sequence[Sequence[int]]) -> list[float]:
    """Give the share of the true answers of each query that was found; 1 where there are none."""
    return [
        len(set(line[line >= 0].tolist()) & set(rows)) / max(int((line >= 0).sum()), 1)
        if (line >= 0).any()
        else 1.0
        for line, rows in zip(true, found, strict=True)
    ]
