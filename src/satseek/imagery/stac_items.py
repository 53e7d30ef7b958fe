"""A STAC item as it was written → its id, and what of its properties is kept with a scene.

Does not know assets or files.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from satseek.errors import UnreadableImage
from satseek.imagery._open import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PROPERTIES = 200
"""Properties of one item that are kept; Sentinel-2's of Earth Search have about 40."""

MAX_PROPERTY_CHARS = 2000
"""A longer property, such as a CRS spelled out, is left out."""

MAX_ID = 500
"""Characters of an id; the longest of missions have about 100."""


def item_id(item: Mapping[str, Any]) -> str:
    """``COLLECTION/ID``, as ids are unique within a collection alone; ``ID`` where it has none.

    Raises:
        UnreadableImage: no STAC item, or an id that no chip could be named by.
    """
    name, collection = item.get("id"), item.get("collection")
    if item.get("type") != "Feature" or not isinstance(name, str) or not name:
        raise UnreadableImage(f"expected a STAC item with an id, came {shown(str(item)[:60])}")
    whole = f"{collection}/{name}" if isinstance(collection, str) and collection else name
    if len(whole) > MAX_ID or not whole.isprintable():
        raise UnreadableImage(
            f"{shown(whole[:80])!r}: expected an id of at most {MAX_ID} printable characters"
        )
    return whole


def current_item(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Bring an item from before STAC 1.0 up to date; others are as they were.

    Raises:
        UnreadableImage: pystac is not installed, or cannot make anything of it.
    """
    version = str(item.get("stac_version", "1"))
    if not version.startswith("0."):
        return item
    try:
        from pystac.serialization import identify_stac_object, migrate_to_latest  # noqa: PLC0415

        wanted = dict(item)
        return migrate_to_latest(wanted, identify_stac_object(wanted))
    except ImportError as error:
        raise UnreadableImage(
            f"STAC {shown(version)[:20]} is read by pystac: pip install 'satseek[gis]'"
        ) from error
    except Exception as error:
        raise UnreadableImage(
            f"STAC {shown(version)[:20]} cannot be brought up to date: {shown(str(error))[:200]}"
        ) from error


def kept_properties(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item's properties that are kept with its scene, and the collection it is in."""
    found = item.get("properties")
    kept = {
        str(name): value
        for name, value in (found.items() if isinstance(found, dict) else ())
        if value is not None and name != "bands" and _is_short(value)
    }
    collection = item.get("collection")
    if isinstance(collection, str) and collection:
        kept.setdefault("collection", collection)
    return dict(list(kept.items())[:MAX_PROPERTIES])


def _is_short(value: object) -> bool:
    try:
        return len(json.dumps(value, allow_nan=False)) <= MAX_PROPERTY_CHARS
    except (ValueError, RecursionError):  # NaN is no JSON
        return False
