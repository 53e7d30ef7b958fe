"""An open raster or a decoded image → samples and their mask, window by window.

Does not know ground coordinates, chips or recipes.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from PIL import Image, ImageOps
from rasterio.enums import Resampling
from rasterio.windows import Window as RasterWindow

from satseek.imagery._open import (
    MAX_PLAIN_PIXELS,
    colour_names,
    open_plain,
    open_raster,
    open_variable,
    open_warped,
    raster_driver,
    reading,
    refusing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from satseek.imagery._stacks import View
    from satseek.types import Scene, Valid, Window

Reducing: TypeAlias = Literal["average", "nearest"]
"""How several pixels become one: the mean of those that were measured, or one of them."""

_EXIF_ORIENTATION = 0x0112

_AVERAGED = frozenset({"L", "RGB", "CMYK"})
"""Pillow modes whose neighbouring pixels are averaged where an image is thinned out."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainSource:
    """A `Source` over an image that was decoded whole."""

    name: str
    width: int
    height: int
    layout: BandLayout
    samples: Samples

    def read(
        self, window: Window, *, bands: tuple[int, ...], step: int = 1, by: Reducing = "average"
    ) -> Samples:
        """See `Source.read`."""
        rows = slice(window.row, window.row + window.height)
        columns = slice(window.column, window.column + window.width)
        samples = self._cut(bands, rows, columns)
        return samples if step == 1 else reduced(samples, step=step, by=by)

    def sample(self, *, bands: tuple[int, ...], edge: int) -> Samples:
        """See `Source.sample`."""
        step = slice(None, None, -(-max(self.width, self.height) // edge))
        return self._cut(bands, step, step)

    def _cut(self, bands: tuple[int, ...], rows: slice, columns: slice) -> Samples:
        values = self.samples.values[[band - 1 for band in bands], rows, columns]
        return Samples(values=values, valid=self.samples.valid[rows, columns])


@contextmanager
def open_source(scene: Scene | Path) -> Iterator[Source]:
    """Open a scene, or a file by its content, whatever its name.

    Raises:
        UnreadableImage: not readable.
        ImageTooLarge: too large for its format.
    """
    from satseek.imagery._stacks import open_stack  # noqa: PLC0415 - which is made of sources

    if isinstance(scene, Path):
        with _open_file(scene) as source:
            yield source
    elif scene.assets:
        with open_stack(scene) as source:
            yield source
    else:
        with _open_file(Path(scene.path)) as source:
            yield source


@contextmanager
def seen_through(
    source: Source,
    *,
    crs: str,
    transform: tuple[float, float, float, float, float, float],
    width: int,
    height: int,
    resampling: str,
) -> Iterator[Source]:
    """Look at a source through another raster on the ground; a plain image has no ground.

    ``resampling`` is ``nearest`` or ``bilinear``; bands of classes are never averaged.
    """
    from satseek.imagery._crisp import CrispSource, crisp_bands  # noqa: PLC0415 - as is this
    from satseek.imagery._stacks import StackSource, View  # noqa: PLC0415 - made of sources

    view = View(crs=crs, transform=transform, width=width, height=height)
    if isinstance(source, StackSource):
        with source.through(view, resampling=resampling) as seen:
            yield seen
    elif isinstance(source, RasterSource):
        with _warped(source, view, resampling) as seen:
            classes = crisp_bands(source.layout) if resampling != "nearest" else frozenset()
            if not classes:
                yield seen
                return
            with _warped(source, view, "nearest") as crisp:
                yield CrispSource.of(seen, crisp=crisp, classes=classes)
    else:
        yield source


@contextmanager
def _warped(source: RasterSource, view: View, resampling: str) -> Iterator[RasterSource]:
    assert view.crs is not None
    with open_warped(
        source.dataset,
        crs=view.crs,
        transform=view.transform,
        width=view.width,
        height=view.height,
        resampling=resampling,
    ) as warped:
        raster = RasterSource.of(warped, name=source.name, nodata=source.nodata)
        yield replace(raster, layout=raster.layout.named_like(source.layout))


@contextmanager
def _open_file(path: Path) -> Iterator[Source]:
    file, variable = split_variable(path)
    driver = raster_driver(head_of(file))
    if variable:
        with open_variable(file, variable) as dataset:
            yield RasterSource.of(dataset, name=str(path))
    elif driver is not None:
        with open_raster(path, driver=driver) as dataset:
            yield RasterSource.of(dataset, name=str(path))
    else:
        yield read_plain(path, name=str(path))


def split_variable(path: Path) -> tuple[Path, str]:
    """``a.nc#red`` → the file and its variable; that is empty where the whole file is meant."""
    name, mark, variable = str(path).rpartition("#")
    whole = not mark or not variable or not name or path.is_file()
    return (path, "") if whole else (Path(name), variable)


def head_of(path: Path) -> bytes:
    """First 64 KiB of a file."""
    with refusing(str(path)), path.open("rb") as file:
        return file.read(64 * 1024)


def read_plain(
    file: Path | IO[bytes],
    *,
    name: str,
    max_pixels: int = MAX_PLAIN_PIXELS,
    edge: int | None = None,
) -> PlainSource:
    """Decode a plain image: first frame, EXIF orientation applied, RGB or 16-bit grey.

    Args:
        file: The file, or its bytes.
        name: For messages alone.
        max_pixels: Limit on width times height.
        edge: Rows and columns above which it is thinned out before it is copied; None: never.

    Raises:
        UnreadableImage: broken or cut short.
        ImageTooLarge: more than ``max_pixels`` pixels; refused before decoding.
    """
    with open_plain(file, name=name, max_pixels=max_pixels) as image, refusing(name):
        upright = ImageOps.exif_transpose(_thinned(image, edge))
        samples = _deep_grey(upright) if is_deep(upright) else _colours(upright)
    count, height, width = samples.values.shape
    layout = plain_layout(count=count, dtype=str(samples.values.dtype))
    return PlainSource(name=name, width=width, height=height, layout=layout, samples=samples)


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


def thinning(width: int, height: int, *, edge: int) -> int:
    """Every how many-th row and column are kept so that at most ``edge`` are left."""
    return max(1, -(-max(width, height) // edge))


def _thinned(image: Image.Image, edge: int | None) -> Image.Image:
    """Decode, at a smaller size where the format can; what is no plain colour is not averaged."""
    if edge is not None and (step := thinning(image.width, image.height, edge=edge)) > 1:
        image.draft(None, (-(-image.width // step), -(-image.height // step)))  # JPEG alone
    image.load()
    step = 1 if edge is None else thinning(image.width, image.height, edge=edge)
    if step == 1:
        return image
    if image.mode in _AVERAGED and not image.has_transparency_data:
        return image.reduce(step)
    size = (-(-image.width // step), -(-image.height // step))
    return image.resize(size, Image.Resampling.NEAREST)


def is_deep(image: Image.Image) -> bool:
    """Whether an image holds more than 8 bits a sample."""
    return image.mode.startswith("I") or image.mode == "F"


def plain_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) after EXIF orientation; orientations 5 to 8 lie on their side."""
    if image.getexif().get(_EXIF_ORIENTATION) in {5, 6, 7, 8}:
        return image.height, image.width
    return image.width, image.height


def plain_layout(*, count: int, dtype: str) -> BandLayout:
    """The bands of a decoded plain image: RGB or grey; its mask is no band."""
    return BandLayout(
        count=count,
        dtype=dtype,
        colours=("gray",) if count == 1 else ("red", "green", "blue"),
        descriptions=("",) * count,
        palette=(),
        masked=True,
    )


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


def _deep_grey(image: Image.Image) -> Samples:
    values = np.asarray(image)[np.newaxis]  # (1, h, w)
    return Samples(values=values, valid=measured(values, nodata=None))


def _colours(image: Image.Image) -> Samples:
    if not image.has_transparency_data:
        rgb = np.asarray(image.convert("RGB"))
        return Samples(values=np.moveaxis(rgb, 2, 0), valid=np.ones(rgb.shape[:2], bool))
    rgba = np.asarray(image.convert("RGBA"))
    return Samples(values=np.moveaxis(rgba[..., :3], 2, 0), valid=rgba[..., 3] > 0)


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
