"""A scene whose bands are files of their own → one source of named bands on one raster.

Does not know chips, recipes or catalogs. A file is opened when a band of it is first read. Bands on
another raster than the scene's are resampled window by window, so that no more is held than what is
read.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import UnreadableImage, UnsafeReference
from satseek.imagery._open import (
    open_handles,
    open_object,
    open_raster,
    open_variable,
    open_warped,
    raster_driver,
    reading,
    shown,
)
from satseek.imagery._remote import RemoteFile
from satseek.imagery._sources import (
    BandLayout,
    RasterSource,
    Samples,
    head_of,
    split_variable,
)
from satseek.imagery.ground import parse_crs, to_ground, to_pixels
from satseek.imagery.reach import Reach, is_bucket, is_remote
from satseek.imagery.stac_bands import is_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from satseek.imagery._sources import Reducing, Source
    from satseek.types import Scene, Window

_SAME = 0.01
"""Pixels by which the corners of two rasters may lie apart and the rasters still be one."""

_COLOURS = ("red", "green", "blue")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A raster on the ground, without samples."""

    crs: str | None
    """As `Scene.crs`."""
    transform: tuple[float, float, float, float, float, float]
    """As `Scene.transform`."""
    width: int
    """Columns."""
    height: int
    """Rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandFile:
    """Where one band lies."""

    location: str
    """Absolute path, ``path#variable``, ``http(s)`` address or ``s3://BUCKET/KEY``."""
    number: int
    """1-based band of that file."""
    nodata: float | None
    """Sample value that means nothing measured, where the file says none itself."""
    classes: bool
    """Whether its values are classes or bits, which are never averaged."""


@contextmanager
def open_stack(scene: Scene) -> Iterator[Source]:
    """Open a scene with assets.

    Raises:
        UnreadableImage: an asset cannot be read.
        UnsafeReference: an asset lies where the scene may not be read from.
    """
    files = band_files(scene)
    layout = stack_layout(scene, files)
    if len({file.location for file in files}) == 1:
        with open_location(files[0].location, hosts=scene.hosts) as dataset:
            source = RasterSource.of(dataset, name=scene.path, nodata=files[0].nodata)
            yield replace(source, layout=_named(source.layout, layout))
        return
    view = View(crs=scene.crs, transform=scene.transform, width=scene.width, height=scene.height)
    with ExitStack() as stack:
        yield StackSource(
            name=scene.path, layout=layout, files=files, view=view, hosts=scene.hosts, stack=stack
        )


class StackSource:
    """A `Source` over several files; to be used by one thread."""

    def __init__(
        self,
        *,
        name: str,
        layout: BandLayout,
        files: tuple[BandFile, ...],
        view: View,
        hosts: tuple[str, ...],
        stack: ExitStack,
        resampling: str = "bilinear",
    ) -> None:
        """Open nothing yet; what is opened is closed with ``stack``."""
        self.name = name
        self.layout = layout
        self.width, self.height = view.width, view.height
        self._files = files
        self._view = view
        self._hosts = hosts
        self._stack = stack
        self._resampling = resampling
        self._members: dict[tuple[str, bool], RasterSource] = {}

    def read(
        self, window: Window, *, bands: tuple[int, ...], step: int = 1, by: Reducing = "average"
    ) -> Samples:
        """See `Source.read`; what is classes is never averaged."""

        def read(file: BandFile, numbers: tuple[int, ...]) -> Samples:
            how: Reducing = "nearest" if file.classes else by
            return self._member(file).read(window, bands=numbers, step=step, by=how)

        return self._stacked(bands, read)

    def sample(self, *, bands: tuple[int, ...], edge: int) -> Samples:
        """See `Source.sample`."""
        return self._stacked(
            bands, lambda file, numbers: self._member(file).sample(bands=numbers, edge=edge)
        )

    @contextmanager
    def through(self, view: View, *, resampling: str) -> Iterator[StackSource]:
        """Look at the same files through another raster."""
        with ExitStack() as stack:
            yield StackSource(
                name=self.name,
                layout=replace(self.layout, masked=True),
                files=self._files,
                view=view,
                hosts=self._hosts,
                stack=stack,
                resampling=resampling,
            )

    def _stacked(
        self,
        bands: tuple[int, ...],
        read: Callable[[BandFile, tuple[int, ...]], Samples],
    ) -> Samples:
        """Read band by band, neighbours in one file together; one band is enough to be measured."""
        asked = [self._files[band - 1] for band in bands]
        parts = [
            read(found[0], tuple(file.number for file in found))
            for _, group in groupby(asked, key=lambda file: (file.location, file.classes))
            for found in [list(group)]
        ]
        if len(parts) == 1:
            return parts[0]
        return Samples(
            values=np.concatenate([part.values for part in parts]),
            valid=np.logical_or.reduce([part.valid for part in parts]),
        )

    def _member(self, file: BandFile) -> RasterSource:
        key = (file.location, file.classes)
        if key not in self._members:
            self._members[key] = self._open(file)
        return self._members[key]

    def _open(self, file: BandFile) -> RasterSource:
        dataset = self._stack.enter_context(open_location(file.location, hosts=self._hosts))
        if not _lies_on(dataset, self._view):
            if self._view.crs is None or dataset.crs is None:
                raise UnreadableImage(
                    f"{shown(file.location)}: expected {self._view.width} x {self._view.height} "
                    f"pixels as the other bands, came {dataset.width} x {dataset.height} without "
                    "georeference"
                )
            dataset = self._stack.enter_context(
                open_warped(
                    dataset,
                    crs=self._view.crs,
                    transform=self._view.transform,
                    width=self._view.width,
                    height=self._view.height,
                    resampling="nearest" if file.classes else self._resampling,
                )
            )
        return RasterSource.of(dataset, name=file.location, nodata=file.nodata)


