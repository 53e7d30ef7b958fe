"""A collection and a set of labels → one line an image: what most of it is, and when.

Does not know dates of a series, nor where images lie: those without georeference count as well. An
image is a scene; of one that was cut into chips, the shares of its chips are averaged, each by how
much of it was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.cells import UNDATED
from satseek.index.filters import check_filter
from satseek.index.records import from_microseconds
from satseek.index.sightings import read_sightings
from satseek.monitor.change.series import on_one_level
from satseek.monitor.landuse.deciding import CELLS_AT_ONCE
from satseek.types import Filter

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.index.sightings import Sightings
    from satseek.monitor.labels.labelling import LabelVectors

_ANY = Filter()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLandUse:
    """What most of one image is."""

    image: str
    """Id of its scene: its path below the folder that was indexed."""
    land_use: str
    """Class with the largest share."""
    share: float
    """Its share, 0–1: the mean over the image's chips."""
    date: datetime | None
    """Acquisition time, UTC; None where unknown."""


def images_of(index: Pinned, looked: LabelVectors, *, where: Filter = _ANY) -> list[ImageLandUse]:
    """Say of each image what most of it is, in the order of their ids.

    Args:
        index: One generation of a collection.
        looked: Labels in the space of its model.
        where: Which chips count.

    Raises:
        InvalidFilter: the area or the dates cannot be.
    """
    found = read_sightings(index, on_one_level(check_filter(where), index))
    weights = np.maximum(found.valid_fractions, np.finfo(np.float32).eps).astype(np.float64)
    sums = _summed(index, found, looked, weights)
    totals = np.bincount(found.sources, weights=weights, minlength=len(found.scenes))
    taken = _taken(found)
    images = []
    for at, scene in enumerate(found.scenes):
        best = int(sums[at].argmax())
        images.append(
            ImageLandUse(
                image=scene,
                land_use=looked.names[best],
                share=float(sums[at, best] / totals[at]),
                date=None if taken[at] == UNDATED else from_microseconds(int(taken[at])),
            )
        )
    return images


def _summed(
    index: Pinned, found: Sightings, looked: LabelVectors, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Add the weighted shares of chips up by scene: (scenes, classes)."""
    sums = np.zeros((len(found.scenes), len(looked.names)), dtype=np.float64)
    for start in range(0, len(found), CELLS_AT_ONCE):
        part = slice(start, start + CELLS_AT_ONCE)
        shares = looked.shares(index.vectors(found.rows[part]))
        np.add.at(sums, found.sources[part], shares * weights[part, None])
    return sums


def _taken(found: Sightings) -> NDArray[np.int64]:
    """Give each scene's date, microseconds since 1970: that of any of its chips."""
    taken = np.full(len(found.scenes), UNDATED, dtype=np.int64)
    taken[found.sources] = found.taken
    return taken
