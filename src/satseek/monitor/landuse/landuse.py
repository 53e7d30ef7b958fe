"""A collection and a set of labels → what each place was at each date, all dates decided at once.

Does not know files, terminals or where the imagery came from: from here on everything is vectors.
The same generation of a collection, labels and choices give the same answer, so that whatever was
killed is simply run again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.export.areas import shape_areas_ha
from satseek.monitor.change.outlining import outline_cells
from satseek.monitor.change.series import read_series
from satseek.monitor.labels.jointly import NOT_SEEN
from satseek.monitor.labels.labelling import label_vectors
from satseek.monitor.landuse.choices import Choices
from satseek.monitor.landuse.deciding import (
    CELLS_AT_ONCE,
    changes_since,
    decided,
    last_seen,
    sights_of,
)
from satseek.monitor.landuse.spacing import spaced
from satseek.search.mapping_cells import place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.index.pinned import Pinned
    from satseek.monitor.change.series import Occasion, Series, Table
    from satseek.monitor.labels.jointly import Stickiness
    from satseek.monitor.labels.labelling import LabelSet, LabelVectors
    from satseek.monitor.landuse.deciding import OnProgress
    from satseek.search.glossary import Glossary
    from satseek.types import GeoJSON, Vectors

__all__ = ["Choices", "Ground", "LandUse", "land_use", "read_ground"]

_GROUNDLESS = "px_"
"""Cells of images without georeference begin so: different images share their names."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """What of a collection has a date and lies on the ground."""

    series: Series
    """The dates, of the cells of a map: chips beside each other."""
    chips: Series
    """The same dates, of all chips: where they overlap, of those in between as well."""
    undated: int
    """Chips left out as they have no date."""
    groundless: int
    """Sightings left out as their images have no georeference."""

    @property
    def is_nothing(self) -> bool:
        """True where no map can be made."""
        return not self.series.occasions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LandUse:
    """What each place was at each date."""

    labels: LabelSet
    """What cells were compared with."""
    names: tuple[str, ...]
    """Classes: the labels in their order, and “none of these” behind them where there is one."""
    translated: Mapping[str, str]
    """What prompts that are not English were taken for, by prompt."""
    collection: str
    """Name of the collection."""
    generation: int
    """Which of its generations was read."""
    model: str
    """``name@version`` of what made the vectors."""
    choices: Choices
    """How it was read."""
    overlapping: bool
    """Whether chips overlap, so that several of them decided each cell."""
    series: Series
    """The dates, of cells on the ground alone."""
    groundless: int
    """Sightings of cells without georeference, that no map can show."""
    cells: tuple[str, ...]
    """Names of the cells seen at any date, ascending."""
    cell_ha: NDArray[np.float64]
    """Shape (cells,): ground that each stands for, hectares, equal-area."""
    footprints: Mapping[str, GeoJSON | None]
    """Of cells that lie on no lattice, by name: GeoJSON (Multi)Polygon on WGS 84."""
    rows: NDArray[np.int64]
    """Shape (dates, cells): row of the chip; −1 where the cell was not seen."""
    classes: NDArray[np.int16]
    """Shape (dates, cells): number in ``names``; `NOT_SEEN` where the cell was not seen."""
    shares: NDArray[np.float32]
    """Shape (dates, cells): share of that class at that date alone, 0–1; NaN: not seen."""
    previous: NDArray[np.int16]
    """Shape (dates, cells): date at which the cell was seen before; −1: never."""
    changes: NDArray[np.float32]
    """Shape (dates, cells): percentile, 0–100, of the change since then; NaN: not compared."""

    @property
    def dates(self) -> tuple[str, ...]:
        """Names of the dates, earliest first."""
        return tuple(one.name for one in self.series.occasions)

    @property
    def stickiness(self) -> Stickiness:
        """What it took for a place to change its label."""
        return self.choices.overlapping if self.overlapping else self.choices.stickiness

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Shape (dates, cells): True where the cell was seen."""
        return np.asarray(self.classes != NOT_SEEN)

    def changed(self) -> NDArray[np.bool_]:
        """Shape (dates, cells): True where the class is another than when it was last seen."""
        before = np.take_along_axis(self.classes, np.maximum(self.previous, 0), axis=0)
        return np.asarray((self.previous >= 0) & self.seen & (before != self.classes))


def read_ground(index: Pinned, choices: Choices) -> Ground:
    """Find what has a date and lies on the ground.

    Raises:
        InvalidFilter, InvalidRequest: the filter or the choices cannot be.
    """
    found = read_series(index, where=choices.where, by=choices.by, least_valid=choices.least_valid)
    kept = [_placed(one) for one in found.occasions]
    cells = [(_spaced(one), one) for one in kept]
    series, chips = (
        replace(found, occasions=tuple(both[at] for both in cells if len(both[0]))) for at in (0, 1)
    )
    return Ground(
        series=series,
        chips=chips,
        undated=found.undated,
        groundless=sum(map(len, found.occasions)) - sum(map(len, kept)),
    )


