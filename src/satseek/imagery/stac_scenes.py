"""A STAC item → a scene: its bands by name, on the raster of the finest that is asked for.

Opens headers, never pixels, and only of the bands that decide where the scene lies.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import UnreadableImage, UnsafeReference, UnsupportedRaster
from satseek.imagery._open import reading, shown
from satseek.imagery._stacks import open_location
from satseek.imagery.dates import date_of_item
from satseek.imagery.digests import assets_digest
from satseek.imagery.scenes import check_samples, placed
from satseek.imagery.sensors import plain, sensor_of
from satseek.imagery.stac_bands import StacBand, bands_of
from satseek.imagery.stac_items import current_item, item_id, kept_properties
from satseek.types import Scene

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.imagery.reach import Reach
    from satseek.imagery.stac_documents import FoundItem
    from satseek.types import Recipe

_VISIBLE = ("red", "green", "blue")

MAX_OPENED = 64
"""Files of one item whose headers are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """What one file of an item says."""

    fields: Mapping[str, Any]
    """Fields of a scene."""
    names: tuple[str, ...]
    """Description of each band; empty where it has none."""
    area: float
    """Of a pixel, in units of the CRS, squared."""


def describe_item(found: FoundItem, *, reach: Reach, recipe: Recipe) -> Scene:
    """Read the headers of an item's assets.

    Args:
        found: The item, and what its addresses are relative to.
        reach: Where its assets may lie.
        recipe: Names the bands that decide how fine the scene is; where it names none, these are
            red, green and blue, or all.

    Raises:
        UnreadableImage: no item, or an asset that cannot be read.
        UnsupportedRaster: no raster asset, or one that makes no scene.
        UnsafeReference: an asset that is asked for lies where nothing may be read.
    """
    item = current_item(found.item)
    name = item_id(item)
    properties = kept_properties(item)
    bands = bands_of(item, rendered=recipe.stretch == "none")
    if not bands:
        raise UnsupportedRaster(
            f"{shown(name)}: no asset is a TIFF or JPEG 2000 with measurements; "
            f"there are {shown(', '.join(map(str, item.get('assets') or ()))[:200]) or 'none'}"
        )
    places, refused = _places(bands, reach=reach, base=found.base)
    asked = asked_bands(bands, recipe=recipe, properties=properties)
    for band in asked:
        if band.href in refused:
            raise refused[band.href]
    hosts = tuple(
        dict.fromkeys(entry for place in places.values() for entry in reach.entries_for(place))
    )
    headers = _headers([places[href] for href in dict.fromkeys(one.href for one in asked)], hosts)
    bands = [
        one for band in bands if band.href in places for one in _counted(band, places, headers)
    ]
    finest = min(headers.values(), key=lambda header: header.area)
    scene = Scene(
        **{
            **finest.fields,
            "id": name,
            "path": found.place,
            "bands": len(bands),
            "dtype": str(np.result_type(*(one.fields["dtype"] for one in headers.values()))),
            "datetime": date_of_item(item),
            "digest": "",
            "band_names": tuple(band.name for band in bands),
            "assets": {band.name: places[band.href] for band in bands},
            "properties": properties | {"bands": [_told(band) for band in bands]},
            "hosts": hosts,
        }
    )
    return replace(scene, digest=assets_digest(scene))


def asked_bands(
    bands: Sequence[StacBand], *, recipe: Recipe, properties: Mapping[str, Any]
) -> list[StacBand]:
    """Choose the bands that decide where a scene lies; at least one."""
    sensor = sensor_of(properties)

    def called(name: int | str) -> list[StacBand]:
        if isinstance(name, int):
            return list(bands[name - 1 : name]) if name > 0 else []
        wanted = {plain(one) for one in (sensor.names_of(name) if sensor else (name,))}
        own = [one for one in bands if wanted & {plain(one.name), plain(one.asset)}]
        return (own or [one for one in bands if one.common_name == name])[:1]

    chosen = [band for name in recipe.bands for band in called(name)]
    if not chosen:
        visible = [called(name) for name in _VISIBLE]
        chosen = [one for found in visible for one in found] if all(visible) else []
    measured = [band for band in bands if not band.is_classes]
    return (chosen or measured or list(bands))[:MAX_OPENED]


def _places(
    bands: Sequence[StacBand], *, reach: Reach, base: str
) -> tuple[dict[str, str], dict[str, UnsafeReference]]:
    """Where each address leads, and which may not be followed."""
    places: dict[str, str] = {}
    refused: dict[str, UnsafeReference] = {}
    for href in dict.fromkeys(band.href for band in bands):
        try:
            places[href] = reach.follow(href, base=base)
        except UnsafeReference as error:
            refused[href] = error
    return places, refused


def _headers(locations: Sequence[str], hosts: tuple[str, ...]) -> dict[str, _Header]:
    found: dict[str, _Header] = {}
    for location in dict.fromkeys(locations):
        with ExitStack() as stack:
            dataset = stack.enter_context(open_location(location, hosts=hosts))
            stack.enter_context(reading())
            if not dataset.count:
                raise UnsupportedRaster(f"{shown(location)}: holds no raster itself")
            check_samples(dataset, location)
            fields = placed(dataset, location)
            a, b, _, d, e, _ = fields["transform"]
            names = tuple(text or "" for text in dataset.descriptions)
            found[location] = _Header(fields=fields, names=names, area=abs(a * e - b * d))
    if not found:
        raise UnreadableImage("expected an asset that may be read, came none")
    return found


def _counted(
    band: StacBand, places: Mapping[str, str], headers: Mapping[str, _Header]
) -> list[StacBand]:
    """An asset whose bands the item does not list has as many as its file, if that was opened."""
    header = headers.get(places[band.href])
    if band.counted or header is None or len(header.names) == 1:
        return [band]
    described = all(header.names) and len(set(header.names)) == len(header.names)
    return [
        replace(band, name=text if described else f"{band.name}_{number}")
        for number, text in enumerate(header.names, 1)
    ]


def _told(band: StacBand) -> dict[str, Any]:
    """One band in the words of STAC 1.1."""
    common = {"eo:common_name": band.common_name} if band.common_name else {}
    return {"name": band.name, **common, **band.facts}
