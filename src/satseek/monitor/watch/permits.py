"""The cells of a site and a watch's permits → its outline, its area, and whose ground it is on.

Does not know scores or dates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.export.areas import SQUARE_METRES, shape_areas_ha
from satseek.monitor.change.outlining import join_outlines, outline_cells
from satseek.monitor.findings.finding import OUTSIDE_PERMIT
from satseek.monitor.watch.ground import WITHIN, shares_within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.types import GeoJSON


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteGround:
    """Where a site lies."""

    footprint: GeoJSON | None
    """Outline of its cells on WGS 84; None without georeference."""
    area_m2: float | None
    """Of them, equal-area; None without georeference."""
    permitted: float | None
    """Share of it on ground where it is allowed, 0–1; None: nothing is known of permits."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Outside a permit is what lies outside for its larger part."""
        outside = self.permitted is not None and self.permitted < WITHIN
        return (OUTSIDE_PERMIT,) if outside else ()

    @property
    def unpermitted_ha(self) -> float:
        """Hectares on ground where nobody is known to have allowed it."""
        return (self.area_m2 or 0.0) / SQUARE_METRES * (1 - (self.permitted or 0.0))


def site_ground(
    cells: Sequence[str],
    permits: GeoJSON | None,
    *,
    footprints: Mapping[str, GeoJSON | None],
) -> SiteGround:
    """Outline cells, measure them, and find how much of them lies in permits.

    Args:
        cells: Names.
        permits: Ground on which it is allowed; None: nothing is known of permits.
        footprints: Of cells that lie on no lattice, by name.
    """
    outlines = outline_cells(cells, footprints=footprints)
    areas = np.nan_to_num(shape_areas_ha(outlines))
    total = float(areas.sum())
    permitted = None
    if permits is not None and total > 0:
        shares = shares_within(cells, permits, footprints=footprints)
        permitted = float((shares * areas).sum() / total)
    return SiteGround(
        footprint=join_outlines(outlines),
        area_m2=total * SQUARE_METRES if total > 0 else None,
        permitted=permitted,
    )
