"""A STAC catalog, collection, item or item collection → its items, one after another.

Does not open rasters. Only links below what may be read are followed; each document is read once
however often it is linked, and one that cannot be read does not stop the others.

Catalogs are walked by these few lines rather than by a library: a link may lead anywhere, in a
circle, or to a million items, and none of that may cost more than one document of memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from satseek.errors import SatseekError, UnreadableImage, UnsafeReference
from satseek.imagery._asking import Asked, ask
from satseek.imagery._open import shown
from satseek.imagery.reach import Reach, is_remote

MAX_DOCUMENT_BYTES = 64 * 1024**2
"""Bytes of one document; an item collection of 5,000 Sentinel-2 items has about as many."""

MAX_DEPTH = 32
"""Catalogs below each other; published ones go by mission, level, year, month, day, tile."""

MAX_ITEMS = 10_000_000
"""Items of one run; a server may go on for ever."""

_CATALOGS = frozenset({"Catalog", "Collection"})
_GEOJSON = "application/geo+json, application/json"

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundItem:
    """One item as it was written."""

    item: Document
    """STAC Item."""
    base: str
    """Where the document lies: what links and assets are relative to."""
    place: str
    """Where the item lies, for people: the document, and its id where that holds several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostDocument:
    """A document that is linked and cannot be read."""

    location: str
    """Where it should lie."""
    error: Exception
    """Why it is left out."""


@dataclass(slots=True)
class Walk:
    """The items below a document; iterated once."""

    source: str
    """Absolute path or ``http(s)`` address."""
    reach: Reach
    """Where it may lead."""
    total: int = 0
    """Items linked so far; grows while it is iterated."""
    _seen: set[int] = field(default_factory=set)
    """Hashes of what was followed: a million addresses would fill the memory."""

    def __iter__(self) -> Iterator[FoundItem | LostDocument]:
        """Give items in the order of their links, those of a catalog before its children's."""
        waiting = [(self.source, 0)]
        self._is_new(self.source)
        while waiting:
            location, depth = waiting.pop()
            try:
                document, base = read_document(location, reach=self.reach)
                children = list[tuple[str, int]]()
                yield from self._within(document, base, depth, children)
                waiting.extend(reversed(children))
            except (UnreadableImage, UnsafeReference) as error:
                if location == self.source:
                    raise
                yield LostDocument(location=location, error=error)

    def _within(
        self, document: Document, location: str, depth: int, children: list[tuple[str, int]]
    ) -> Iterator[FoundItem | LostDocument]:
        kind = document.get("type")
        if kind == "Feature":
            yield self._item(document, location)
        elif kind == "FeatureCollection":
            yield from self._features(document, location)
            yield from self._linked(document, location, ("next",), depth, children)
        elif kind in _CATALOGS or (kind is None and isinstance(document.get("links"), list)):
            yield from self._items(document, location)
            rels = ("child", "items")
            yield from self._linked(document, location, rels, depth + 1, children)
        else:
            raise UnreadableImage(
                f"{shown(location)}: expected a STAC catalog, collection or item, "
                f"came {shown(str(kind))[:40]!r}"
            )

    def _item(self, document: Document, location: str) -> FoundItem:
        self.total = max(self.total, 1)
        return FoundItem(item=document, base=location, place=location)

    def _features(self, document: Document, location: str) -> Iterator[FoundItem]:
        features = document.get("features")
        features = features if isinstance(features, list) else []
        self.total += len(features)
        for feature in features:
            yield one_of_many(feature, location)

    def _items(self, document: Document, location: str) -> Iterator[FoundItem | LostDocument]:
        wanted = list[str]()
        for found in self._followed(document, location, ("item",)):
            if isinstance(found, LostDocument):
                yield found
            else:
                wanted.append(found)
        self.total += len(wanted)
        if self.total > MAX_ITEMS:
            raise UnreadableImage(f"{shown(location)}: more than {MAX_ITEMS} items in all")
        for target in wanted:
            try:
                item, base = read_document(target, reach=self.reach)
                yield FoundItem(item=item, base=base, place=base)
            except (UnreadableImage, UnsafeReference) as error:
                yield LostDocument(location=target, error=error)

    def _linked(
        self,
        document: Document,
        location: str,
        rels: tuple[str, ...],
        depth: int,
        children: list[tuple[str, int]],
    ) -> Iterator[LostDocument]:
        for found in self._followed(document, location, rels):
            if isinstance(found, LostDocument):
                yield found
            elif depth > MAX_DEPTH:
                error = UnreadableImage(f"{shown(found)}: more than {MAX_DEPTH} catalogs deep")
                yield LostDocument(location=found, error=error)
            else:
                children.append((found, depth))

    def _followed(
        self, document: Document, location: str, rels: tuple[str, ...]
    ) -> Iterator[str | LostDocument]:
        """Where links lead that were not followed before."""
        for href in hrefs(document, rels):
            if not self._is_new(f"{location}\n{href}"):  # resolving a path asks the disk
                continue
            try:
                target = self.reach.follow(href, base=location)
            except SatseekError as error:
                target = f"{location} → {shown(href[:200])}"
                if self._is_new(target):
                    yield LostDocument(location=target, error=error)
                continue
            if self._is_new(target):
                yield target

    def _is_new(self, target: str) -> bool:
        found = hash(target)
        new = found not in self._seen
        self._seen.add(found)
        return new


def one_of_many(feature: object, location: str) -> FoundItem:
    """One item of a document that holds several."""
    item = feature if isinstance(feature, dict) else {}
    return FoundItem(item=item, base=location, place=f"{location}#{item.get('id', '?')}")


def read_document(location: str, *, reach: Reach) -> tuple[Document, str]:
    """Read a JSON object, and tell where it was found: a host may send elsewhere.

    Raises:
        UnreadableImage: it cannot be read, or is something else.
        UnsafeReference: its host may not be read from.
    """
    base = location
    if is_remote(location):
        content, base = _fetched(location, reach)
    else:
        content = _read(Path(location))
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnreadableImage(f"{shown(location)}: no JSON ({type(error).__name__})") from error
    if not isinstance(document, dict):
        raise UnreadableImage(f"{shown(location)}: expected a STAC document, came another JSON")
    return document, base


def _fetched(location: str, reach: Reach) -> tuple[bytes, str]:
    asked = Asked(headers={"Accept": _GEOJSON})
    answer = ask(location, hosts=reach.addresses, max_bytes=MAX_DOCUMENT_BYTES, asked=asked)
    if answer.status != HTTPStatus.OK:
        raise UnreadableImage(f"{shown(location)}: expected status 200, came {answer.status}")
    return answer.content, answer.address


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if not path.is_file() or size > MAX_DOCUMENT_BYTES:
            raise UnreadableImage(
                f"{shown(str(path))}: expected a file of at most {MAX_DOCUMENT_BYTES} bytes"
            )
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"{shown(str(path))}: {error.strerror}") from error


def hrefs(document: Document, rels: tuple[str, ...]) -> Iterator[str]:
    """Give the addresses of a document's links of some relations, but for those to post to."""
    links = document.get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") in rels:
            posted = str(link.get("method", "GET")).upper() != "GET"
            if isinstance(link.get("href"), str) and not posted:
                yield link["href"]
