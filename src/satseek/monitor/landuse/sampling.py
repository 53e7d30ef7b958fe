"""What each place was → the cells from which a sample is drawn, by class or by change.

Does not know how a sample is drawn, nor who answers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.export.areas import SQUARE_METRES
from satseek.monitor.change.outlining import outline_cells
from satseek.monitor.samples.drawing import SamplingFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.index.pinned import Pinned
    from satseek.monitor.landuse.landuse import LandUse

ARROW = " → "
"""Between the class before and the class after."""


def sampling_frame(
    found: LandUse, *, index: Pinned, date: str, since: str | None = None
) -> SamplingFrame:
    """Give the cells seen at a date, by class; or by what became of what since another date.

    Args:
        found: What each place was.
        index: The generation that it was read from.
        date: Name of the date that the map is of.
        since: Name of an earlier date: strata are then changes, ``forest → mine``, and what did not
            change is called by its class alone; None: strata are the classes of ``date``.

    Raises:
        InvalidRequest: there is no such date, or the earlier one does not come earlier.
        ChipNotFound: the collection was compacted since.
    """
    at = _number(found, date)
    before = None if since is None else _number(found, since)
    if before is not None and before >= at:
        raise InvalidRequest(f"expected an earlier date than {date}, came {since}")
    used = [at] if before is None else [before, at]
    both = np.asarray(found.seen[used].all(axis=0))
    kept = np.flatnonzero(both & (found.cell_ha > 0))
    cells = [found.cells[place] for place in kept.tolist()]
    labels = [_said(found, used, place) for place in kept.tolist()]
    shapes = outline_cells(cells, footprints=found.footprints)
    return SamplingFrame(
        cells=cells,
        strata=labels,
        mapped=labels,
        areas_m2=found.cell_ha[kept] * SQUARE_METRES,
        footprints=[json.loads(text) for text in shapely.to_geojson(shapes).tolist()],
        chips=_chips(index, found.rows[used][:, kept]),
    )


def change_label(before: str, after: str) -> str:
    """Name what became of what; what stayed has its own name."""
    return before if before == after else f"{before}{ARROW}{after}"


def _said(found: LandUse, dates: list[int], place: int) -> str:
    names = [found.names[found.classes[date, place]] for date in dates]
    return change_label(names[0], names[-1])


def _number(found: LandUse, date: str) -> int:
    if date not in found.dates:
        raise InvalidRequest(
            f"expected one of the dates {', '.join(found.dates):.400}, came {date[:40]!r}"
        )
    return found.dates.index(date)


def _chips(index: Pinned, rows: NDArray[np.int64]) -> list[tuple[str, ...]]:
    """Name the chips of cells, rows of shape (dates, cells): earliest first."""
    ids = [[chip.id for chip in index.chips(one.tolist())] for one in rows]
    return list(zip(*ids, strict=True))
