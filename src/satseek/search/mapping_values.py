"""A query, or labels → a map of a whole collection: how well each place fits, or what it is.

Knows neither tiles nor files: a map fills any raster that it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.imagery.keeping import Kept
from satseek.index.cells import Cells, cosines, passing, read_cells
from satseek.index.filters import check_filter
from satseek.model.prompts import DISTRACTORS, NONE_OF_THESE, TEMPLATES
from satseek.model.prompts import distractors as distractors_beside
from satseek.model.scores import percentile
from satseek.search.classifying import check_labels, prompt_vectors
from satseek.search.looking import BACKGROUND_SAMPLE
from satseek.search.mapping_cells import Layer, Placed, Placing, keys_of, mean_by, place
from satseek.search.mapping_cells import columns_of as _columns_of
from satseek.search.mapping_cells import rows_of as _rows_of
from satseek.search.mapping_outlines import Outlines
from satseek.search.searching import query_vector
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.imagery.views import View
    from satseek.index.pinned import Pinned
    from satseek.index.protocol import Rows
    from satseek.search.directions import Examples
    from satseek.search.glossary import Glossary
    from satseek.types import Query, Vectors

MAX_CLASSES = 100
"""Labels of one class map: more colours cannot be told apart, and a file has numbers for 255."""

CHIPS_AT_ONCE = 65_536
"""Chips that are compared with all labels at a time: 29 MB for a hundred labels and distractors."""

_DECIMALS = 6
"""Of cosines that count as equal: sums of float32 differ by some 1e-7 with the order of terms."""

_TABLES = 4
"""Collections whose cells are kept: 24 bytes a chip, and their names while they are read."""

_MAP_BYTES = 128 * 1024**2
"""Of all maps that are kept."""

_ANY = Filter()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellMap:
    """Values over a collection's ground: of a heat map, percentiles; of a class map, numbers."""

    layers: tuple[Layer, ...]
    """Values on lattices; that of most cells first."""
    outlines: Outlines
    """Values of images that are one chip each."""
    names: tuple[str, ...]
    """Of a class map: the class of value 0, 1, 2 …; of a heat map: none."""

    @property
    def nowhere(self) -> bool:
        """True where nothing lies on the ground."""
        return not len(self.outlines) and not any(layer.keys.size for layer in self.layers)

    def fill(self, view: View) -> NDArray[np.float32]:
        """Give the value under the middle of each pixel of a view: (h, w), NaN where none is.

        Where lattices of several CRSs overlap, scores are averaged, and classes are those of the
        lattice with most cells.
        """
        classes = len(self.names) or None
        parts = [layer.fill(view, classes=classes) for layer in self.layers]
        if len(self.outlines):
            parts.append(self.outlines.fill(view))
        if not parts:
            return np.full((view.height, view.width), np.nan, dtype=np.float32)
        if len(parts) == 1:
            return parts[0]
        return _averaged(parts) if classes is None else _first_known(parts)

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        layers = sum(layer.keys.nbytes + layer.values.nbytes for layer in self.layers)
        return layers + 1024 * len(self.outlines)


