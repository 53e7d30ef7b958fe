"""Cells with a percentile each → patches: neighbours that changed together, and their outlines.

Does not know what the percentiles mean: of change, of a rise towards a concept, of anything for
which a background is known.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.export.areas import shape_areas_ha
from satseek.monitor.change.outlining import find_touching, join_outlines, outline_cells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.monitor.change.outlining import Touching
    from satseek.types import GeoJSON


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRule:
    """Which cells make a patch: hysteresis, and a minimum mapping unit."""

    seed: float = 99.9
    """Percentile, 0–100, that at least one cell of a patch reaches."""
    grow: float = 95.0
    """Percentile that every cell of a patch reaches; at most ``seed``."""
    least_cells: int = 1
    """Minimum mapping unit in cells; positive."""
    least_ha: float = 0.0
    """Minimum mapping unit in hectares; not asked of cells without georeference."""
    touching: Touching = 8
    """Whether cells that meet at a corner alone are neighbours (8) or not (4)."""

    def __post_init__(self) -> None:
        """Refuse a rule that cannot be.

        Raises:
            InvalidRequest: It cannot be.
        """
        if not 0 <= self.grow <= self.seed <= 100:  # noqa: PLR2004 -- percent
            message = f"percentiles with 0 <= grow <= seed <= 100, came {self.grow} and {self.seed}"
            raise InvalidRequest(f"patches: expected {message}")
        if self.least_cells < 1 or not 0 <= self.least_ha < np.inf:
            message = f"cells >= 1 and hectares >= 0, came {self.least_cells} and {self.least_ha}"
            raise InvalidRequest(f"minimum mapping unit: expected {message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Neighbouring cells that changed together."""

    cells: tuple[str, ...]
    """Names, ascending."""
    places: tuple[int, ...]
    """Where each of them stands in the list that was handed in."""
    peak: float
    """Largest percentile among them, 0–100."""
    peak_cell: str
    """The cell that has it: by name the first among equals."""
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
        percentiles: Shape (n,), 0–100; NaN reaches nothing.
        rule: Which cells make a patch; None: the usual one.
        footprints: Of cells that lie on no lattice (images that are one chip each), by name; such
            cells have no neighbours.

    Returns:
        Patches, those with the highest peak first, then by name of the peak's cell.

    Raises:
        InvalidRequest: Lists of different lengths.
    """
    if percentiles.shape != (len(cells),):
        message = f"one percentile for each of {len(cells)} cells, came shape {percentiles.shape}"
        raise InvalidRequest(f"patches: expected {message}")
    asked = rule or PatchRule()
    grown = np.flatnonzero(percentiles >= asked.grow)
    names = [cells[at] for at in grown.tolist()]
    groups = _connected(len(names), find_touching(names, touching=asked.touching))
    reached = [group for group in groups if percentiles[grown[group]].max() >= asked.seed]
    outlines = outline_cells(names, footprints=footprints)
    areas = shape_areas_ha(outlines)
    found = [
        _patch(
            cells, percentiles, grown[group].tolist(), outlines[group], float(areas[group].sum())
        )
        for group in reached
        if len(group) >= asked.least_cells and not areas[group].sum() < asked.least_ha
    ]
    return sorted(found, key=lambda patch: (-patch.peak, patch.peak_cell))


def join_patches(patches: Sequence[Patch]) -> Patch:
    """Make one patch of several that share no cell; they need not touch.

    Args:
        patches: One at least, of one list of cells.
    """
    own = sorted(
        (cell, at) for one in patches for cell, at in zip(one.cells, one.places, strict=True)
    )
    best = min(patches, key=lambda one: (-one.peak, one.peak_cell))
    outlines = [None if one.footprint is None else json.dumps(one.footprint) for one in patches]
    return replace(
        best,
        cells=tuple(cell for cell, _ in own),
        places=tuple(at for _, at in own),
        mean=sum(one.mean * len(one.cells) for one in patches) / len(own),
        footprint=join_outlines(shapely.from_geojson(np.array(outlines, dtype=np.object_))),
        area_ha=sum(one.area_ha for one in patches),
    )


def _patch(
    cells: Sequence[str],
    percentiles: NDArray[np.float32],
    places: list[int],
    outlines: NDArray[np.object_],
    area_ha: float,
) -> Patch:
    ordered = sorted(places, key=lambda at: cells[at])
    own = percentiles[ordered]
    return Patch(
        cells=tuple(cells[at] for at in ordered),
        places=tuple(ordered),
        peak=float(own.max()),
        peak_cell=cells[ordered[int(own.argmax())]],
        mean=float(own.mean()),
        footprint=join_outlines(outlines),
        area_ha=area_ha,
    )


def _connected(count: int, pairs: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Group places 0 … count − 1 by the pairs that join them, each group ascending."""
    heads = np.arange(count)
    while pairs.size:  # each place takes the least number around it, and then its head's head
        lowest = np.minimum(heads[pairs[:, 0]], heads[pairs[:, 1]])
        taken = heads.copy()
        np.minimum.at(taken, pairs[:, 0], lowest)
        np.minimum.at(taken, pairs[:, 1], lowest)
        taken = taken[taken]
        if np.array_equal(taken, heads):
            break
        heads = taken
    order = np.argsort(heads, kind="stable")
    return [group for group in np.split(order, np.flatnonzero(np.diff(heads[order])) + 1) if count]
