"""A watch and one generation of its collection → cells and dates to look at, and what is new.

Does not know scores. A scene counts once it is wholly indexed: half of one is no look.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING

import numpy as np
import shapely

from satseek.errors import InvalidRequest, ModelMismatch
from satseek.export.areas import shape_areas_ha
from satseek.index.cells import UNDATED
from satseek.index.records import from_microseconds
from satseek.index.sightings import read_sightings
from satseek.monitor.change.outlining import outline_cells
from satseek.monitor.change.series import Table, read_series
from satseek.search.mapping_cells import place
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.index.collection import Collection
    from satseek.index.pinned import Pinned
    from satseek.monitor.watch.watch import Watch
    from satseek.types import GeoJSON, ModelCard

WITHIN = 0.5
"""Share of a cell that must lie in a polygon for the cell to lie in it: cells are squares that
cross every border."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WatchedGround:
    """What a watch looks at."""

    table: Table
    """Its cells beside its dates."""
    days: tuple[str, ...]
    """Names of the table's dates, ascending."""
    new: NDArray[np.bool_]
    """Shape (dates,): those with a scene that no run has looked at."""
    by_day: Mapping[str, Mapping[str, str]]
    """New scenes with their digests, by the day that they show; those without a date, and those
    that show none of its cells, are on no day."""
    undated: int
    """Chips without a date: nobody knows when they show the ground, and no run looks at them."""


def unseen_scenes(collection: Collection, looked_at: Mapping[str, str]) -> dict[str, str]:
    """List scenes that are wholly indexed and were not looked at as they are now, with digests.

    To be asked before a generation is pinned: a scene that changes meanwhile is then looked at
    again, never passed over.
    """
    found = {}
    for scene in collection.scenes():
        if looked_at.get(scene.id) == scene.digest:
            continue
        known = collection.find_known(scene.id)
        if known is not None and known.progress.finished:
            found[scene.id] = known.scene.digest
    return found


def survey(watch: Watch, index: Pinned, *, unseen: Mapping[str, str]) -> WatchedGround:
    """Find what a watch looks at, and what of it is new.

    Args:
        watch: Which.
        index: One generation of its collection.
        unseen: Of ``unseen_scenes``.

    Raises:
        InvalidFilter: its area cannot be.
        InvalidRequest: the collection has no chips of its level.
    """
    levels = index.spec.grid.levels
    if watch.level not in levels:
        raise InvalidRequest(
            f"watch {watch.name}: level: collection {index.spec.name!r} has levels "
            f"{', '.join(map(str, levels))}, came {watch.level}"
        )
    where = Filter(area=watch.area, levels=(watch.level,))
    series = read_series(index, where=where, least_valid=watch.least_valid)
    days = tuple(one.name for one in series.occasions)
    by_day = _days_of(index, where, unseen)
    return WatchedGround(
        table=_on_ground(series.table(), index, watch.exclusions),
        days=days,
        new=np.array([day in by_day for day in days], dtype=np.bool_),
        by_day=by_day,
        undated=series.undated,
    )


def check_model(index: Pinned, card: ModelCard) -> None:
    """Refuse vectors of another model than the one that words are embedded with.

    Raises:
        ModelMismatch: so it is.
    """
    if index.model != (card.name, card.version):
        raise ModelMismatch(
            f"collection {index.spec.name!r} was made by {'@'.join(index.model)}, the model in use "
            f"is {card.ref}: their vectors do not compare"
        )


def odd_footprints(
    index: Pinned, cells: Sequence[str], rows: NDArray[np.int64]
) -> dict[str, GeoJSON | None]:
    """Give the footprints of those cells that lie on no lattice: images that are one chip each.

    Args:
        index: Where they are.
        cells: Names.
        rows: Shape (n,): a row of each.
    """
    others = place(cells).others.tolist()
    chips = index.chips(rows[others].tolist())
    return {cells[at]: chip.footprint for at, chip in zip(others, chips, strict=True)}


def shares_within(
    cells: Sequence[str],
    area: GeoJSON | None,
    *,
    footprints: Mapping[str, GeoJSON | None] | None = None,
) -> NDArray[np.float64]:
    """Tell what share of each cell lies in an area, 0–1; 0 of one that lies nowhere."""
    if area is None or not cells:
        return np.zeros(len(cells))
    shape = shapely.from_geojson(json.dumps(area))
    shapely.prepare(shape)
    outlines = outline_cells(cells, footprints=footprints)
    shares = np.zeros(len(cells))
    near = np.flatnonzero(shapely.intersects(shape, outlines))
    parts = shapely.intersection(outlines[near], shape)
    shares[near] = shape_areas_ha(parts) / shape_areas_ha(outlines[near])
    return np.clip(shares, 0, 1)


def _days_of(index: Pinned, where: Filter, unseen: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Name the days that new scenes show."""
    if not unseen:
        return {}
    found = read_sightings(index, replace(where, scene_ids=tuple(unseen)))
    days: dict[str, dict[str, str]] = {}
    pairs = np.unique(np.stack([found.sources, found.taken]), axis=1).T.tolist()
    for source, taken in pairs:
        moment = from_microseconds(taken) if taken != UNDATED else None
        if moment is not None:
            day = moment.astimezone(UTC).date().isoformat()
            scene = found.scenes[source]
            days.setdefault(day, {})[scene] = unseen[scene]
    return days


def _on_ground(table: Table, index: Pinned, exclusions: GeoJSON | None) -> Table:
    """Leave out cells that lie nowhere, and those of which the larger part is excluded.

    Images without georeference have no place that could be watched: their cells count the pixels
    of their own scene.
    """
    if not table.cells:
        return table
    rows = table.rows[table.seen.argmax(axis=0), np.arange(len(table.cells))]
    footprints = odd_footprints(index, table.cells, rows)
    lost = {cell for cell, outline in footprints.items() if outline is None}
    shares = shares_within(table.cells, exclusions, footprints=footprints)
    kept = [at for at, cell in enumerate(table.cells) if shares[at] < WITHIN and cell not in lost]
    if len(kept) == len(table.cells):
        return table
    return Table(
        cells=tuple(table.cells[at] for at in kept),
        rows=table.rows[:, kept],
        valid_fractions=table.valid_fractions[:, kept],
    )
