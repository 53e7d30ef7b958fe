"""``satseek collection``: what has been indexed. Knows only the index's own account of itself."""

from __future__ import annotations

from typing import Annotated

import typer

from satseek.cli.application import CollectionName, Json, app, assembly
from satseek.cli.printing import list_refusals, print_json, print_table, say
from satseek.errors import DamagedData

group = typer.Typer(help="See what has been indexed.", no_args_is_help=True)
app.add_typer(group, name="collection")


@group.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List the collections.

    Example: satseek collection list
    """
    parts = assembly(context)
    stats = {name: parts.reader(name).stats() for name in parts.collections()}
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
        print_json({"spec": collection.spec, "stats": collection.stats(), **found})
        return
    spec, stats = collection.spec, collection.stats()
    rows = [
        ["model", f"{spec.model_name}@{spec.model_version}"],
        ["recipe", f"{spec.recipe.name} v{spec.recipe.version}"],
        ["grid", f"{spec.grid.chip_px} px every {spec.grid.stride_px} px"],
        ["chips", str(stats.chips)],
        ["scenes", str(stats.scenes)],
        ["size", f"{stats.bytes / 1e6:.1f} MB"],
        ["dates", _dates(collection.dates())],
        ["refused", str(stats.refusals)],
    ]
    print_table(["what", "value"], rows)
    list_refusals(collection.refusals())


@group.command()
def verify(context: typer.Context, collection: CollectionName = None) -> None:
    """Read everything back and compare it with its checksums.

    Example: satseek collection verify -c county
    """
    parts = assembly(context)
    name = parts.chosen(collection)
    problems = parts.reader(name).verify()
    for problem in problems:
        say(problem)
    if problems:
        raise DamagedData(f"collection {name!r} has {len(problems)} damaged parts")
    say(f"{name}: sound")


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

    parts = assembly(context)
    name = parts.chosen(collection)
    with parts.writer(name, Layout()) as target:
        for scene in scenes:
            target.scene(scene)  # refuse the whole command for one unknown name
        removed = target.remove_scenes(scenes)
    say(f"{name}: {len(scenes)} scenes with {removed} chips removed")


def _dates(span: tuple[object, object] | None) -> str:
    return "–" if span is None else f"{span[0]} … {span[1]}"
