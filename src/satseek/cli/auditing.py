"""``satseek audit``: who asked and changed what, and whether that record is whole.

Knows only the trail; writes nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, app, configured
from satseek.cli.printing import print_json, print_table, say

if TYPE_CHECKING:
    from pathlib import Path

group = typer.Typer(help="Read the audit trail, and prove it.", no_args_is_help=True)
app.add_typer(group, name="audit")

SHOWN = 50
"""Lines shown unless more are asked for."""

COLUMNS = ("n", "at", "who", "action", "target", "outcome")


@group.command("show")
def show(
    context: typer.Context,
    *,
    who: Annotated[str | None, typer.Option(help="Only theirs, such as key:nightly.")] = None,
    action: Annotated[str | None, typer.Option(help="Only these, such as search.")] = None,
    since: Annotated[str, typer.Option(help="Earliest day, as 2026-05-01.")] = "",
    number: Annotated[int, typer.Option("-n", min=1, help="The last so many.")] = SHOWN,
    json: Json = False,
) -> None:
    """Show the last lines of the trail.

    Example: satseek audit show --who key:nightly --since 2026-05-01
    """
    from satseek.service.access.proving import entries  # noqa: PLC0415 (help must not wait)

    found = (
        one
        for one in entries(_folder(context), since=since)
        if who in (None, one["who"]) and action in (None, one["action"])
    )
    last = list(deque(found, maxlen=number))
    if json:
        print_json(last)
        return
    print_table(COLUMNS, [[str(one.get(column, "-")) for column in COLUMNS] for one in last])


@group.command("verify")
def verify(
    context: typer.Context,
    *,
    contains: Annotated[
        str | None, typer.Option(help="Digest noted earlier; it must still be there.")
    ] = None,
    json: Json = False,
) -> None:
    """Prove that no line was altered, taken out or put in; exit code 6 where one was.

    Example: satseek audit verify
    """
    from satseek.service.access.proving import verify as prove  # noqa: PLC0415

    proved = prove(_folder(context), contains=contains)
    if json:
        print_json(proved)
        return
    typer.echo(f"{proved.lines} lines, {proved.first} to {proved.last}; the last: {proved.digest}")
    if proved.unfinished:
        say("the last line is cut off: its writer was killed; nobody was told that it was written")


def _folder(context: typer.Context) -> Path:
    from satseek.service.access.audit import FOLDER  # noqa: PLC0415

    return configured(context).settings.data_dir / FOLDER
