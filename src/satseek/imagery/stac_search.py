"""A question to a STAC API → the items that answer it, page by page.

Does not open rasters. pystac-client, which only this file imports, speaks the protocol; what it
asks goes through the same checked connections as everything else.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from satseek.errors import DependencyMissing, InvalidRequest, SatseekError, UnreadableImage
from satseek.imagery._asking import Asked, ask
from satseek.imagery._open import shown
from satseek.imagery.reach import is_remote
from satseek.imagery.stac_documents import (
    MAX_DOCUMENT_BYTES,
    MAX_ITEMS,
    FoundItem,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from satseek.imagery.reach import Reach
    from satseek.imagery.stac_documents import LostDocument
    from satseek.types import BBox

PAGE_ITEMS = 100
"""Items asked for at once; most APIs give no more."""

_OPERATORS = {"<=": "lte", ">=": "gte", "!=": "neq", "=": "eq", "==": "eq", "<": "lt", ">": "gt"}
"""https://github.com/stac-api-extensions/query, "Query Attribute Names and Operators"."""

_CONDITION = re.compile(r"([A-Za-z_][\w:.\-]*)\s*(<=|>=|!=|==|=|<|>)\s*(\S.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSearch:
    """What a STAC API is asked for."""

    address: str
    """Its landing page, ``http(s)``."""
    collections: tuple[str, ...] = ()
    """Ids of collections; empty: all."""
    bbox: BBox | None = None
    """West, south, east, north in degrees; None: anywhere."""
    datetime: str | None = None
    """RFC 3339 moment, ``START/END``, or a part such as ``2024-06``; None: any time."""
    query: tuple[str, ...] = ()
    """Conditions such as ``eo:cloud_cover<20`` (STAC API query extension)."""
    ids: tuple[str, ...] = ()
    """Ids of items; empty: any."""
    most: int | None = None
    """Items taken at most; None: all that match."""


@dataclass(slots=True)
class SearchedItems:
    """The items that an API gives; iterated once."""

    asked: ApiSearch
    """What it is asked for."""
    reach: Reach
    """Where it may be asked, its own place included."""
    total: int = 0
    """Items that match as the API says, or that came so far."""
    _seen: set[int] = field(default_factory=set)

    @property
    def source(self) -> str:
        """The API's address."""
        return self.asked.address

    def __iter__(self) -> Iterator[FoundItem | LostDocument]:
        """Give items page by page.

        Raises:
            DependencyMissing: pystac-client is not installed.
            InvalidRequest: what is asked for cannot be.
            UnreadableImage: the API does not answer, or not as STAC APIs do.
        """
        most, given = self.asked.most or MAX_ITEMS, 0
        for page in self._pages():
            features = [one for one in page.get("features") or () if isinstance(one, dict)]
            self.total = min(most, max(_matched(page), given + len(features)))
            fresh = [one for one in features if self._is_new(one)]
            if not fresh:
                return  # the API goes round in a circle
            for feature in fresh[: most - given]:
                yield self._found(feature)
            given += len(fresh)
            if given >= most:
                return

    def _is_new(self, feature: Mapping[str, Any]) -> bool:
        name = hash((str(feature.get("collection")), str(feature.get("id"))))
        new = name not in self._seen
        self._seen.add(name)
        return new

    def _found(self, feature: Mapping[str, Any]) -> FoundItem:
        links = feature.get("links")
        own = [
            link["href"]
            for link in (links if isinstance(links, list) else ())
            if isinstance(link, dict)
            and link.get("rel") == "self"
            and is_remote(str(link.get("href")))
        ]
        base = str(own[0]) if own else self.asked.address
        return FoundItem(
            item=feature, base=base, place=base if own else f"{base}#{feature.get('id')}"
        )

    def _pages(self) -> Iterator[Mapping[str, Any]]:
        client, failures = _client(self.asked.address, self.reach)
        asked = self.asked
        try:
            search = client.search(
                collections=list(asked.collections) or None,
                bbox=list(asked.bbox) if asked.bbox else None,
                datetime=asked.datetime,
                query=read_conditions(asked.query) or None,
                ids=list(asked.ids) or None,
                limit=min(PAGE_ITEMS, asked.most or PAGE_ITEMS),
                max_items=None,
            )
            yield from search.pages_as_dicts()
        except SatseekError:
            raise
        except failures as error:
            raise UnreadableImage(
                f"{shown(asked.address)}: is no STAC API that can be searched, or says no: "
                f"{shown(' '.join(str(error).split()))[:300]}"
            ) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidRequest(
                f"cannot be asked of a STAC API: {shown(str(error))[:300]}"
            ) from error


def read_conditions(texts: Iterable[str]) -> dict[str, dict[str, str | float]]:
    """Read ``eo:cloud_cover<20`` and their like as the query extension has them.

    Raises:
        InvalidRequest: one is none.
    """
    found: dict[str, dict[str, str | float]] = {}
    for text in texts:
        parts = _CONDITION.fullmatch(text.strip())
        if parts is None:
            raise InvalidRequest(
                f"query: expected a condition such as eo:cloud_cover<20, came {shown(text[:80])!r}"
            )
        name, symbol, value = parts.groups()
        found.setdefault(name, {})[_OPERATORS[symbol]] = _number(value)
    return found


def _number(text: str) -> str | float:
    """APIs compare numbers with numbers alone."""
    try:
        number = float(text)
    except ValueError:
        return text.strip("'\"")
    return int(number) if number.is_integer() else number


def _matched(page: Mapping[str, Any]) -> int:
    """``numberMatched`` of OGC API Features, or ``context`` of STAC APIs before 1.0."""
    context = page.get("context")
    found = page.get("numberMatched") or (
        context.get("matched") if isinstance(context, dict) else 0
    )
    return found if isinstance(found, int) else 0


def _client(address: str, reach: Reach) -> tuple[Any, tuple[type[Exception], ...]]:
    """Open an API; gives the client and what it raises."""
    try:
        from pystac.errors import STACError, STACTypeError  # noqa: PLC0415 - an extra
        from pystac_client import Client  # noqa: PLC0415
        from pystac_client.exceptions import APIError  # noqa: PLC0415
        from pystac_client.stac_api_io import StacApiIO  # noqa: PLC0415
    except ImportError as error:
        raise DependencyMissing(
            "STAC APIs are asked by pystac-client: pip install 'satseek[gis]'"
        ) from error

    class Checked(StacApiIO):
        """Asks through checked connections alone, and nothing twice."""

        def __init__(self) -> None:
            super().__init__(max_retries=None)
            self.asked = set[int]()

        def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
            """Read what a link or an address names; never a file."""
            if isinstance(source, str) and not is_remote(source):
                raise UnreadableImage(f"{shown(source)}: expected an http(s) address")
            text: str = super().read_text(source, *args, **kwargs)
            return text

        def request(
            self,
            href: str,
            method: str | None = None,
            headers: dict[str, str] | None = None,  # noqa: ARG002 - what a server's links want sent
            parameters: dict[str, Any] | None = None,
        ) -> str:
            """Ask, unless the same was asked before."""
            return _requested(href, (method or "GET").upper(), parameters or {}, reach, self.asked)

    failures = (APIError, STACError, STACTypeError, NotImplementedError)
    try:
        return Client.open(address, stac_io=Checked()), failures
    except failures as error:
        raise UnreadableImage(
            f"{shown(address)}: is no STAC API: {shown(str(error))[:300]}"
        ) from error


def _requested(
    href: str, method: str, parameters: Mapping[str, Any], reach: Reach, before: set[int]
) -> str:
    headers = {"Accept": "application/geo+json, application/json"}
    body = None
    if method == "POST":
        body = json.dumps(parameters).encode()
        headers["Content-Type"] = "application/json"
    elif parameters:
        href += ("&" if "?" in href else "?") + urlencode(parameters, safe=",:/")
    asked = hash((method, href, body))
    if asked in before:
        raise UnreadableImage(f"{shown(href)[:300]}: its pages lead in a circle")
    before.add(asked)
    answer = ask(
        href,
        hosts=reach.addresses,
        max_bytes=MAX_DOCUMENT_BYTES,
        asked=Asked(method=method, headers=headers, body=body),
    )
    if answer.status != HTTPStatus.OK:
        said = shown(" ".join(answer.content[:300].decode("utf-8", "replace").split()))
        raise UnreadableImage(
            f"{shown(href)[:300]}: expected status 200, came {answer.status}: {said}"
        )
    return answer.content.decode("utf-8", "replace")
