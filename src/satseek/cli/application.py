"""The root command: options that every command shares → an assembly of working parts.

Knows no single command.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.commands import Commands
from satseek.logs import set_up_logging
from satseek.settings import Configured, read_settings

if TYPE_CHECKING:
    from satseek.assemble import Assembly

EXIT_CODES = """
Exit codes: 0 done · 1 failure · 2 the request makes no sense · 3 not found · 4 unreadable image ·
5 clash with what is stored · 6 damaged data · 7 overloaded · 8 disk full · 9 access denied.
"""

_BESIDE = frozenset({"restore", "backups", "config", "doctor"})
"""Commands that may be run while a data folder is being restored: they use nothing in it, and
``doctor`` says that it is."""

app = typer.Typer(
    cls=Commands,
    name="satseek",
    help="Search satellite imagery with words, on your own machines.\n\n"
    "Example: satseek index SCENES && satseek search 'storage tanks by a river'",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
CollectionName = Annotated[
    str | None,
    typer.Option("--collection", "-c", help="Collection; unset: the only one, or 'default'."),
]


def _print_version(value: bool) -> None:  # noqa: FBT001 (typer hands the flag's value over)
    if value:
        typer.echo(f"satseek {version('satseek')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    *,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of collections and models.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="NAME@VERSION, folder, or 'starter'. [default: the active one]"),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="auto (as measured), onnxruntime, openvino or torch.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads of the engine.")] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error; commands log from warning.")
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Read the settings once, for every command."""
    context.obj = {
        "data_dir": data_dir,
        "model": model,
        "engine": engine,
        "threads": threads,
        "log_level": log_level,
    }


@cache
def root_command() -> Any:
    """Make the root command, which finds the others by itself."""
    return typer.main.get_command(app)


def configured(context: typer.Context, **flags: Any) -> Configured:
    """Read the settings under the root's flags and the command's own.

    Raises:
        Conflict: the data folder is being restored, and the command would use it.
    """
    known = read_settings(context.obj | flags)
    if not _BESIDE & set(context.command_path.split()[1:2]):
        _check_whole(known.settings.data_dir)
    quiet = known.origins["log_level"] == "default" and "host" not in flags
    set_up_logging("warning" if quiet else known.settings.log_level)
    return known


def _check_whole(data_dir: Path) -> None:
    from satseek.backup.rules import DRAFT  # noqa: PLC0415 (help must not wait for it)

    if os.path.lexists(data_dir / DRAFT):
        from satseek.backup.underway import check_whole  # noqa: PLC0415 (slow to load, seldom)

        check_whole(data_dir)


def assembly(context: typer.Context, **flags: Any) -> Assembly:
    """Open the working parts for a command."""
    from satseek.assemble import Assembly  # noqa: PLC0415 (help must not wait for the index)

    return Assembly(configured(context, **flags).settings)
