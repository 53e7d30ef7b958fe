"""Names of cells → their places on the ground: neighbours, outlines and hectares.

Does not know rasters: a cell's name tells where it lies. Where chips overlap, a cell stands for the
middle part of its chip, as wide as the stride, so that cells tile the ground and none counts twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.types import GeoJSON

    Shapes = NDArray[np.object_]


def outline_cells(
    cells: Sequence[str], *, footprints: Mapping[str, GeoJSON | None] | None = None
) -> Shapes:
    """Outline each cell on WGS 84.

    Args:
        cells: Names.
        footprints: Of cells that lie on no lattice, by name.

    Returns:
        Shapely polygons or multipolygons in degrees, shape (n,); None where nothing is known.
        Areas: ``export.areas.shape_areas_ha``.
    """
    raise NotImplementedError


def joined(shapes: Shapes) -> GeoJSON | None:
    """Join outlines of cells to one GeoJSON (Multi)Polygon; None where there is none."""
    raise NotImplementedError
