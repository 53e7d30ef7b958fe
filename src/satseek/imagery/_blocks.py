"""A raster that is read window by window → the same, each of its blocks decoded once.

Does not know chips. GDAL keeps blocks with all their bands: a row of them, in a wide scene of many
bands, is more than its cache holds, and each row of chips would decode it anew. Here only the bands
that are asked for are kept.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from satseek.imagery._open import CACHE_BYTES
from satseek.imagery._sources import RasterSource, Samples
from satseek.types import Window

if TYPE_CHECKING:
    from satseek.imagery._sources import BandLayout, Reducing, Source

KEPT_BYTES = 64 * 1024**2
"""Samples that are kept at most; three bands of 16 bits over a row of blocks of 512 px take as much
in a scene of 18,000 columns."""

_GDALS_SHARE = 0.7
"""Of GDAL's cache that a row of blocks may take before it is kept here: other rasters are open."""

_Key = tuple[tuple[int, ...], int, int]
"""Bands, and the block's row and column."""


@dataclass(slots=True, kw_only=True)
class KeepingSource:
    """A `Source` that keeps the blocks it read last; to be used by one thread."""

    source: RasterSource
    edges: tuple[int, int]
    """Rows and columns of a block."""
    _kept: OrderedDict[_Key, Samples] = field(default_factory=OrderedDict)
    _bytes: int = 0

    @property
    def name(self) -> str:
        """See `Source`."""
        return self.source.name

    @property
    def width(self) -> int:
        """See `Source`."""
        return self.source.width

    @property
    def height(self) -> int:
        """See `Source`."""
        return self.source.height

    @property
    def layout(self) -> BandLayout:
        """See `Source`."""
        return self.source.layout

    def read(
        self, window: Window, *, bands: tuple[int, ...], step: int = 1, by: Reducing = "average"
    ) -> Samples:
        """See `Source.read`; what is reduced comes from overviews, which are not kept."""
        if step != 1:
            return self.source.read(window, bands=bands, step=step, by=by)
        shape = (window.height, window.width)
        values = np.empty((len(bands), *shape), self.layout.dtype)
        valid = np.empty(shape, bool)
        for row in _numbers(window.row, window.height, self.edges[0]):
            for column in _numbers(window.column, window.width, self.edges[1]):
                block = self._block((bands, row, column))
                rows, from_rows = _shared(window.row, window.height, row, self.edges[0])
                columns, from_columns = _shared(window.column, window.width, column, self.edges[1])
                values[:, rows, columns] = block.values[:, from_rows, from_columns]
                valid[rows, columns] = block.valid[from_rows, from_columns]
        return Samples(values=values, valid=valid)

    def sample(self, *, bands: tuple[int, ...], edge: int) -> Samples:
        """See `Source.sample`."""
        return self.source.sample(bands=bands, edge=edge)

    def _block(self, key: _Key) -> Samples:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        bands, row, column = key
        top, left = row * self.edges[0], column * self.edges[1]
        height = min(self.edges[0], self.height - top)
        width = min(self.edges[1], self.width - left)
        window = Window(column=left, row=top, width=width, height=height)
        block = self._kept[key] = self.source.read(window, bands=bands)
        self._bytes += _size(block)
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)
        return block


def decoding_once(source: Source, *, bands: int) -> Source:
    """Keep blocks of a source where that saves decoding them again; else it stays as it is.

    Args:
        source: Read from top to bottom, each row of windows from left to right.
        bands: How many of its bands are read.
    """
    if not isinstance(source, RasterSource):
        return source
    height, width = source.dataset.block_shapes[0]
    row = height * width * -(-source.width // width) * np.dtype(source.layout.dtype).itemsize
    together = source.dataset.interleaving is not None and (
        source.dataset.interleaving.name == "pixel"
    )
    gdals = row * (source.layout.count if together else bands)
    if gdals <= _GDALS_SHARE * CACHE_BYTES or row * bands > KEPT_BYTES:
        return source
    return KeepingSource(source=source, edges=(height, width))


def _numbers(start: int, length: int, edge: int) -> range:
    """Blocks that a span of pixels touches."""
    return range(start // edge, (start + length - 1) // edge + 1)


def _shared(start: int, length: int, number: int, edge: int) -> tuple[slice, slice]:
    """Where a block and a span of pixels overlap: in the span, and in the block."""
    first = max(start, number * edge)
    last = min(start + length, (number + 1) * edge)
    return slice(first - start, last - start), slice(first - number * edge, last - number * edge)


def _size(samples: Samples) -> int:
    return samples.values.nbytes + samples.valid.nbytes
