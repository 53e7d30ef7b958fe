"""Made-up Sentinel-2 items: each band a file of its own, at 10 and at 20 m."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pystac
import rasterio
from rasterio import Affine

if TYPE_CHECKING:
    from pathlib import Path

EDGE = 512
"""Pixels of a 10 m band."""

BANDS = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B11": "swir16"}
"""Common name by name; B11 lies at 20 m."""


def write_band(path: Path, values: Any, *, pixel: float, left: float = 512_000) -> Path:
    """Write one band as a tiled GeoTIFF in UTM zone 33."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = values.shape[-2:]
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=1 if values.ndim == 2 else len(values),
        dtype=values.dtype,
        nodata=0,
        crs="EPSG:32633",
        transform=Affine(pixel, 0, left, 0, -pixel, 5_799_680),
        tiled=True,
        blockxsize=128,
        blockysize=128,
    ) as raster:
        raster.write(values if values.ndim == 3 else values[np.newaxis])
    return path


def reflectances(seed: int, edge: int) -> Any:
    """16-bit samples in blocks, shape (edge, edge)."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(200, 3000, (8, 8)).repeat(edge // 8, 0).repeat(edge // 8, 1)
    return (blocks + rng.integers(0, 60, (edge, edge))).astype(np.uint16)


def make_item(folder: Path, name: str, *, day: int, left: float = 512_000) -> pystac.Item:
    """Write an item's bands into a folder, and describe them by absolute paths."""
    item = pystac.Item(
        id=name,
        geometry={
            "type": "Polygon",
            "coordinates": [[[15, 52], [15.1, 52], [15.1, 52.1], [15, 52.1], [15, 52]]],
        },
        bbox=[15, 52, 15.1, 52.1],
        datetime=datetime(2024, 6, day, 10, tzinfo=UTC),
        properties={"platform": "sentinel-2a", "eo:cloud_cover": 10.0 * day, "gsd": 10},
    )
    for at, (band, common) in enumerate(BANDS.items()):
        coarse = band == "B11"
        values = reflectances(day * 10 + at, EDGE // 2 if coarse else EDGE)
        path = write_band(folder / f"{band}.tif", values, pixel=20 if coarse else 10, left=left)
        item.add_asset(
            band,
            pystac.Asset(
                str(path),
                media_type=pystac.MediaType.COG,
                roles=["data"],
                extra_fields={
                    "eo:bands": [{"name": band, "common_name": common}],
                    "raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0}],
                },
            ),
        )
    classes = np.full((EDGE // 2, EDGE // 2), 4, np.uint8)
    path = write_band(folder / "SCL.tif", classes, pixel=20, left=left)
    item.add_asset(
        "SCL",
        pystac.Asset(str(path), media_type=pystac.MediaType.COG, roles=["data"]),
    )
    item.add_asset("thumbnail", pystac.Asset("preview.jpg", roles=["thumbnail"]))
    return item


def make_catalog(folder: Path, *, items: int = 2, href: str | None = None) -> Path:
    """Write a catalog with one collection; returns its ``catalog.json``."""
    catalog = pystac.Catalog(id="made-up", description="made up")
    extent = pystac.Extent(
        pystac.SpatialExtent([[15, 52, 15.1, 52.1]]),
        pystac.TemporalExtent([[datetime(2024, 6, 1, tzinfo=UTC), None]]),
    )
    collection = pystac.Collection(id="s2", description="made up", extent=extent)
    catalog.add_child(collection)
    for day in range(1, items + 1):
        collection.add_item(make_item(folder / "s2" / f"day{day}", f"day{day}", day=day))
    catalog.normalize_hrefs(href or str(folder))
    catalog.make_all_asset_hrefs_relative()
    catalog.save(pystac.CatalogType.SELF_CONTAINED, dest_href=str(folder))
    return folder / "catalog.json"