def land_use(
    index: Pinned,
    *,
    labels: LabelSet,
    embedder: Embedder,
    glossary: Glossary | None = None,
    known: Mapping[str, Vectors] | None = None,
    choices: Choices | None = None,
    ground: Ground | None = None,
    looked: LabelVectors | None = None,
    on_progress: OnProgress = lambda _note, _done, _all: None,
) -> LandUse:
    """Say what every place was at every date.

    Args:
        index: One generation of a collection.
        labels: What places may be.
        embedder: Of the model that made the index' vectors.
        glossary: Chinese words; None: the shipped ones.
        known: Vectors (1, dim) of prompts that are not to be embedded as they are written.
        choices: How it is read; None: as usual.
        ground: What ``read_ground`` gave for these choices; None: it is read.
        looked: What ``label_vectors`` gave for these labels; None: they are embedded.
        on_progress: Called as it goes.

    Raises:
        InvalidRequest: no chip that passes the filter has a date and lies on the ground.
        InvalidFilter, EmptyText, Untranslatable: the filter or the labels cannot be.
        ModelMismatch: the embedder makes vectors of another length than the index has.
    """
    chosen = choices or Choices()
    if looked is None:
        looked = label_vectors(labels, embedder=embedder, glossary=glossary, known=known or {})
    read = ground or read_ground(index, chosen)
    if read.is_nothing:
        raise InvalidRequest(
            "no land use: none of the chips that pass the filter has a date and lies on the ground "
            f"({read.undated} without a date, {read.groundless} without georeference); dates come "
            "from file names, tags or STAC Items"
        )
    table = _evenly_seen(read.series.table(), chosen.least_of_best)
    previous = last_seen(table.seen)
    changes = changes_since(
        index,
        read.series,
        table,
        previous,
        words=looked.vectors,
        shift=chosen.shift,
        on_progress=on_progress,
    )
    sights = sights_of(_evenly_seen(read.chips.table(), chosen.least_of_best))
    classes, shares = decided(
        index,
        table,
        looked,
        changes,
        sights=sights,
        stickiness=chosen.stickiness if sights is None else chosen.overlapping,
        on_progress=on_progress,
    )
    alone = _footprints(index, table)
    return LandUse(
        labels=labels,
        names=looked.names,
        translated=looked.translated,
        collection=index.spec.name,
        generation=index.generation,
        model=looked.card.ref,
        choices=chosen,
        overlapping=sights is not None,
        series=read.series,
        groundless=read.groundless,
        cells=table.cells,
        cell_ha=_hectares(table.cells, alone),
        footprints=alone,
        rows=table.rows,
        classes=classes,
        shares=shares,
        previous=previous,
        changes=changes,
    )


def _evenly_seen(table: Table, least_of_best: float) -> Table:
    """Leave out sightings of much less of a cell than other dates saw."""
    valid = table.valid_fractions
    kept = valid >= np.float32(least_of_best) * valid.max(axis=0)
    return replace(
        table,
        rows=np.where(kept, table.rows, -1),
        valid_fractions=np.where(kept, valid, np.float32(0)),
    )


def _spaced(occasion: Occasion) -> Occasion:
    """Keep the cells of a map, by their names."""
    cells = spaced(occasion.cells)
    places = {chip: place for place, chip in enumerate(occasion.cells)}
    return _only(occasion, tuple(cells), [places[chip] for chip in cells.values()])


def _placed(occasion: Occasion) -> Occasion:
    """Leave out cells of images without georeference."""
    at = [n for n, cell in enumerate(occasion.cells) if not cell.startswith(_GROUNDLESS)]
    return _only(occasion, tuple(occasion.cells[n] for n in at), at)


def _only(occasion: Occasion, cells: tuple[str, ...], at: Sequence[int]) -> Occasion:
    """Keep some places of an occasion, called so."""
    places = np.array(at, dtype=np.int64)
    return replace(
        occasion,
        cells=cells,
        rows=occasion.rows[places],
        sources=occasion.sources[places],
        valid_fractions=occasion.valid_fractions[places],
    )


def _hectares(cells: Sequence[str], alone: Mapping[str, GeoJSON | None]) -> NDArray[np.float64]:
    """Measure the ground that each cell stands for."""
    areas = np.empty(len(cells), dtype=np.float64)
    for start in range(0, len(cells), CELLS_AT_ONCE):
        part = slice(start, start + CELLS_AT_ONCE)
        areas[part] = shape_areas_ha(outline_cells(cells[part], footprints=alone))
    return np.nan_to_num(areas)


def _footprints(index: Pinned, table: Table) -> dict[str, GeoJSON | None]:
    """Read the footprints of cells that lie on no lattice."""
    alone = place(table.cells).others
    chips = index.chips(table.rows[:, alone].max(axis=0).tolist())
    return {table.cells[at]: chip.footprint for at, chip in zip(alone, chips, strict=True)}
