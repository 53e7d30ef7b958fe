"""A map of the ground → a cloud-optimised GeoTIFF with its colours, names and statistics.

Does not know how the map was computed. The only file that writes rasters.
"""

from __future__ import annotations

from math import ceil, hypot
from typing import TYPE_CHECKING, Any, TypeAlias
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.shutil import copy as copy_raster
from rasterio.transform import Affine, array_bounds
from rasterio.warp import Resampling, reproject, transform_bounds

from satseek.errors import InvalidRequest, SatseekError
from satseek.export.ground_map import GroundMap
from satseek.export.projecting import check_crs
from satseek.export.replacing import replaced
from satseek.imagery.ground import parse_crs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rasterio.crs import CRS

Colour: TypeAlias = "tuple[int, int, int]"
"""Red, green, blue, 0–255."""

COLOURS: tuple[Colour, ...] = (
    (68, 119, 170),
    (238, 102, 119),
    (34, 136, 51),
    (204, 187, 68),
    (102, 204, 238),
    (170, 51, 119),
    (187, 187, 187),
    (238, 119, 51),
    (0, 153, 136),
    (136, 34, 85),
    (153, 153, 51),
    (51, 34, 136),
)
"""Of classes without colours of their own, in turn: Paul Tol's bright and muted schemes, told apart
by people who do not see all colours (SRON/EPS/TN/09-002, issue 3.2, 2021)."""

BLOCK = 512
"""Edge of a block of the file, as GDAL's COG driver has it."""

_FINER = 4
"""Pixels along the edge of an old one, after a change of CRS: borders stay within an eighth of a
pixel of where they were."""

_MOST_PIXELS = 1 << 28
"""Of a map after a change of CRS: larger ones keep their own pixel size."""


def write_cog(
    ground: GroundMap,
    path: Path,
    *,
    crs: str | None = None,
    colours: Sequence[Colour] | None = None,
) -> None:
    """Write a map as a cloud-optimised GeoTIFF, whole or not at all.

    A class map has a colour table, and its classes are named in the file's tags and, for GIS, in
    ``PATH.aux.xml`` beside it. Values are never interpolated: each pixel has one that was computed.

    Args:
        ground: The map.
        path: Replaced if it is there.
        crs: Of the file; None: the map's own.
        colours: One for each class, of a class map; None: ``COLOURS``.

    Raises:
        InvalidRequest: the CRS is none, or cannot show where the map lies.
        DiskFull: there is no room; the file is as it was.
    """
    moved = ground if crs is None else reprojected(ground, crs)
    with replaced(path) as draft:
        try:
            with MemoryFile() as memory:
                _write_plain(moved, memory, _table(moved, colours))
                copy_raster(memory.name, str(draft), **_options(moved))
            _check(moved, draft)
        except (RasterioError, CPLE_BaseError) as error:
            reason = " ".join(str(error).split())
            raise SatseekError(f"{path.name}: could not be written: {reason}") from error
    if moved.is_classes:
        with replaced(path.with_name(f"{path.name}.aux.xml")) as draft:
            draft.write_bytes(_names(moved))


def reprojected(ground: GroundMap, crs: str) -> GroundMap:
    """Put a map into another CRS, by nearest pixels, on finer ones so that borders hardly move.

    Raises:
        InvalidRequest: the CRS is none, or cannot show where the map lies.
    """
    source, target = parse_crs(ground.crs), parse_crs(check_crs(crs))
    if source == target:
        return ground
    transform, shape = _grid(ground, source, target)
    values = np.full(shape, ground.nodata, dtype=ground.values.dtype)
    reproject(
        ground.values,
        values,
        src_transform=Affine(*ground.transform),
        src_crs=source,
        src_nodata=ground.nodata,
        dst_transform=transform,
        dst_crs=target,
        dst_nodata=ground.nodata,
        resampling=Resampling.nearest,
    )
    return GroundMap(
        values=values,
        crs=crs,
        transform=tuple(transform)[:6],
        nodata=ground.nodata,
        names=ground.names,
    )


def _grid(ground: GroundMap, source: CRS, target: CRS) -> tuple[Affine, tuple[int, int]]:
    """Lay out square pixels, as many across the map as it has; more where there is room."""
    height, width = ground.values.shape
    bounds = array_bounds(height, width, Affine(*ground.transform))
    try:
        west, south, east, north = transform_bounds(source, target, *bounds)
    except (RasterioError, CPLE_BaseError) as error:
        raise InvalidRequest(f"crs: {target.to_string()[:60]} cannot show the map") from error
    if target.is_geographic and east < west:
        east += 360  # it crosses the antimeridian: its longitudes run on
    if not np.isfinite([west, south, east, north]).all():
        raise InvalidRequest(f"crs: {target.to_string()[:60]} cannot show the map")
    size = hypot(east - west, north - south) / hypot(width, height)
    columns, rows = ceil((east - west) / size), ceil((north - south) / size)
    finer = _FINER if columns * rows * _FINER**2 <= _MOST_PIXELS else 1
    size /= finer
    return Affine(size, 0, west, 0, -size, north), (rows * finer, columns * finer)


def _write_plain(ground: GroundMap, memory: MemoryFile, table: dict[int, Any]) -> None:
    height, width = ground.values.shape
    with memory.open(
        driver="GTiff",
        width=width,
        height=height,
        count=1,
        dtype=ground.values.dtype,
        crs=parse_crs(ground.crs),
        transform=Affine(*ground.transform),
        nodata=ground.nodata,
    ) as raster:
        raster.write(ground.values, 1)
        if table:
            raster.write_colormap(1, table)
            names = {f"CLASS_{at}": name for at, name in enumerate(ground.names)}
            raster.update_tags(1, **names)
        elif ground.names:
            raster.set_band_description(1, ground.names[0])


def _options(ground: GroundMap) -> dict[str, Any]:
    """Options of GDAL's COG driver."""
    return {
        "driver": "COG",
        "blocksize": BLOCK,
        "compress": "DEFLATE",
        "predictor": "YES",
        "overview_resampling": "MODE" if ground.is_classes else "AVERAGE",
        "statistics": "YES",
        "bigtiff": "IF_SAFER",
    }


def _check(ground: GroundMap, draft: Path) -> None:
    """Read it back: GDAL may keep to itself that a disk took only a part."""
    with rasterio.open(draft) as raster:
        if not np.array_equal(raster.read(1), ground.values, equal_nan=not ground.is_classes):
            raise SatseekError(f"{draft.name}: what was written reads back otherwise")


def _table(ground: GroundMap, colours: Sequence[Colour] | None) -> dict[int, Any]:
    """Colours by class, the nodata class transparent; none for scores."""
    if not ground.is_classes:
        return {}
    classes = [at for at in range(max(len(ground.names), 1)) if at != ground.nodata]
    chosen = COLOURS if colours is None else colours
    if colours is not None and len(colours) < len(classes):
        raise InvalidRequest(f"expected {len(classes)} colours, one a class, came {len(colours)}")
    table = {at: (*chosen[place % len(chosen)], 255) for place, at in enumerate(classes)}
    return table | {int(ground.nodata): (0, 0, 0, 0)}


def _names(ground: GroundMap) -> bytes:
    """Name the classes as GDAL's auxiliary metadata has it, which QGIS shows in its legend."""
    dataset = Element("PAMDataset")
    names = SubElement(SubElement(dataset, "PAMRasterBand", band="1"), "CategoryNames")
    for name in ground.names:
        SubElement(names, "Category").text = name
    return bytes(tostring(dataset, encoding="utf-8"))
