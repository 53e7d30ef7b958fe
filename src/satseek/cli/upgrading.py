"""``satseek upgrade`` and ``downgrade``: the formats of a data folder. Knows only the use-cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, app, configured
from satseek.cli.printing import MAX_LISTED, print_json, print_table, progress_bar, say
from satseek.cli.recording import operator, recorded
from satseek.errors import Conflict, DamagedData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.upgrade.lowering import Lowered
    from satseek.upgrade.raising import Raised
    from satseek.upgrade.stores import Store

Check = Annotated[bool, typer.Option("--check", help="Only say what would be done.")]


@app.command()
def upgrade(
    context: typer.Context,
    *,
    check: Check = False,
    backup: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Back the data folder up to this folder first."),
    ] = None,
    json: Json = False,
) -> None:
    """Bring everything in the data folder to this release's formats; run it again to go on.

    Each store changes in one step: killed at any moment, nothing is half changed. Back up before.

    Example: satseek --data-dir /data upgrade --backup /mnt/backups
    """
    from satseek.upgrade.raising import upgrade as upgrade_folder  # noqa: PLC0415 (help is quick)
    from satseek.upgrade.stores import refuse_newer, stores_of  # noqa: PLC0415

    folder = configured(context).settings.data_dir
    stores = stores_of(folder)
    refuse_newer(stores)
    if check:
        _show(stores, folder, json=json)
        _refuse_damaged([one.damage for one in stores if one.damage])
        return
    made = None if backup is None else _back_up(folder, backup)
    with recorded(context, "upgrade", "data"):
        with progress_bar("upgrading") as on_progress:
            done = upgrade_folder(folder, on_progress=on_progress)
        _report(done, folder, made, json=json)
        if done.failure is not None:
            raise done.failure
        _refuse_damaged(done.damaged)
    if done.refused:
        raise Conflict(f"{'; '.join(done.refused)}: run it again later")


@app.command()
def downgrade(
    context: typer.Context,
    *,
    to: Annotated[str, typer.Option(metavar="RELEASE", help="Release to go back to: 0.1.0.")],
    check: Check = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Let go of what that release does not know.")
    ] = False,
    json: Json = False,
) -> None:
    """Hand the data folder back to a former release; stop servers and workers first.

    Example: satseek --data-dir /data downgrade --to 0.1.0 --check
    """
    from satseek.service.access.audit import Audit  # noqa: PLC0415 (help must not wait for it)
    from satseek.upgrade.lowering import downgrade as lower  # noqa: PLC0415
    from satseek.upgrade.lowering import planned  # noqa: PLC0415
    from satseek.upgrade.releases import release_named  # noqa: PLC0415

    release = release_named(to)
    settings = configured(context).settings

    def begun() -> None:  # and no line when it is done: the trail is handed back with the rest
        Audit(settings.data_dir).append(operator(), "downgrade", "data", "begun", to=to)

    if check:
        done = planned(settings, release)
    else:
        done = lower(settings, release, drop=drop, on_begin=begun)
    if json:
        print_json(_plan(done, settings.data_dir))
        return
    for line in done.losses.told():
        say(f"with --drop: {line}" if check else line)
    for one in done.changed:
        say(f"{_place(one, settings.data_dir)}: its number is taken away")
    for one in done.beside:
        say(f"{_place(one, settings.data_dir)} ({one.kind}): stays; {to} does not look at it")
    for line in done.damaged:
        say(f"damaged, stays as it is: {line}")
    say(f"{'can be' if check else 'is'} handed back to {release.version}")


def _back_up(folder: Path, to: Path) -> str:
    """Back up first; returns the backup's id."""
    from satseek.backup.running import back_up  # noqa: PLC0415 (help must not wait for it)

    with progress_bar("backing up") as on_progress:
        made = back_up(folder, to, on_progress=on_progress).made
    say(f"backup {made.backup.id} in {to}")
    return made.backup.id


def _report(done: Raised, folder: Path, backup: str | None, *, json: bool) -> None:
    if json:
        print_json(
            {
                "backup": backup,
                "changed": [_told(one, folder) for one in done.changed],
                "refused": done.refused,
                "damaged": done.damaged,
                "stores": [_told(one, folder) for one in done.stores],
            }
        )
        return
    for one in done.changed:
        say(f"{_place(one, folder)}: {_said(one)} → {one.newest}")
    say(f"{len(done.changed)} stores changed; {len(done.stores)} in all")


def _refuse_damaged(lines: Sequence[str]) -> None:
    """End with what is damaged, once all else is told."""
    if not lines:
        return
    for line in lines[1:MAX_LISTED]:
        say(f"damaged: {line}")
    more = f" (and {len(lines) - 1} more)" if lines[1:] else ""
    raise DamagedData(f"{lines[0]}{more}; it stays as it is")


def _show(stores: Sequence[Store], folder: Path, *, json: bool) -> None:
    if json:
        print_json({"stores": [_told(one, folder) for one in stores]})
        return
    from satseek.upgrade.stores import state_of  # noqa: PLC0415 (loaded by then)

    rows = [
        [_place(one, folder), one.kind, _said(one), str(one.newest), state_of(one)]
        for one in stores
    ]
    print_table(["store", "kind", "format", "becomes", "state"], rows)


def _told(store: Store, folder: Path) -> dict[str, Any]:
    from satseek.upgrade.stores import state_of  # noqa: PLC0415 (loaded by then)

    return {
        "store": _place(store, folder),
        "kind": store.kind,
        "format": store.format if store.numbered else None,
        "newest": store.newest,
        "state": state_of(store),
    } | ({"damage": store.damage} if store.damage else {})


def _plan(done: Lowered, folder: Path) -> dict[str, Any]:
    return {
        "changed": [_place(one, folder) for one in done.changed],
        "beside": [_place(one, folder) for one in done.beside],
        "damaged": done.damaged,
        "jobs": done.losses.jobs,
        "schedules": done.losses.schedules,
    }


def _place(store: Store, folder: Path) -> str:
    return store.path.relative_to(folder).as_posix()


def _said(store: Store) -> str:
    return str(store.format) if store.numbered else "no number"
