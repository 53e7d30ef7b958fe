"""What may be done with alerts, whatever the door: look, send again, try a channel.

Knows neither HTTP nor gRPC, nor how a letter travels. Alerts about findings that somebody does not
see are not there.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.errors import AlertNotFound, FindingNotFound, InvalidRequest, PermissionDenied
from satseek.monitor.delivery.delivering import post_of
from satseek.monitor.delivery.describing import described, described_channel
from satseek.monitor.delivery.outbox import MAX_PAGE
from satseek.monitor.delivery.sample import sample_letter
from satseek.service.monitor.findings_seeing import sees_all
from satseek.service.recording import record
from satseek.service.withholding import without_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from satseek.monitor.delivery.rows import Alert, LetterState
    from satseek.service.access.principals import Principal
    from satseek.service.calling import Caller
    from satseek.service.running import Running

    Described = dict[str, Any]

MAX_LOOKED = 20_000
"""Alerts looked at for one page of a list; the next page goes on behind them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPage:
    """Some alerts of a list."""

    alerts: list[Described]
    """The newest first."""
    after: str | None
    """Id behind which the list goes on; None: it is at its end."""
    counts: Mapping[LetterState, int] | None
    """How many alerts are in each state; None: whoever asks does not see all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of sending a sample."""

    channel: str
    """To which channel."""
    key: str
    """The sample's."""
    arrived: bool
    """Whether somebody took it."""
    error: str
    """Why nobody did; empty: somebody did."""


async def listed(
    *,
    state: LetterState | None,
    source: str | None,
    finding: str | None,
    after: str,
    limit: int,
    shared: Running,
    caller: Caller,
) -> AlertPage:
    """Give a page of alerts, the newest first; raises PermissionDenied, InvalidRequest."""
    who = _allowed(caller)

    def look(before: str) -> list[Alert]:
        return shared.monitor.outbox.alerts(
            state=state, source=source, finding=finding, before=before, limit=MAX_PAGE
        )

    def work() -> AlertPage:
        seen = _seeing(shared, who)
        found, following = _page(look, seen, after=after, limit=limit)
        counts = shared.monitor.outbox.counts() if sees_all(shared, who) else None
        return AlertPage(alerts=[_told(one) for one in found], after=following, counts=counts)

    return await shared.in_thread(work)


async def told(alert_id: str, *, shared: Running, caller: Caller) -> Described:
    """Tell of an alert, and what is said of findings that whoever asks sees.

    Raises:
        PermissionDenied, AlertNotFound: they may not, or there is none.
    """
    who = _allowed(caller)

    def work() -> Described:
        alert, body = _found(alert_id, shared, who)
        said = json.loads(body)
        letters = said if isinstance(said, list) else [said]
        seen = _seeing(shared, who)
        shown = [one for one in letters if seen(_finding_in(one))]
        return _told(alert) | {"said": shown}

    return await shared.in_thread(work)


async def resend(alert_ids: Sequence[str], *, shared: Running, caller: Caller) -> int:
    """Have alerts sent again under their keys; returns how many they are.

    Raises:
        PermissionDenied, AlertNotFound: they may not, or one of them is not there: none is sent.
    """
    who = _allowed(caller)
    chosen = tuple(dict.fromkeys(alert_ids))

    def again() -> int:
        for one in chosen:
            _found(one, shared, who)
        return len([shared.monitor.outbox.resend(one, now=time.time()) for one in chosen])

    target = ",".join(chosen)
    async with record("alert.resend", target, shared=shared, caller=caller):
        return await shared.in_thread(again)


async def resend_dead(*, shared: Running, caller: Caller) -> int:
    """Have every letter that was given up sent again; returns how many alerts they tell.

    Raises:
        PermissionDenied: they do not see all collections.
    """
    who = _allowed(caller)
    if not sees_all(shared, who):
        raise PermissionDenied("dead: this takes somebody who sees all collections; name alerts")
    async with record("alert.resend", "dead", shared=shared, caller=caller):
        return await shared.in_thread(lambda: shared.monitor.outbox.resend_dead(now=time.time()))


async def channels(*, shared: Running, caller: Caller) -> list[Described]:
    """Tell of the channels of the settings; raises PermissionDenied."""
    _allowed(caller)

    def work() -> list[Described]:
        post = post_of(shared.assembly.settings)
        return [
            {name: _plain(value) for name, value in described_channel(one, post).items()}
            for one in post.channels.values()
        ]

    return await shared.in_thread(work)


async def send_sample(channel: str, *, shared: Running, caller: Caller) -> Tried:
    """Send a channel a sample, signed as alerts are.

    Raises:
        PermissionDenied, InvalidRequest: they may not, or there is no such channel.
        InvalidSettings: settings are missing for its way.
    """
    _allowed(caller)
    post = await shared.in_thread(lambda: post_of(shared.assembly.settings))
    if channel not in post.channels:
        known = ", ".join(post.channels) or "none"
        raise AlertNotFound(f"no channel {channel[:64]!r}; the settings name: {known}")
    named = await shared.in_thread(lambda: post.check(channel))
    letter = sample_letter(named)
    async with record("alert.test", channel, shared=shared, caller=caller):
        outcome = await shared.in_thread(lambda: post.carry(letter))
    error = without_folders(outcome.error)
    return Tried(channel=channel, key=letter.key, arrived=outcome.arrived, error=error)


def _allowed(caller: Caller) -> Principal:
    caller.principal.require("jobs")
    return caller.principal


def _page(
    look: Callable[[str], list[Alert]], seen: Callable[[str], bool], *, after: str, limit: int
) -> tuple[list[Alert], str | None]:
    """Look through alerts until there are so many that somebody sees."""
    found: list[Alert] = []
    looked = 0
    while looked < MAX_LOOKED:
        page = look(after)
        for one in page:
            if seen(one.finding):
                found.append(one)
            if len(found) > limit:
                return found[:limit], found[limit - 1].id
            after = one.id
        if len(page) < MAX_PAGE:
            return found, None
        looked += len(page)
    return found, after


def _seeing(shared: Running, who: Principal) -> Callable[[str], bool]:
    """Give what tells whether somebody sees the finding of an id."""
    if sees_all(shared, who):
        return lambda _: True
    limits, known = shared.assembly.settings.collection_groups, dict[str, bool]()

    def sees(finding_id: str) -> bool:
        if finding_id not in known:
            try:
                collection = shared.monitor.findings.get(finding_id).collection
                known[finding_id] = who.sees(collection, limits)
            except (FindingNotFound, InvalidRequest):
                known[finding_id] = False
        return known[finding_id]

    return sees


def _found(alert_id: str, shared: Running, who: Principal) -> tuple[Alert, bytes]:
    unseen = AlertNotFound(f"no alert {alert_id[:40]!r}, or none that you may see")
    try:
        alert, body = shared.monitor.outbox.alert(alert_id)
    except (AlertNotFound, InvalidRequest) as error:
        raise unseen from error
    if alert.id != alert_id or not _seeing(shared, who)(alert.finding):
        raise unseen
    return alert, body


def _finding_in(said: Mapping[str, Any]) -> str:
    """Give the id of the finding that a letter tells of, in either of its forms."""
    feature = said.get("finding", said)
    return str(feature.get("id", ""))


def _told(alert: Alert) -> Described:
    return {name: _plain(value) for name, value in described(alert).items()}


def _plain(value: Any) -> Any:
    """Leave out where folders of this machine lie."""
    return without_folders(value) if isinstance(value, str) else value
