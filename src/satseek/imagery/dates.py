"""A file's surroundings, tags and name → when it was acquired, and what an Item says of it.

Does not open rasters. In this order: a STAC Item beside the file, the file's own tag, its name.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FIRST_YEAR, LAST_YEAR = 1930, 2099
"""Years that numbers in a name may mean: from the first aerial surveys on."""

_MAX_ITEM_BYTES = 4 * 1024**2
"""A STAC Item has kilobytes."""

_YEAR_DIGITS = 4
"""No number of a date is longer."""

_MAX_ITEMS = 10_000
"""JSON files of one folder that are looked through for assets."""

_NAMED = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d{2})"
    r"(?:(?P<mark>[-_.])(?P<month>\d{2})(?:(?P=mark)(?P<day>\d{2}))?"
    r"|(?P<month2>\d{2})(?P<day2>\d{2})"
    r"(?:T?[-_]?(?P<hour>\d{2})[-:]?(?P<minute>\d{2})[-:]?(?P<second>\d{2}))?)(?!\d)"
)
"""2017-09-13, 2017_09_13, 2017.09, 20170913, 20170913T114349, 20170913_114349."""


def acquisition_date(path: Path, *, tag: str | None) -> datetime | None:
    """Find when ``path`` was acquired.

    Args:
        path: The scene's file.
        tag: The file's own date tag (TIFF DateTime, EXIF DateTimeOriginal), if it has one.

    Returns:
        UTC, timezone-aware; what names no zone is taken as UTC. None where nothing is known.
    """
    beside = item_beside(path)
    dated = None if beside is None else date_of_item(beside)
    return dated or _date_of_tag(tag) or date_in_name(path.name)


def forget_items() -> None:
    """Read Items again when asked next: one that is corrected in place changes no folder's time."""
    _items_by_asset.cache_clear()


def item_beside(path: Path) -> Mapping[str, Any] | None:
    """Find the STAC Item beside a file: of its name, or one that has it as an asset; else None."""
    own = _item(path.with_suffix(".json"))
    if own is not None:
        return own
    folder = path.parent
    file = _items_by_asset(folder, folder.stat().st_mtime_ns).get(path.name)
    return None if file is None else _item(file)


def date_of_item(item: Mapping[str, Any]) -> datetime | None:
    """STAC 1.0: ``datetime`` may be null where ``start_datetime`` is given."""
    properties = item.get("properties")
    if not isinstance(properties, dict):
        return None
    text = str(properties.get("datetime") or properties.get("start_datetime"))
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def date_in_name(name: str) -> datetime | None:
    """Read the first date in a file name; a month without day means its first day."""
    for found in _NAMED.finditer(name):
        parts = found.groupdict()
        day = parts["day"] or parts["day2"] or "1"
        clock = [int(parts[unit] or 0) for unit in ("hour", "minute", "second")]
        month = parts["month"] or parts["month2"]
        moment = _moment(int(parts["year"]), int(month), int(day), *clock)
        if moment is None:
            moment = _moment(int(parts["year"]), int(month), int(day))
        if moment is not None:
            return moment
    return None


def _date_of_tag(tag: str | None) -> datetime | None:
    """TIFF 6.0 and EXIF 2.3: ``YYYY:MM:DD HH:MM:SS``."""
    numbers = re.findall(r"\d+", tag or "")[:6]
    if len(numbers) < 3 or max(map(len, numbers)) > _YEAR_DIGITS:  # noqa: PLR2004 (a date)
        return None
    return _moment(*map(int, numbers))


def _moment(*parts: int) -> datetime | None:
    if not FIRST_YEAR <= parts[0] <= LAST_YEAR:
        return None
    try:
        return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=16)
def _items_by_asset(folder: Path, _changed_ns: int) -> Mapping[str, Path]:
    """File of the first dated Item that has an asset, by the asset's file name."""
    found: dict[str, Path] = {}
    for file in sorted(folder.glob("*.json"))[:_MAX_ITEMS]:
        item = _item(file)
        if item is not None and date_of_item(item) is not None:
            for name in _asset_names(item):
                found.setdefault(name, file)
    return found


def _asset_names(item: Mapping[str, Any]) -> Iterator[str]:
    assets = item.get("assets")
    for asset in assets.values() if isinstance(assets, dict) else ():
        href = asset.get("href") if isinstance(asset, dict) else None
        if isinstance(href, str):
            yield unquote(urlsplit(href).path).rsplit("/", 1)[-1]


def _item(file: Path) -> Mapping[str, Any] | None:
    """Read a STAC Item; None where the file is missing or something else."""
    try:
        if not file.is_file() or file.stat().st_size > _MAX_ITEM_BYTES:
            return None
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    is_item = isinstance(content, dict) and content.get("type") == "Feature"
    return content if is_item and "stac_version" in content else None
