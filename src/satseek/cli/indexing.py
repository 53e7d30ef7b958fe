"""``satseek index``: a folder of scenes → a collection. Knows only the use-case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, app, assembly
from satseek.cli.printing import indexing_bar, list_refusals, print_json, say
from satseek.errors import InvalidRequest, UnreadableImage

if TYPE_CHECKING:
    from satseek.assemble import Layout


@app.command()
def index(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of scenes, or one scene.")],
    *,
    collection: Annotated[
        str, typer.Option("--collection", "-c", help="Collection; made when it is not there.")
    ] = "default",
    recipe: Annotated[
        str | None, typer.Option(help="auto, rgb8, percentile16 or fixed16. [default: auto]")
    ] = None,
    chip: Annotated[int | None, typer.Option(help="Chip edge in pixels. [default: 256]")] = None,
    stride: Annotated[
        int | None, typer.Option(help="Step from chip to chip in pixels. [default: the chip edge]")
    ] = None,
    pixel_size: Annotated[
        float | None, typer.Option(help="Metres per pixel. [default: each scene's own]")
    ] = None,
    crs: Annotated[
        str | None, typer.Option(help="CRS of the grid. [default: each scene's own]")
    ] = None,
    min_valid: Annotated[
        float | None, typer.Option(help="Smallest valid fraction of a chip. [default: 0.5]")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Chips per engine call.")] = None,
    json: Json = False,
) -> None:
    """Index a folder of scenes; run it again to go on or to add what is new.

    Example: satseek index ./scenes -c county
    """
    from satseek.imagery.scenes import find_scenes  # noqa: PLC0415
    from satseek.search.indexing import index_folder  # noqa: PLC0415

    find_scenes(folder)  # refuse a missing folder before anything is made
    parts = assembly(context, batch=batch)
    wanted = _layout(
        recipe=recipe,
        chip=chip,
        stride=stride,
        pixel_size=pixel_size,
        crs=crs,
        min_valid=min_valid,
    )
    with parts.writer(collection, wanted) as target, indexing_bar() as on_progress:
        report = index_folder(
            folder,
            collection=target,
            embedder=parts.bulk_embedder,
            workers=parts.workers,
            batch=parts.batch,
            on_progress=on_progress,
        )
        chips = len(target)
    if json:
        print_json({"collection": collection, "chips": chips, "report": report})
    else:
        rate = report.chips_added / report.seconds if report.seconds else 0.0
        say(
            f"{collection}: {report.scenes} scenes ({report.unchanged} unchanged), "
            f"{report.chips_added} chips added in {report.seconds:.1f} s ({rate:.0f}/s), "
            f"{report.cells_skipped} cells skipped as mostly nodata, "
            f"{len(report.refusals)} files refused, {chips} chips in all"
        )
        list_refusals(report.refusals)
    if report.refusals and not report.scenes:
        raise UnreadableImage(f"none of the {len(report.refusals)} files in {folder} can be used")


def _layout(
    *,
    recipe: str | None,
    chip: int | None,
    stride: int | None,
    pixel_size: float | None,
    crs: str | None,
    min_valid: float | None,
) -> Layout:
    from satseek.assemble import DEFAULT_GRID, Layout  # noqa: PLC0415
    from satseek.imagery.recipes import recipe_named  # noqa: PLC0415
    from satseek.types import GridSpec  # noqa: PLC0415

    edge = DEFAULT_GRID.chip_px if chip is None else chip
    step = edge if stride is None else stride
    if edge < 1 or not 0 < step <= edge or (pixel_size is not None and pixel_size <= 0):
        raise InvalidRequest("chip, stride and pixel size must be positive, the stride ≤ the chip")
    if min_valid is not None and not 0 <= min_valid <= 1:
        raise InvalidRequest(f"--min-valid must lie in 0–1, came {min_valid}")
    asked = any(value is not None for value in (chip, stride, pixel_size, crs))
    grid = GridSpec(crs=crs, chip_px=edge, stride_px=step, pixel_size=pixel_size)
    return Layout(
        recipe=recipe_named(recipe) if recipe else None,
        grid=grid if asked else None,
        min_valid=min_valid,
    )
