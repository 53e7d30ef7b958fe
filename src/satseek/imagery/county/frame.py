"""Turns plan cells into pixels: which side the coast is on, and how crooked the roads are.

It does not know what stands on the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import Polygon

from satseek.imagery.county.inventory import CELLS, Points, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LATTICE_CELLS = 6
"""Cells between two independent displacements: bends of about 1.5 km in a full county."""
_MARGIN = 2
"""Lattice nodes kept outside the county, so that zones may reach over its border."""
_SWAY_CELLS = 0.28
"""Largest displacement, in cells (about 70 m in a full county)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFrame:
    """A right-angled frame laid somewhere in the county, in which a zone is furnished."""

    origin: Points
    """Centre in pixels, shape (2,)."""
    axis_s: Points
    """Unit vector of the first local axis in pixels, shape (2,)."""
    axis_t: Points
    """Unit vector of the second local axis in pixels, shape (2,)."""

    def to_pixels(self, points: Points) -> Points:
        """Map local metres (..., 2) to pixels (..., 2)."""
        s, t = points[..., :1], points[..., 1:]
        return np.asarray(self.origin + s * self.axis_s + t * self.axis_t)

    def turned(self, degrees: float) -> LocalFrame:
        """Give the same frame turned about its centre."""
        radians = np.deg2rad(degrees)
        cosine, sine = round(float(np.cos(radians)), 6), round(float(np.sin(radians)), 6)
        return LocalFrame(
            origin=self.origin,
            axis_s=cosine * self.axis_s + sine * self.axis_t,
            axis_t=cosine * self.axis_t - sine * self.axis_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Maps the plan (cells, coast in the south) onto the county's pixels."""

    width: int
    """County width in pixels."""
    height: int
    """County height in pixels."""
    quarter_turns: int
    """How often the plan is turned by 90 degrees, 0 to 3."""
    mirrored: bool
    """Whether the plan is mirrored before it is turned."""
    sway: NDArray[np.float64]
    """Displacements in cells at the lattice nodes, shape (2, nodes, nodes)."""

    @classmethod
    def drawn(cls, seed: int, width: int, height: int) -> Frame:
        """Draw the frame of one county."""
        rng = stream(seed, "frame")
        nodes = CELLS // _LATTICE_CELLS + 2 + 2 * _MARGIN
        return cls(
            width=width,
            height=height,
            quarter_turns=int(rng.integers(4)),
            mirrored=bool(rng.integers(2)),
            sway=rng.uniform(-_SWAY_CELLS, _SWAY_CELLS, (2, nodes, nodes)),
        )

    @property
    def cell_m(self) -> float:
        """Side of one plan cell, in pixels (= metres)."""
        return min(self.width, self.height) / CELLS

    def to_pixels(self, cells: Points) -> Points:
        """Map plan cells (n, 2) to pixels (n, 2)."""
        a, b = (cells + self._displacement(cells)).T / CELLS
        if self.mirrored:
            a = 1 - a
        for _ in range(self.quarter_turns):
            a, b = 1 - b, a
        return np.stack([a * self.width, b * self.height], axis=1)

    def polygon(self, corners: Points) -> Polygon:
        """Map a plan polygon, its edges cut short enough to follow the bends."""
        dense = shapely.segmentize(Polygon(corners), 0.25)
        return Polygon(self.to_pixels(np.asarray(dense.exterior.coords)))

    def line(self, points: Points) -> Points:
        """Map a plan line, its legs cut short enough to follow the bends."""
        dense = shapely.segmentize(shapely.LineString(points), 0.25)
        return self.to_pixels(np.asarray(dense.coords))

    def local(self, centre: tuple[float, float]) -> LocalFrame:
        """Lay a right-angled frame at a plan position, along the plan's own axes there."""
        u, v = centre
        origin, east, south = self.to_pixels(np.array([[u, v], [u + 0.5, v], [u, v + 0.5]]))
        along = (east - origin) / np.hypot(*(east - origin))
        across = np.array([-along[1], along[0]])
        return LocalFrame(
            origin=origin,
            axis_s=along,
            axis_t=across if np.dot(across, south - origin) > 0 else -across,
        )

    def _displacement(self, cells: Points) -> Points:
        scaled = cells / _LATTICE_CELLS + _MARGIN
        scaled = np.clip(scaled, 0, self.sway.shape[1] - 1.001)
        node = np.floor(scaled).astype(np.intp)
        part = scaled - node
        part = part * part * (3 - 2 * part)
        (x, y), (fx, fy) = node.T, part.T
        field = self.sway
        top = field[:, y, x] * (1 - fx) + field[:, y, x + 1] * fx
        low = field[:, y + 1, x] * (1 - fx) + field[:, y + 1, x + 1] * fx
        return np.asarray((top * (1 - fy) + low * fy).T)