def band_files(scene: Scene) -> tuple[BandFile, ...]:
    """Where each band of a scene with assets lies: the n-th band of a file is its band n."""
    counts: dict[str, int] = {}
    files = []
    for name, facts in zip(scene.band_names, band_facts(scene), strict=True):
        location = scene.assets[name]
        counts[location] = counts.get(location, 0) + 1
        files.append(
            BandFile(
                location=location,
                number=counts[location],
                nodata=number_of(facts.get("nodata")),
                classes=is_classes(name),
            )
        )
    return tuple(files)


def band_facts(scene: Scene) -> list[Mapping[str, Any]]:
    """What the item says of each band, by STAC 1.1's names."""
    said = scene.properties.get("bands")
    listed: list[Any] = said if isinstance(said, list) else []
    facts: list[Mapping[str, Any]] = [one if isinstance(one, dict) else {} for one in listed]
    return facts + [{}] * (len(scene.band_names) - len(facts))


def stack_layout(scene: Scene, files: tuple[BandFile, ...]) -> BandLayout:
    """Describe the bands of a scene with assets; opens nothing."""
    facts = band_facts(scene)
    commons = tuple(str(one.get("eo:common_name", "")) for one in facts)
    first = {common: at for at, common in reversed(list(enumerate(commons)))}
    return BandLayout(
        count=len(files),
        dtype=scene.dtype,
        colours=tuple(
            common if common in _COLOURS and first[common] == at else "undefined"
            for at, common in enumerate(commons)
        ),
        descriptions=scene.band_names,
        palette=(),
        masked=scene.nodata is not None or any(file.nodata is not None for file in files),
        common_names=commons,
        scales=tuple(number_of(one.get("raster:scale")) for one in facts),
        offsets=tuple(number_of(one.get("raster:offset")) for one in facts),
    )


@contextmanager
def open_location(location: str, *, hosts: tuple[str, ...]) -> Iterator[Any]:
    """Open a raster wherever it lies.

    Raises:
        UnreadableImage: not readable.
        UnsafeReference: its host or bucket is not among ``hosts``.
    """
    reach = Reach(hosts=hosts)
    if is_remote(location):
        with _open_remote(location, reach) as dataset:
            yield dataset
    elif is_bucket(location):
        if not set(reach.entries_for(location)) <= set(hosts):
            raise UnsafeReference(f"{shown(location)}: its bucket may not be read from")
        driver = "JP2OpenJPEG" if location.lower().endswith((".jp2", ".j2k")) else "GTiff"
        with open_object(location, driver=driver) as dataset:
            yield dataset
    else:
        with _open_local(Path(location)) as dataset:
            yield dataset


def number_of(value: object) -> float | None:
    """A number as STAC writes it: ``"nan"`` and ``"inf"`` are words there."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


@contextmanager
def _open_local(path: Path) -> Iterator[Any]:
    file, variable = split_variable(path)
    driver = raster_driver(head_of(file))
    if driver is None:
        raise UnreadableImage(f"{shown(str(path))}: expected a TIFF or JPEG 2000")
    opened = open_variable(file, variable) if variable else open_raster(file, driver=driver)
    with opened as dataset:
        yield dataset


@contextmanager
def _open_remote(location: str, reach: Reach) -> Iterator[Any]:
    file = RemoteFile(location, hosts=reach.addresses)
    try:
        driver = _remote_driver(file)
        with open_handles(file.handle, name=location, driver=driver) as dataset:
            yield dataset
    except UnreadableImage as error:
        if file.failure is not None:  # GDAL knows only that it could not read
            raise file.failure from error
        raise
    finally:
        file.close()


def _remote_driver(file: RemoteFile) -> str:
    driver = raster_driver(file.read(0, 64))
    if driver is None or driver == "netCDF":
        raise UnreadableImage(f"{shown(file.name)}: expected a TIFF or JPEG 2000")
    return driver


def _named(layout: BandLayout, item: BandLayout) -> BandLayout:
    """A file's layout with what the item says of its bands."""
    if layout.count < item.count:
        return layout
    more = layout.descriptions[item.count :]
    colours = item.colours + layout.colours[item.count :]
    return replace(
        layout.named_like(item),
        descriptions=item.descriptions + more,
        colours=layout.colours if _is_coloured(layout) else colours,
        scales=item.scales if any(one is not None for one in item.scales) else layout.scales,
        offsets=item.offsets if any(one is not None for one in item.offsets) else layout.offsets,
    )


def _is_coloured(layout: BandLayout) -> bool:
    return set(_COLOURS) <= set(layout.colours) or bool(layout.palette) or layout.count == 1


def _lies_on(dataset: Any, view: View) -> bool:
    """Whether a file has the pixels of the view, or neither has any place."""
    with reading():
        if (dataset.width, dataset.height) != (view.width, view.height):
            return False
        if view.crs is None or dataset.crs is None:
            return view.crs is None and dataset.crs is None
        columns, rows = np.array([0.0, view.width]), np.array([0.0, view.height])
        ground = to_ground(tuple(dataset.transform)[:6], columns, rows)
        there = to_pixels(view.transform, *ground)
        near = np.abs(np.array(there) - [columns, rows]).max() <= _SAME
        return bool(near) and dataset.crs == parse_crs(view.crs)
