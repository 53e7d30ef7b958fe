"""What a raster's samples are → the words in which every source speaks of them.

Does not know files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.types import Valid, Window

Reducing: TypeAlias = Literal["average", "nearest"]
"""How several pixels become one: the mean of those that were measured, or one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Sample values as stored, and which of them were measured."""

    values: NDArray[Any]
    """Shape (bands, h, w), the file's own sample type."""
    valid: Valid
    """Shape (h, w); True where the file itself does not say that nothing was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandLayout:
    """What a file says about its bands."""

    count: int
    """Bands, mask bands included."""
    dtype: str
    """Sample type such as ``uint16``."""
    colours: tuple[str, ...]
    """Colour of each band: ``red``, ``gray``, ``palette``, ``alpha``, ``undefined`` …"""
    descriptions: tuple[str, ...]
    """Name of each band such as ``B4``; empty where it has none."""
    palette: tuple[tuple[int, int, int, int], ...]
    """RGBA by sample value where the first band is an index; else empty."""
    masked: bool
    """Whether the file says by nodata value, alpha or mask what was not measured."""
    common_names: tuple[str, ...] = ()
    """Common name of each band such as ``red``, as STAC's electro-optical extension has them; empty
    where there is none, and altogether where none is known."""
    scales: tuple[float | None, ...] = ()
    """Physical units of one step of each band's samples, as declared; None: not said."""
    offsets: tuple[float | None, ...] = ()
    """Physical value of each band's sample 0, as declared; None: not said."""

    def named_like(self, other: BandLayout) -> BandLayout:
        """Take over what another layout says of its bands; bands beyond those are masks."""
        more = self.count - other.count
        return replace(
            self,
            descriptions=other.descriptions + ("",) * more,
            common_names=other.common_names and other.common_names + ("",) * more,
            scales=other.scales and other.scales + (None,) * more,
            offsets=other.offsets and other.offsets + (None,) * more,
        )


class Source(Protocol):
    """Samples that can be read by window."""

    @property
    def name(self) -> str:
        """File, for messages."""

    @property
    def width(self) -> int:
        """Columns."""

    @property
    def height(self) -> int:
        """Rows."""

    @property
    def layout(self) -> BandLayout:
        """Its bands."""

    def read(
        self, window: Window, *, bands: tuple[int, ...], step: int = 1, by: Reducing = "average"
    ) -> Samples:
        """Read ``window``, which lies inside the source, of the 1-based ``bands``.

        Args:
            window: Pixels of the source; its edges are multiples of ``step`` long.
            bands: Which.
            step: Each pixel that comes back stands for ``step`` x ``step`` of the source, from its
                overviews where there are any.
            by: How they become one: values that mean classes are never averaged.
        """

    def sample(self, *, bands: tuple[int, ...], edge: int) -> Samples:
        """Read the whole source thinned out to at most ``edge`` rows and columns."""


def reduced(samples: Samples, *, step: int, by: Reducing) -> Samples:
    """Make one pixel of ``step`` x ``step``; edges are multiples of it. See `Source.read`."""
    values, valid = samples.values, samples.valid
    if by == "nearest":
        middle = slice(step // 2, None, step)
        return Samples(values=values[:, middle, middle], valid=valid[middle, middle])
    count, height, width = values.shape
    blocks = (height // step, step, width // step, step)
    known = valid.reshape(blocks).sum(axis=(1, 3))  # (h, w)
    sums = np.where(valid, values, 0).reshape(count, *blocks).sum(axis=(2, 4), dtype=np.float64)
    means = sums / np.maximum(known, 1)
    whole = values.dtype.kind in "iu"
    kept = (np.rint(means) if whole else means).astype(values.dtype)
    return Samples(values=kept, valid=known > 0)


def measured(values: NDArray[Any], *, nodata: float | None) -> Valid:
    """Where at least one band holds a value: finite and not ``nodata``.

    One band is enough, as in GDAL's dataset mask: pure red is (255, 0, 0) even if nodata is 0.
    """
    if values.dtype.kind != "f" and nodata is None:
        return np.ones(values.shape[1:], bool)
    known: NDArray[Any] = (
        np.isfinite(values) if values.dtype.kind == "f" else np.ones_like(values, bool)
    )
    if nodata is not None and not np.isnan(nodata):
        whole_number = values.dtype.kind in "iu" and float(nodata).is_integer()
        known &= values != (int(nodata) if whole_number else nodata)
    return np.logical_or.reduce(known, axis=0)  # type: ignore[no-any-return]
