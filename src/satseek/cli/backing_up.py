"""``satseek backup``, ``backups`` and ``restore``: a copy of everything, kept apart; and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, app, configured
from satseek.cli.printing import MAX_LISTED, print_json, print_table, progress_bar, say
from satseek.cli.recording import operator, recorded
from satseek.errors import DamagedData, InvalidRequest

if TYPE_CHECKING:
    from satseek.backup.making import Made
    from satseek.backup.manifests import Backup
    from satseek.backup.pruning import Keeping, Pruned
    from satseek.backup.restoring import Restored

group = typer.Typer(help="List, verify and prune backups.", no_args_is_help=True)
app.add_typer(group, name="backups")

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the backups.")]
Last = Annotated[int | None, typer.Option("--keep", min=1, help="Keep the newest so many.")]
Daily = Annotated[
    int | None, typer.Option(min=1, help="Keep the last of each of so many days that have one.")
]
Weekly = Annotated[int | None, typer.Option(min=1, help="The same of weeks.")]
Monthly = Annotated[int | None, typer.Option(min=1, help="The same of months.")]


@app.command()
def backup(
    context: typer.Context,
    to: Annotated[Path, typer.Argument(metavar="TO", help="Folder of the backups.")],
    *,
    keep: Last = None,
    keep_daily: Daily = None,
    keep_weekly: Weekly = None,
    keep_monthly: Monthly = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="COLLECTION", help="Leave a collection out; may be repeated."),
    ] = None,
    reread: Annotated[
        bool,
        typer.Option("--reread", help="Read unchanged files, too, and mend what is damaged in TO."),
    ] = False,
    new: Annotated[
        bool,
        typer.Option("--new", help="Make TO though earlier backups went elsewhere."),
    ] = False,
    json: Json = False,
) -> None:
    """Back everything in the data folder up, while it is served and written to.

    Many backups go to one folder: each is whole, and takes the room of what changed.

    Example: satseek --data-dir /data backup /mnt/backups --keep 14
    """
    from satseek.backup.running import back_up  # noqa: PLC0415 (help must not wait for it)

    data_dir = configured(context).settings.data_dir
    keeping = _keeping(keep, keep_daily, keep_weekly, keep_monthly)
    with progress_bar("backing up") as on_progress:
        done = back_up(
            data_dir,
            to,
            keeping=keeping,
            without=without or (),
            reread=reread,
            new=new,
            on_made=lambda made: _tell_id(made, json=json),
            on_progress=on_progress,
        )
    made, pruned = done.made, done.pruned
    if json:
        print_json({"backup": made.backup, "bytes_read": made.bytes_read, "pruned": pruned})
        return
    _tell(made, pruned)


@app.command()
def restore(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FROM", help="Folder of the backups.")],
    *,
    at: Annotated[
        str, typer.Option(help="Which backup: its id, or the beginning of it, such as a day's.")
    ] = "latest",
    collection: Annotated[
        list[str] | None,
        typer.Option(
            "--collection", "-c", help="Bring back this collection alone; may be repeated."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--as", help="Name that the one collection gets.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a data folder of a backup: an empty one is filled, single collections are added.

    Example: satseek --data-dir /data restore /mnt/backups --at 20260501
    """
    from satseek.backup.repository import Repository  # noqa: PLC0415
    from satseek.backup.restoring import restore_backup, restore_collections  # noqa: PLC0415

    if name is not None and not collection:
        raise InvalidRequest("--as gives one collection a new name: expected --collection, too")
    data_dir, repository = configured(context).settings.data_dir, Repository(source)
    with repository.reading(), progress_bar("restoring") as on_progress:
        if collection:
            with recorded(context, "collection.restore", ", ".join(collection)):
                done = restore_collections(
                    repository, data_dir, collection, at=at, name=name, on_progress=on_progress
                )
        else:
            done = restore_backup(repository, data_dir, at=at, on_progress=on_progress)
            _record(data_dir, done)
    if json:
        print_json({"restored": done})
        return
    if done.again:
        say(
            f"{data_dir} was restored from {done.backup.id} and not used since: nothing was done; "
            f"there are: {', '.join(done.collections) or 'no collection'}"
        )
        return
    say(
        f"restored {done.files} files, {_size(done.bytes)}, of {done.backup.id} into {data_dir}; "
        f"verified: {', '.join(done.collections) or 'no collection'}"
    )
    if not collection:
        say(
            f"API keys are those of {done.backup.started:%Y-%m-%d %H:%M}Z: revoke again what was "
            "revoked since; letters and jobs that waited then go on with the next worker"
        )


