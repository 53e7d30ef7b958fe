"""``satseek collection``: what has been indexed, and by which model. Knows only the use-cases."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import CollectionName, Json, app, assembly
from satseek.cli.detaching import Detach, Key, Priority, asked_of, detached, wants_job
from satseek.cli.printing import (
    MAX_LISTED,
    list_refusals,
    print_json,
    print_table,
    progress_bar,
    say,
)
from satseek.cli.recording import recorded
from satseek.errors import (
    Conflict,
    DamagedData,
    InvalidRequest,
    ModelMismatch,
    ModelNotFound,
    ServerUnreachable,
    UnreadableImage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.embed.embedder import Embedder
    from satseek.index.collection import CollectionSpec, CollectionStats
    from satseek.index.spec import Pending
    from satseek.search.overlapping import Overlap
    from satseek.search.reembedding import ReembedProgress, ReembedReport
    from satseek.types import GridSpec

group = typer.Typer(help="See what has been indexed, and keep it sound.", no_args_is_help=True)
app.add_typer(group, name="collection")


@group.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List the collections.

    Example: satseek collection list
    """
    parts = assembly(context)
    stats: dict[str, CollectionStats] = {}
    for name in parts.collections():
        try:
            stats[name] = parts.reader(name).stats()
        except ServerUnreachable as error:  # the others are there all the same
            say(f"{name}: {error}")
    if json:
        print_json(stats)
        return
    rows = [
        [name, str(one.chips), str(one.scenes), f"{one.bytes / 1e6:.1f} MB"]
        for name, one in stats.items()
    ]
    print_table(["collection", "chips", "scenes", "size"], rows)


@group.command()
def show(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Collection.")] = None,
    *,
    json: Json = False,
) -> None:
    """Show a collection: its model, recipe, grid, size, dates and refused files.

    Example: satseek collection show county
    """
    parts = assembly(context)
    collection = parts.reader(parts.chosen(name))
    if json:
        found = {"refusals": collection.refusals(), "scenes": collection.scenes()}
        found |= {"pending": collection.pending()}
        print_json({"spec": collection.spec, "stats": collection.stats(), **found})
        return
    spec, stats, pending = collection.spec, collection.stats(), collection.pending()
    rows = [
        ["model", f"{spec.model_name}@{spec.model_version}"],
        ["recipe", f"{spec.recipe.name} v{spec.recipe.version}"],
        ["grid", _grid(spec.grid)],
        ["chips", str(stats.chips)],
        ["scenes", str(stats.scenes)],
        ["size", f"{stats.bytes / 1e6:.1f} MB"],
        ["dates", _dates(collection.dates())],
        ["refused", str(stats.refusals)],
        *([_beside(pending)] if pending else []),
    ]
    print_table(["what", "value"], rows)
    list_refusals(collection.refusals())


@group.command()
def remove(
    context: typer.Context,
    scenes: Annotated[list[str], typer.Argument(help="Ids of scenes: paths below the folder.")],
    *,
    collection: CollectionName = None,
) -> None:
    """Remove scenes with their chips, such as those whose files are gone.

    Example: satseek collection remove north_2019-05-01.tif -c county
    """
    from satseek.assemble import Layout  # noqa: PLC0415
    from satseek.index.compacting import compact_unasked  # noqa: PLC0415

    parts = assembly(context)
    name = parts.chosen(collection)
    with (
        recorded(context, "collection.remove_scenes", name, scenes=len(scenes)),
        parts.writer(name, Layout()) as target,
    ):
        for scene in scenes:
            target.scene(scene)  # refuse the whole command for one unknown name
        removed = target.remove_scenes(scenes)
        compact_unasked(target, parts.settings.compact_from)
    say(f"{name}: {len(scenes)} scenes with {removed} chips removed")


