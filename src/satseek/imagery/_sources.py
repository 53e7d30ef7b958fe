"""A scene, or a file → a source of samples, whatever it is made of.

Does not know chips or recipes. The kinds of sources are `_rasters`, `_plain` and `_stacks`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.imagery._open import (
    open_raster,
    open_variable,
    open_warped,
    raster_driver,
    refusing,
)
from satseek.imagery._plain import (
    PlainSource,
    is_deep,
    plain_layout,
    plain_size,
    read_plain,
    thinning,
)
from satseek.imagery._rasters import RasterSource
from satseek.imagery._samples import BandLayout, Reducing, Samples, Source, measured, reduced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.imagery._stacks import View
    from satseek.types import Scene

__all__ = [
    "BandLayout",
    "PlainSource",
    "RasterSource",
    "Reducing",
    "Samples",
    "Source",
    "head_of",
    "is_deep",
    "measured",
    "open_source",
    "plain_layout",
    "plain_size",
    "read_plain",
    "reduced",
    "seen_through",
    "split_variable",
    "thinning",
]


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
