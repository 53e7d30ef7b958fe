"""Query parameters → what is asked for; what is unknown or cannot be is refused by name.

Knows what OGC API Features and the STAC API have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidFilter, InvalidRequest
from satseek.service.features.conditions import read_condition
from satseek.service.features.moments import read_span
from satseek.service.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request

    from satseek.service.features.moments import Span

FORMATS = frozenset({"json", "geojson"})
"""Values of the parameter ``f``; there is no other format."""


def parameters(request: Request, known: Iterable[str]) -> dict[str, str]:
    """Read the query; the parameter ``f`` may always be there.

    Raises:
        InvalidRequest: one is unknown, or comes twice.
    """
    allowed = {*known, "f"}
    found: dict[str, str] = {}
    for name, text in request.query_params.multi_items():
        if name not in allowed:
            known_ones = ", ".join(sorted(allowed))
            raise InvalidRequest(f"expected parameters among {known_ones}; came {name[:40]!r}")
        if name in found:
            raise InvalidRequest(f"{name}: expected once, came twice")
        found[name] = text
    if found.pop("f", "json") not in FORMATS:
        raise InvalidRequest("f: expected json, which is all there is")
    if len(found.get("cursor", "")) > MAX_CURSOR:
        raise InvalidRequest(f"cursor: expected at most {MAX_CURSOR} letters")
    return found


def limit_in(value: Any, *, most: int = MAX_LIMIT, usual: int = DEFAULT_LIMIT) -> int:
    """Read how many features a page may have; more than there may be are cut to those.

    Raises:
        InvalidRequest: it is no positive whole number.
    """
    if value is None:
        return usual
    number = int(value) if isinstance(value, str) and _is_whole(value) else value
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InvalidRequest(f"expected a positive whole number of features, came {value!s:.40}")
    return min(number, most)


def number_in(text: str, *, name: str) -> float:
    """Read a number; raises InvalidRequest."""
    try:
        return float(text)
    except ValueError as error:
        raise InvalidRequest(f"{name}: expected a number, came {text[:40]!r}") from error


def span_in(text: Any) -> Span:
    """Read a time or an interval; None: any time.

    Raises:
        InvalidFilter: it is neither.
    """
    if text is None:
        return None, None
    if not isinstance(text, str):
        raise InvalidFilter(f"datetime: expected a text, came {type(text).__name__}")
    return read_span(text)


def condition_in(fields: Mapping[str, Any], *, usual: str) -> Any:
    """Read a condition; None: there is none.

    Args:
        fields: With ``filter``, ``filter-lang`` and ``filter-crs``.
        usual: Language where none is named.

    Raises:
        InvalidFilter: the language is unknown, or the condition not of it.
    """
    language, crs = fields.get("filter-lang") or usual, fields.get("filter-crs") or _CRS84
    if crs != _CRS84:
        raise InvalidFilter(f"filter-crs: expected {_CRS84}, came {crs!s:.120}")
    if language not in {"cql2-text", "cql2-json"}:
        came = f"{language!s:.40}"
        raise InvalidFilter(f"filter-lang: expected cql2-text or cql2-json, came {came}")
    condition = fields.get("filter")
    if condition is None:
        return None
    return read_condition(condition, language="cql2-text" if "text" in language else "cql2-json")


_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18  # noqa: PLR2004 (fits 64 bits)
