"""An open raster → samples and their mask, window by window.

Does not know who opened it, nor chips or recipes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rasterio.enums import Resampling
from rasterio.windows import Window as RasterWindow

from satseek.imagery._open import colour_names, reading
from satseek.imagery._plain import thinning
from satseek.imagery._samples import BandLayout, Samples, measured

if TYPE_CHECKING:
    from satseek.imagery._samples import Reducing
    from satseek.types import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterSource:
    """A `Source` over a rasterio dataset; to be used by one thread."""

    name: str
    dataset: Any
    width: int
    height: int
    layout: BandLayout
    nodata: float | None = None
    """Sample value that means nothing measured, where the file says none itself."""

    @classmethod
    def of(cls, dataset: Any, *, name: str, nodata: float | None = None) -> RasterSource:
        """Describe ``dataset``, which must stay open as long as the source is read."""
        with reading():
            layout = _layout_of(dataset)
        return cls(
            name=name,
            dataset=dataset,
            width=dataset.width,
            height=dataset.height,
            layout=replace(layout, masked=layout.masked or nodata is not None),
            nodata=nodata,
        )

    def read(
        self, window: Window, *, bands: tuple[int, ...], step: int = 1, by: Reducing = "average"
    ) -> Samples:
        """See `Source.read`."""
        shape = None if step == 1 else (window.height // step, window.width // step)
        return self._read(
            bands, window=_raster_window(window), shape=shape, by=by if shape else "nearest"
        )

    def sample(self, *, bands: tuple[int, ...], edge: int) -> Samples:
        """See `Source.sample`; nearest neighbour, from the overviews where there are any."""
        shape = (min(self.height, edge), min(self.width, edge))
        return self._read(bands, shape=shape)

    def thinned(self, *, bands: tuple[int, ...], edge: int) -> Samples:
        """Read the whole source, its sides in proportion, at most ``edge`` rows and columns."""
        step = thinning(self.width, self.height, edge=edge)
        return self._read(bands, shape=(-(-self.height // step), -(-self.width // step)))

    def _read(
        self,
        bands: tuple[int, ...],
        *,
        window: RasterWindow | None = None,
        shape: tuple[int, int] | None = None,
        by: Reducing = "nearest",
    ) -> Samples:
        out = None if shape is None else (len(bands), *shape)
        with reading():
            return self._masked(list(bands), window, out, by)

    def _masked(
        self,
        bands: list[int],
        window: RasterWindow | None,
        out: tuple[int, int, int] | None,
        by: Reducing,
    ) -> Samples:
        values = self.dataset.read(bands, window=window, out_shape=out, resampling=Resampling[by])
        if "per_dataset" in _mask_flags(self.dataset):
            valid = self.dataset.read_masks(1, window=window, out_shape=out and out[1:]) > 0
            if values.dtype.kind == "f":
                valid &= measured(values, nodata=None)
        else:
            declared = self.dataset.nodata
            valid = measured(values, nodata=self.nodata if declared is None else declared)
        return Samples(values=values, valid=valid)


def _layout_of(dataset: Any) -> BandLayout:
    colours = colour_names(dataset)
    scales, offsets = tuple(dataset.scales), tuple(dataset.offsets)
    calibrated = set(scales) != {1.0} or set(offsets) != {0.0}  # GDAL's words for "not said"
    return BandLayout(
        count=dataset.count,
        dtype=dataset.dtypes[0],
        colours=colours,
        descriptions=tuple(text or "" for text in dataset.descriptions),
        palette=_palette_of(dataset) if colours[0] == "palette" else (),
        masked="all_valid" not in _mask_flags(dataset),
        scales=scales if calibrated else (),
        offsets=offsets if calibrated else (),
    )


def _palette_of(dataset: Any) -> tuple[tuple[int, int, int, int], ...]:
    colours = dataset.colormap(1)
    return tuple(colours.get(value, (0, 0, 0, 0)) for value in range(max(colours) + 1))


def _mask_flags(dataset: Any) -> set[str]:
    return {flag.name for flag in dataset.mask_flag_enums[0]}


def _raster_window(window: Window) -> RasterWindow:
    return RasterWindow(window.column, window.row, window.width, window.height)
