"""``satseek findings assign|release|confirm|reject|close|reopen|comment``: what people decide.

Knows only the verbs; each is written into the audit trail as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json
from satseek.cli.findings import Id, group, opened
from satseek.cli.findings_showing import shown
from satseek.cli.printing import print_json, say
from satseek.cli.recording import operator, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.monitor.findings.finding import Deed, Finding

Comment = Annotated[str, typer.Option("--comment", "-m", help="Why.")]
Revision = Annotated[
    int | None, typer.Option(help="Refuse where it has changed since this revision.")
]


@group.command()
def assign(
    context: typer.Context,
    finding: Id,
    assignee: Annotated[str, typer.Argument(help="Who is to look at it: local:ACCOUNT, here.")],
    *,
    comment: Comment = "",
    revision: Revision = None,
    json: Json = False,
) -> None:
    """Have somebody look at a finding.

    Example: satseek findings assign 3f9ac2 local:lin
    """
    _decide(
        context, "assign", finding, comment=comment, revision=revision, json=json, assignee=assignee
    )


@group.command()
def release(
    context: typer.Context,
    finding: Id,
    *,
    comment: Comment = "",
    revision: Revision = None,
    json: Json = False,
) -> None:
    """Put an assigned finding back, for somebody else.

    Example: satseek findings release 3f9ac2 -m "needs somebody who knows quarries"
    """
    _decide(context, "release", finding, comment=comment, revision=revision, json=json)


@group.command()
def confirm(
    context: typer.Context,
    finding: Id,
    *,
    comment: Comment = "",
    revision: Revision = None,
    json: Json = False,
) -> None:
    """Say that it is so.

    Example: satseek findings confirm 3f9ac2 -m "seen on site"
    """
    _decide(context, "confirm", finding, comment=comment, revision=revision, json=json)


@group.command()
def reject(
    context: typer.Context,
    finding: Id,
    *,
    comment: Comment = "",
    revision: Revision = None,
    json: Json = False,
) -> None:
    """Say that it is not so.

    Example: satseek findings reject 3f9ac2 -m "ploughed field"
    """
    _decide(context, "reject", finding, comment=comment, revision=revision, json=json)


@group.command()
def close(
    context: typer.Context,
    finding: Id,
    *,
    comment: Comment = "",
    revision: Revision = None,
    json: Json = False,
) -> None:
    """Be done with a finding that is confirmed or rejected.

    Example: satseek findings close 3f9ac2
    """
    _decide(context, "close", finding, comment=comment, revision=revision, json=json)


@group.command()
def reopen(
    context: typer.Context,
    finding: Id,
    *,
    comment: Comment = "",
    revision: Revision = None,
    json: Json = False,
) -> None:
    """Look again at a finding that was decided or closed.

    Example: satseek findings reopen 3f9ac2 -m "the permit was for another parcel"
    """
    _decide(context, "reopen", finding, comment=comment, revision=revision, json=json)


@group.command("comment")
def comment_(
    context: typer.Context,
    finding: Id,
    text: Annotated[str, typer.Argument(help="What is to be known of it.")],
    *,
    revision: Revision = None,
    json: Json = False,
) -> None:
    """Write something down beside a finding.

    Example: satseek findings comment 3f9ac2 "owner says it is a pond"
    """
    _decide(context, "comment", finding, comment=text, revision=revision, json=json)


def _decide(
    context: typer.Context,
    deed: Deed,
    finding: str,
    *,
    comment: str,
    revision: int | None,
    json: bool,
    **more: str,
) -> None:
    """Do what a person decided, with a line in the audit trail around it."""
    from satseek.monitor.findings import reviewing  # noqa: PLC0415 (help must not wait for it)

    verb: Callable[..., Finding] = getattr(reviewing, deed)
    who = operator().name
    with opened(context) as findings:
        whole = findings.get(finding).id
        with recorded(context, f"finding.{deed}", whole):
            moved = verb(whole, findings, who=who, comment=comment, revision=revision, **more)
    if json:
        print_json(shown(moved))
        return
    whose = f", {moved.assignee}" if moved.assignee else ""
    say(f"finding {moved.id}: {moved.state}{whose} (revision {moved.revision})")
