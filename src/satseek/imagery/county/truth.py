"""Turns a painted county into ground truth, and ground truth into answers about a chip.

It does not know about pixels' colours, models or scores.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import rasterio.features
import shapely
from rasterio.transform import Affine
from rasterio.warp import transform as warp_points
from shapely.errors import ShapelyError

from satseek.errors import DamagedData, FolderNotFound, InvalidFilter
from satseek.imagery.county.inventory import COVERS, PIXEL_SIZE_M, Points
from satseek.imagery.county.writing import CRS, ORIGIN_M

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from satseek.imagery.county.canvas import Canvas
    from satseek.types import GeoJSON

_LONLAT: Final = "EPSG:4326"
_DECIMALS: Final = 8
"""Decimals of a degree in the files: about a millimetre."""
_SMALLEST_M2: Final = 64
"""Specks of land cover below this are given to their neighbour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Ground truth of one date; shapes in the county's CRS."""

    date: str
    """ISO 8601 date."""
    covers: tuple[str, ...]
    """Land cover of each polygon in `cover_tree`."""
    cover_tree: shapely.STRtree
    """Polygons that cover the county without overlap."""
    kinds: tuple[str, ...]
    """Kind of each object in `object_tree`: plane, ship, storage_tank, building ..."""
    object_tree: shapely.STRtree
    """Outlines of single objects."""


def write_truth(path: Path, canvas: Canvas, date: str) -> None:
    """Write one date's truth as GeoJSON on WGS 84: land cover has `class`, objects have `kind`."""
    shapes, covers = cover_polygons(canvas.cover)
    outlines = np.array([shapely.Polygon(ring) for _, ring in canvas.objects], dtype=object)
    rows, columns = canvas.cover.shape
    outlines = shapely.intersection(shapely.make_valid(outlines), shapely.box(0, 0, columns, rows))
    features = [
        *_features(shapes, [{"class": cover} for cover in covers]),
        *_features(outlines, [{"kind": kind} for kind, _ in canvas.objects]),
    ]
    head = {"type": "FeatureCollection", "name": f"county truth {date}", "date": date}
    opening = json.dumps(head)[:-1] + ', "features": [\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(opening + ",\n".join(features) + "\n]}\n", encoding="utf-8")


def cover_polygons(cover: NDArray[np.uint8]) -> tuple[NDArray[np.object_], list[str]]:
    """Outline the land cover raster: polygons in pixels, and the cover of each."""
    step = 4 if cover.shape[0] >= 4096 else 2  # noqa: PLR2004 -- a quarter of a road's width
    coarse = np.ascontiguousarray(cover[step // 2 :: step, step // 2 :: step])
    coarse = rasterio.features.sieve(coarse, max(2, _SMALLEST_M2 // step**2), connectivity=4)
    found = rasterio.features.shapes(
        coarse, connectivity=4, transform=Affine(step, 0, 0, 0, step, 0)
    )
    pairs = [(shapely.geometry.shape(shape), int(code)) for shape, code in found]
    shapes = np.array([shape for shape, _ in pairs], dtype=object)
    shapes = shapely.coverage_simplify(shapes, tolerance=float(step))
    return shapes, [COVERS[code] for _, code in pairs]


def _features(shapes: NDArray[np.object_], properties: list[dict[str, str]]) -> list[str]:
    if not len(shapes):
        return []
    located = shapely.transform(shapes, _pixels_to_lonlat)
    return [
        f'{{"type": "Feature", "properties": {json.dumps(kept)}, "geometry": {geometry}}}'
        for kept, geometry, shape in zip(
            properties, shapely.to_geojson(located), shapes, strict=True
        )
        if not shape.is_empty
    ]


def _pixels_to_lonlat(points: Points) -> Points:
    east = ORIGIN_M[0] + points[:, 0] * PIXEL_SIZE_M
    north = ORIGIN_M[1] - points[:, 1] * PIXEL_SIZE_M
    lon, lat = warp_points(CRS, _LONLAT, east, north)
    return np.stack([lon, lat], axis=1).round(_DECIMALS)


def _lonlat_to_metres(points: Points) -> Points:
    east, north = warp_points(_LONLAT, CRS, points[:, 0], points[:, 1])
    return np.stack([east, north], axis=1)


def read_truth(path: Path) -> Truth:
    """Read one date's truth.

    Raises:
        FolderNotFound: no such file.
        DamagedData: the file is no ground truth.
    """
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        features = read["features"]
        shapes = shapely.transform(
            np.array([shapely.geometry.shape(f["geometry"]) for f in features], dtype=object),
            _lonlat_to_metres,
        )
        names = [(f["properties"].get("class"), f["properties"].get("kind")) for f in features]
        date = str(read["date"])
    except FileNotFoundError as error:
        raise FolderNotFound(f"{path}: expected a county's truth file") from error
    except (ShapelyError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedData(f"{path}: expected ground truth as GeoJSON, got {error!r}") from error
    is_cover = np.array([cover is not None for cover, _ in names], dtype=bool)
    return Truth(
        date=date,
        covers=tuple(str(cover) for cover, _ in names if cover is not None),
        cover_tree=shapely.STRtree(shapes[is_cover]),
        kinds=tuple(str(kind) for cover, kind in names if cover is None),
        object_tree=shapely.STRtree(shapes[~is_cover]),
    )


def truth_shares(truth: Truth, footprint: GeoJSON) -> dict[str, float]:
    """Share of a chip's ground by land cover, largest first; sums to one inside the county.

    Args:
        truth: Ground truth of one date.
        footprint: GeoJSON polygon on WGS 84, as chips carry it.

    Returns:
        Land cover -> share; empty where the chip lies wholly outside the county.
    """
    ground = _located(footprint)
    near = truth.cover_tree.query(ground, predicate="intersects")
    areas: dict[str, float] = {}
    parts = shapely.intersection(truth.cover_tree.geometries[near], ground)
    for index, area in zip(near.tolist(), shapely.area(parts).tolist(), strict=True):
        areas[truth.covers[index]] = areas.get(truth.covers[index], 0.0) + area
    total = sum(areas.values())
    ranked = sorted(areas.items(), key=lambda entry: -entry[1])
    return {cover: area / total for cover, area in ranked if area > 0}


def dominant_class(truth: Truth, footprint: GeoJSON) -> str | None:
    """Land cover with the largest share of a chip; None outside the county."""
    return next(iter(truth_shares(truth, footprint)), None)


def truth_objects(truth: Truth, footprint: GeoJSON) -> dict[str, int]:
    """Count the objects whose centre lies in a chip: kind -> number."""
    ground = _located(footprint)
    near = truth.object_tree.query(ground, predicate="intersects")
    counts: dict[str, int] = {}
    centres = shapely.centroid(truth.object_tree.geometries[near])
    for index in near[shapely.contains(ground, centres)].tolist():
        counts[truth.kinds[index]] = counts.get(truth.kinds[index], 0) + 1
    return counts


def _located(footprint: GeoJSON) -> BaseGeometry:
    try:
        shape = shapely.geometry.shape(footprint)
    except (ShapelyError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidFilter(f"expected a GeoJSON polygon as footprint, got {error!r}") from error
    return shapely.transform(shape, _lonlat_to_metres)
