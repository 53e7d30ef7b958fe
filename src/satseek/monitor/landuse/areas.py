"""What each place was at each date → hectares of each class, and of what became of what.

Does not know maps or files. Areas are counted from the classes as they are: they carry the map's
mistakes, which `areas` estimates from a sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.monitor.labels.jointly import NOT_SEEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.monitor.landuse.landuse import LandUse


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flow:
    """What became of what between two dates, on the ground that both of them saw."""

    before: str
    """The earlier date."""
    after: str
    """The later date."""
    names: tuple[str, ...]
    """Classes: rows of the matrix are those before, columns those after."""
    hectares: NDArray[np.float64]
    """Shape (classes, classes)."""

    @property
    def total_ha(self) -> float:
        """Ground that both dates saw."""
        return float(self.hectares.sum())

    @property
    def changed_ha(self) -> float:
        """Ground whose class is another."""
        return self.total_ha - float(np.trace(self.hectares))

    def largest(self, count: int) -> list[tuple[str, str, float]]:
        """Give the largest changes: from, to, hectares; those of nothing are left out."""
        moved = self.hectares - np.diag(np.diag(self.hectares))
        order = np.argsort(-moved, axis=None, kind="stable")[:count]
        pairs = (np.unravel_index(at, moved.shape) for at in order.tolist())
        return [
            (self.names[one], self.names[other], float(moved[one, other]))
            for one, other in pairs
            if moved[one, other] > 0
        ]


def areas_by_class(found: LandUse) -> NDArray[np.float64]:
    """Give the hectares of each class at each date: shape (dates, classes)."""
    areas = np.zeros((len(found.dates), len(found.names)), dtype=np.float64)
    for date, classes in enumerate(found.classes):
        seen = classes != NOT_SEEN
        areas[date] = np.bincount(
            classes[seen], weights=found.cell_ha[seen], minlength=len(found.names)
        )
    return areas


def flow(found: LandUse, before: int, after: int) -> Flow:
    """Tell what became of what from one date to another.

    Args:
        found: What each place was.
        before: Number of the earlier date, 0 the earliest.
        after: Number of the later date.

    Raises:
        InvalidRequest: there are no such dates, or they come in another order.
    """
    if not 0 <= before < after < len(found.dates):
        raise InvalidRequest(
            f"expected two of {len(found.dates)} dates, the earlier first, came {before} and "
            f"{after}"
        )
    one, other = found.classes[before], found.classes[after]
    both = (one != NOT_SEEN) & (other != NOT_SEEN)
    count = len(found.names)
    pairs = one[both].astype(np.int64) * count + other[both]
    sums = np.bincount(pairs, weights=found.cell_ha[both], minlength=count * count)
    return Flow(
        before=found.dates[before],
        after=found.dates[after],
        names=found.names,
        hectares=np.asarray(sums, dtype=np.float64).reshape(count, count),
    )


def flows(found: LandUse) -> list[Flow]:
    """Tell what became of what from each date to the next, and from the first to the last.

    The whole period comes last, where there are more than two dates; there is none of one date.
    """
    count = len(found.dates)
    steps = [flow(found, at - 1, at) for at in range(1, count)]
    return [*steps, flow(found, 0, count - 1)] if count > 2 else steps  # noqa: PLR2004 (a pair)


def shares_of(areas: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide areas by their sum; nothing seen gives shares of 0."""
    given = np.asarray(areas, dtype=np.float64)
    total = given.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(given, total, out=np.zeros_like(given), where=total > 0))
