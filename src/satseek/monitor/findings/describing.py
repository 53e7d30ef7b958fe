"""A finding, its evidence and its history ↔ the JSON that files, doors and deliveries hold.

Does not know who reads it. What is read again is what was written.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidRequest
from satseek.monitor.findings.finding import Evidence, Finding, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

SAID = (
    *("id", "kind", "source", "collection", "cells", "label", "before", "after", "scores"),
    *("footprint", "area_m2", "first_seen", "last_seen", "seen", "urgency", "flags", "evidence"),
    "properties",
)
"""Fields of a finding that its source writes; all others are ours and people's."""

_LISTS = ("cells", "flags")
_MOMENTS = ("first_seen", "last_seen", "created", "changed")
_KNOWN = frozenset(one.name for one in fields(Finding))


def described(finding: Finding) -> dict[str, Any]:
    """Give a finding as JSON holds it, its fields by their names."""
    return {one.name: _plain(getattr(finding, one.name)) for one in fields(Finding)}


def described_step(step: Step) -> dict[str, Any]:
    """Give a step as JSON holds it."""
    return {one.name: _plain(getattr(step, one.name)) for one in fields(Step)}


def said_text(finding: Finding) -> str:
    """Give what its source says of a finding as one line of JSON, its properties in their order."""
    said = {name: _plain(getattr(finding, name)) for name in SAID}
    return json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def finding_of(content: Mapping[str, Any]) -> Finding:
    """Read what ``described`` gave, or the part of it that sources write.

    Raises:
        InvalidRequest: it is no finding.
    """
    unknown = sorted(set(content) - _KNOWN)
    if unknown:
        raise InvalidRequest(f"finding: expected its fields alone, came {', '.join(unknown)[:200]}")
    try:
        read = dict(content)
        read |= {name: tuple(read[name]) for name in _LISTS if name in read}
        read |= {name: _moment(read[name]) for name in _MOMENTS if name in read}
        read["evidence"] = tuple(_evidence_of(one) for one in read.get("evidence", ()))
        return Finding(**read)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest(f"finding: expected what one is described by: {error}") from error


def _evidence_of(content: Mapping[str, Any]) -> Evidence:
    bounds = content.get("bounds")
    return Evidence(
        **{
            **content,
            "datetime": _moment(content["datetime"]),
            "bounds": None if bounds is None else tuple(bounds),
        }
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case Evidence():
            return {one.name: _plain(getattr(value, one.name)) for one in fields(Evidence)}
        case tuple():
            return [_plain(one) for one in value]
    return value
