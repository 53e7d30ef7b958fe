"""``export`` → a request, and the file that comes back, whole or not at all.

Knows the routes and the names of files; sends nothing, and does not know formats.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlencode

from satseek.client.asking import Ask, ask_search
from satseek.errors import (
    NO_ROOM,
    DamagedData,
    DiskFull,
    FolderNotFound,
    InvalidRequest,
    SatseekError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WGS84 = "EPSG:4326"

SUFFIXES: Mapping[str, str] = {
    ".geojson": "geojson",
    ".json": "geojson",
    ".geojsons": "geojsonseq",
    ".geojsonseq": "geojsonseq",
    ".gpkg": "gpkg",
    ".shp.zip": "shapefile",
    ".shz": "shapefile",
    ".zip": "shapefile",
    ".fgb": "flatgeobuf",
    ".parquet": "geoparquet",
    ".geoparquet": "geoparquet",
    ".csv": "csv",
    ".xlsx": "xlsx",
}
"""Formats by the ends of files' names."""

QUESTIONS = ("image", "liked", "disliked", "concept")
"""What is looked for, beside words."""

_FILTERS = ("bbox", "area", "area_crs", "start", "end", "where", "levels")


def ask_export(
    path: Path | str,
    text: str | None = None,
    *,
    collection: str | None = None,
    format: str | None = None,  # noqa: A002 (what everybody calls it)
    crs: str = WGS84,
    vectors: bool = False,
    **asked: Any,
) -> Ask[None]:
    """Ask for hits, where anything is looked for, or else for the chips of a collection.

    Raises:
        InvalidRequest: the file's name tells no format, or there is nothing to export.
    """
    query = urlencode(
        {"format": format or format_of(path), "crs": crs, "vectors": str(vectors).lower()}
    )
    if is_question(text, asked):
        found = ask_search(text, collection=collection, **asked)
        return Ask(
            method=found.method,
            path=f"/v1/search/export?{query}",
            read=_nothing,
            json=found.json,
            form=found.form,
            images=found.images,
        )
    if collection is None:
        raise InvalidRequest("give words to look for, or the collection to export")
    filters = urlencode(_filters(asked), doseq=True)
    whole = "&".join(filter(None, (query, filters)))
    return Ask(
        method="GET",
        path=f"/v1/collections/{quote(collection, safe='')}/export?{whole}",
        read=_nothing,
    )


def is_question(text: str | None, asked: Mapping[str, Any]) -> bool:
    """Tell whether something is looked for."""
    return text is not None or any(asked.get(name) for name in QUESTIONS)


def format_of(path: Path | str) -> str:
    """Tell a format from the name of a file.

    Raises:
        InvalidRequest: it tells none.
    """
    name = Path(path).name.lower()
    for suffix, found in SUFFIXES.items():
        if name.endswith(suffix):
            return found
    known = " ".join(SUFFIXES)
    raise InvalidRequest(f"{name}: expected a name that ends in one of {known}")


@contextmanager
def saved(path: Path | str) -> Iterator[BinaryIO]:
    """Lend a file to write; it takes its place at the end, or is gone.

    Raises:
        FolderNotFound: there is no such folder.
        DiskFull: there is no room.
        SatseekError: the folder takes no files.
    """
    place = Path(path)
    if not place.parent.is_dir():
        raise FolderNotFound(f"{place.parent}: no such folder; make it first")
    try:
        with _draft(place) as file:
            yield file
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull(f"{place}: no room left on its disk, nothing was written") from error
        raise SatseekError(f"{place}: cannot be written: {error.strerror}") from error


@contextmanager
def digested(path: Path | str, expected: str | None) -> Iterator[hashlib._Hash]:
    """Lend a digest to take in what is written, which is compared at the end.

    Raises:
        DamagedData: it is another one.
    """
    digest = hashlib.sha256()
    yield digest
    if expected is not None and digest.hexdigest() != expected:
        raise DamagedData(f"{path}: what came is not what the server has; take it again")


@contextmanager
def _draft(place: Path) -> Iterator[BinaryIO]:
    room = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name[:40]}-"))
    try:
        draft = room / place.name
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _filters(asked: Mapping[str, Any]) -> dict[str, Any]:
    unknown = asked.keys() - {*_FILTERS, *QUESTIONS}
    if unknown:
        raise InvalidRequest(f"export: expected a filter, came {', '.join(sorted(unknown))}")
    given = {name: asked[name] for name in _FILTERS if asked.get(name)}
    if "bbox" in given:
        given["bbox"] = ",".join(map(str, given["bbox"]))
    if isinstance(given.get("area"), dict):
        given["area"] = json.dumps(given["area"])
    if isinstance(given.get("where"), dict):
        raise InvalidRequest("where: expected texts such as 'eo:cloud_cover<=20' for an export")
    if "levels" in given:
        given["level"] = given.pop("levels")
    return given


def _nothing(_answer: Any) -> None:
    """A file is no JSON."""
