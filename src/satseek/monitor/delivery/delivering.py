"""Letters that wait → sent, each by its channel's courier, until none is due.

Does not know what letters say. One process of a data folder delivers at a time; killed at any
moment and run again, no letter is lost, and one that is sent twice has the same key and bytes.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from satseek.errors import InvalidRequest
from satseek.logs import log_line
from satseek.model.locking import try_lock
from satseek.monitor.delivery.channels import channels_of
from satseek.monitor.delivery.file import FileCourier
from satseek.monitor.delivery.mail import MailCourier
from satseek.monitor.delivery.rows import moment
from satseek.monitor.delivery.turns import Outcome, Pace, Turns
from satseek.monitor.delivery.webhook import WebhookCourier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from satseek.monitor.delivery.channels import Channel, Way
    from satseek.monitor.delivery.outbox import Outbox
    from satseek.monitor.delivery.rows import Letter
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

LOCK = "delivering.lock"
"""Of who delivers, beside the database."""

MOST_AT_ONCE = 8
"""Channels that are delivered to at once: each of them mostly waits for an answer."""

_LOOK_SECONDS = 0.05
"""How often it is tried whether another process has ended delivering."""


class Courier(Protocol):
    """Takes letters one way."""

    def check(self, channel: Channel) -> None:
        """Refuse a channel to which nothing could be sent; raises InvalidSettings."""

    def carry(self, letter: Letter, channel: Channel) -> Outcome:
        """Send a letter once; whatever goes wrong is told, not raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """All that it takes to deliver."""

    channels: Mapping[str, Channel]
    """By name."""
    couriers: Mapping[Way, Courier]
    """One for each way."""
    pace: Pace
    """How long is waited between tries."""
    clock: Callable[[], float]
    """Seconds since 1970."""

    def check(self, name: str) -> Channel:
        """Give a channel to which letters could be sent.

        Raises:
            InvalidRequest: there is none of that name.
            InvalidSettings: settings are missing for its way; says which.
        """
        channel = self.channels.get(name)
        if channel is None:
            known = ", ".join(self.channels) or "none"
            raise InvalidRequest(
                f"expected a channel of `alert_channels` in the settings ({known}), "
                f"came {name[:64]!r}"
            )
        self.couriers[channel.way].check(channel)
        return channel

    def carry(self, letter: Letter) -> Outcome:
        """Send a letter once by its channel's courier; whatever goes wrong is told."""
        channel = self.channels.get(letter.channel)
        if channel is None:
            error = f"alert_channels: no channel {letter.channel} in the settings; name it again"
            return Outcome(arrived=False, error=error)
        try:
            return self.couriers[channel.way].carry(letter, channel)
        except Exception as error:  # one letter keeps no other from going
            logger.exception("alert %s", letter.key)
            return Outcome(arrived=False, error=f"{type(error).__name__}, see the log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What came of delivering."""

    arrived: int = 0
    """Letters that arrived."""
    failed: int = 0
    """Tries that failed."""
    waiting: int = 0
    """Alerts that wait to be told."""
    dead: int = 0
    """Alerts that were given up."""
    next_try: datetime | None = None
    """When something is due next at the earliest, UTC; None: nothing waits."""
    elsewhere: bool = False
    """True: another process delivers at this moment, and nothing was done here."""


def post_of(
    settings: Settings, *, pace: Pace | None = None, clock: Callable[[], float] = time.time
) -> Post:
    """Give what it takes to deliver as the settings have it.

    Args:
        settings: Of channels, secrets and servers.
        pace: How long is waited between tries; None: as usual.
        clock: Seconds since 1970.

    Raises:
        InvalidSettings: a channel that cannot be.
    """
    return Post(
        channels=channels_of(settings),
        couriers={
            "webhook": WebhookCourier(settings, clock=clock),
            "mail": MailCourier(settings),
            "file": FileCourier(),
        },
        pace=pace or Pace(),
        clock=clock,
    )


def deliver(
    outbox: Outbox,
    post: Post,
    *,
    patience_seconds: float = 0.0,
    stop: threading.Event | None = None,
) -> Delivered:
    """Send every letter that is due, until none is.

    Args:
        outbox: Where letters wait.
        post: What it takes to deliver.
        patience_seconds: How long another process that delivers is waited for.
        stop: Set where no further letter is to be begun; None: never.

    Raises:
        Overloaded, DiskFull, DamagedData, SatseekError: as `index.storing.Store.transaction`; what
            arrived and is not written down is sent again under its key.
    """
    if not outbox.is_there:
        return Delivered()
    turns, tally = Turns(outbox.store, pace=post.pace), _Tally()
    with _alone(outbox.folder / LOCK, patience_seconds) as mine:
        if mine:
            _deliver_all(turns, post, tally, stop or threading.Event())
    counts, next_try = outbox.counts(), turns.earliest()
    return Delivered(
        arrived=tally.arrived,
        failed=tally.failed,
        waiting=counts["waiting"],
        dead=counts["dead"],
        next_try=None if next_try is None else moment(next_try),
        elsewhere=not mine,
    )


def is_due(outbox: Outbox, *, now: float) -> bool:
    """Tell whether anything may be sent now: a look that costs little, however much was sent."""
    if not outbox.is_there:
        return False
    earliest = Turns(outbox.store, pace=Pace()).earliest()
    return earliest is not None and earliest <= now


class _Tally:
    """Counts tries, from several threads."""

    def __init__(self) -> None:
        self.arrived = self.failed = 0
        self._guard = threading.Lock()

    def count(self, outcome: Outcome) -> None:
        """Count one."""
        with self._guard:
            if outcome.arrived:
                self.arrived += 1
            else:
                self.failed += 1


def _deliver_all(turns: Turns, post: Post, tally: _Tally, stop: threading.Event) -> None:
    with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="alerts") as pool:
        while not stop.is_set():
            turns.seal(post.clock())
            channels = turns.channels(post.clock())
            if not channels:
                return
            for _ in pool.map(lambda name: _deliver_to(name, turns, post, tally, stop), channels):
                pass


def _deliver_to(
    channel: str, turns: Turns, post: Post, tally: _Tally, stop: threading.Event
) -> None:
    """Send a channel its letters one after the other, until none is due or it rests."""
    while not stop.is_set() and (letter := turns.next(channel, post.clock())) is not None:
        begun = time.monotonic()
        outcome = post.carry(letter)
        turns.settle(letter, outcome, post.clock())
        tally.count(outcome)
        log_line(
            logger,
            "alert",
            key=letter.key,
            channel=channel,
            attempt=letter.attempts + 1,
            arrived=outcome.arrived,
            seconds=round(time.monotonic() - begun, 2),
            **({"error": outcome.error} if outcome.error else {}),
        )


@contextmanager
def _alone(lock: Path, patience_seconds: float) -> Iterator[bool]:
    """Say whether nobody else delivers meanwhile; the kernel frees the lock of who dies."""
    deadline = time.monotonic() + patience_seconds
    while (descriptor := try_lock(lock)) is None and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)
