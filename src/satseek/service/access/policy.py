"""A path → what it takes to ask it: one table for every route that there is.

Does not know who asks. A path that stands nowhere here is refused to all but admins, so that a new
route is closed until somebody has thought about it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.service.access.principals import Scope

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one part of the address space takes."""

    read: Scope | None
    """Scope for reading; None: everybody may, recognised or not."""
    write: Scope | None
    """Scope for every other method; None: likewise."""
    changes: bool = False
    """True where other methods change something: written to the audit trail before it is done."""
    counted: bool = True
    """Whether requests count against a principal's rate."""
    noted: bool = True
    """Whether reading is written to the audit trail."""


OPEN = Rule(read=None, write=None, counted=False, noted=False)
"""Says nothing about anybody's imagery."""

PAGE = Rule(read="search", write="search", counted=False, noted=False)
"""The page's own traffic; its searches are counted and noted where they are made."""

UNDECLARED = Rule(read="keys", write="keys", counted=False)
"""Whatever stands nowhere in the table."""

RULES: Mapping[str, Rule] = {
    "/livez": OPEN,
    "/readyz": OPEN,
    "/docs": OPEN,  # the same as the product's own documentation
    "/openapi.json": OPEN,
    "/favicon.ico": OPEN,
    "/_satseek": OPEN,  # style and script of the page, as published
    "/login": OPEN,
    "/logout": OPEN,
    "/metrics": Rule(read="metrics", write="metrics", counted=False, noted=False),
    "/": PAGE,
    "/_nicegui": PAGE,
    "/_nicegui_ws": PAGE,
    "/v1/formats": OPEN,  # the same as the product's own documentation
    "/v1/search": Rule(read="search", write="search"),
    "/v1/classify": Rule(read="classify", write="classify"),
    "/v1/similarity": Rule(read="classify", write="classify"),
    "/v1/embed": Rule(read="embed", write="embed"),
    "/v1/embeddings": Rule(read="embed", write="embed"),
    "/v1/model": Rule(read="search", write="models", changes=True),
    "/v1/models": Rule(read="search", write="models", changes=True),
    "/v1/collections": Rule(read="search", write="collections", changes=True),
    "/v1/concepts": Rule(read="search", write="collections", changes=True),
    "/v1/findings": Rule(read="search", write="findings", changes=True),
    "/v1/findings/counts": Rule(  # a badge on a page, asked for again and again
        read="search", write="findings", changes=True, counted=False, noted=False
    ),
    "/v1/samples": Rule(read="search", write="jobs", changes=True),  # drawn by a job
    "/v1/alerts": Rule(read="jobs", write="jobs", changes=True),
    "/v1/reports": Rule(read="search", write="jobs", changes=True),
    "/v1/landuse": Rule(read="search", write="jobs", changes=True),
    "/v1/watches": Rule(read="search", write="jobs", changes=True),
    "/v1/assessments": Rule(read="search", write="jobs", changes=True),
    "/v1/parcels": Rule(read="jobs", write="jobs", changes=True),
    "/v1/jobs": Rule(read="jobs", write="jobs", changes=True),
    "/v1/schedules": Rule(read="jobs", write="jobs", changes=True),
    "/ogc": Rule(read="search", write="search"),
    "/ogc/api": OPEN,  # like /openapi.json
    "/ogc/api.html": OPEN,
    "/stac/api": OPEN,
    "/stac/api.html": OPEN,
    "/stac": Rule(read="search", write="search"),  # searched by POST, changes nothing
    "/v2": Rule(read="embed", write="embed"),
    "/v2/health": OPEN,
    "/v2/repository/index": Rule(read="embed", write="embed"),  # asked by POST, changes nothing
    "/v2/repository": Rule(read="embed", write="models", changes=True),
}
"""Rules by path; each holds for all paths below it that have no rule of their own."""

THUMBNAILS = Rule(read="search", write="collections", changes=True, counted=False)
"""A page of hits shows dozens of them at once: they do not count."""

EVIDENCE = Rule(read="search", write="findings", changes=True, counted=False)
"""Pictures of findings and of places to be judged: whoever looks through them sees two of each."""

JUDGING = Rule(read="search", write="findings", changes=True)
"""What lies below samples: they are drawn by a job, and judged by whoever decides on findings."""

TILES = Rule(read="search", write="collections", changes=True, counted=False, noted=False)
"""Each look at a map asks for dozens of them: they do not count, and are not noted; what describes
a map is."""

PATTERNS: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (re.compile(r"(?s)/v1/collections/(?:.*/)?thumbnail"), THUMBNAILS),
    (
        re.compile(r"/v1/(?:findings/[^/]+|samples/[^/]+/places/[^/]+)/pictures/[^/]+"),
        EVIDENCE,
    ),
    (re.compile(r"(?s)/v1/samples/.+"), JUDGING),
    (
        re.compile(
            r"/v1/(?:collections/[^/]+/(?:scenes/tiles|heat|classes)|landuse/[^/]+/maps/[^/]+)"
            r"/\d+/\d+/[^/]+"
        ),
        TILES,
    ),
)
"""Rules of what lies below a path and takes something else; the first that fits holds."""


def rule(path: str) -> Rule:
    """Return what a path takes: the rule of the longest part of it that has one."""
    if path in RULES:
        return RULES[path]
    for pattern, found in PATTERNS:
        if pattern.fullmatch(path):
            return found
    part = path
    while (part := part.rpartition("/")[0]).strip("/"):
        if part in RULES:
            return RULES[part]
    return UNDECLARED
