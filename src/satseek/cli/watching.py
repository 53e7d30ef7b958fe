"""``satseek watch``: a concept looked for again and again, and who is told of it.

Knows only the verbs.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, app, assembly, configured
from satseek.cli.delivering import tell_waiting
from satseek.cli.detaching import Detach, Key, Priority, asked_of, detached, wants_job
from satseek.cli.placing import check_data_dir
from satseek.cli.printing import list_refusals, print_json, print_table, progress_bar, say
from satseek.cli.recording import operator, recorded
from satseek.cli.watching_showing import shown, shown_rows, table_rows, tell_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.jobs.protocol import JobQueue
    from satseek.jobs.tasks import Asked
    from satseek.monitor.watch.keeping import Watches
    from satseek.monitor.watch.watch import Watch
    from satseek.settings import Settings

group = typer.Typer(
    help="Look for a concept in every new scene, and tell who wants to know.", no_args_is_help=True
)
app.add_typer(group, name="watch")

Name = Annotated[str, typer.Argument(help="Name of the watch.")]


@group.command()
def add(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Watch as TOML or JSON; see docs/guides/watch.md.")],
    *,
    json: Json = False,
) -> None:
    """Set a watch up, or change it: every version is kept, and what it has looked at stays so.

    Example: satseek watch add mines.toml
    """
    from satseek.jobs import hours  # noqa: PLC0415 (help must not wait for it)
    from satseek.jobs.watching import check_channels  # noqa: PLC0415
    from satseek.monitor.watch.files import read_watch  # noqa: PLC0415

    settings = configured(context).settings
    watch = read_watch(file)
    check_channels(watch, settings)
    hours.planned(watch, asked_by=operator().name)
    check_data_dir(settings)
    with _stores(settings) as (watches, queue), recorded(context, "watch.put", watch.name):
        saved = hours.set_up(watch, who=operator().name, watches=watches, queue=queue)
        paused = bool(hours.waiting([saved], watches, queue))
    if json:
        print_json(shown(saved, paused=paused))
        return
    say(
        f"watch {saved.name}, version {saved.version}: run it with `satseek watch run {saved.name}`"
    )
    if paused:
        say(f"  its schedule is paused: go on with `satseek watch resume {saved.name}`")


@group.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List the watches, and how many of their findings wait.

    Example: satseek watch list
    """
    from satseek.jobs import hours  # noqa: PLC0415
    from satseek.monitor.findings.keeping import FindingFilter  # noqa: PLC0415
    from satseek.monitor.opening import opened_findings  # noqa: PLC0415

    settings = configured(context).settings
    with _stores(settings) as (watches, queue), closing(opened_findings(settings)) as findings:
        found = watches.list()
        paused = hours.waiting(found, watches, queue)
        scenes = {one.name: len(watches.looked_at(one.name)) for one in found}
        counts = {
            one.name: findings.counts(FindingFilter(kinds=("watch",), sources=(one.name,)))
            for one in found
        }
    if json:
        print_json(
            [
                shown(one, paused=one.name in paused)
                | {"scenes_looked_at": scenes[one.name], "findings": counts[one.name]}
                for one in found
            ]
        )
        return
    head = ("name", "version", "collection", "label", "schedule", "scenes", "findings")
    print_table(
        head,
        [
            table_rows(one, scenes[one.name], counts[one.name], paused=one.name in paused)
            for one in found
        ],
    )


@group.command()
def show(context: typer.Context, name: Name, *, json: Json = False) -> None:
    """Show a watch and what its latest runs did.

    Example: satseek watch show mines
    """
    from satseek.jobs import hours  # noqa: PLC0415

    with _stores(configured(context).settings) as (watches, queue):
        watch, runs = watches.get(name), watches.runs(name)
        paused = bool(hours.waiting([watch], watches, queue))
    if json:
        print_json(shown(watch, paused=paused) | {"runs": runs})
        return
    print_table(("field", "value"), shown_rows(watch, paused=paused))
    if runs:
        say("")
        head = ("run", "new scenes", "dates", "alerts", "seen again")
        rows = [
            (
                str(one["at"])[:16].replace("T", " "),
                str(one["new_scenes"]),
                ", ".join(one["days"]) or "–",
                str(len(one["alerts"])),
                str(len(one["seen_again"])),
            )
            for one in runs
        ]
        print_table(head, rows)


@group.command()
def run(
    context: typer.Context,
    name: Name,
    *,
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    again: Annotated[
        bool, typer.Option("--again", help="Look at all dates again, as after a change.")
    ] = False,
    json: Json = False,
) -> None:
    """Index what is new of a watch's scenes, and look at it; run it again to go on.

    Example: satseek watch run mines
    """
    from satseek.jobs.watching import opened_watches, watch_now  # noqa: PLC0415

    if again:
        check_data_dir(configured(context).settings)
        with opened_watches(configured(context).settings) as watches:
            watches.look_again(name)
    if wants_job(detach, priority=priority, key=key):
        with opened_watches(configured(context).settings) as watches:
            asked = _task(watches.get(name))
        detached(context, asked, priority=priority, key=key, json=json)
        return

    with closing(assembly(context)) as parts:
        check_data_dir(parts.settings)
        with progress_bar("watching") as on_stage:
            done = watch_now(name, parts, on_stage=on_stage)
        tell_waiting(parts.settings)
    if json:
        print_json({"indexed": done.indexed, "run": done.run})
        return
    tell_run(done.run)
    if done.indexed is not None:
        list_refusals(done.indexed.refusals)


@group.command()
def pause(context: typer.Context, name: Name) -> None:
    """Have nobody ask for a watch by its schedule until it is resumed; it can be run all the same.

    Example: satseek watch pause mines
    """
    from satseek.jobs import hours  # noqa: PLC0415

    settings = configured(context).settings
    with _stores(settings) as (watches, queue), recorded(context, "watch.pause", name):
        hours.pause(name, who=operator().name, watches=watches, queue=queue)
    say(f"watch {name} is paused: go on with `satseek watch resume {name}`")


@group.command()
def resume(context: typer.Context, name: Name) -> None:
    """Have a watch asked for by its schedule again; moments that came meanwhile are let pass.

    Example: satseek watch resume mines
    """
    from satseek.jobs import hours  # noqa: PLC0415

    settings = configured(context).settings
    with _stores(settings) as (watches, queue), recorded(context, "watch.resume", name):
        hours.resume(name, who=operator().name, watches=watches, queue=queue)
    say(f"watch {name} goes on by its schedule")


@group.command()
def remove(context: typer.Context, name: Name) -> None:
    """Forget a watch and what it has looked at; its findings stay.

    Example: satseek watch remove mines
    """
    from satseek.jobs import hours  # noqa: PLC0415

    settings = configured(context).settings
    with _stores(settings) as (watches, queue), recorded(context, "watch.remove", name):
        hours.remove(name, watches, queue)
    say(f"watch {name} is removed; its findings stay: `satseek findings list --source {name}`")


def _task(watch: Watch) -> Asked:
    return asked_of("watch", {"watch": watch.name, "collection": watch.collection})


@contextmanager
def _stores(settings: Settings) -> Iterator[tuple[Watches, JobQueue]]:
    """Lend the watches, and whoever asks for them by the clock."""
    from satseek.jobs.queues import open_queue  # noqa: PLC0415
    from satseek.jobs.watching import opened_watches  # noqa: PLC0415

    with opened_watches(settings) as watches, closing(open_queue(settings)) as queue:
        yield watches, queue
