"""A map of tiles → what GIS and web maps read about it: TileJSON 3.0 and WMTS capabilities.

Does not know how tiles are drawn. WMTS is OGC 07-057r7 in its RESTful form, on the tile matrix set
that everybody knows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from satseek.imagery.tiles import HALF, MAX_LATITUDE, TILE_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.search.mapping_colours import Entry
    from satseek.service.tiling_drawing import Extent

MATRIX_SET = "WebMercatorQuad"

SCALE_0 = 559_082_264.028_717_8
"""Scale denominator of zoom 0 for pixels of 0.28 mm (OGC 17-083r4, annex D.1)."""

_WMTS = "http://www.opengis.net/wmts/1.0"
_OWS = "http://www.opengis.net/ows/1.1"
_XLINK = "http://www.w3.org/1999/xlink"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapShown:
    """One map that is served as tiles."""

    id: str
    """Names it among the maps of a collection: ``scenes``, ``heat``, ``classes``."""
    title: str
    """For people."""
    addresses: tuple[tuple[str, str], ...]
    """Media type and address template of each format, with ``{z}``, ``{x}`` and ``{y}``."""
    legend: tuple[Entry, ...] = ()
    """What its colours stand for."""


def tilejson(shown: MapShown, extent: Extent, *, generation: int) -> dict[str, Any]:
    """Write TileJSON 3.0; what is not in it has the prefix ``satseek:``."""
    west, south, east, north = extent.bbox
    south, north = max(south, -MAX_LATITUDE), min(north, MAX_LATITUDE)
    content: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": shown.title,
        "version": "1.0.0",
        "scheme": "xyz",
        "tiles": [shown.addresses[0][1]],
        "vector_layers": [],  # the schema wants it of all tiles; pictures have none
        "minzoom": 0,
        "maxzoom": extent.maxzoom,
        "bounds": [west, south, east, north],
        "center": [(west + east) / 2, (south + north) / 2, _whole_zoom(extent)],
        "satseek:generation": generation,
    }
    if shown.legend:
        content["legend"] = "; ".join(f"{one.css} {one.label}" for one in shown.legend)
        content["satseek:legend"] = [
            {"label": one.label, "colour": one.css, "value": one.value} for one in shown.legend
        ]
    return content


def capabilities(maps: Sequence[MapShown], extent: Extent, *, title: str, address: str) -> bytes:
    """Write the WMTS capabilities of some maps that go equally far."""
    for prefix, space in (("", _WMTS), ("ows", _OWS), ("xlink", _XLINK)):
        ET.register_namespace(prefix, space)
    root = ET.Element(_wmts("Capabilities"), {"version": "1.0.0"})
    service = ET.SubElement(root, _ows("ServiceIdentification"))
    _texts(service, Title=title, ServiceType="OGC WMTS", ServiceTypeVersion="1.0.0")
    contents = ET.SubElement(root, _wmts("Contents"))
    for shown in maps:
        contents.append(_layer(shown, extent))
    contents.append(_matrix_set(extent.maxzoom))
    ET.SubElement(root, _wmts("ServiceMetadataURL"), {f"{{{_XLINK}}}href": address})
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _layer(shown: MapShown, extent: Extent) -> ET.Element:
    layer = ET.Element(_wmts("Layer"))
    _texts(layer, Title=shown.title)
    west, south, east, north = extent.bbox
    box = ET.SubElement(layer, _ows("WGS84BoundingBox"))
    _texts(box, LowerCorner=f"{west:.7f} {south:.7f}", UpperCorner=f"{east:.7f} {north:.7f}")
    _texts(layer, Identifier=shown.id)
    style = ET.SubElement(layer, _wmts("Style"), {"isDefault": "true"})
    _texts(style, Identifier="default")
    for media_type, _ in shown.addresses:
        ET.SubElement(layer, _wmts("Format")).text = media_type
    link = ET.SubElement(layer, _wmts("TileMatrixSetLink"))
    ET.SubElement(link, _wmts("TileMatrixSet")).text = MATRIX_SET
    for media_type, address in shown.addresses:
        places = {"{z}": "{TileMatrix}", "{x}": "{TileCol}", "{y}": "{TileRow}"}
        for ours, theirs in places.items():
            address = address.replace(ours, theirs)  # noqa: PLW2901 (one after the other)
        ET.SubElement(
            layer,
            _wmts("ResourceURL"),
            {"format": media_type, "resourceType": "tile", "template": address},
        )
    return layer


def _matrix_set(maxzoom: int) -> ET.Element:
    matrices = ET.Element(_wmts("TileMatrixSet"))
    _texts(matrices, Identifier=MATRIX_SET, SupportedCRS="urn:ogc:def:crs:EPSG::3857")
    known = ET.SubElement(matrices, _wmts("WellKnownScaleSet"))
    known.text = "urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible"
    for zoom in range(maxzoom + 1):
        matrix = ET.SubElement(matrices, _wmts("TileMatrix"))
        _texts(matrix, Identifier=str(zoom))
        facts = {
            "ScaleDenominator": f"{SCALE_0 / 2**zoom:.10f}",
            "TopLeftCorner": f"{-HALF:.7f} {HALF:.7f}",
            "TileWidth": str(TILE_PX),
            "TileHeight": str(TILE_PX),
            "MatrixWidth": str(2**zoom),
            "MatrixHeight": str(2**zoom),
        }
        for name, text in facts.items():
            ET.SubElement(matrix, _wmts(name)).text = text
    return matrices


def _whole_zoom(extent: Extent) -> int:
    """Zoom at which the whole map is about two tiles wide."""
    west, south, east, north = extent.bbox
    wide = max(east - west, north - south, 1e-6)
    return min(max(math.floor(math.log2(720.0 / wide)), 0), extent.maxzoom)


def _texts(parent: ET.Element, **texts: str) -> None:
    for name, text in texts.items():
        ET.SubElement(parent, _ows(name)).text = text


def _ows(name: str) -> str:
    return f"{{{_OWS}}}{name}"


def _wmts(name: str) -> str:
    return f"{{{_WMTS}}}{name}"
