"""``satseek export``: a collection's chips, or the hits of a search → a file that others open.

Knows only the use-case.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.buckets import deliver, standing_in
from satseek.cli.application import Json, app, assembly
from satseek.cli.asking import (
    Area,
    AreaCrs,
    BoundingBox,
    End,
    Levels,
    Start,
    Where,
    filter_of,
    four_of,
    outline_of,
)
from satseek.cli.detaching import Detach, Key, Priority, asked_of, detached, wants_job
from satseek.cli.printing import print_json, print_table, progress_bar, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.export.formats import Format

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
    out: Annotated[str, typer.Option("--out", "-o", help="File to write, or s3://BUCKET/KEY.")],
    format: FormatName = None,  # noqa: A002 (what everybody calls it)
    crs: Crs = WGS84,
    vectors: Vectors = False,
    bbox: BoundingBox = None,
    area: Area = None,
    area_crs: AreaCrs = None,
    start: Start = None,
    end: End = None,
    where: Where = None,
    level: Levels = None,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Write a collection's chips into a file, whole or not at all.

    Example: satseek export county --out chips.parquet --vectors
    """
    from satseek.search.exporting import Choices, write_chips  # noqa: PLC0415

    parts = assembly(context)
    name = parts.chosen(collection)
    if wants_job(detach, priority=priority, key=key):
        asked = {
            "collection": name,
            "out": out,
            "format": format,
            "crs": crs,
            "vectors": vectors,
            "bbox": None if bbox is None else four_of(bbox),
            "area": None if area is None else outline_of(area, area_crs),
            "area_crs": area_crs if area is None else None,
            "start": start,
            "end": end,
            "where": where or (),
            "levels": level or (),
        }
        task = asked_of("export", asked)
        detached(context, task, priority=priority, key=key, json=json)
        return
    choices = Choices(format=format, crs=crs, vectors=vectors)
    passing = filter_of(
        bbox=bbox,
        area=area,
        area_crs=area_crs,
        start=start,
        end=end,
        where=where,
        levels=level,
    )
    path = standing_in(out, folder=parts.settings.data_dir)
    with _bar() as on_progress:
        count = write_chips(
            parts.reader(name), path, where=passing, choices=choices, on_progress=on_progress
        )
    deliver(path, out)
    if json:
        kind = choices.checked(path)
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


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    with progress_bar("writing") as show:
        yield lambda done, total: show("chips", done, total)


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
