"""What a source hands over as a finding → the same, its numbers plain, or a refusal on one line.

Does not know where it will be kept.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any
from unicodedata import category

import numpy as np
import shapely

from satseek.errors import InvalidRequest
from satseek.monitor.findings.finding import KINDS, SIDES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from satseek.monitor.findings.finding import Evidence, Finding, Plain
    from satseek.types import BBox, GeoJSON

MAX_NAME = 200
"""Letters of a name, label or flag."""

MAX_COMMENT = 10_000
"""Letters of a comment, or of one property."""

MAX_MEMBERS = 1_000
"""Scores, flags, properties or chips of evidence of one finding: people look at each."""

_ID = re.compile(r"[0-9a-z][0-9a-z_.-]{3,63}")
_DIGEST = re.compile(r"(?:[0-9a-f]{64})?")
_POLYGONS = frozenset({"Polygon", "MultiPolygon"})
_UNSEEN = frozenset({"Cc", "Zl", "Zp"})
"""Categories of Unicode: what controls a terminal, and breaks lines."""

_TURN, _POLE = 180.0, 90.0


def check_finding(finding: Finding) -> Finding:
    """Give a finding that can be kept, its lists in order and its numbers Python's.

    Raises:
        InvalidRequest: which of its fields cannot be, and what it may be.
    """
    if not _ID.fullmatch(finding.id):
        raise InvalidRequest(f"id: expected one of `finding_id`, came {finding.id[:80]!r}")
    try:
        return _checked(finding)
    except InvalidRequest as error:
        raise InvalidRequest(f"finding {finding.id}: {error}") from error


def check_name(what: str, text: str) -> str:
    """Give a name that can be kept, without spaces around it.

    Raises:
        InvalidRequest: empty, too long, or with characters that are none.
    """
    name = text.strip()
    if not name:
        raise InvalidRequest(f"{what}: expected a name, came an empty one")
    if any(category(letter) in _UNSEEN for letter in name):
        raise InvalidRequest(f"{what}: expected one line of letters, came {name[:80]!a}")
    return check_text(what, name, most=MAX_NAME)


def check_text(what: str, text: str, *, most: int = MAX_COMMENT) -> str:
    """Give a text that can be kept.

    Raises:
        InvalidRequest: too long, or no Unicode text.
    """
    if len(text) > most:
        raise InvalidRequest(f"{what}: expected at most {most:,} letters, came {len(text):,}")
    if any("\ud800" <= letter <= "\udfff" or letter == "\x00" for letter in text):
        raise InvalidRequest(f"{what}: expected Unicode text, came {text[:80]!a}")
    return text


def bounds_of(footprint: GeoJSON | None) -> BBox | None:
    """Give the box of a footprint; None without one.

    Raises:
        InvalidRequest: it is no (Multi)Polygon on WGS 84.
    """
    if footprint is None:
        return None
    kind = footprint.get("type")
    if kind not in _POLYGONS:
        raise InvalidRequest(f"footprint: expected a Polygon or MultiPolygon, came {kind!r:.60}")
    try:
        shape = shapely.from_geojson(json.dumps(footprint, allow_nan=False))
    except (shapely.errors.GEOSException, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InvalidRequest(f"footprint: expected GeoJSON coordinates: {reason}") from error
    west, south, east, north = (float(side) for side in shape.bounds)
    if not all(map(math.isfinite, (west, south, east, north))):
        raise InvalidRequest("footprint: expected a polygon with an extent, came an empty one")
    if max(-west, east) > _TURN or max(-south, north) > _POLE:
        raise InvalidRequest(
            f"footprint: expected degrees on WGS 84, came {west:g},{south:g},{east:g},{north:g}"
        )
    return west, south, east, north


def _checked(finding: Finding) -> Finding:
    if finding.kind not in KINDS:
        raise InvalidRequest(f"kind: expected one of {', '.join(KINDS)}, came {finding.kind!r:.60}")
    check_name("source", finding.source)
    check_name("label", finding.label)
    for what in ("collection", "before", "after"):
        check_text(what, getattr(finding, what), most=MAX_NAME)
    for name in finding.cells:
        _given("cells", name)
    if finding.seen < 1:
        raise InvalidRequest(f"seen: expected 1 or more dates, came {finding.seen}")
    _check_dates(finding)
    bounds_of(finding.footprint)
    for what in ("scores", "flags", "evidence", "properties"):
        count = len(getattr(finding, what))
        if count > MAX_MEMBERS:
            raise InvalidRequest(f"{what}: expected at most {MAX_MEMBERS:,}, came {count:,}")
    return replace(
        finding,
        cells=tuple(sorted(set(finding.cells))),
        scores={check_name("scores", name): _number(name, one) for name, one in _of(finding)},
        footprint=_footprint(finding.footprint),
        first_seen=_utc(finding.first_seen),
        last_seen=_utc(finding.last_seen),
        area_m2=None if finding.area_m2 is None else _area(finding.area_m2),
        seen=int(finding.seen),
        urgency=_number("urgency", finding.urgency),
        flags=tuple(sorted({_flag(one) for one in finding.flags})),
        evidence=tuple(_evidence(one) for one in finding.evidence),
        properties=_properties(finding.properties),
    )


def _given(what: str, text: str) -> str:
    """Give the id of something, which may be as long as a path, in whatever letters."""
    if not text:
        raise InvalidRequest(f"{what}: expected an id, came an empty one")
    return check_text(what, text)


def _of(finding: Finding) -> list[tuple[str, float]]:
    return sorted(finding.scores.items())


def _check_dates(finding: Finding) -> None:
    first, last = finding.first_seen, finding.last_seen
    for what, moment in (("first_seen", first), ("last_seen", last)):
        _zoned(what, moment)
    if first is not None and last is not None and first > last:
        raise InvalidRequest(
            f"first_seen: expected none after last_seen {last.isoformat()}, came "
            f"{first.isoformat()}"
        )


def _zoned(what: str, moment: datetime | None) -> None:
    if moment is not None and moment.utcoffset() is None:
        raise InvalidRequest(f"{what}: expected a time with a zone, came {moment.isoformat()}")


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


def _footprint(given: GeoJSON | None) -> GeoJSON | None:
    """Give a footprint as it is read again: its places are lists."""
    plain: GeoJSON | None = json.loads(json.dumps(given))
    return plain


def _number(what: str, value: float) -> float:
    if not math.isfinite(value):
        raise InvalidRequest(f"{what}: expected a finite number, came {value}")
    return float(value)


def _area(value: float) -> float:
    if value < 0:
        raise InvalidRequest(f"area_m2: expected 0 or more, came {value:g}")
    return _number("area_m2", value)


def _flag(text: str) -> str:
    if "|" in text:
        raise InvalidRequest(f"flags: expected none with a '|', came {text[:80]!r}")
    return check_name("flags", text)


def _evidence(one: Evidence) -> Evidence:
    if one.side not in SIDES:
        raise InvalidRequest(f"evidence: expected before or after, came {one.side!r:.60}")
    _given("evidence", one.chip_id)
    check_text("evidence", one.scene)
    _zoned("evidence", one.datetime)
    if not _DIGEST.fullmatch(one.picture):
        raise InvalidRequest(f"evidence: expected a SHA-256 or nothing, came {one.picture[:80]!r}")
    return replace(one, datetime=_utc(one.datetime))


def _properties(given: Mapping[str, Plain]) -> dict[str, Plain]:
    return {check_name("properties", name): _plain(name, value) for name, value in given.items()}


def _plain(name: str, value: Any) -> Plain:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return check_text(f"properties: {name}", value)
    if isinstance(value, float):
        return _number(f"properties: {name}", value)
    raise InvalidRequest(
        f"properties: {name}: expected a text, a number, true, false or nothing, came "
        f"{type(value).__name__}"
    )
