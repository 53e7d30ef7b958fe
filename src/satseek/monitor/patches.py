"""Cells with a percentile each → patches: neighbours that changed together, and their outlines.

Does not know what the percentiles mean: of change, of a rise towards a concept, of anything for
which a background is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.types import GeoJSON


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRule:
    """Which cells make a patch."""

    seed: float = 99.9
    """Percentile, 0–100, that at least one cell of a patch reaches."""
    grow: float = 97.5
    """Percentile that every cell of a patch reaches; at most ``seed``."""
    least_cells: int = 1
    """Minimum mapping unit in cells; positive."""
    least_ha: float = 0.0
    """Minimum mapping unit in hectares."""
    neighbours: Literal[4, 8] = 8
    """Whether cells that touch at a corner are neighbours (8) or not (4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Neighbouring cells that changed together."""

    cells: tuple[str, ...]
    """Names, ascending."""
    places: tuple[int, ...]
    """Where they stand in the list that was handed in."""
    peak: float
    """Largest percentile among them, 0–100."""
    peak_cell: str
    """The cell that has it: the first among equals."""
    mean: float
    """Mean percentile."""
    footprint: GeoJSON | None
    """Their outline on WGS 84; None without georeference."""
    area_ha: float
    """On the ground, equal-area; NaN without georeference."""


def find_patches(
    cells: Sequence[str],
    percentiles: NDArray[np.float32],
    *,
    rule: PatchRule | None = None,
    footprints: Mapping[str, GeoJSON | None] | None = None,
) -> list[Patch]:
    """Join cells to patches: from seeds on, over neighbours that reach the lower threshold.

    Args:
        cells: Names of cells, none twice.
        percentiles: Shape (n,), 0–100; NaN counts as not reached.
        rule: Which cells make a patch; None: the usual one.
        footprints: Of cells that lie on no lattice (images that are one chip each), by name.

    Returns:
        Patches, those with the highest peak first, then by name of the peak's cell.

    Raises:
        InvalidRequest: A rule that cannot be, or lists of different lengths.
    """
    raise NotImplementedError
