"""A watch's file (TOML or JSON) → the noun, strictly.

Does not know what becomes of the watch. Polygons are read from the files that it names, so that the
watch stays what it is when those change.
"""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from satseek.errors import FolderNotFound, InvalidConfig
from satseek.imagery.outlines import outline, read_outline
from satseek.monitor.watch.watch import (
    AIMS,
    BACKGROUND_QUANTILE,
    GROW_QUANTILE,
    OperatingPoint,
    SightingRule,
    Watch,
    WatchedConcept,
    WatchedHours,
    WatchedScenes,
    check_watch,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from satseek.types import GeoJSON

MAX_BYTES = 16 << 20
"""Largest file of a watch: polygons may stand in it."""

_PLAIN: dict[str, type[Any]] = {
    "neighbours": float,
    "least_cells": int,
    "least_area_ha": float,
    "least_valid": float,
    "level": int,
    "existing": str,
}
_KEYS = frozenset(
    {
        *("name", "collection", "concept", "scenes", "ground", "since", "schedule"),
        *("operating_point", "persistence", "deliver", *_PLAIN),
    }
)
_CONCEPT = frozenset({"label", "prompts", "negatives", "liked", "disliked", "saved"})
_LAYOUT: dict[str, type[Any]] = {
    "recipe": str,
    "chip_px": int,
    "stride_px": int,
    "pixel_size": float,
    "crs": str,
    "min_valid": float,
}
_SCENES = frozenset({"folder", "search", "allow", *_LAYOUT})
_GROUND = frozenset({"area", "permits", "exclusions", "crs"})
_SCHEDULE = frozenset({"cron", "timezone"})
_POINT = frozenset({*AIMS, "grow_quantile"})
_PERSISTENCE = frozenset({"seen", "of"})

_CONSTANTS = frozenset(
    {"cosine", "threshold", "cut", "score", "similarity", "match", "share", "percentile"}
)
"""What people write who expect a constant."""

T = TypeVar("T")


def read_watch(path: Path) -> Watch:
    """Read a watch from its file; paths in it are relative to its folder.

    Raises:
        FolderNotFound: there is no such file.
        InvalidConfig: neither TOML nor JSON, an unknown key, a wrong type, or a constant as cut.
        InvalidName, InvalidRequest, InvalidFilter: a value that cannot be.
    """
    if not path.is_file():
        raise FolderNotFound(f"{path}: no such file, expected a watch as TOML or JSON")
    if path.stat().st_size > MAX_BYTES:
        raise InvalidConfig(f"{path}: expected at most {MAX_BYTES:,} bytes")
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidConfig(f"{path}: expected TOML or JSON: {error}") from error
    return watch_from(content, folder=path.absolute().parent)


def watch_from(content: Any, *, folder: Path | None = None) -> Watch:
    """Make a watch of what a file says.

    Args:
        content: What TOML or JSON gave.
        folder: What relative paths are below; None: no path is taken, as from a door.

    Raises:
        As ``read_watch``.
    """
    check_no_constant(content, "watch")
    table = _table(content, "watch", _KEYS)
    ground = _table(table.get("ground", {}), "ground", _GROUND)
    rest: dict[str, Any] = {
        name: _area(ground[name], name, crs=_text(ground, "crs", "ground"), folder=folder)
        for name in ("area", "permits", "exclusions")
        if name in ground
    }
    rest |= {name: _of(kind, table[name], name) for name, kind in _PLAIN.items() if name in table}
    return check_watch(
        Watch(
            name=_needed(table, "name", "watch"),
            collection=_needed(table, "collection", "watch"),
            concept=_concept(table.get("concept")),
            scenes=_scenes(table.get("scenes"), folder),
            since=_day(table.get("since")),
            hours=_hours(table.get("schedule")),
            operating_point=_point(table.get("operating_point", {})),
            persistence=_persistence(table.get("persistence", {})),
            deliver=_texts(table.get("deliver", []), "deliver"),
            **rest,
        )
    )


def _concept(content: Any) -> WatchedConcept:
    check_no_constant(content, "concept")
    table = _table({} if content is None else content, "concept", _CONCEPT)
    lists: dict[str, Any] = {
        name: _texts(table.get(name, []), f"concept: {name}")
        for name in ("prompts", "negatives", "liked", "disliked")
    }
    return WatchedConcept(
        label=_needed(table, "label", "concept"),
        saved=_text(table, "saved", "concept") or "",
        **lists,
    )


def _scenes(content: Any, folder: Path | None) -> WatchedScenes | None:
    if content is None:
        return None
    table = _table(content, "scenes", _SCENES)
    named = _needed(table, "folder", "scenes")
    if folder is not None and "://" not in named:
        named = str(folder / named)
    search = table.get("search")
    if search is not None and not isinstance(search, dict):
        raise InvalidConfig(f"scenes: search: expected a table, came {search!r:.80}")
    return WatchedScenes(
        folder=named,
        search=search,
        allow=_texts(table.get("allow", []), "scenes: allow"),
        here=folder is not None,
        **{
            name: _of(kind, table[name], f"scenes: {name}")
            for name, kind in _LAYOUT.items()
            if name in table
        },
    )


def _hours(content: Any) -> WatchedHours | None:
    if content is None:
        return None
    table = _table(content, "schedule", _SCHEDULE)
    return WatchedHours(
        cron=_needed(table, "cron", "schedule"),
        timezone=_text(table, "timezone", "schedule") or "UTC",
    )


def _point(content: Any) -> OperatingPoint:
    check_no_constant(content)
    table = _table(content, "operating_point", _POINT)
    given = [name for name in AIMS if name in table]
    if len(given) > 1:
        raise InvalidConfig(
            f"operating_point: expected one of {', '.join(AIMS)}, came {len(given)}"
        )
    aim = given[0] if given else AIMS[0]
    return OperatingPoint(
        aim=aim,
        value=_of(float, table.get(aim, BACKGROUND_QUANTILE), aim),
        grow_quantile=_of(float, table.get("grow_quantile", GROW_QUANTILE), "grow_quantile"),
    )


def check_no_constant(said: Any, where: str = "operating_point") -> None:
    """Refuse a cut that is a constant, as people write it who expect one.

    Args:
        said: What stands in a table of a watch, or instead of it.
        where: The table's name.

    Raises:
        InvalidConfig: it is one; says why no constant holds, and what to give instead.
    """
    if isinstance(said, int | float) and not isinstance(said, bool):
        raise _constant(f"{said:g}", where)
    if isinstance(said, dict) and (named := sorted(_CONSTANTS & set(said))):
        raise _constant(f"{named[0]} = {said[named[0]]!r:.40}", where)


def _constant(came: str, where: str) -> InvalidConfig:
    """Say why a constant is no cut.

    The figures are those of docs/concepts/scores.md: over 1,005 images and 19 prompts of four
    models the largest cosines lie between 0.27 and 0.39.
    """
    return InvalidConfig(
        f"{where}: came {came}, a constant, and no constant holds: cosines of words with "
        "images seldom reach 0.4, each model, prompt and sensor has its own scale, and a share "
        "exceeds 0.7 where nothing of it is there; in operating_point give background_quantile = "
        f"{BACKGROUND_QUANTILE} (share of unchanged ground below the cut), or precision = 0.8 or "
        "recall = 0.9, learnt from answered findings"
    )


def _persistence(content: Any) -> SightingRule:
    table = _table(content, "persistence", _PERSISTENCE)
    seen = _of(int, table.get("seen", 1), "persistence: seen")
    return SightingRule(seen=seen, of=_of(int, table.get("of", seen), "persistence: of"))


def _area(said: Any, name: str, *, crs: str | None, folder: Path | None) -> GeoJSON:
    if isinstance(said, dict):
        return outline(said, crs=crs)
    if not isinstance(said, str):
        raise InvalidConfig(f"ground: {name}: expected a file, WKT or GeoJSON, came {said!r:.80}")
    path = None if folder is None else folder / said
    if path is not None and not said.lstrip().startswith("{") and "(" not in said:
        return read_outline(path, crs=crs)
    return outline(said, crs=crs)


def _day(said: Any) -> date | None:
    if said is None:
        return None
    if isinstance(said, datetime):
        return said.astimezone(UTC).date() if said.tzinfo else said.date()
    if isinstance(said, date):
        return said
    try:
        return date.fromisoformat(said)
    except (TypeError, ValueError) as error:
        raise InvalidConfig(
            f"since: expected a day such as 2024-06-30, came {said!r:.80}"
        ) from error


def _table(content: Any, where: str, known: frozenset[str]) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise InvalidConfig(f"{where}: expected a table, came {content!r:.80}")
    for key in content:
        if key not in known:
            raise InvalidConfig(
                f"{where}: unknown key {key!r}, expected one of {', '.join(sorted(known))}"
            )
    return content


def _needed(table: Mapping[str, Any], key: str, where: str) -> str:
    if key not in table:
        raise InvalidConfig(f"{where}: {key!r} is missing")
    return _of(str, table[key], f"{where}: {key}")


def _text(table: Mapping[str, Any], key: str, where: str) -> str | None:
    return _of(str, table[key], f"{where}: {key}") if key in table else None


def _texts(said: Any, where: str) -> tuple[str, ...]:
    return tuple(_of(str, one, where) for one in _list(said, where))


def _list(said: Any, where: str) -> list[Any]:
    if not isinstance(said, list):
        raise InvalidConfig(f"{where}: expected a list, came {said!r:.80}")
    return said


def _of(kind: type[T], said: Any, where: str) -> T:
    """Give a value of a kind; whole numbers are numbers, true is none."""
    fits = isinstance(said, kind) or (kind is float and isinstance(said, int))
    if isinstance(said, bool) or not fits:
        raise InvalidConfig(f"{where}: expected {kind.__name__}, came {said!r:.80}")
    return kind(said)  # type: ignore[call-arg]