@group.command("list")
def list_(context: typer.Context, folder: Folder, *, json: Json = False) -> None:
    """List the backups of a folder, the newest first.

    Example: satseek backups list /mnt/backups
    """
    from satseek.backup.repository import Repository  # noqa: PLC0415

    configured(context)
    found, damaged = Repository(folder).looked_through()
    if json:
        print_json([*map(_shown, found), *({"id": one.id, "damaged": one.why} for one in damaged)])
        return
    head = ("id", "finished", "files", "size", "added", "collections", "satseek")
    print_table(head, [*map(_row, found), *([one.id, *_DAMAGED_ROW] for one in damaged)])
    for one in damaged[:MAX_LISTED]:
        say(f"{one.why}: `satseek backups prune {folder} --drop-damaged` lets go of it")


@group.command()
def verify(
    context: typer.Context,
    folder: Folder,
    *,
    at: Annotated[str | None, typer.Option(help="One backup; unset: all of them.")] = None,
    json: Json = False,
) -> None:
    """Read everything back and compare it with its checksums; exit code 6 where it differs.

    Example: satseek backups verify /mnt/backups
    """
    from satseek.backup.repository import Repository  # noqa: PLC0415
    from satseek.backup.verifying import verify_backups  # noqa: PLC0415

    configured(context)
    repository = Repository(folder)
    with repository.reading(), progress_bar("verifying") as on_progress:
        told = verify_backups(repository, at, on_progress=on_progress)
    if json:
        print_json({"sound": not told.damages, "verified": told})
    for damage in told.damages[:MAX_LISTED]:
        files = f", part of {', '.join(damage.files[:3])}" if damage.files else ""
        say(f"{damage.what}: needed by {', '.join(damage.backups[:3])}{files}")
    if told.damages:
        raise DamagedData(
            f"{folder}: {len(told.damages)} damaged parts; `satseek backup {folder} --reread` "
            "writes those anew whose data are still in the data folder"
        )
    say(f"{told.backups} backups sound: {told.blocks} pieces, {_size(told.bytes)} read")


@group.command()
def prune(
    context: typer.Context,
    folder: Folder,
    *,
    keep: Last = None,
    keep_daily: Daily = None,
    keep_weekly: Weekly = None,
    keep_monthly: Monthly = None,
    drop_damaged: Annotated[
        bool, typer.Option("--drop-damaged", help="Remove backups that cannot be read, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Remove the backups that no option keeps, and the room that no backup needs.

    Example: satseek backups prune /mnt/backups --keep-daily 14 --keep-weekly 8
    """
    from satseek.backup import pruning  # noqa: PLC0415
    from satseek.backup.repository import Repository  # noqa: PLC0415

    configured(context)
    repository = Repository(folder)
    keeping = _keeping(keep, keep_daily, keep_weekly, keep_monthly)
    with repository.changing():
        done = pruning.prune(repository, keeping, drop_damaged=drop_damaged)
    if json:
        print_json({"pruned": done})
        return
    _tell_pruned(done)


def _keeping(
    last: int | None, daily: int | None, weekly: int | None, monthly: int | None
) -> Keeping:
    from satseek.backup.pruning import Keeping  # noqa: PLC0415

    return Keeping(last=last, daily=daily, weekly=weekly, monthly=monthly)


def _record(data_dir: Path, done: Restored) -> None:
    """Write into the trail that came back that it came back."""
    from satseek.service.access.audit import Audit  # noqa: PLC0415

    Audit(data_dir).append(operator(), "restore", done.backup.id, "done")


def _tell_id(made: Made, *, json: bool) -> None:
    """Say which backup there is now, before others go: pruning may fail."""
    if json:
        say(f"backup {made.backup.id}")
    else:
        typer.echo(made.backup.id)


def _tell(made: Made, pruned: Pruned | None) -> None:
    told = made.backup
    seconds = (told.finished - told.started).total_seconds()
    say(
        f"{told.files} files, {_size(told.bytes)}, {len(told.collections)} collections in "
        f"{seconds:.1f} s: {_size(made.bytes_read)} read, {_size(told.bytes_added)} added"
    )
    for line in told.left_out:
        say(f"  left out: {line}")
    if made.mended:
        say(f"  mended: {made.mended} damaged pieces of earlier backups")
    if pruned is not None:
        _tell_pruned(pruned)


def _tell_pruned(done: Pruned) -> None:
    gone = f"{len(done.removed)} removed"
    if done.damaged:
        gone += f", {len(done.damaged)} damaged ones let go"
    say(f"{len(done.kept)} backups kept, {gone}: {_size(done.bytes_freed)} freed")


_DAMAGED_ROW = ("damaged", "-", "-", "-", "-", "-")


def _row(one: Backup) -> list[str]:
    names = ", ".join(f"{kept.name} ({kept.chips})" for kept in one.collections) or "-"
    finished = f"{one.finished:%Y-%m-%d %H:%M:%S}Z"
    sizes = [_size(one.bytes), _size(one.bytes_added)]
    return [one.id, finished, str(one.files), *sizes, names, one.satseek]


def _shown(one: Backup) -> dict[str, object]:
    return {name: getattr(one, name) for name in type(one).__slots__ if name != "listing"}


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
