"""A STAC item's assets → its bands: what each is called, where it lies, how it is calibrated.

Does not open rasters. Takes STAC 1.1 ``bands`` and STAC 1.0 ``eo:bands`` with ``raster:bands``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_ASSETS = 256
"""Assets of one item that are looked at; hyperspectral items have one asset for all bands."""

MAX_BANDS = 1024
"""Bands of one item; EnMAP has 224, PRISMA 239."""

RASTER_SUFFIXES = (".tif", ".tiff", ".jp2", ".j2k")

_RASTER_TYPES = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff", "application/x-geotiff")
_ASIDE = frozenset({"thumbnail", "overview", "metadata", "overview-metadata", "preview"})
"""Roles (and keys) of what is no measurement."""

_RENDERED = frozenset({"visual", "tci", "true_color", "truecolor", "rendered_preview"})
"""Keys and roles of 8-bit pictures made of other assets."""

_CLASSES = frozenset(
    {"scl", "qa_pixel", "qa_radsat", "qa_aerosol", "sr_qa_aerosol", "qa", "qa60", "bqa", "fmask"}
)
"""Band names whose values are classes or bits; they are never averaged."""

_CALIBRATION = ("raster:scale", "raster:offset", "nodata", "data_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class StacBand:
    """One band of an item."""

    name: str
    """Such as ``B04``; unique within the item."""
    common_name: str
    """Of the ``eo`` extension, such as ``red``; empty: none is said."""
    asset: str
    """Key of its asset."""
    href: str
    """Where the asset lies, as the item says it."""
    facts: Mapping[str, Any]
    """``raster:scale``, ``raster:offset``, ``nodata``, ``file:checksum`` … where they are said."""
    counted: bool
    """Whether the item lists the asset's bands; else it may have more than this one."""

    @property
    def is_classes(self) -> bool:
        """Whether its values are classes or bits."""
        return is_classes(self.name)


def is_classes(name: str) -> bool:
    """Whether a band of that name holds classes or bits."""
    return name.lower() in _CLASSES


def bands_of(item: Mapping[str, Any], *, rendered: bool = False) -> list[StacBand]:
    """List the bands of an item's raster assets; empty where it has none.

    Of two assets with a band of the same name the first is taken: measurements before pictures made
    of them, TIFF before JPEG 2000.

    Args:
        item: STAC Item.
        rendered: Take 8-bit pictures (``visual``) before measurements.
    """
    assets = item.get("assets")
    rasters = [
        (key, asset)
        for key, asset in list(assets.items() if isinstance(assets, dict) else ())[:MAX_ASSETS]
        if isinstance(asset, dict) and _is_raster(key, asset)
    ]
    rasters.sort(key=lambda one: (_is_rendered(*one) != rendered, _is_jp2(one[1])))
    bands: list[StacBand] = []
    for key, asset in rasters:
        found = list(_bands_in(key, asset, item))
        names = [band.name for band in (*bands, *found)]
        if len(set(names)) == len(names):
            bands.extend(found)
    return bands[:MAX_BANDS]


def _is_raster(key: str, asset: Mapping[str, Any]) -> bool:
    href, roles = asset.get("href"), _roles(asset)
    if not isinstance(href, str) or roles & _ASIDE or key.lower() in _ASIDE:
        return False
    kind = str(asset.get("type", "")).lower()
    path = unquote(urlsplit(href).path if ":" in href else href).lower()
    return kind.startswith(_RASTER_TYPES) or (not kind and path.endswith(RASTER_SUFFIXES))


def _is_rendered(key: str, asset: Mapping[str, Any]) -> bool:
    return bool(_RENDERED & ({key.lower().removesuffix("-jp2")} | _roles(asset)))


def _is_jp2(asset: Mapping[str, Any]) -> bool:
    return "jp2" in str(asset.get("type", "")).lower()


def _roles(asset: Mapping[str, Any]) -> set[str]:
    roles = asset.get("roles")
    return {str(role).lower() for role in roles} if isinstance(roles, list) else set()


def _bands_in(key: str, asset: Mapping[str, Any], item: Mapping[str, Any]) -> Iterator[StacBand]:
    listed = _listed(asset, item)
    for number, band in enumerate(listed or [{}], 1):
        name = band.get("name") or (key if len(listed) < 2 else f"{key}_{number}")  # noqa: PLR2004
        yield StacBand(
            name=str(name)[:80],
            common_name=str(band.get("eo:common_name") or "")[:80],
            asset=key,
            href=str(asset["href"]),
            facts=_facts(band, asset),
            counted=bool(listed),
        )


def _listed(asset: Mapping[str, Any], item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Bands of an asset in the words of STAC 1.1; empty where the item lists none."""
    own = _dictionaries(asset.get("bands"))
    if own:
        return own
    optical, raster = _dictionaries(asset.get("eo:bands")), _dictionaries(asset.get("raster:bands"))
    if isinstance(asset.get("eo:bands"), list) and not optical:
        optical = _numbered(asset["eo:bands"], item)
    count = max(len(optical), len(raster))
    pairs = zip(_filled(optical, count), _filled(raster, count), strict=True)
    return [_merged(*pair) for pair in pairs]


def _numbered(numbers: Sequence[Any], item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """STAC before 1.0.0-beta.1: an asset names its bands by their place in the item's list."""
    properties = item.get("properties")
    known = _dictionaries(properties.get("eo:bands")) if isinstance(properties, dict) else []
    return [known[one] for one in numbers if isinstance(one, int) and 0 <= one < len(known)]


def _merged(optical: Mapping[str, Any], raster: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write what STAC 1.0 says of a band as STAC 1.1 says it."""
    renamed = {
        "name": optical.get("name") or raster.get("name"),
        "eo:common_name": optical.get("common_name") or optical.get("eo:common_name"),
        "raster:scale": raster.get("scale"),
        "raster:offset": raster.get("offset"),
        "nodata": raster.get("nodata"),
        "data_type": raster.get("data_type"),
    }
    return {name: value for name, value in renamed.items() if value is not None}


def _facts(band: Mapping[str, Any], asset: Mapping[str, Any]) -> Mapping[str, Any]:
    """What STAC 1.1 says once for an asset holds for each of its bands."""
    found = {name: band.get(name, asset.get(name)) for name in _CALIBRATION}
    found |= {name: asset.get(name) for name in ("file:checksum", "file:size")}
    plain = (int, float, str)
    return {
        name: "nan" if value != value else value  # noqa: PLR0124 - as STAC writes it
        for name, value in found.items()
        if isinstance(value, plain)
    }


def _dictionaries(value: Any) -> list[Mapping[str, Any]]:
    listed: list[Any] = value if isinstance(value, list) else []
    found: list[Mapping[str, Any]] = [one for one in listed if isinstance(one, dict)]
    return found[:MAX_BANDS]


def _filled(listed: list[Mapping[str, Any]], count: int) -> list[Mapping[str, Any]]:
    return listed + [{}] * (count - len(listed))
