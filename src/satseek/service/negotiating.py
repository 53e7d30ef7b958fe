"""An ``Accept`` header → the media type to answer with.

By RFC 9110, section 12.5.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from fastapi import Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

JSON = "application/json"
GEOJSON = "application/geo+json"

Format: TypeAlias = Annotated[
    Literal["json", "geojson"] | None,
    Query(description="Format, for clients that cannot set the Accept header."),
]
"""Parameter ``f`` of what is told as JSON and as GeoJSON."""


def form_of(request: Request, f: Literal["json", "geojson"] | None = None) -> str:
    """Return the media type to answer with: what the address asks for, or else the header."""
    if f is not None:
        return {"json": JSON, "geojson": GEOJSON}[f]
    return preferred(request.headers.get("accept", ""), (JSON, GEOJSON))


def preferred(accept: str, offered: Sequence[str]) -> str:
    """Return the offered type that the client likes best; the first where it does not care.

    A header that fits nothing offered gets the first as well: an answer that a client did not name
    serves it better than a refusal.
    """
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    if not ranges:
        return offered[0]
    qualities = [_quality(kind, ranges) for kind in offered]
    best = max(qualities)
    return offered[qualities.index(best)] if best > 0 else offered[0]


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = [piece.strip().lower() for piece in part.split(";")]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, min(1.0, max(0.0, float(value)))
            except ValueError:
                return kind, 0.0
    return kind, 1.0


def _quality(kind: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Quality by the most specific range that fits; 0 where none does."""
    main = kind.partition("/")[0]
    for wanted in (kind, f"{main}/*", "*/*"):
        fitting = [quality for name, quality in ranges if name == wanted]
        if fitting:
            return max(fitting)
    return 0.0
