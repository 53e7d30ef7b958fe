"""``satseek index``: scenes, wherever they are → a collection. Knows only the use-case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, app, assembly
from satseek.cli.detaching import Detach, Key, Priority, detached, wants_job
from satseek.cli.executing import Address, ExecutorName, Workers, check_executor, index_with
from satseek.cli.indexing_later import index_job
from satseek.cli.placing import check_data_dir
from satseek.cli.printing import indexing_bar, list_refusals, print_json, say
from satseek.errors import InvalidRequest, UnreadableImage

if TYPE_CHECKING:
    from satseek.assemble import Assembly, Layout
    from satseek.imagery.candidates import Candidates
    from satseek.imagery.reach import Reach
    from satseek.index.collection import Collection
    from satseek.search.indexing import IndexReport
    from satseek.settings import Settings
    from satseek.types import BBox


@app.command()
def index(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(
            help="Folder of scenes, one scene, a STAC item, collection or catalog (file or http "
            "address), or a table of STAC items (.parquet)."
        ),
    ] = None,
    *,
    collection: Annotated[
        str, typer.Option("--collection", "-c", help="Collection; made when it is not there.")
    ] = "default",
    recipe: Annotated[
        str | None,
        typer.Option(help="Of `satseek recipe list`, or a file of JSON. [default: auto]"),
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
    levels: Annotated[
        str | None,
        typer.Option(
            metavar="1,2,4", help="Sizes of chips, as multiples of the chip edge. [default: 1]"
        ),
    ] = None,
    min_valid: Annotated[
        float | None, typer.Option(help="Smallest valid fraction of a chip. [default: 0.5]")
    ] = None,
    stac_api: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ask this STAC API; name no source."),
    ] = None,
    collections: Annotated[
        str | None, typer.Option(metavar="A,B", help="Collections of the STAC API. [default: all]")
    ] = None,
    bbox: Annotated[
        str | None, typer.Option(metavar="W,S,E,N", help="Degrees. [default: anywhere]")
    ] = None,
    datetime: Annotated[
        str | None, typer.Option(help="2024-06, or START/END. [default: any time]")
    ] = None,
    query: Annotated[
        list[str] | None, typer.Option(help="Such as 'eo:cloud_cover<20'; may be repeated.")
    ] = None,
    ids: Annotated[str | None, typer.Option(metavar="A,B", help="Ids of items.")] = None,
    max_items: Annotated[int | None, typer.Option(min=1, help="Items taken at most.")] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST|s3://BUCKET|FOLDER",
            help="Where scenes of a STAC source may lie besides beside it; may be repeated.",
        ),
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Chips per engine call.")] = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    address: Address = None,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Index scenes; run it again to go on or to add what is new.

    Example: satseek index ./scenes -c county
    """
    from satseek.imagery.candidates import BegunCandidates  # noqa: PLC0415

    check_executor(executor, workers, address)
    asked = _Asked(
        collections=_parts(collections),
        bbox=_box(bbox),
        datetime=datetime,
        query=tuple(query or ()),
        ids=_parts(ids),
        most=max_items,
    )
    if wants_job(detach, priority=priority, key=key):
        job = index_job(
            source=source,
            stac_api=stac_api,
            search=_search(asked),
            recipe=recipe,
            allow=allow or (),
            batch=batch,
            collection=collection,
            chip_px=chip,
            stride_px=stride,
            pixel_size=pixel_size,
            crs=crs,
            levels=_levels(levels) if levels else None,
            min_valid=min_valid,
            executor=executor,
            workers=workers,
            address=address,
        )
        detached(context, job, priority=priority, key=key, json=json)
        return
    parts = assembly(context, batch=batch)
    check_data_dir(parts.settings)
    reach = _reach(parts.settings, allow or ())
    found = _candidates(source, stac_api, asked, reach)
    candidates = BegunCandidates(found)  # refuses what cannot be read before anything is made
    wanted = _layout(
        recipe=recipe,
        chip=chip,
        stride=stride,
        pixel_size=pixel_size,
        crs=crs,
        levels=levels,
        min_valid=min_valid,
    )
    with parts.writer(collection, wanted) as target:
        if executor is None:
            report = _index_here(candidates, target, parts)
        else:
            report = index_with(
                candidates, target, parts, executor=executor, workers=workers, address=address
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
            f"{len(report.refusals)} refused, {chips} chips in all"
        )
        if report.recipes:
            used = (f"{name}: {scenes}" for name, scenes in report.recipes.items())
            say(f"  scenes by recipe: {', '.join(used)} (--log-level info says why)")
        list_refusals(report.refusals)
    if report.refusals and not report.scenes:
        raise UnreadableImage(
            f"none of the {len(report.refusals)} scenes in {source or stac_api} can be used"
        )


