"""Verbs about findings → requests, and what to read of their answers.

Knows the routes; sends nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from satseek.client.binding import get, listed, page_size, post
from satseek.client.exporting import WGS84, format_of
from satseek.client.findings import DECISIONS, finding_of
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from satseek.client.asking import Ask
    from satseek.client.binding import Listed
    from satseek.client.findings import Finding


def ask_findings(
    *,
    kinds: Sequence[str] = (),
    sources: Sequence[str] = (),
    collections: Sequence[str] = (),
    states: Sequence[str] = (),
    labels: Sequence[str] = (),
    flags: Sequence[str] = (),
    assignee: str | None = None,
    bbox: Sequence[float] | None = None,
    area: Mapping[str, Any] | str | None = None,
    area_crs: str | None = None,
    start: str | None = None,
    end: str | None = None,
    order: str = "newest",
    limit: int | None = None,
) -> Ask[Listed[Finding]]:
    """List findings, without their cells and history.

    Args:
        kinds: Any of ``landuse``, ``watch`` and ``damage``.
        sources: Any of these watches, runs or assessments.
        collections: Any of these collections.
        states: Any of ``new``, ``assigned``, ``confirmed``, ``rejected`` and ``closed``.
        labels: Any of these labels.
        flags: All of these flags, such as ``outside-permit``.
        assignee: Who looks at it; empty: nobody; ``@me``: you.
        bbox: West, south, east, north in degrees.
        area: A polygon instead of ``bbox``: GeoJSON, or WKT.
        area_crs: Its CRS, such as ``EPSG:25833``; None: what it names, or degrees on WGS 84.
        start: Seen at or after this date.
        end: First seen at or before this date; a day is whole.
        order: ``newest``: kept last comes first; ``urgent``: the most urgent.
        limit: So many at most; None: all.
    """
    query = _query(
        kinds=kinds,
        sources=sources,
        collections=collections,
        states=states,
        labels=labels,
        flags=flags,
        assignee=assignee,
        bbox=bbox,
        area=area,
        area_crs=area_crs,
        start=start,
        end=end,
    )
    query |= {"order": order, "limit": page_size(limit)}
    return get("/v1/findings", query, listed(finding_of, "findings", most=limit))


def ask_finding_counts(
    *,
    kinds: Sequence[str] = (),
    sources: Sequence[str] = (),
    collections: Sequence[str] = (),
    labels: Sequence[str] = (),
    flags: Sequence[str] = (),
    assignee: str | None = None,
    bbox: Sequence[float] | None = None,
    area: Mapping[str, Any] | str | None = None,
    area_crs: str | None = None,
    start: str | None = None,
    end: str | None = None,
) -> Ask[dict[str, int]]:
    """Count findings by state, every state named; takes the filters of ``findings``."""
    query = _query(
        kinds=kinds,
        sources=sources,
        collections=collections,
        labels=labels,
        flags=flags,
        assignee=assignee,
        bbox=bbox,
        area=area,
        area_crs=area_crs,
        start=start,
        end=end,
    )
    return get("/v1/findings/counts", query, lambda answer: dict(answer["counts"]))


def ask_finding(finding_id: str) -> Ask[Finding]:
    """Show a finding by its whole id, with its cells and all that was ever done with it."""
    return get(_finding(finding_id), {}, finding_of)


def ask_next_finding(
    *,
    kinds: Sequence[str] = (),
    sources: Sequence[str] = (),
    collections: Sequence[str] = (),
    labels: Sequence[str] = (),
    flags: Sequence[str] = (),
    bbox: Sequence[float] | None = None,
    area: Mapping[str, Any] | str | None = None,
    area_crs: str | None = None,
    who: str | None = None,
) -> Ask[Finding | None]:
    """Give you the next finding to look at: one that you have, or the most urgent new one.

    Args:
        kinds: Among which; filters are those of ``findings``.
        sources: Likewise.
        collections: Likewise.
        labels: Likewise.
        flags: Likewise.
        bbox: Likewise.
        area: Likewise.
        area_crs: Likewise.
        who: Your name, where nobody is asked who they are; None: as you are known.
    """
    given: dict[str, Any] = {
        "kinds": list(kinds),
        "sources": list(sources),
        "collections": list(collections),
        "labels": list(labels),
        "flags": list(flags),
        "bbox": list(bbox) if bbox else None,
        "area": area,
        "area_crs": area_crs,
        "who": who,
    }
    return post("/v1/findings/next", given, lambda one: None if one is None else finding_of(one))


def ask_decide_finding(
    finding_id: str,
    deed: str,
    *,
    comment: str = "",
    revision: int | None = None,
    assignee: str | None = None,
    who: str | None = None,
) -> Ask[Finding]:
    """Say what is to become of a finding; the same said again changes nothing.

    Args:
        finding_id: Which, its whole id.
        deed: ``assign``, ``release``, ``confirm``, ``reject``, ``close``, ``reopen`` or
            ``comment``.
        comment: Why; of ``comment``: what.
        revision: The finding's that you saw: refused (Conflict) where it has changed since.
        assignee: Of ``assign``: who is to look at it; None: you.
        who: Your name, where nobody is asked who they are; None: as you are known.

    Raises:
        InvalidRequest: there is no such deed.
    """
    if deed not in DECISIONS:
        raise InvalidRequest(f"deed: expected one of {', '.join(DECISIONS)}, came {deed[:40]!r}")
    given = {"comment": comment, "revision": revision, "assignee": assignee, "who": who}
    return post(f"{_finding(finding_id)}/{deed}", given, finding_of)


def ask_finding_picture(finding_id: str, picture: str) -> Ask[None]:
    """Ask for a picture that was kept."""
    return get(f"{_finding(finding_id)}/pictures/{quote(picture, safe='')}", {}, _nothing)


def ask_export_findings(
    path: Path | str,
    *,
    format: str | None = None,  # noqa: A002 (what everybody calls it)
    crs: str = WGS84,
    **filters: Any,
) -> Ask[None]:
    """Ask for findings as a file; raises InvalidRequest where its name tells no format."""
    chosen = {"format": format or format_of(path), "crs": crs}
    return get("/v1/findings/export", _query(**filters) | chosen, _nothing)


def _query(**filters: Any) -> dict[str, Any]:
    """Write a filter as an address has it: what may come several times by its singular."""
    several = ("kinds", "sources", "collections", "states", "labels", "flags")
    query: dict[str, Any] = {
        name.removesuffix("s"): list(filters.pop(name, ())) for name in several
    }
    if filters.get("bbox"):
        filters["bbox"] = ",".join(map(str, filters["bbox"]))
    if isinstance(filters.get("area"), dict):
        filters["area"] = json.dumps(filters["area"])
    return query | filters


def _finding(finding_id: str) -> str:
    return f"/v1/findings/{quote(finding_id, safe='')}"


def _nothing(_answer: Any) -> None:
    """A file is no JSON."""
