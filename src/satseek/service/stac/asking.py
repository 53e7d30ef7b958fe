"""A search as the STAC API takes it, by address or by body → what is asked for.

Knows both forms; what is unknown or cannot be is refused by name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from satseek.errors import InvalidFilter, InvalidRequest
from satseek.index.filters import check_area
from satseek.service.bodies import media_type
from satseek.service.features.asking import condition_in, limit_in, parameters, span_in
from satseek.service.features.boxes import box_area, read_box, split_numbers
from satseek.service.features.conditions.placing import read_shape
from satseek.service.features.shelves import Wanted
from satseek.service.stac.fields import Fields, fields_in
from satseek.service.stac.landing import SEARCHED
from satseek.types import Filter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request

    from satseek.service.features.walking import Order
    from satseek.types import GeoJSON

MAX_BODY_BYTES = 1 << 20
"""A search in a body: an outline of some 20,000 corners fits."""

MAX_IDS = 1000
"""Ids of Items or collections in one search."""

MAX_COMMAS = 3
"""Commas within an id that a list in an address may have; a body may have any."""

MAX_ORDERS = 8
"""Properties to order by."""

_AREAS = frozenset({"Polygon", "MultiPolygon"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search."""

    wanted: Wanted
    """Which Items."""
    collections: tuple[str, ...] | None
    """Of which collections; None: of all."""
    order: Order
    """Empty: as they lie there."""
    limit: int
    """Items on a page, at most."""
    cursor: str | None
    """Where to go on; None: begin."""
    words: str | None
    """What to look for; None: nothing is looked for by words."""
    fields: Fields
    """What of each Item is told."""
    plain: Mapping[str, Any]
    """The request as it came, but for the cursor."""


def from_address(request: Request, known: Iterable[str] = tuple(SEARCHED)) -> Asked:
    """Read a search from a query.

    Raises:
        InvalidRequest: it cannot be.
    """
    texts = parameters(request, known)
    asked: dict[str, Any] = dict(texts)
    if "collections" in texts:
        asked["collections"] = [part for part in texts["collections"].split(",") if part]
    if "ids" in texts:
        asked["ids"] = _split_ids(texts["ids"])
    if "bbox" in texts:
        asked["bbox"] = split_numbers(texts["bbox"])
    if "intersects" in texts:
        asked["intersects"] = _json(texts["intersects"], "intersects")
    if "sortby" in texts:
        asked["sortby"] = [_direction(part) for part in texts["sortby"].split(",") if part.strip()]
    if "fields" in texts:
        asked["fields"] = _split_fields(texts["fields"])
    return _read(asked, texts, usual="cql2-text")


async def from_body(request: Request) -> tuple[Asked, dict[str, Any]]:
    """Read a search from a body, and give the body itself.

    Raises:
        InvalidRequest: it cannot be.
        HTTPException: the body is too large, or no JSON.
    """
    parameters(request, ())
    if media_type(request) != "application/json":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/json")
    content = await request.body()
    if len(content) > MAX_BODY_BYTES:
        message = f"a search may have {MAX_BODY_BYTES} bytes, this one has more"
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
    body = _json(content, "body")
    if not isinstance(body, dict):
        raise InvalidRequest(f"body: expected a JSON object, came {type(body).__name__}")
    unknown = sorted(set(body) - set(SEARCHED))
    if unknown:
        known = ", ".join(sorted(SEARCHED))
        raise InvalidRequest(f"expected fields among {known}; came {unknown[0][:40]!r}")
    return _read(body, body, usual="cql2-json"), body