class Maps:
    """Makes maps and remembers the last ones; safe to share between threads."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._tables: Kept[Table] = Kept(_TABLES)
        self._maps: Kept[CellMap] = Kept(_MAP_BYTES, size=lambda one: one.bytes)

    def made(self, key: str, make: Callable[[Table], CellMap], *, index: Pinned) -> CellMap:
        """Give the map made before of this generation under a key, or make it.

        Args:
            key: Names everything besides the generation that decides the map: model, words …
            make: Makes it, where the chips lie being known.
            index: The generation.
        """
        generation = index.fingerprint
        return self._maps.get(
            (generation, key),
            lambda: make(self._tables.get(generation, lambda: Table.of(index))),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Where the chips of one generation lie."""

    cells: Cells
    """Their rows and dates; names of cells are not kept."""
    placing: Placing
    """Where they lie."""

    @classmethod
    def of(cls, index: Pinned) -> Table:
        """Read the cells of all living chips."""
        cells = read_cells(index)
        return cls(placing=place(cells.names), cells=replace(cells, names=[]))

    def among(self, rows: Rows) -> NDArray[np.bool_]:
        """Tell which chips are among some rows, which are ascending."""
        if not rows.size:
            return np.zeros(self.cells.rows.shape, dtype=np.bool_)
        at = np.minimum(np.searchsorted(rows, self.cells.rows), rows.size - 1)
        return np.asarray(rows[at] == self.cells.rows, dtype=np.bool_)

    def passing(self, kept: NDArray[np.bool_]) -> Iterator[Placed]:
        """Give, lattice by lattice, the chips that are kept."""
        for placed in self.placing.lattices:
            chosen = kept[placed.places]
            if chosen.any():
                yield replace(placed, places=placed.places[chosen], keys=placed.keys[chosen])

    def others(self, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Give the numbers of the chips on no lattice that are kept, the newest last."""
        numbers = self.placing.others[kept[self.placing.others]]
        return numbers[np.lexsort((numbers, self.cells.taken[numbers]))]


def heat_cells(
    query: Query,
    *,
    index: Pinned,
    embedder: Embedder,
    table: Table | None = None,
    glossary: Glossary | None = None,
    others: Examples | None = None,
) -> CellMap:
    """Map how well each place fits a query: percentiles against the collection's background.

    Of a cell with chips of several dates the best counts, as among hits; where chips overlap, their
    mean.

    Args:
        query: What is looked for; ``k`` and ``least`` do not matter.
        index: One pinned generation.
        embedder: Of the model that made the index' vectors.
        table: Where its chips lie; None: found out.
        glossary: Chinese words; None: the shipped ones.
        others: Vectors of chips liked and disliked elsewhere.

    Raises:
        EmptyText, Untranslatable, InvalidFilter, ChipNotFound: as ``search``.
    """
    where = _on_one_level(check_filter(query.where), index)
    vector = query_vector(query, index=index, embedder=embedder, glossary=glossary, others=others)
    table = Table.of(index) if table is None else table
    kept = table.among(passing(index, where))
    values = np.full(kept.shape, np.nan, dtype=np.float32)
    if kept.any():
        background = (index.sample(BACKGROUND_SAMPLE) @ vector[0]).astype(np.float32)
        found = cosines(index, vector, table.cells.rows[kept])[0]
        # a chip that is part of the background ties with itself, however sums were rounded
        values[kept] = percentile(np.round(found, _DECIMALS), np.round(background, _DECIMALS))
    layers = tuple(_best_layer(placed, values) for placed in table.passing(kept))
    beside = table.others(kept)
    return CellMap(layers=layers, outlines=_outlines(index, table, beside, values), names=())


def class_cells(
    labels: Sequence[str],
    *,
    index: Pinned,
    embedder: Embedder,
    table: Table | None = None,
    where: Filter = _ANY,
    templates: Sequence[str] = TEMPLATES,
    distractors: Sequence[str] = DISTRACTORS,
    known: Mapping[str, Vectors] | None = None,
) -> CellMap:
    """Map what each place is, zero-shot: the label that fits best, or “none of these”.

    Of a cell with chips of several dates the newest counts; where chips overlap, the mean of their
    cosines.

    Args:
        labels: As asked.
        index: One pinned generation.
        embedder: Of the model that made the index' vectors.
        table: Where its chips lie; None: found out.
        where: Which chips count.
        templates: Prompt templates.
        distractors: What stands for “none of these”.
        known: Vectors (1, dim) of labels that are not to be embedded as they are written.

    Raises:
        EmptyText: no label, or one without any word.
        InvalidRequest: a label twice, or more than `MAX_CLASSES`; a template without ``{}``.
        InvalidFilter: the area or the dates cannot be.
    """
    asked = check_labels(labels)
    if len(asked) > MAX_CLASSES:
        raise InvalidRequest(f"at most {MAX_CLASSES} labels on one map, came {len(asked)}")
    others = distractors_beside(asked, pool=distractors)
    prompts = prompt_vectors((*asked, *others), embedder=embedder, templates=templates, known=known)
    table = Table.of(index) if table is None else table
    kept = table.among(passing(index, _on_one_level(check_filter(where), index)))
    names = (*asked, NONE_OF_THESE) if others else tuple(asked)

    def compared(numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        return _fitting(index, prompts, table.cells.rows[numbers], labels=len(asked))

    layers = tuple(_class_layer(placed, table, compared) for placed in table.passing(kept))
    beside = table.others(kept)
    values = np.full(kept.shape, np.nan, dtype=np.float32)
    if beside.size:
        values[beside] = compared(beside).argmax(axis=1)
    return CellMap(layers=layers, outlines=_outlines(index, table, beside, values), names=names)


def _on_one_level(where: Filter, index: Pinned) -> Filter:
    """Keep to the smallest chips unless other levels are asked for: they say most exactly where."""
    levels = index.spec.grid.levels
    return where if where.levels or len(levels) == 1 else replace(where, levels=(min(levels),))


def _best_layer(placed: Placed, values: NDArray[np.float32]) -> Layer:
    own = values[placed.places]
    order = np.lexsort((own, placed.keys))
    last = np.flatnonzero(np.diff(placed.keys[order], append=np.iinfo(np.int64).max))
    keys, best = placed.keys[order][last], own[order][last]
    reached = _reached(keys, placed.ground.reach)
    return Layer(placed.ground, *mean_by(reached.ravel(), np.tile(best, len(reached))))


def _class_layer(
    placed: Placed, table: Table, compared: Callable[[NDArray[np.int64]], NDArray[np.float32]]
) -> Layer:
    order = np.lexsort((placed.places, table.cells.taken[placed.places], placed.keys))
    last = np.flatnonzero(np.diff(placed.keys[order], append=np.iinfo(np.int64).max))
    keys, newest = placed.keys[order][last], placed.places[order][last]
    fits = compared(newest)  # (cells, classes)
    if placed.ground.reach == 1:
        return Layer(placed.ground, keys, fits.argmax(axis=1).astype(np.float32))
    reached = _reached(keys, placed.ground.reach)
    unique, inverse = np.unique(reached.ravel(), return_inverse=True)
    sums = np.zeros((unique.size, fits.shape[1]), dtype=np.float32)
    counts = np.bincount(inverse.ravel(), minlength=unique.size)
    for at in inverse.reshape(reached.shape):  # each names a place once
        sums[at] += fits
    best = (sums / counts[:, None]).argmax(axis=1)
    return Layer(placed.ground, unique, best.astype(np.float32))


def _reached(keys: NDArray[np.int64], reach: int) -> NDArray[np.int64]:
    """Give the keys of all stride-wide places that each chip covers: (places, chips)."""
    columns, rows = _columns_of(keys), _rows_of(keys)
    return np.stack(
        [keys_of(columns + east, rows + north) for north in range(reach) for east in range(reach)]
    )


def _fitting(index: Pinned, prompts: Vectors, rows: Rows, *, labels: int) -> NDArray[np.float32]:
    """Cosines of chips with labels and, last, with the strongest distractor: (chips, classes)."""
    several = len(prompts) > labels
    fits = np.empty((rows.size, labels + several), dtype=np.float32)
    for start in range(0, rows.size, CHIPS_AT_ONCE):
        part = slice(start, start + CHIPS_AT_ONCE)
        found = cosines(index, prompts, rows[part])  # (prompts, chips)
        fits[part, :labels] = found[:labels].T
        if several:
            fits[part, labels] = found[labels:].max(axis=0)
    return fits


def _outlines(
    index: Pinned, table: Table, numbers: NDArray[np.int64], values: NDArray[np.float32]
) -> Outlines:
    chips = index.chips(table.cells.rows[numbers])
    return Outlines((chip.footprint for chip in chips), values[numbers].tolist())


def _averaged(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    stack = np.stack(parts)
    known = np.isfinite(stack)
    sums = np.where(known, stack, 0).sum(axis=0)
    counts = known.sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)


def _first_known(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    found = parts[0]
    for part in parts[1:]:
        found = np.where(np.isfinite(found), found, part)
    return found
