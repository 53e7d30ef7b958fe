"""Hits and chips → GeoJSON that any GIS opens.

Knows nothing of how they were found. Coordinates are longitude, latitude on WGS 84 (RFC 7946).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satseek.types import Chip, Hit


def feature_collection(hits: Iterable[Hit], **properties: Any) -> dict[str, Any]:
    """Return a FeatureCollection, one Feature a hit, best first; extras become members."""
    features = [hit_feature(hit) for hit in hits]
    collection: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    return collection | properties


def hit_feature(hit: Hit) -> dict[str, Any]:
    """Return one Feature: the chip's footprint, its rank and scores as properties."""
    feature = chip_feature(hit.chip)
    feature["properties"].update(hit.scores, rank=hit.rank)
    return feature


def chip_feature(chip: Chip) -> dict[str, Any]:
    """Return one Feature; its geometry is null where the scene has no georeference."""
    return {
        "type": "Feature",
        "id": chip.id,
        "geometry": dict(chip.footprint) if chip.footprint else None,
        "properties": {
            "chip": chip.id,
            "scene": chip.scene_id,
            "cell": chip.cell,
            "datetime": chip.datetime.isoformat() if chip.datetime else None,
            "valid_fraction": chip.valid_fraction,
        },
    }
