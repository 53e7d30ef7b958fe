"""Changes of parcels and where they lie → what became of each beside its unaffected neighbours.

Does not know imagery. Difference in differences: what changed on all fields alike (season, harvest,
light) is no damage; what changed on one and not beside it may be. Neighbours are parcels that were
seen well enough and are not affected, of the same crop where enough of them are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from satseek.export.projecting import middles
from satseek.monitor.damage.assessment import Contrast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.monitor.damage.parcels import Parcel

    Floats = NDArray[np.float64]

FARTHEST_M: Final = 10_000.0
"""What lies farther away had other weather, soil and sowing dates."""

MOST: Final = 20
"""Neighbours that are compared, the nearest: the mean of twenty has a fifth of one's noise."""

_METRES_PER_DEGREE: Final = 111_195.0
"""Of latitude, on a sphere of 6,371 km; an ellipsoid differs by half a percent."""

_AT_ONCE: Final = 2_000
"""Parcels whose neighbours are looked for at a time: bounds the pairs in memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Controls:
    """Parcels to compare with."""

    places: NDArray[np.int64]
    """Which ones, by their place in the list."""
    changes: Floats
    """Shape (n,): affected share after less affected share before, of all parcels in the list."""
    hectares: Floats
    """Shape (n,): area, likewise."""


def contrasts(
    parcels: Sequence[Parcel], shapes: NDArray[np.object_], controls: Controls, *, least: int
) -> list[Contrast | None]:
    """Compare each parcel with its neighbours.

    Args:
        parcels: All of them.
        shapes: Their outlines, shape (n,).
        controls: Parcels that are not affected, and how all changed.
        least: Neighbours without which there is no comparison.

    Returns:
        One a parcel; None where its own change is not known, or neighbours are too few.
    """
    points = _metres(middles(shapes))
    tree = shapely.STRtree(shapely.points(points[controls.places]))
    crops = np.array([one.crop.casefold() for one in parcels], dtype=np.str_)
    found: list[Contrast | None] = []
    for at in range(0, len(parcels), _AT_ONCE):
        part = np.arange(at, min(at + _AT_ONCE, len(parcels)))
        near = _near(tree, points, part, controls)
        for place, others in zip(part.tolist(), near, strict=True):
            found.append(_contrast(place, others, parcels, crops, controls, least=least))
    return found


def _contrast(
    place: int,
    others: NDArray[np.int64],
    parcels: Sequence[Parcel],
    crops: NDArray[np.str_],
    controls: Controls,
    *,
    least: int,
) -> Contrast | None:
    own = controls.changes[place]
    alike = others[crops[others] == crops[place]] if crops[place] else others[:0]
    same_crop = alike.size >= least
    chosen = (alike if same_crop else others)[:MOST]
    if not np.isfinite(own) or chosen.size < least:
        return None
    mean = np.average(controls.changes[chosen], weights=controls.hectares[chosen])
    return Contrast(
        own=float(own),
        neighbours=float(mean),
        count=int(chosen.size),
        crop=parcels[place].crop if same_crop else "",
    )


def _near(
    tree: shapely.STRtree, points: Floats, part: NDArray[np.int64], controls: Controls
) -> list[NDArray[np.int64]]:
    """Give the places of the controls near each parcel, the nearest first, without itself."""
    asked, found = tree.query(
        shapely.points(points[part]), predicate="dwithin", distance=FARTHEST_M
    )
    others = controls.places[found]
    apart = np.hypot(*(points[others] - points[part[asked]]).T)
    kept = others != part[asked]
    asked, others, apart = asked[kept], others[kept], apart[kept]
    order = np.lexsort((others, apart, asked))
    borders = np.searchsorted(asked[order], np.arange(1, len(part)))
    return list(np.split(others[order], borders))


def _metres(points: Floats) -> Floats:
    """Lay degrees out flat, near enough over some tens of kilometres: shape (n, 2), metres."""
    shrink = np.cos(np.radians(np.median(points[:, 1]))) if len(points) else 1.0
    return points * _METRES_PER_DEGREE * [shrink, 1.0]
