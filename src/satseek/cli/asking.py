"""Options that every question takes → a filter, an image, an answer.

Knows the use-case; commands that ask share it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.errors import FolderNotFound, InvalidFilter, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.assemble import Assembly
    from satseek.types import Filter, GeoJSON, Pixels

Collections = Annotated[
    list[str] | None,
    typer.Option(
        "--collection",
        "-c",
        help="Collection; unset: the only one, or 'default'. Several times: all of them together; "
        "'*': all there are.",
    ),
]
RankBy = Annotated[
    str, typer.Option(help="Over several collections: cosine, or percentile whatever made them.")
]
ConceptRef = Annotated[
    str | None, typer.Option("--concept", help="A saved concept: mines, or mines@3.")
]
K = Annotated[
    int | None, typer.Option("-k", help="Number of hits. [default: 10, or all above --least]")
]
Least = Annotated[
    float | None, typer.Option("--least", help="Least percentile of a hit, 0 to 100.")
]
GroupBy = Annotated[
    str | None,
    typer.Option(help="place or scene: of the hits of each only the best. [default: every chip]"),
]
Distinct = Annotated[
    float | None,
    typer.Option(
        metavar="COSINE",
        help="Leave out hits whose cosine with a better one is at least this, such as 0.98.",
    ),
]
BoundingBox = Annotated[
    str | None, typer.Option("--bbox", help="West,south,east,north in degrees.")
]
Area = Annotated[
    str | None,
    typer.Option(help="Polygon: a file (GeoJSON, WKT, GeoPackage, Shapefile …), WKT or GeoJSON."),
]
AreaCrs = Annotated[
    str | None,
    typer.Option(help="CRS of the area, such as EPSG:25833; unset: what it names, or degrees."),
]
Start = Annotated[str | None, typer.Option(help="Earliest date, such as 2024-05-01.")]
End = Annotated[str | None, typer.Option(help="Latest date, inclusive.")]
Where = Annotated[
    list[str] | None,
    typer.Option(help="Condition on scenes, such as 'eo:cloud_cover<=20'; may be repeated."),
]
Levels = Annotated[
    list[int] | None, typer.Option("--level", help="Only chips of this size; may be repeated.")
]


def filter_of(
    *,
    bbox: str | None,
    area: str | None,
    area_crs: str | None,
    start: str | None,
    end: str | None,
    where: Sequence[str] | None = None,
    levels: Sequence[int] | None = None,
) -> Filter:
    """Make a filter of what was typed.

    Raises:
        InvalidFilter: it cannot be.
    """
    from satseek.search.filtering import read_filter  # noqa: PLC0415

    return read_filter(
        bbox=four_of(bbox) if bbox is not None else None,
        area=outline_of(area, area_crs) if area is not None else None,
        area_crs=area_crs if area is None else None,
        start=start,
        end=end,
        where=list(where or ()),
        levels=list(levels or ()),
    )


def image_of(path: Path, parts: Assembly) -> Pixels:
    """Decode an example image.

    Raises:
        FolderNotFound: there is none.
        UnreadableImage: it cannot be used.
    """
    from satseek.imagery.decode import decode_image  # noqa: PLC0415

    if not path.is_file():
        raise FolderNotFound(f"no image {path}")
    limit = parts.settings.max_image_pixels
    return decode_image(path.read_bytes(), name=str(path), max_pixels=limit).pixels


def places(collection: Sequence[str] | None) -> tuple[str | None, tuple[str, ...]]:
    """Tell one collection from several."""
    names = tuple(collection or ())
    if len(names) == 1 and names[0] != "*":
        return names[0], ()
    return None, names


def check_asks(text: str | None, *, image: object, liked: object, concept: str | None) -> None:
    """Refuse a question of nothing."""
    if text is None and not (image or liked or concept):
        raise InvalidRequest("nothing to look for: give words, --concept, --image or --like")


def four_of(text: str) -> tuple[float, float, float, float]:
    """Read a bounding box.

    Raises:
        InvalidFilter: it is no four numbers.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidFilter(f"expected west,south,east,north in degrees, came {text!r}") from error
    return west, south, east, north


def outline_of(area: str, crs: str | None) -> GeoJSON:
    """Read an area, from a file or the text of one, in degrees.

    Raises:
        InvalidFilter, FolderNotFound: it cannot be.
    """
    from satseek.imagery.outlines import outline, read_outline  # noqa: PLC0415

    written = area.lstrip()
    if written.startswith("{") or "((" in written.replace(" ", ""):
        return outline(area, crs=crs)
    return read_outline(Path(area), crs=crs)
