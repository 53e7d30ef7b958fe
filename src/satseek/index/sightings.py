"""One generation of a collection → which scene saw which cell when, and how much of it.

Does not know vectors, nor what is made of the sightings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.cells import UNDATED, passing
from satseek.index.planning import select_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.index.protocol import Rows
    from satseek.types import Filter


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sightings:
    """Chips without their vectors and outlines: what of the ground was seen."""

    rows: Rows
    """Shape (n,), ascending."""
    cells: tuple[str, ...]
    """Name of each chip's cell."""
    scenes: tuple[str, ...]
    """Ids of the scenes, ascending."""
    sources: NDArray[np.int32]
    """Shape (n,): number of each chip's scene in ``scenes``."""
    taken: NDArray[np.int64]
    """Shape (n,): microseconds since 1970; `UNDATED` without a date."""
    valid_fractions: NDArray[np.float32]
    """Shape (n,): share of measured pixels, 0–1."""

    def __len__(self) -> int:
        """Count the chips."""
        return len(self.cells)


def read_sightings(index: Pinned, where: Filter) -> Sightings:
    """List the chips that pass a filter, those without georeference too.

    Raises:
        InvalidFilter: The area or the dates cannot be.
    """
    wanted = passing(index, where)
    columns = "row, cell, scene_id, taken, valid_fraction"
    found = sorted(select_by(index.db, columns, "row", wanted.tolist()))
    scenes = tuple(sorted({scene for _, _, scene, _, _ in found}))
    numbers = {scene: number for number, scene in enumerate(scenes)}
    return Sightings(
        rows=wanted,
        cells=tuple(cell for _, cell, _, _, _ in found),
        scenes=scenes,
        sources=np.array([numbers[scene] for _, _, scene, _, _ in found], dtype=np.int32),
        taken=np.array([UNDATED if at is None else at for _, _, _, at, _ in found], dtype=np.int64),
        valid_fractions=np.array([valid for *_, valid in found], dtype=np.float32),
    )
