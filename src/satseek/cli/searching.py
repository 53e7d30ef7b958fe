"""``satseek search`` and ``satseek similar``: a query → hits. Knows only the use-case."""

from __future__ import annotations

import json as jsonlib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, app, assembly, configured
from satseek.cli.asking import (
    Area,
    AreaCrs,
    BoundingBox,
    Collections,
    ConceptRef,
    Distinct,
    End,
    GroupBy,
    K,
    Least,
    Levels,
    RankBy,
    Start,
    Where,
    check_asks,
    filter_of,
    four_of,
    image_of,
    outline_of,
    places,
)
from satseek.cli.explaining import show_explanation
from satseek.cli.exporting import WGS84, Crs, FormatName, Out
from satseek.cli.federating import check_only_shown, search_servers, show_hits
from satseek.cli.printing import print_json, print_table, say
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from satseek.assemble import Assembly
    from satseek.assemble.asking import Asked
    from satseek.types import Query

GeoJson = Annotated[Path | None, typer.Option("--geojson", help="Write the hits to this file.")]
Sheet = Annotated[Path | None, typer.Option(help="Write a contact sheet of the hits (PNG/JPEG).")]
Servers = Annotated[
    str | None,
    typer.Option(metavar="URL,URL", help="Ask these servers instead, as if they were one."),
]
Partial = Annotated[
    bool, typer.Option("--partial", help="Do without servers that do not answer; says which.")
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Say how the hits were found, and what it took.")
]


@app.command()
def search(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Argument(help="What to look for, in English or Chinese.")
    ] = None,
    *,
    concept: ConceptRef = None,
    image: Annotated[Path | None, typer.Option(help="Example image, alone or with words.")] = None,
    like: Annotated[list[str] | None, typer.Option(help="Chip that shows it.")] = None,
    dislike: Annotated[list[str] | None, typer.Option(help="Chip that does not.")] = None,
    collection: Collections = None,
    rank_by: RankBy = "cosine",
    k: K = None,
    least: Least = None,
    group_by: GroupBy = None,
    distinct: Distinct = None,
    bbox: BoundingBox = None,
    area: Area = None,
    area_crs: AreaCrs = None,
    start: Start = None,
    end: End = None,
    where: Where = None,
    level: Levels = None,
    geojson: GeoJson = None,
    out: Out = None,
    format: FormatName = None,  # noqa: A002 (what everybody calls it)
    crs: Crs = WGS84,
    sheet: Sheet = None,
    explain: Explain = False,
    servers: Servers = None,
    partial: Partial = False,
    json: Json = False,
) -> None:
    """Find chips by words, by a concept, by an image, or by chips that show it.

    Example: satseek search 'ships in a harbour' -k 5 --start 2025-01-01
    """
    from satseek.assemble.asking import ask  # noqa: PLC0415
    from satseek.search.federating import check_rank_by  # noqa: PLC0415
    from satseek.search.grouping import check_group_by  # noqa: PLC0415
    from satseek.search.searching import wanted  # noqa: PLC0415
    from satseek.types import Query  # noqa: PLC0415

    check_asks(text, image=image, liked=like, concept=concept)
    if servers:
        check_only_shown(out=out, sheet=sheet)
        one, several = places(collection)
        asked_of_all = {
            "text": text,
            "image": image,
            "liked": like or (),
            "disliked": dislike or (),
            "concept": concept,
            "collection": one,
            "collections": several,
            "rank_by": rank_by,
            "least": least,
            "k": k,
            "group_by": group_by,
            "duplicate_cosine": distinct,
            "explain": explain,
            "bbox": bbox and four_of(bbox),
            "area": outline_of(area, area_crs) if area else None,
            "start": start,
            "end": end,
            "where": where or (),
            "levels": level or (),
        }
        settings = configured(context).settings
        hits = search_servers(servers.split(","), asked_of_all, partial=partial, settings=settings)
        show_hits(hits, geojson=geojson, json=json)
        return
    parts = assembly(context)
    query = Query(
        text=text,
        image=image_of(image, parts) if image else None,
        liked=tuple(like or ()),
        disliked=tuple(dislike or ()),
        where=filter_of(
            bbox=bbox,
            area=area,
            area_crs=area_crs,
            start=start,
            end=end,
            where=where,
            levels=level,
        ),
        k=wanted(k, least=least),
        least=least,
        group_by=check_group_by(group_by),
        duplicate_cosine=distinct,
    )
    one, several = places(collection)
    asked = ask(
        query,
        parts,
        collection=one,
        collections=several,
        rank_by=check_rank_by(rank_by),
        concept=concept,
    )
    _write(asked, query, parts, geojson=geojson, sheet=sheet)
    if out:
        _export(asked, query, parts, out, format=format, crs=crs)
    _show(asked, json=json, explain=explain)


