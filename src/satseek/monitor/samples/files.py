"""Places of a sample → a table to be filled in elsewhere, and the filled table → answers.

Does not know where answers are kept. Who labels is not shown what the map says, or they would see
it everywhere; points and cells open in any GIS, tables in any spreadsheet.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from satseek.errors import InvalidRequest, NotFound
from satseek.export.columns import Column
from satseek.export.feature import Feature
from satseek.export.formats import write
from satseek.monitor.samples.sample import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from satseek.monitor.samples.drawing import Place
    from satseek.monitor.samples.sample import Settled

Shown: TypeAlias = Literal["places", "answers"]
"""``places``: to be filled in, without what the map or anybody says; ``answers``: all that is known
of each place, for the record."""

MAX_BYTES = 64 << 20
"""Of a filled table: half a million places."""

_COLUMNS: Mapping[Shown, tuple[Column, ...]] = {
    "places": (
        Column(name="answer", kind="text"),
        Column(name="who", kind="text"),
        Column(name="comment", kind="text"),
        Column(name="cell", kind="text"),
        Column(name="chips", kind="text"),
    ),
    "answers": (
        Column(name="stratum", kind="text"),
        Column(name="mapped", kind="text"),
        Column(name="standing", kind="text"),
        Column(name="label", kind="text"),
        Column(name="answer", kind="text"),
        Column(name="who", kind="text"),
        Column(name="at", kind="moment"),
        Column(name="comment", kind="text"),
        Column(name="cell", kind="text"),
        Column(name="chips", kind="text"),
    ),
}


def write_places(settled: Sequence[Settled], path: Path, *, shown: Shown) -> int:
    """Write a sample's places, in any format of ``satseek export``, by the file's name.

    Args:
        settled: The places.
        path: Replaced if it is there.
        shown: What of them; ``places`` leaves out those on which all is said.

    Returns:
        How many lines; of ``answers`` one for each answer, and one for a place without any.

    Raises:
        InvalidRequest, DependencyMissing, DiskFull, FolderNotFound, SatseekError: as
            ``export.formats.write``.
    """
    rows = _to_fill(settled) if shown == "places" else _told(settled)
    return write(rows, path, columns=_COLUMNS[shown])


def read_answers(path: Path, *, who: str = "") -> tuple[Answer, ...]:
    """Read a filled table: CSV (comma, semicolon or tab) or GeoJSON; empty answers are left out.

    Needs ``id`` and ``answer``; ``who``, ``comment`` and ``at`` are read where there are such.

    Args:
        path: File whose name ends in .csv, .tsv, .txt, .json or .geojson.
        who: Who answered, where a line does not say.

    Raises:
        NotFound: there is no such file.
        InvalidRequest: it is no such table, or a line cannot be read; says which.
    """
    text = _text(path)
    is_json = path.suffix.lower() in {".json", ".geojson"}
    lines = _of_geojson(text, path) if is_json else _of_csv(text, path)
    now = datetime.now(UTC)
    return tuple(
        _answer(line, f"{path.name}: line {number}", who=who, now=now)
        for number, line in lines
        if _cell(line, "answer")
    )


def _to_fill(settled: Iterable[Settled]) -> Iterator[Feature]:
    for one in settled:
        if one.standing in {"open", "contested"}:
            empty = {"answer": None, "who": None, "comment": None}
            yield _feature(one.place, empty | _where(one.place))


def _told(settled: Iterable[Settled]) -> Iterator[Feature]:
    for one in settled:
        place = {
            "stratum": one.place.stratum,
            "mapped": one.place.mapped,
            "standing": one.standing,
            "label": one.label,
        }
        said: Iterable[Answer | None] = one.answers or (None,)
        for answer in said:
            own = {
                "answer": None if answer is None else answer.label,
                "who": None if answer is None else answer.who,
                "at": None if answer is None else answer.at,
                "comment": None if answer is None else answer.comment,
            }
            yield _feature(one.place, place | own | _where(one.place))


def _where(place: Place) -> dict[str, str]:
    return {"cell": place.cell, "chips": " ".join(place.chips)}


def _feature(place: Place, properties: Mapping[str, Any]) -> Feature:
    at = place.footprint
    if place.point is not None:
        at = {"type": "Point", "coordinates": list(place.point)}
    return Feature(id=place.id, geometry=at, properties=properties)


def _text(path: Path) -> str:
    if path.suffix.lower() not in {".csv", ".tsv", ".txt", ".json", ".geojson"}:
        raise InvalidRequest(f"{path}: expected answers as .csv or .geojson")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidRequest(f"{path}: expected at most {MAX_BYTES >> 20} MiB of answers")
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFound(f"{path}: expected a file of answers, there is none") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"{path}: expected UTF-8; Excel writes it as “CSV UTF-8 (Comma delimited)”"
        ) from error


def _of_csv(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    head = text.split("\n", 1)[0]
    # whoever saves in a country that writes decimals with a comma gets semicolons
    delimiter = max(",;\t", key=head.count)
    # a quotation mark that is never closed would swallow all lines behind it
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        _check_head(set(reader.fieldnames or ()), path)
        for line in reader:
            if None in line:
                raise InvalidRequest(
                    f"{path.name}: line {reader.line_num}: expected {len(reader.fieldnames or ())} "
                    "cells, came more: put what has a comma in it between quotation marks"
                )
            yield reader.line_num, line
    except csv.Error as error:
        raise InvalidRequest(
            f"{path.name}: line {reader.line_num + 1} or behind it: {error}"
        ) from error


def _of_geojson(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        features = json.loads(text)["features"]
        lines = [dict(one["properties"]) | {"id": _id_of(one)} for one in features]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidRequest(f"{path}: expected a GeoJSON FeatureCollection") from error
    if lines:
        _check_head({name for line in lines for name in line}, path)
    yield from enumerate(lines, start=1)


def _id_of(feature: Mapping[str, Any]) -> Any:
    """Find a feature's id; many programs move it among the properties."""
    return feature.get("id", feature["properties"].get("id"))


def _check_head(names: set[str], path: Path) -> None:
    if missing := [name for name in ("id", "answer") if name not in names]:
        raise InvalidRequest(
            f"{path}: expected columns id and answer, missing {' and '.join(missing)}"
        )


def _answer(line: Mapping[str, Any], where: str, *, who: str, now: datetime) -> Answer:
    place, said_by = _cell(line, "id"), _cell(line, "who") or who
    if not place:
        raise InvalidRequest(f"{where}: expected the id of a place, came nothing")
    if not said_by:
        raise InvalidRequest(f"{where}: expected who answered, in a column who or with --who")
    return Answer(
        place=place,
        who=said_by,
        label=_cell(line, "answer"),
        at=_moment(_cell(line, "at"), where) or now,
        comment=_cell(line, "comment"),
    )


def _cell(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    return "" if value is None else str(value).strip()


def _moment(text: str, where: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(
            f"{where}: expected a moment such as 2024-06-02T10:12:00Z, came {text[:40]!r}"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