def _read(asked: Mapping[str, Any], plain: Mapping[str, Any], *, usual: str) -> Asked:
    start, end = span_in(asked.get("datetime"))
    area, condition = _place(asked)
    filtered = condition_in(asked, usual=usual)
    parts = [one for one in (condition, filtered) if one is not None]
    wanted = Wanted(
        where=Filter(area=area, start=start, end=end),
        condition=parts[0] if len(parts) == 1 else {"op": "and", "args": parts} if parts else None,
        ids=_texts(asked, "ids"),
    )
    cursor, words = asked.get("cursor"), asked.get("q")
    for name, value in (("cursor", cursor), ("q", words)):
        if value is not None and not isinstance(value, str):
            raise InvalidRequest(f"{name}: expected a text, came {type(value).__name__}")
    order = _order(asked.get("sortby", []))
    if words and order:
        raise InvalidFilter(
            "sortby: what words find comes best first; leave it out, or leave out q"
        )
    return Asked(
        wanted=wanted,
        collections=_texts(asked, "collections"),
        order=order,
        limit=limit_in(asked.get("limit")),
        cursor=cursor,
        words=words if words and words.strip() else None,
        fields=fields_in(asked["fields"]) if "fields" in asked else Fields(),
        plain={name: str(value) for name, value in plain.items() if name != "cursor"},
    )


def _place(asked: Mapping[str, Any]) -> tuple[GeoJSON | None, Any]:
    """Read a box or a geometry; what an index cannot take as an area becomes a condition, too."""
    box, geometry = asked.get("bbox"), asked.get("intersects")
    if box is not None and geometry is not None:
        raise InvalidFilter("give bbox or intersects, not both")
    if box is not None:
        if not isinstance(box, list):
            raise InvalidFilter(f"bbox: expected a list of numbers, came {type(box).__name__}")
        return box_area(read_box(box)), None
    if geometry is None:
        return None, None
    if isinstance(geometry, dict) and geometry.get("type") in _AREAS:
        return check_area(geometry), None
    shape = read_shape(geometry)
    west, south, east, north = shape.bounds
    near = box_area((west, south, east, north))
    return near, {"op": "s_intersects", "args": [{"property": "geometry"}, geometry]}


def _texts(asked: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    found = asked.get(name)
    if found is None:
        return None
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise InvalidRequest(f"{name}: expected a list of ids, came {str(found)[:80]!r}")
    if len(listed) > MAX_IDS * (MAX_COMMAS + 1):
        raise InvalidRequest(f"{name}: expected at most {MAX_IDS} ids, came {len(listed)}")
    return tuple(listed)


def _order(asked: Any) -> Order:
    if not isinstance(asked, list) or len(asked) > MAX_ORDERS:
        raise InvalidRequest(f"sortby: expected a list of at most {MAX_ORDERS} fields")
    return tuple(_one_order(one) for one in asked)


def _one_order(asked: Any) -> tuple[str, bool]:
    match asked:
        case {"field": str(name), **rest} if rest in ({}, {"direction": "asc"}):
            return name, False
        case {"field": str(name), "direction": "desc"}:
            return name, True
    raise InvalidRequest(f"sortby: expected a field, and asc or desc, came {str(asked)[:80]!r}")


def _direction(text: str) -> dict[str, str]:
    """``-datetime`` → falling; a plus sign arrives as a space."""
    stripped = text.strip().removeprefix("+")
    falling = stripped.startswith("-")
    return {"field": stripped.removeprefix("-"), "direction": "desc" if falling else "asc"}


def _split_fields(text: str) -> dict[str, list[str]]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    include = [part.removeprefix("+").strip() for part in parts if not part.startswith("-")]
    exclude = [part.removeprefix("-") for part in parts if part.startswith("-")]
    return {"exclude": exclude, **({"include": include} if include else {})}


def _split_ids(text: str) -> list[str]:
    """Take ids apart at commas; as ids may have some themselves, neighbours are joined again."""
    parts = text.split(",")
    spans = [(start, end) for start in range(len(parts)) for end in _ends(start, len(parts))]
    return [",".join(parts[start:end]) for start, end in spans]


def _ends(start: int, count: int) -> range:
    return range(start + 1, min(start + MAX_COMMAS + 1, count) + 1)


def _json(content: str | bytes, name: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{name}: expected JSON, came something else") from error
