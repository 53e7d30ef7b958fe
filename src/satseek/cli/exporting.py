"""``satseek export``: a collection's chips, or the hits of a search → a file that others open.

Knows only the use-case.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, app, assembly
from satseek.cli.printing import print_json, print_table, progress_bar, say
from satseek.errors import InvalidFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.assemble import Matched
    from satseek.export.formats import Format
    from satseek.search.searching import Answer
    from satseek.types import Query

WGS84 = "EPSG:4326"

Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Write the hits to this file; `satseek formats` lists them."),
]
Crs = Annotated[str, typer.Option("--crs", help="CRS of the file, such as EPSG:4490.")]
FormatName = Annotated[
    str | None, typer.Option("--format", help="Format of the file; unset: by its name.")
]
Vectors = Annotated[
    bool, typer.Option("--vectors", help="Write the vectors, too (GeoParquet, GeoJSON).")
]


@app.command()
def export(
    context: typer.Context,
    collection: Annotated[
        str | None, typer.Argument(help="Collection; unset: the only one.")
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")],
    format: FormatName = None,  # noqa: A002 (what everybody calls it)
    crs: Crs = WGS84,
    vectors: Vectors = False,
    bbox: Annotated[
        str | None, typer.Option("--bbox", help="West,south,east,north in degrees.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="Earliest date, such as 2024-05-01.")] = None,
    end: Annotated[str | None, typer.Option(help="Latest date, inclusive.")] = None,
    json: Json = False,
) -> None:
    """Write a collection's chips into a file, whole or not at all.

    Example: satseek export county --out chips.parquet --vectors
    """
    from satseek.search.exporting import Choices, write_chips  # noqa: PLC0415
    from satseek.search.filtering import read_filter  # noqa: PLC0415

    parts = assembly(context)
    name = parts.chosen(collection)
    choices = Choices(format=format, crs=crs, vectors=vectors)
    where = read_filter(bbox=_four(bbox) if bbox else None, start=start, end=end)
    with _bar() as on_progress:
        count = write_chips(
            parts.reader(name), out, where=where, choices=choices, on_progress=on_progress
        )
    if json:
        kind = choices.checked(out)
        print_json({"collection": name, "features": count, "file": out, "format": kind.name})
    else:
        say(f"wrote {count} chips of {name} into {out}")


@app.command()
def formats(*, json: Json = False) -> None:
    """List the formats that hits and chips are written in.

    Example: satseek formats
    """
    from satseek.export.formats import FORMATS  # noqa: PLC0415

    if json:
        print_json([_told(one) for one in FORMATS.values()])
        return
    rows = [
        [
            one.name,
            " ".join(one.suffixes),
            one.title,
            "any" if one.any_crs else "WGS 84",
            "yes" if one.takes_vectors else "–",
            "yes" if one.is_at_hand else "pip install 'satseek[gis]'",
        ]
        for one in FORMATS.values()
    ]
    print_table(["format", "files", "what", "CRS", "vectors", "at hand"], rows)


def write_answer(
    answer: Answer,
    query: Query,
    out: Path,
    *,
    matched: Matched,
    crs: str = WGS84,
    format: str | None = None,  # noqa: A002
) -> None:
    """Write the hits of one collection."""
    from satseek.search.exporting import (  # noqa: PLC0415
        Choices,
        found_hits,
        query_facts,
        write_hits,
    )

    found = found_hits(answer.hits, matched.collection)
    facts = query_facts(query, plan=answer.plan, generation=answer.generation)
    count = write_hits([found], out, choices=Choices(format=format, crs=crs), facts=facts)
    say(f"wrote {count} hits into {out}")


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    with progress_bar("writing") as show:
        yield lambda done, total: show("chips", done, total)


def _four(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidFilter(f"expected west,south,east,north in degrees, came {text!r}") from error
    return west, south, east, north


def _told(one: Format) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "suffixes": one.suffixes,
        "media_type": one.media_type,
        "any_crs": one.any_crs,
        "vectors": one.takes_vectors,
        "at_hand": one.is_at_hand,
    }