@app.command()
def similar(
    context: typer.Context,
    example: Annotated[str, typer.Argument(help="Chip id of the collection, or an image file.")],
    *,
    collection: Collections = None,
    rank_by: RankBy = "cosine",
    k: K = None,
    least: Least = None,
    group_by: GroupBy = None,
    distinct: Distinct = None,
    bbox: BoundingBox = None,
    area: Area = None,
    area_crs: AreaCrs = None,
    start: Start = None,
    end: End = None,
    where: Where = None,
    level: Levels = None,
    geojson: GeoJson = None,
    out: Out = None,
    format: FormatName = None,  # noqa: A002
    crs: Crs = WGS84,
    sheet: Sheet = None,
    explain: Explain = False,
    json: Json = False,
) -> None:
    """Find chips that look like a chip or an image.

    Example: satseek similar ./quarry.jpg -k 20
    """
    from satseek.assemble.asking import ask  # noqa: PLC0415
    from satseek.search.federating import check_rank_by  # noqa: PLC0415
    from satseek.search.grouping import check_group_by  # noqa: PLC0415
    from satseek.search.searching import wanted  # noqa: PLC0415
    from satseek.types import Query  # noqa: PLC0415

    parts = assembly(context)
    is_file = Path(example).is_file()
    query = Query(
        image=image_of(Path(example), parts) if is_file else None,
        liked=() if is_file else (example,),
        where=filter_of(
            bbox=bbox,
            area=area,
            area_crs=area_crs,
            start=start,
            end=end,
            where=where,
            levels=level,
        ),
        k=wanted(k, least=least),
        least=least,
        group_by=check_group_by(group_by),
        duplicate_cosine=distinct,
    )
    one, several = places(collection)
    ranked = check_rank_by(rank_by)
    asked = ask(query, parts, collection=one, collections=several, rank_by=ranked)
    _write(asked, query, parts, geojson=geojson, sheet=sheet)
    if out:
        _export(asked, query, parts, out, format=format, crs=crs)
    _show(asked, json=json, explain=explain)


def _write(
    asked: Asked, query: Query, parts: Assembly, *, geojson: Path | None, sheet: Path | None
) -> None:
    answer = asked.answer
    if geojson:
        from satseek.search.geojson import feature_collection  # noqa: PLC0415

        content = feature_collection(answer.hits)
        geojson.write_text(jsonlib.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        say(f"wrote {geojson}")
    if sheet:
        from satseek.search.sheets import SheetRow, write_sheet  # noqa: PLC0415

        if len(asked.collections) > 1:
            raise InvalidRequest("--sheet shows the chips of one collection: give one with -c")
        row = SheetRow.of_hits(query.text or asked.concept or "similar", answer.hits)
        write_sheet([row], sheet, collection=parts.reader(asked.collections[0]))
        say(f"wrote {sheet}")


def _export(
    asked: Asked,
    query: Query,
    parts: Assembly,
    out: Path,
    *,
    format: str | None,  # noqa: A002
    crs: str,
) -> None:
    from satseek.assemble.exporting import write_asked  # noqa: PLC0415
    from satseek.search.exporting import Choices  # noqa: PLC0415

    choices = Choices(format=format, crs=crs)
    count = write_asked(asked, query, out, parts=parts, choices=choices)
    say(f"wrote {count} hits into {out}")


def _show(asked: Asked, *, json: bool, explain: bool) -> None:
    from satseek.search.explaining import explanation_of  # noqa: PLC0415

    answer = asked.answer
    explanation = explanation_of(answer.explained, only=asked.collections[0])
    if json:
        told: dict[str, Any] = {one.name: getattr(answer, one.name) for one in fields(answer)}
        told.pop("explained")
        told |= {"collections": asked.collections, "model": asked.card.ref}
        told |= {"concept": asked.concept, "warnings": asked.warnings}
        print_json(told | ({"explanation": explanation} if explain else {}))
        return
    several = len(asked.collections) > 1
    rows = [
        [
            str(hit.rank),
            f"{hit.scores['cosine']:.3f}",
            f"{hit.scores['percentile']:.1f}",
            hit.chip.datetime.date().isoformat() if hit.chip.datetime else "–",
            *([hit.collection] if several else []),
            hit.chip.id,
        ]
        for hit in answer.hits
    ]
    head = ["rank", "cosine", "percentile", "date", *(["collection"] if several else []), "chip"]
    print_table(head, rows)
    if answer.translated:
        say(f"translated: {answer.translated}")
    if answer.weight is not None:
        counted = f"{answer.weight:g} beside the words' 1" if answer.weight else "nothing"
        say(f"clicked chips counted {counted}")
    for warning in asked.warnings:
        say(f"note: {warning}")
    say(f"{len(rows)} hits in {answer.seconds * 1000:.0f} ms ({answer.plan})")
    if explain and explanation is not None:
        show_explanation(explanation)
