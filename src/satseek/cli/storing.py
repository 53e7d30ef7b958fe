"""``satseek model``: put a stored version to use, go back, take it away, carry it elsewhere.

Knows the store, and which collections need which model.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.buckets import fetched, written
from satseek.cli.application import assembly, configured
from satseek.cli.modelling import group, opened_store
from satseek.cli.printing import progress_bar, say
from satseek.cli.recording import recorded
from satseek.errors import DamagedData, SatseekError
from satseek.settings import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.model.activation import Activation

Ref = Annotated[
    str,
    typer.Argument(
        metavar="NAME@VERSION",
        help="Version; its first four digits do, and NAME alone where there is one version.",
    ),
]


@group.command()
def activate(
    context: typer.Context,
    ref: Ref,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Even without a passing gate; this is logged.")
    ] = False,
) -> None:
    """Make a version the one in use, once its bytes and its gate's report are checked.

    Example: satseek model activate git-rsclip-base@4f1c
    """
    with recorded(context, "model.activate", ref, forced=force):
        change = opened_store(context).activate(ref, force=force)
    _tell_active(context, change)


@group.command()
def rollback(context: typer.Context) -> None:
    """Go back to the version that was in use before; again goes further back.

    Example: satseek model rollback
    """
    with recorded(context, "model.rollback", "the model before"):
        change = opened_store(context).rollback()
    _tell_active(context, change)


@group.command()
def remove(
    context: typer.Context,
    ref: Ref,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Even where a collection was made with it.")
    ] = False,
) -> None:
    """Remove a version; refused for the active one and for one that a collection needs.

    Example: satseek model remove git-rsclip-base@4f1c
    """
    with recorded(context, "model.remove", ref, forced=force):
        removed = opened_store(context).remove(ref, in_use=_needed(context), force=force)
    say(f"{removed}: removed")


@group.command()
def verify(
    context: typer.Context,
    ref: Annotated[
        str | None, typer.Argument(metavar="[NAME@VERSION]", help="Version; unset: all.")
    ] = None,
) -> None:
    """Read every byte back and compare it with manifest, card and report.

    Example: satseek model verify
    """
    problems = opened_store(context).verify(ref)
    for problem in problems:
        say(problem)
    if problems:
        raise DamagedData(f"{ref or 'the models'}: {len(problems)} problems found")
    say(f"{ref or 'all models'}: sound")


@group.command("export-bundle")
def export_bundle(
    context: typer.Context,
    ref: Ref,
    file: Annotated[
        str,
        typer.Argument(help="File to write, or s3://BUCKET/KEY; its digest goes to FILE.sha256."),
    ],
) -> None:
    """Write a version to one file, for a machine without internet; print the file's SHA-256.

    Example: satseek model export-bundle git-rsclip-base@4f1c git-rsclip-base.bundle
    """
    folder = configured(context).settings.data_dir
    with _bytes_bar("writing") as progress, written(file, folder=folder) as path:
        carried = opened_store(context).export_bundle(ref, path, progress=progress)
    typer.echo(f"{carried.sha256}  {file}")
    say(f"wrote {carried.bytes / 1e6:.1f} MB; check a copy with sha256sum -c {path.name}.sha256")


@group.command("import-bundle")
def import_bundle(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="File that export-bundle wrote, or s3://BUCKET/KEY.")],
    *,
    use: Annotated[
        bool, typer.Option("--activate", help="Make it the one in use; its gate must have passed.")
    ] = False,
) -> None:
    """Store the version in a file that export-bundle wrote, once every byte of it is checked.

    Example: satseek model import-bundle git-rsclip-base.bundle --activate
    """
    store, folder = opened_store(context), configured(context).settings.data_dir
    with (
        _bytes_bar("reading") as progress,
        fetched(file, folder=folder, endings=(".sha256",), progress=progress) as path,
    ):
        card = store.import_bundle(path, progress=progress).card
    ref = card.ref
    say(f"stored {ref}")
    if use:
        with recorded(context, "model.activate", ref):
            change = store.activate(ref)
        _tell_active(context, change)
    else:
        typer.echo(ref)


def _tell_active(context: typer.Context, change: Activation) -> None:
    typer.echo(change.ref)
    say(f"active: {change.ref}" + (f" ({change.note})" if change.note else ""))
    known = configured(context)
    if known.origins["model"] != "default" and known.settings.model != ACTIVE:
        origin = known.origins["model"]
        say(f"the setting `model` ({origin}) pins {known.settings.model}, which goes before it")


def _needed(context: typer.Context) -> dict[str, list[str]]:
    """Collections by the model that made them, and the model that the settings pin."""
    parts, pinned = assembly(context), configured(context).settings.model
    needed: dict[str, list[str]] = {}
    if pinned != ACTIVE:
        with suppress(SatseekError):
            card = opened_store(context).find(pinned).card
            needed[card.ref] = ["the setting `model`"]
    for name in parts.collections():
        try:
            spec = parts.reader(name).spec
        except SatseekError as error:
            say(f"no telling which model collection {name!r} needs: {error}")
            continue
        ref = f"{spec.model_name}@{spec.model_version}"
        needed.setdefault(ref, []).append(f"collection {name!r}")
    return needed


@contextmanager
def _bytes_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show bytes done and in all, as megabytes."""
    with progress_bar(title) as show:
        yield lambda done, total: show("MB", done // 1_000_000, total // 1_000_000)
