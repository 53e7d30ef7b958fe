"""``satseek alerts``: who was told of which finding, who was not, and once more.

Knows only the outbox and its delivery.
"""

from __future__ import annotations

import json as json_module
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from satseek.cli.application import Json, app, configured
from satseek.cli.delivering_showing import HEAD, cell, row, shown
from satseek.cli.printing import print_json, print_table, say
from satseek.cli.recording import recorded
from satseek.errors import InvalidRequest, SatseekError, ServerUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.monitor.delivery.delivering import Delivered, Post
    from satseek.monitor.delivery.outbox import Outbox
    from satseek.settings import Settings

group = typer.Typer(help="See who was told of findings, and tell them.", no_args_is_help=True)
app.add_typer(group, name="alerts")

LISTED = 20
"""Alerts listed unless more are asked for."""

PATIENCE_SECONDS = 5.0
"""How long a worker that delivers at this moment is waited for."""


@group.command("list")
def list_(
    context: typer.Context,
    *,
    state: Annotated[str | None, typer.Option(help="Only waiting, arrived or dead.")] = None,
    source: Annotated[str | None, typer.Option(help="Only of this watch.")] = None,
    finding: Annotated[str | None, typer.Option(help="Only about this finding.")] = None,
    number: Annotated[int, typer.Option("-n", min=1, help="So many.")] = LISTED,
    before: Annotated[str, typer.Option(help="Only those before this one.")] = "",
    json: Json = False,
) -> None:
    """List who was told of what, the newest first, and how many wait or were given up.

    Example: satseek alerts list --state dead
    """
    with _outbox(context) as outbox:
        alerts = outbox.alerts(
            state=state,  # type: ignore[arg-type]  # it says which there are
            source=source,
            finding=finding,
            before=before,
            limit=number,
        )
        counts = outbox.counts()
    if json:
        print_json({"alerts": [shown(one) for one in alerts], "counts": counts})
        return
    print_table(HEAD, [row(one) for one in alerts])
    say(", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no alerts")


@group.command()
def show(
    context: typer.Context,
    alert: Annotated[str, typer.Argument(help="Id of the alert, or its first digits.")],
    *,
    json: Json = False,
) -> None:
    """Show an alert, and what is sent of it.

    Example: satseek alerts show 3f9ac2
    """
    with _outbox(context) as outbox:
        found, body = outbox.alert(alert)
    told = shown(found)
    if json:
        print_json(told | {"body": json_module.loads(body)})
        return
    print_table(["what", "is"], [[name, cell(value)] for name, value in told.items()])
    print_json(json_module.loads(body))


@group.command()
def resend(
    context: typer.Context,
    alerts: Annotated[list[str] | None, typer.Argument(help="Ids, or their first digits.")] = None,
    *,
    dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
    json: Json = False,
) -> None:
    """Have alerts sent again under their keys: who has them already does nothing.

    Example: satseek alerts resend --dead
    """
    if dead == bool(alerts):
        raise InvalidRequest("expected ids of alerts, or --dead")
    target = "dead" if dead else " ".join(alerts or ())
    with _outbox(context) as outbox, recorded(context, "alert.resend", target):
        now = time.time()
        if dead:
            count = outbox.resend_dead(now=now)
        else:
            count = len([outbox.resend(one, now=now) for one in alerts or ()])
    if json:
        print_json({"alerts": count})
    else:
        say(f"{count} to be sent again: by a worker, or by `satseek alerts deliver`")


@group.command("test")
def send_sample(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="Name of the channel in the settings.")],
    *,
    json: Json = False,
) -> None:
    """Send a channel a sample, signed as alerts are, and say whether it arrived.

    Example: satseek alerts test inspectors
    """
    from satseek.monitor.delivery.sample import sample_letter  # noqa: PLC0415

    post = _post(context)
    named = post.check(channel)
    letter = sample_letter(named)
    with recorded(context, "alert.test", channel):
        outcome = post.carry(letter)
        if not outcome.arrived:
            raise ServerUnreachable(f"channel {channel}: {outcome.error}")
    if json:
        print_json({"channel": channel, "key": letter.key, "arrived": True})
    else:
        say(f"channel {channel}: {named.shown} has the sample {letter.key}")


