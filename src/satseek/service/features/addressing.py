"""A request → the address that people reach this server under, and links below it.

Knows no door's routes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from satseek.settings import Settings

JSON = "application/json"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
HTML = "text/html"
JPEG = "image/jpeg"


def base_url(request: Request, settings: Settings) -> str:
    """Return the address of the server, without a slash at its end: ``public_url`` where it is set.

    Else the one that was asked, as far as the request tells it.
    """
    return (settings.public_url or str(request.base_url)).rstrip("/")


def address(base: str, *parts: str, **query: str) -> str:
    """Put an address together; parts are escaped, but for the slashes of paths such as ids."""
    path = "/".join(quote(part, safe="/:@") for part in parts)
    shown = f"{base}/{path}" if path else base
    return f"{shown}?{urlencode(query, quote_via=quote)}" if query else shown


def link(rel: str, href: str, kind: str, **more: Any) -> dict[str, Any]:
    """Return a link."""
    return {"rel": rel, "href": href, "type": kind, **more}


def with_cursor(request: Request, address_of: str, cursor: str) -> str:
    """Return an address with what was asked of it, and where to go on."""
    kept = [(name, text) for name, text in request.query_params.multi_items() if name != "cursor"]
    return f"{address_of}?{urlencode([*kept, ('cursor', cursor)], quote_via=quote)}"


def thumbnail(base: str, name: str, chip_id: str) -> str:
    """Return the address of a JPEG of a chip."""
    return address(base, "v1", "collections", name, "thumbnail", chip=chip_id)


def as_asked(request: Request, address_of: str) -> str:
    """Return an address with the query that it was asked with."""
    query = request.scope["query_string"].decode("latin-1")
    return f"{address_of}?{query}" if query else address_of


def link_headers(links: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the header that leads to the next page (RFC 8288), if there is one."""
    following = [one["href"] for one in links if one["rel"] == "next"]
    return {"link": f'<{following[0]}>; rel="next"'} if following else {}