@group.command()
def reembed(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Collection.")],
    *,
    to: Annotated[
        str | None, typer.Option("--to", help="Model, as NAME@VERSION. [default: the one in use]")
    ] = None,
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="Hits compared per query.")] = 10,
    sample: Annotated[int, typer.Option(min=1, help="Chips compared as queries.")] = 256,
    min_overlap: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Keep the old vectors where the mean overlap is below."),
    ] = None,
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help="Keep the old vectors, to go back without a wait.")
    ] = False,
    drop_unreadable: Annotated[
        bool, typer.Option("--drop-unreadable", help="Drop scenes that cannot be read again.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away new vectors begun before; begin again.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Throw away new vectors begun before; do no more.")
    ] = False,
    batch: Annotated[int | None, typer.Option(help="Chips per engine call.")] = None,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Embed a collection again with another model, compare, and switch; run it again to go on.

    The chips are read again from their scenes. The old vectors answer until the new ones are
    complete; then one step puts these into their place.

    Example: satseek collection reembed county --to git-rsclip-base@0123456789ab
    """
    if wants_job(detach, priority=priority, key=key):
        if discard or batch is not None:
            raise InvalidRequest("--discard and --batch are done here and now; leave --detach out")
        asked = {
            "collection": name,
            "to": to,
            "k": k,
            "sample": sample,
            "min_overlap": min_overlap,
            "keep_old": keep_old,
            "drop_unreadable": drop_unreadable,
            "restart": restart,
        }
        task = asked_of("reembed", asked)
        detached(context, task, priority=priority, key=key, json=json)
        return
    from satseek.index.collection import open_collection  # noqa: PLC0415
    from satseek.search.reembedding import ReembedChoices, reembed_collection  # noqa: PLC0415

    parts = assembly(context, model=to, batch=batch) if to else assembly(context, batch=batch)
    parts.reader(name)  # names the collections that there are
    with open_collection(parts.collections_dir / name, mode="write") as collection:
        if discard:
            collection.rewriting().discard()
            say(f"{name}: whatever lay beside the vectors in use is thrown away")
            return
        choices = ReembedChoices(
            k=k,
            sample=sample,
            min_overlap=min_overlap,
            begun="restart" if restart else "resume",
            lost="drop" if drop_unreadable else "refuse",
            old="keep" if keep_old else "drop",
        )
        with _reembedding_bar() as on_progress:
            report = reembed_collection(
                collection,
                embedder=parts.bulk_embedder,
                former=_former(context, collection.spec),
                choices=choices,
                workers=parts.workers,
                batch=parts.batch,
                on_progress=on_progress,
            )
    if json:
        print_json({"collection": name, "report": report})
    else:
        _tell(name, report)
    _check(name, report, min_overlap)
    usual = assembly(context)
    if not usual.can_search(usual.reader(name).spec):
        say(f"{name}: to search it, give --model {to}, or put that model into the store")


def _former(context: typer.Context, spec: CollectionSpec) -> Embedder | None:
    """Find the model that made a collection, if it is still there: in use, or in the store."""
    for flags in ({}, {"model": "active"}):
        try:
            model = assembly(context, **flags).models.version(spec.model_name, spec.model_version)
        except (ModelMismatch, ModelNotFound, DamagedData):
            continue
        return model.bulk_embedder
    return None


def _tell(name: str, report: ReembedReport) -> None:
    """Say what was embedded, what was compared and what was lost."""
    if report.outcome == "same model":
        say(f"{name}: its vectors are of {report.new_model} already, nothing to do")
        return
    rate = report.embedded / report.seconds if report.seconds else 0.0
    say(
        f"{name}: {report.embedded} chips embedded with {report.new_model} in "
        f"{report.seconds:.1f} s ({rate:.0f}/s)"
    )
    for what, overlap in (("chips", report.images), ("texts", report.texts)):
        say(f"  {_overlap(what, overlap, report)}")
    for loss in report.losses[:MAX_LISTED]:
        say(f"  lost {loss.scene_id} with {loss.chips} chips: {loss.reason}")
    if len(report.losses) > MAX_LISTED:
        say(f"  … and {len(report.losses) - MAX_LISTED} more scenes: --json lists all")
    if report.outcome == "switched":
        say(f"{name}: {report.chips} chips answer with {report.new_model} now")


def _overlap(what: str, overlap: Overlap | None, report: ReembedReport) -> str:
    if overlap is None:
        return f"overlap over {what}: not compared ({report.old_model})"
    return (
        f"overlap@{overlap.k} with {report.old_model} over {overlap.queries} {what}: "
        f"mean {overlap.mean:.3f}, nine of ten at least {overlap.low:.2f}"
    )


def _check(name: str, report: ReembedReport, min_overlap: float | None) -> None:
    if report.outcome == "scenes lost":
        chips = sum(loss.chips for loss in report.losses)
        raise UnreadableImage(
            f"{name}: {len(report.losses)} scenes with {chips} chips cannot be read again and "
            "would be lost, so the old vectors stay in use; put the files back or index them "
            "again, or drop the scenes with --drop-unreadable"
        )
    if report.outcome == "below overlap":
        raise Conflict(
            f"{name}: expected a mean overlap of at least {min_overlap}, it is lower, so the old "
            "vectors stay in use; ask for less, or throw the new ones away with --discard"
        )


@contextmanager
def _reembedding_bar() -> Iterator[Callable[[ReembedProgress], None]]:
    """Show how embedding again goes: chips done, rate, scene at work."""
    with progress_bar("embedding") as show_at:

        def on_progress(progress: ReembedProgress) -> None:
            rate = progress.embedded / max(progress.seconds, 1e-9)
            note = f"{rate:.0f} chips/s · {progress.scene}"
            show_at(note, progress.chips_done, progress.chips_total)

        yield on_progress


def _beside(pending: Pending) -> list[str]:
    what = "kept" if pending.kept else "pending"
    return [what, f"{pending.model}, {pending.next_row} of {pending.rows} rows"]


def _grid(grid: GridSpec) -> str:
    told = f"{grid.chip_px} px every {grid.stride_px} px"
    return told if grid.levels == (1,) else f"{told}, at levels {', '.join(map(str, grid.levels))}"


def _dates(span: tuple[object, object] | None) -> str:
    return "–" if span is None else f"{span[0]} … {span[1]}"