@group.command()
def deliver(
    context: typer.Context,
    *,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to go on for, until nothing waits any more.")
    ] = 0.0,
    json: Json = False,
) -> None:
    """Send what waits, here and now; a worker or a server does so by itself.

    Example: satseek alerts deliver --wait 60
    """
    post = _post(context)
    with _outbox(context) as outbox:
        told = _delivered(outbox, post, wait)
    if json:
        print_json(told)
        return
    if told.elsewhere:
        say("another process is delivering")
    say(f"{told.arrived} arrived, {told.failed} tries failed")
    if told.waiting and told.next_try is not None:
        say(f"{told.waiting} wait, the next until {told.next_try:%Y-%m-%d %H:%M:%S} UTC")
    if told.dead:
        say(f"{told.dead} were given up: `satseek alerts list --state dead`")


@group.command()
def channels(context: typer.Context, *, json: Json = False) -> None:
    """List the channels of the settings, and what each of them still needs.

    Example: satseek alerts channels
    """
    from satseek.monitor.delivery.describing import described_channel  # noqa: PLC0415

    post = _post(context)
    told = [described_channel(one, post) for one in post.channels.values()]
    if json:
        print_json(told)
        return
    head = ("name", "way", "to", "reasons", "form", "needs")
    print_table(head, [[cell(one[name]) for name in head] for one in told])


def tell_waiting(settings: Settings) -> None:
    """Send what waits once, and say what came of it; what cannot be sent now waits on."""
    from satseek.monitor.delivery.delivering import deliver as sent  # noqa: PLC0415
    from satseek.monitor.delivery.delivering import post_of  # noqa: PLC0415
    from satseek.monitor.delivery.outbox import Outbox  # noqa: PLC0415
    from satseek.monitor.tables import FOLDER  # noqa: PLC0415

    with closing(Outbox(settings.data_dir / FOLDER)) as outbox:
        try:
            told = sent(outbox, post_of(settings))
        except SatseekError as error:
            say(f"alerts wait to be told: {error}")
            return
    if told.arrived:
        say(f"alerts: {told.arrived} letters arrived")
    if told.waiting:
        say(f"alerts: {told.waiting} wait to be told: `satseek alerts list --state waiting`")


def _delivered(outbox: Outbox, post: Post, wait: float) -> Delivered:
    """Deliver, and again while something is due before the time has passed."""
    from dataclasses import replace  # noqa: PLC0415

    from satseek.monitor.delivery import delivering  # noqa: PLC0415

    deadline = time.time() + wait
    patience = max(PATIENCE_SECONDS, wait)
    told = delivering.deliver(outbox, post, patience_seconds=patience)
    while (
        time.time() < deadline
        and told.next_try is not None
        and (due := told.next_try.timestamp()) <= deadline
    ):
        time.sleep(max(0.0, due - time.time()))
        more = delivering.deliver(outbox, post, patience_seconds=patience)
        told = replace(more, arrived=told.arrived + more.arrived, failed=told.failed + more.failed)
    return told


def _post(context: typer.Context) -> Post:
    from satseek.monitor.delivery.delivering import post_of  # noqa: PLC0415 (help must not wait for it)

    return post_of(configured(context).settings)


@contextmanager
def _outbox(context: typer.Context) -> Iterator[Outbox]:
    from satseek.monitor.delivery.outbox import Outbox  # noqa: PLC0415 (help must not wait for it)
    from satseek.monitor.tables import FOLDER  # noqa: PLC0415

    with closing(Outbox(configured(context).settings.data_dir / FOLDER)) as outbox:
        yield outbox
