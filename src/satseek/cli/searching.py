"""``satseek search`` and ``satseek similar``: a query → hits. Knows only the use-case."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import CollectionName, Json, app, assembly
from satseek.cli.printing import print_json, print_table, say
from satseek.errors import FolderNotFound, InvalidFilter, InvalidRequest

if TYPE_CHECKING:
    from satseek.assemble import Assembly
    from satseek.search.searching import Answer
    from satseek.types import Filter, Pixels, Query

K = Annotated[int, typer.Option("-k", help="Number of hits.")]
BoundingBox = Annotated[
    str | None, typer.Option("--bbox", help="West,south,east,north in degrees.")
]
Area = Annotated[Path | None, typer.Option(help="GeoJSON file with a polygon.")]
Start = Annotated[str | None, typer.Option(help="Earliest date, such as 2024-05-01.")]
End = Annotated[str | None, typer.Option(help="Latest date, inclusive.")]
GeoJson = Annotated[Path | None, typer.Option("--geojson", help="Write the hits to this file.")]
Sheet = Annotated[Path | None, typer.Option(help="Write a contact sheet of the hits (PNG/JPEG).")]


@app.command()
def search(
    context: typer.Context,
    text: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    *,
    image: Annotated[Path | None, typer.Option(help="Example image, alone or with words.")] = None,
    like: Annotated[list[str] | None, typer.Option(help="Chip that shows it.")] = None,
    dislike: Annotated[list[str] | None, typer.Option(help="Chip that does not.")] = None,
    collection: CollectionName = None,
    k: K = 10,
    bbox: BoundingBox = None,
    area: Area = None,
    start: Start = None,
    end: End = None,
    geojson: GeoJson = None,
    sheet: Sheet = None,
    json: Json = False,
) -> None:
    """Find chips by words, by an image, or by chips that show it.

    Example: satseek search 'ships in a harbour' -k 5 --start 2025-01-01
    """
    from satseek.types import Query  # noqa: PLC0415

    parts = assembly(context)
    query = Query(
        text=text,
        image=_image(image, parts) if image else None,
        liked=tuple(like or ()),
        disliked=tuple(dislike or ()),
        where=_where(bbox, area, start, end),
        k=k,
    )
    _answer(query, parts, collection, geojson=geojson, sheet=sheet, json=json)


@app.command()
def similar(
    context: typer.Context,
    example: Annotated[str, typer.Argument(help="Chip id of the collection, or an image file.")],
    *,
    collection: CollectionName = None,
    k: K = 10,
    bbox: BoundingBox = None,
    area: Area = None,
    start: Start = None,
    end: End = None,
    geojson: GeoJson = None,
    sheet: Sheet = None,
    json: Json = False,
) -> None:
    """Find chips that look like a chip or an image.

    Example: satseek similar ./quarry.jpg -k 20
    """
    from satseek.types import Query  # noqa: PLC0415

    parts = assembly(context)
    where = _where(bbox, area, start, end)
    if Path(example).is_file():
        query = Query(image=_image(Path(example), parts), where=where, k=k)
    else:
        query = Query(liked=(example,), where=where, k=k)
    _answer(query, parts, collection, geojson=geojson, sheet=sheet, json=json)


def _where(bbox: str | None, area: Path | None, start: str | None, end: str | None) -> Filter:
    from satseek.search.filtering import read_filter  # noqa: PLC0415

    return read_filter(
        bbox=_four(bbox) if bbox is not None else None,
        area=_geojson(area) if area is not None else None,
        start=start,
        end=end,
    )


def _four(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidFilter(f"expected west,south,east,north in degrees, came {text!r}") from error
    return west, south, east, north


def _geojson(path: Path) -> dict[str, Any]:
    try:
        content = jsonlib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidFilter(f"{path} is not readable GeoJSON: {error}") from error
    if not isinstance(content, dict):
        raise InvalidFilter(f"{path} is not a GeoJSON object")
    return content


def _image(path: Path, parts: Assembly) -> Pixels:
    from satseek.imagery.decode import decode_image  # noqa: PLC0415

    if not path.is_file():
        raise FolderNotFound(f"no image {path}")
    limit = parts.settings.max_image_pixels
    return decode_image(path.read_bytes(), name=str(path), max_pixels=limit).pixels


def _answer(
    query: Query,
    parts: Assembly,
    name: str | None,
    *,
    geojson: Path | None,
    sheet: Path | None,
    json: bool,
) -> None:
    from satseek.search.searching import search as find  # noqa: PLC0415

    if query.text is None and query.image is None and not query.liked:
        raise InvalidRequest("nothing to look for: give words, --image or --like")
    matched = parts.matched(parts.chosen(name))
    with matched.pinned() as index:
        answer = find(query, index=index, embedder=matched.model.embedder)
    if geojson:
        _write_geojson(answer, geojson)
    if sheet:
        from satseek.search.sheets import SheetRow, write_sheet  # noqa: PLC0415

        row = SheetRow.of_hits(query.text or "similar", answer.hits)
        write_sheet([row], sheet, collection=matched.collection)
        say(f"wrote {sheet}")
    if json:
        print_json(answer)
    else:
        _print_hits(answer)


def _write_geojson(answer: Answer, path: Path) -> None:
    from satseek.search.geojson import feature_collection  # noqa: PLC0415

    content = feature_collection(answer.hits)
    path.write_text(jsonlib.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    say(f"wrote {path}")


def _print_hits(answer: Answer) -> None:
    rows = [
        [
            str(hit.rank),
            f"{hit.scores['cosine']:.3f}",
            f"{hit.scores['percentile']:.1f}",
            hit.chip.datetime.date().isoformat() if hit.chip.datetime else "–",
            hit.chip.id,
        ]
        for hit in answer.hits
    ]
    print_table(["rank", "cosine", "percentile", "date", "chip"], rows)
    say(f"{len(rows)} hits in {answer.seconds * 1000:.0f} ms ({answer.plan})")