def _index_here(candidates: Candidates, target: Collection, parts: Assembly) -> IndexReport:
    from satseek.search.indexing import index_scenes  # noqa: PLC0415

    with indexing_bar() as on_progress:
        return index_scenes(
            candidates,
            collection=target,
            embedder=parts.bulk_embedder,
            workers=parts.workers,
            batch=parts.batch,
            compact_from=parts.settings.compact_from,
            on_progress=on_progress,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a STAC API is asked for; see `satseek.imagery.stac_search.ApiSearch`."""

    collections: tuple[str, ...]
    bbox: BBox | None
    datetime: str | None
    query: tuple[str, ...]
    ids: tuple[str, ...]
    most: int | None


def _search(asked: _Asked) -> dict[str, Any]:
    """Name what is asked of a STAC API as a job does."""
    given = {name: getattr(asked, name) for name in _Asked.__slots__}
    return given | {"max_items": given.pop("most")}


def _candidates(
    source: str | None, stac_api: str | None, asked: _Asked, reach: Reach
) -> Candidates:
    from satseek.imagery.candidates import ItemScenes, find_candidates  # noqa: PLC0415
    from satseek.imagery.stac_search import ApiSearch, SearchedItems  # noqa: PLC0415

    given = {name: getattr(asked, name) for name in _Asked.__slots__}
    if (source is None) == (stac_api is None):
        raise InvalidRequest("give a source of scenes, or --stac-api, not both")
    if source is not None:
        if any(given.values()):
            raise InvalidRequest("--collections, --bbox … --max-items go with --stac-api")
        return find_candidates(source, reach=reach.and_named(source))
    assert stac_api is not None
    named = reach.and_named(stac_api)
    return ItemScenes(SearchedItems(ApiSearch(address=stac_api, **given), named), reach=named)


def _reach(settings: Settings, allowed: Sequence[str]) -> Reach:
    from satseek.imagery.reach import Reach  # noqa: PLC0415

    return Reach.of((*settings.reference_roots, *settings.stac_hosts, *allowed))


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _box(text: str | None) -> BBox | None:
    if text is None:
        return None
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError as error:
        raise InvalidRequest(f"--bbox: expected W,S,E,N in degrees, came {text!r}") from error
    return west, south, east, north


def _layout(
    *,
    recipe: str | None,
    chip: int | None,
    stride: int | None,
    pixel_size: float | None,
    crs: str | None,
    levels: str | None,
    min_valid: float | None,
) -> Layout:
    from satseek.assemble import DEFAULT_GRID, Layout  # noqa: PLC0415
    from satseek.imagery.recipe_files import find_recipe  # noqa: PLC0415
    from satseek.types import GridSpec  # noqa: PLC0415

    edge = DEFAULT_GRID.chip_px if chip is None else chip
    step = edge if stride is None else stride
    if edge < 1 or not 0 < step <= edge or (pixel_size is not None and pixel_size <= 0):
        raise InvalidRequest("chip, stride and pixel size must be positive, the stride ≤ the chip")
    if min_valid is not None and not 0 <= min_valid <= 1:
        raise InvalidRequest(f"--min-valid must lie in 0–1, came {min_valid}")
    asked = any(value is not None for value in (chip, stride, pixel_size, crs, levels))
    grid = GridSpec(
        crs=crs,
        chip_px=edge,
        stride_px=step,
        pixel_size=pixel_size,
        levels=_levels(levels) if levels else DEFAULT_GRID.levels,
    )
    return Layout(
        recipe=find_recipe(recipe) if recipe else None,
        grid=grid if asked else None,
        min_valid=min_valid,
    )


def _levels(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidRequest(f"--levels: expected numbers such as 1,2,4, came {text!r}") from error
