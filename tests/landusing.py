"""A made-up ground of known classes at several dates, whose vectors are those of its labels."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from madeground import LATTICE, collected, make_chip, unit
from towers import DIM, ColourEngine, make_tokenizer

from satseek.embed.embedder import Embedder
from satseek.monitor.labels.labelling import own_labels
from satseek.monitor.landuse.landuse import Choices, land_use

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from satseek.imagery.lattices import Lattice
    from satseek.index.pinned import Pinned
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.types import Chip, Vectors

EMBEDDER = Embedder(ColourEngine(), make_tokenizer())
NAMES = ("quarry", "meadow", "harbour")
LABELS = own_labels(NAMES, distractors=())
KNOWN = {name: np.eye(1, DIM, at, dtype=np.float32) for at, name in enumerate(NAMES)}
"""Vectors of the labels, as far from each other as can be: the small tower's own are not."""

EDGE = 6
"""Cells along a side of the ground."""

UNSEEN = "?"

BEFORE = ("qqqmmm", "qqqmmm", "qqmmmm", "mmmmmm", "mmmhhh", "mmmhhh")
AFTER = ("qqqmmm", "qqqmmm", "qqmqqm", "mmmqqm", "mmmhhh", "mmmhhh")
"""Four cells of meadow became a quarry."""

DAYS: Mapping[str, Sequence[str]] = {
    "2024-05-03": BEFORE,
    "2024-06-02": ("qqqmmm", "qqqmmm", "qqmm?m", "mmmmmm", "mmmhhh", "mmmhhh"),
    "2024-07-04": AFTER,
    "2024-08-05": AFTER,
}
"""Rows of cells, the southern first, by their classes' first letters; one cell is once not seen."""


def vectors_of(rows: Sequence[str], *, seed: int) -> Vectors:
    """Vectors of the cells that were seen, row by row: nearly their labels', the rest a cell's own.

    What is a cell's own is the same at every date; a little more differs each time.
    """
    centres = np.concatenate(list(KNOWN.values()))
    letters = "".join(rows)
    own = np.random.default_rng(0).normal(0, 0.03, (len(letters), centres.shape[1]))
    noise = np.random.default_rng(seed).normal(0, 0.003, own.shape)
    first = {name[0]: at for at, name in enumerate(NAMES)}
    kept = [at for at, letter in enumerate(letters) if letter != UNSEEN]
    classes = [first[letters[at]] for at in kept]
    return unit((centres[classes] + own[kept] + noise[kept]).astype(np.float64))


def ground(
    days: Mapping[str, Sequence[str]] = DAYS, *, lattice: Lattice = LATTICE
) -> tuple[list[Chip], Vectors]:
    """Chips and vectors of all days, a scene a day."""
    chips = [
        make_chip((column, row), day=day, scene=f"{day}.tif", lattice=lattice)
        for day, rows in days.items()
        for row, letters in enumerate(rows)
        for column, letter in enumerate(letters)
        if letter != UNSEEN
    ]
    vectors = [vectors_of(rows, seed=number) for number, rows in enumerate(days.values(), start=1)]
    return chips, np.concatenate(vectors)


def mapped(index: Pinned, choices: Choices | None = None) -> LandUse:
    """Say what each place was."""
    return land_use(index, labels=LABELS, embedder=EMBEDDER, known=KNOWN, choices=choices)


@contextmanager
def used(
    folder: Path, days: Mapping[str, Sequence[str]] = DAYS, *, choices: Choices | None = None
) -> Iterator[tuple[LandUse, Pinned]]:
    """Lend what each place was, and the index that it was read from."""
    with collected(folder, *ground(days)) as index:
        yield mapped(index, choices), index
