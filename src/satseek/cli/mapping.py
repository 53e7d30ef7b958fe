"""``satseek map``: a query or labels → a map of a collection as a GeoTIFF that any GIS opens.

Knows only the use-cases.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, app, assembly
from satseek.cli.printing import print_json, print_table, say
from satseek.errors import InvalidFilter

if TYPE_CHECKING:
    from satseek.export.ground_map import GroundMap
    from satseek.types import Filter, GeoJSON

group = typer.Typer(help="Map a collection by words or by labels.", no_args_is_help=True)
app.add_typer(group, name="map")

Collection = Annotated[str, typer.Argument(help="Collection.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="GeoTIFF to write (a valid COG).")]
Crs = Annotated[
    str | None, typer.Option(help="CRS of the file, such as EPSG:4490. [default: the grid's]")
]
BoundingBox = Annotated[
    str | None, typer.Option("--bbox", help="West,south,east,north in degrees.")
]
Area = Annotated[
    str | None, typer.Option(help="Polygon: a file of GeoJSON or WKT, or the text itself.")
]
Start = Annotated[str | None, typer.Option(help="Earliest date, such as 2024-05-01.")]
End = Annotated[str | None, typer.Option(help="Latest date, inclusive.")]


@group.command()
def heat(
    context: typer.Context,
    collection: Collection,
    text: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    *,
    out: Out,
    like: Annotated[list[str] | None, typer.Option(help="Chip that shows it.")] = None,
    dislike: Annotated[list[str] | None, typer.Option(help="Chip that does not.")] = None,
    crs: Crs = None,
    bbox: BoundingBox = None,
    area: Area = None,
    start: Start = None,
    end: End = None,
    json: Json = False,
) -> None:
    """Map how well each place fits words or chips: percentiles against the collection.

    Example: satseek map heat county 'a harbour' --out heat.tif
    """
    from satseek.export.rasters import write_cog  # noqa: PLC0415
    from satseek.search.mapping import heat_map  # noqa: PLC0415
    from satseek.types import Query  # noqa: PLC0415

    query = Query(
        text=text,
        liked=tuple(like or ()),
        disliked=tuple(dislike or ()),
        where=_where(bbox, area, start, end),
    )
    parts = assembly(context)
    matched = parts.matched(collection)
    with matched.pinned() as index:
        embedder = matched.model.embedder
        ground = heat_map(query, index=index, embedder=embedder, glossary=parts.glossary)
    write_cog(ground, out, crs=crs)
    known = ground.values[ground.known]
    facts = _facts(collection, ground, out) | {
        "cells": int(known.size),
        "percentile_max": float(known.max()),
        "percentile_mean": float(known.mean()),
    }
    if json:
        print_json(facts)
        return
    height, width = ground.values.shape
    say(f"wrote {width} x {height} cells of {collection} into {out}, {known.size} with a chip")


@group.command()
def classes(
    context: typer.Context,
    collection: Collection,
    *,
    labels: Annotated[
        list[str], typer.Option("--labels", "-l", help="Labels, separated by commas; or repeated.")
    ],
    out: Out,
    template: Annotated[
        list[str] | None, typer.Option(help="Prompt template with one {}; repeated: averaged.")
    ] = None,
    crs: Crs = None,
    bbox: BoundingBox = None,
    area: Area = None,
    start: Start = None,
    end: End = None,
    json: Json = False,
) -> None:
    """Map what each place is by labels of your own, and print the area of each.

    Example: satseek map classes county --labels harbour,forest,quarry --out classes.tif
    """
    from satseek.assemble.asking import labels_known  # noqa: PLC0415
    from satseek.export.areas import raster_area_by_class  # noqa: PLC0415
    from satseek.export.rasters import write_cog  # noqa: PLC0415
    from satseek.model.prompts import DISTRACTORS, TEMPLATES  # noqa: PLC0415
    from satseek.search.mapping import class_map  # noqa: PLC0415
    from satseek.search.mapping_colours import file_colours  # noqa: PLC0415

    asked = [label.strip() for text in labels for label in text.split(",")]
    parts, templates = assembly(context), tuple(template or TEMPLATES)
    matched = parts.matched(collection)
    known = labels_known(asked, model=matched.model, templates=templates, parts=parts)
    with matched.pinned() as index:
        ground = class_map(
            asked,
            index=index,
            embedder=matched.model.embedder,
            where=_where(bbox, area, start, end),
            templates=templates,
            distractors=(*DISTRACTORS, *known.negatives),
            known=known.vectors,
        )
    write_cog(ground, out, crs=crs, colours=file_colours(ground.names))
    areas = raster_area_by_class(ground)
    if json:
        print_json(_facts(collection, ground, out) | {"area_ha": areas})
        return
    total = sum(areas.values())
    rows = [
        [name, f"{hectares:,.1f}", f"{100 * hectares / total:.1f} %" if total else "–"]
        for name, hectares in areas.items()
    ]
    print_table(["class", "area (ha)", "share of the map"], rows)
    say(f"wrote {out}")


def _facts(collection: str, ground: GroundMap, out: Path) -> dict[str, Any]:
    height, width = ground.values.shape
    return {
        "collection": collection,
        "file": out,
        "crs": ground.crs,
        "transform": ground.transform,
        "width": width,
        "height": height,
        "names": ground.names,
    }


def _where(bbox: str | None, area: str | None, start: str | None, end: str | None) -> Filter:
    from satseek.search.filtering import read_filter  # noqa: PLC0415

    box = None if bbox is None else _four(bbox)
    shape = None if area is None else _shape(area)
    return read_filter(bbox=box, area=shape, start=start, end=end)


def _shape(area: str) -> GeoJSON | str:
    """Read a file's outline, or give the text itself where it is no file's name."""
    from satseek.imagery.outlines import read_outline  # noqa: PLC0415

    try:
        is_file = Path(area).is_file()
    except (OSError, ValueError):  # too long for a name
        is_file = False
    return read_outline(Path(area)) if is_file else area


def _four(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidFilter(f"expected west,south,east,north in degrees, came {text!r}") from error
    return west, south, east, north
