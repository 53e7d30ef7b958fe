"""``satseek collection``: kept sound and small, copied, brought back. Knows only the use-cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import CollectionName, Json, assembly
from satseek.cli.collections import group
from satseek.cli.detaching import Detach, Key, Priority, asked_of, detached, wants_job
from satseek.cli.printing import MAX_LISTED, print_json, print_table, progress_bar, say
from satseek.cli.recording import recorded
from satseek.errors import DamagedData

if TYPE_CHECKING:
    from satseek.index.accounts import Repair
    from satseek.index.compacting import Compaction
    from satseek.index.inventory import Inventory
    from satseek.index.spec import CollectionStats
    from satseek.index.tuning import Effort, Tuning

Name = Annotated[str | None, typer.Argument(help="Collection; unset: the only one, or 'default'.")]


@group.command()
def verify(
    context: typer.Context,
    name: Name = None,
    *,
    collection: CollectionName = None,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Read everything back and compare it with its checksums; exit code 6 where it differs.

    Example: satseek collection verify county
    """
    parts = assembly(context)
    chosen = parts.chosen(name or collection)
    if wants_job(detach, priority=priority, key=key):
        asked = asked_of("verify", {"collection": chosen})
        detached(context, asked, priority=priority, key=key, json=json)
        return
    with progress_bar("verifying") as on_progress:
        problems = parts.reader(chosen).verify(on_progress=on_progress)
    if json:
        print_json({"collection": chosen, "sound": not problems, "damages": problems})
    for problem in problems:
        say(problem)
    if problems:
        raise DamagedData(f"collection {chosen!r} has {len(problems)} damaged parts")
    say(f"{chosen}: sound")


@group.command()
def repair(
    context: typer.Context,
    name: Name = None,
    *,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Mend what can be mended; what cannot is taken out, and embedded again by the next indexing.

    Example: satseek collection repair county
    """
    from satseek.index.repairing import repair_collection  # noqa: PLC0415

    parts = assembly(context)
    chosen = parts.chosen(name)
    if wants_job(detach, priority=priority, key=key):
        asked = asked_of("repair", {"collection": chosen})
        detached(context, asked, priority=priority, key=key, json=json)
        return
    folder = parts.local_folder(chosen)
    with (
        recorded(context, "collection.repair", chosen),
        progress_bar("repairing") as on_progress,
    ):
        told = repair_collection(folder, on_progress=on_progress)
    if json:
        print_json({"collection": chosen, "report": told})
    else:
        _tell_repair(chosen, told)


@group.command()
def compact(
    context: typer.Context,
    name: Name = None,
    *,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Give back the room of chips that were replaced or removed; searches go on meanwhile.

    Example: satseek collection compact county
    """
    from satseek.index.collection import open_collection  # noqa: PLC0415

    parts = assembly(context)
    chosen = parts.chosen(name)
    if wants_job(detach, priority=priority, key=key):
        asked = asked_of("compact", {"collection": chosen})
        detached(context, asked, priority=priority, key=key, json=json)
        return
    folder = parts.local_folder(chosen)
    with (
        recorded(context, "collection.compact", chosen),
        open_collection(folder, mode="write") as target,
        progress_bar("compacting") as on_progress,
    ):
        done = target.compact(on_progress=on_progress)
    if json:
        print_json({"collection": chosen, "report": done, "bytes_freed": done.bytes_freed})
    else:
        _tell(chosen, done)


@group.command()
def stats(context: typer.Context, name: Name = None, *, json: Json = False) -> None:
    """Count chips, rows and bytes by kind of file.

    Example: satseek collection stats county
    """
    parts = assembly(context)
    chosen = parts.chosen(name)
    collection = parts.reader(chosen)
    counted, held, tuning = collection.stats(), collection.inventory(), collection.tuning()
    if json:
        told = {"stats": counted, "held": held, "dead_share": held.dead_share, "tuning": tuning}
        print_json({"collection": chosen, **told})
        return
    print_table(["what", "value"], _lines(counted, held, tuning))


@group.command()
def snapshot(
    context: typer.Context,
    name: Name = None,
    *,
    to: Annotated[Path, typer.Option("--to", help="Folder to be made.")],
    json: Json = False,
) -> None:
    """Copy a collection as it is now, while it is served and written to.

    The copy is a collection of its own: it can be searched, checked, copied and restored.

    Example: satseek collection snapshot county --to /backup/county-2026-05-01
    """
    parts = assembly(context)
    chosen = parts.chosen(name)
    with progress_bar("copying") as on_progress:
        made = parts.reader(chosen).snapshot(to, on_progress=on_progress)
    if json:
        print_json({"collection": chosen, "snapshot": made})
        return
    say(f"{chosen}: {made.chips} chips, {_size(made.bytes)}, in {made.path}")


@group.command()
def restore(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="Folder of a snapshot.")],
    *,
    name: Annotated[str, typer.Option("--as", help="Name of the collection to be made.")],
    json: Json = False,
) -> None:
    """Read a snapshot from end to end and, if it is sound, make a collection of it.

    Example: satseek collection restore /backup/county-2026-05-01 --as county
    """
    from satseek.index.restoring import restore_snapshot  # noqa: PLC0415

    folder = assembly(context).collections_dir
    with (
        recorded(context, "collection.restore", name),
        progress_bar("restoring") as on_progress,
    ):
        made = restore_snapshot(path, folder, name, on_progress=on_progress)
    if json:
        print_json({"collection": name, "restored": made})
        return
    say(f"{name}: {made.chips} chips, {_size(made.bytes)}, from {path}")


def _tell_repair(name: str, told: Repair) -> None:
    for what, lines in (("found", told.found), ("mended", told.mended), ("lost", told.lost)):
        for line in lines[:MAX_LISTED]:
            say(f"  {what}: {line}")
        if len(lines) > MAX_LISTED:
            say(f"  … and {len(lines) - MAX_LISTED} more {what}: --json lists all")
    if not told.found:
        say(f"{name}: sound, nothing to repair")
    elif told.scenes:
        say(
            f"{name}: sound again, without {told.chips} chips of {len(told.scenes)} scenes; "
            "run `satseek index` as before to embed them again"
        )
    else:
        say(f"{name}: sound again, nothing lost")


def _tell(name: str, done: Compaction) -> None:
    gone = done.rows_before - done.rows_after
    say(
        f"{name}: {gone} of {done.rows_before} rows taken out in {done.seconds:.1f} s, "
        f"{_size(done.bytes_freed)} freed, {_size(done.bytes_after)} left"
    )


def _lines(counted: CollectionStats, held: Inventory, tuning: Tuning | None) -> list[list[str]]:
    kinds = [[f"{kind} on disk", _size(size)] for kind, size in held.bytes.items() if size]
    coded = "none" if held.coded is None else f"of {held.coded} rows"
    efforts = {} if tuning is None else tuning.kinds
    return [
        ["chips", str(counted.chips)],
        ["scenes", str(counted.scenes)],
        ["refused", str(counted.refusals)],
        ["generation", str(counted.generation)],
        ["rows", str(held.rows)],
        ["dead rows", f"{held.dead} ({held.dead_share:.0%})"],
        ["codes", coded],
        *([f"effort, {kind}", _effort(effort)] for kind, effort in efforts.items()),
        *kinds,
        ["all on disk", _size(counted.bytes)],
        ["format", f"{held.format_version}, edition {held.edition}"],
    ]


def _effort(effort: Effort) -> str:
    told = f"recall {effort.recall:.3f}, at least {effort.least_recall:.3f}"
    return f"{effort.candidates} candidates for ten hits: {told}, on {effort.queries} queries"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
