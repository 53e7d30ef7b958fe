"""``satseek landuse``: imagery of several dates → what each place was, what changed, a report.

Knows only the use-case.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from satseek.cli.application import Json, app
from satseek.cli.asking import Area, AreaCrs, BoundingBox, End, Start, Where
from satseek.cli.detaching import (
    Detach,
    Key,
    Priority,
    detached,
    wants_job,
)
from satseek.cli.landuse_showing import show_labels, show_sets
from satseek.cli.landuse_typed import Typed, given, run_typed, search_of
from satseek.errors import InvalidRequest


class _OrRun(TyperGroup):
    """Takes what names no command for the imagery of ``run``: ``satseek landuse ./scenes``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


group = typer.Typer(
    cls=_OrRun,
    help="Tell what each place was at each date, and what changed: satseek landuse SCENES.",
    no_args_is_help=True,
)
app.add_typer(group, name="landuse")


@group.command()
def run(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(
            help="Folder of scenes, a STAC document, or a table of STAC items: indexed first. "
            "[default: what the collection has]"
        ),
    ] = None,
    *,
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            "-c",
            help="Collection; made for a source. [default: landuse with a source, else the only "
            "one, or 'default']",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the results. [default: ./NAME-landuse]"),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Of the run: its findings go by it. [default: the collection's]"),
    ] = None,
    labels: Annotated[
        str, typer.Option(help="Label set: see `satseek landuse labels`; or a .json or .toml file.")
    ] = "planning",
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            "-l",
            metavar="NAME[=PROMPT;PROMPT]",
            help="A label of your own instead; repeat it.",
        ),
    ] = None,
    distractors: Annotated[
        bool, typer.Option(help="Let other land cover be 'none of these' beside --label.")
    ] = True,
    by: Annotated[str, typer.Option(help="What is one date: day, month or year.")] = "month",
    bbox: BoundingBox = None,
    area: Area = None,
    area_crs: AreaCrs = None,
    start: Start = None,
    end: End = None,
    where: Where = None,
    persist: Annotated[
        int, typer.Option(min=1, help="Dates on which a new class must have been seen.")
    ] = 1,
    least_ha: Annotated[
        float, typer.Option("--least-ha", min=0, help="Smallest change told, in hectares.")
    ] = 0.0,
    least_cells: Annotated[
        int, typer.Option("--least-cells", min=1, help="Smallest change told, in cells.")
    ] = 1,
    seed: Annotated[
        float | None, typer.Option(help="Percentile of change that begins a patch.")
    ] = None,
    grow: Annotated[
        float | None, typer.Option(help="Percentile of change that continues a patch.")
    ] = None,
    change: Annotated[
        float | None, typer.Option(help="Chance of another label between two dates, 0 to 1.")
    ] = None,
    shift: Annotated[
        str,
        typer.Option(help="What is taken for season and light: fitted, mean or none."),
    ] = "fitted",
    least_valid: Annotated[
        float, typer.Option("--least-valid", help="Least measured share of a cell, 0 to 1.")
    ] = 0.5,
    districts: Annotated[
        Path | None, typer.Option(help="Polygons whose areas are told: GeoJSON, GeoPackage …")
    ] = None,
    district_column: Annotated[
        str | None, typer.Option(help="Column with their names. [default: village, district …]")
    ] = None,
    districts_crs: Annotated[
        str | None, typer.Option(help="CRS of the districts; unset: what the file names.")
    ] = None,
    districts_layer: Annotated[
        str | None, typer.Option(help="Layer of the districts. [default: the file's first]")
    ] = None,
    report: Annotated[
        list[str] | None, typer.Option(help="html or pdf; may be repeated. [default: html]")
    ] = None,
    language: Annotated[str, typer.Option(help="Of the report: en or zh.")] = "en",
    recipe: Annotated[
        str | None, typer.Option(help="How samples become pixels. [default: auto]")
    ] = None,
    chip: Annotated[int | None, typer.Option(help="Chip edge in pixels. [default: 256]")] = None,
    stride: Annotated[
        int | None, typer.Option(help="Step from chip to chip. [default: half the chip edge]")
    ] = None,
    pixel_size: Annotated[
        float | None, typer.Option(help="Metres per pixel. [default: each scene's own]")
    ] = None,
    crs: Annotated[
        str | None, typer.Option(help="CRS of the grid. [default: each scene's own]")
    ] = None,
    stac_api: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ask this STAC API for --bbox and the dates."),
    ] = None,
    collections: Annotated[
        str | None, typer.Option(metavar="A,B", help="Collections of the STAC API. [default: all]")
    ] = None,
    max_items: Annotated[int | None, typer.Option(min=1, help="Items taken at most.")] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST|s3://BUCKET|FOLDER",
            help="Where scenes of a STAC source may lie besides beside it; may be repeated.",
        ),
    ] = None,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Run land use; run it again to add dates or to go on.

    Example: satseek landuse ./monthly --out landuse --districts villages.gpkg
    """
    said = {
        "labels": labels,
        "own": tuple(label or ()),
        "distractors": distractors,
        "by": by,
        "least_valid": least_valid,
        "shift": shift,
        "persist": persist,
        "least_cells": least_cells,
        "least_ha": least_ha,
        "districts": None if districts is None else str(districts),
        "district_column": district_column,
        "districts_crs": districts_crs,
        "districts_layer": districts_layer,
        "reports": tuple(report or ("html",)),
        "language": language,
        **given(seed=seed, grow=grow, change=change),
    }
    scenes = given(
        recipe=recipe,
        chip_px=chip,
        stride_px=stride,
        pixel_size=pixel_size,
        crs=crs,
        allow=allow,
        search=search_of(
            stac_api,
            collections=collections,
            bbox=bbox,
            start=start,
            end=end,
            max_items=max_items,
        ),
    )
    ground = given(bbox=bbox, area=area, area_crs=area_crs, start=start, end=end, where=where)
    asked = Typed(
        source=source if stac_api is None else stac_api,
        collection=collection,
        name=name,
        out=out,
        said=said,
        scenes=scenes,
        ground=ground,
    )
    if source is not None and stac_api is not None:
        raise InvalidRequest("give a source of scenes, or --stac-api, not both")
    if asked.source is None and scenes:
        raise InvalidRequest(
            "--chip, --crs … --allow are about a source of scenes: name one, or --stac-api"
        )
    target = asked.target(context)
    if wants_job(detach, priority=priority, key=key):
        detached(context, asked.job(target), priority=priority, key=key, json=json)
        return
    run_typed(context, asked, target, json=json)


@group.command("labels")
def labels_(
    name: Annotated[
        str | None, typer.Argument(help="A shipped set, or a file; unset: list the shipped ones.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """List the shipped label sets, or show the labels and prompts of one.

    Example: satseek landuse labels planning
    """
    from satseek.monitor.labels.files import find_labels, preset_names  # noqa: PLC0415

    if name is None:
        show_sets([find_labels(one, folder=Path.cwd()) for one in preset_names()], json=json)
    else:
        show_labels(find_labels(name, folder=Path.cwd()), json=json)
