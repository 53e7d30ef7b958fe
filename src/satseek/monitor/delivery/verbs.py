"""The alerts of a data folder → the verbs that a client has, in this very process.

Knows no HTTP. What is sent again goes when a worker, or ``satseek alerts deliver``, delivers.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from satseek.client import alerts as client
from satseek.errors import AlertNotFound, InvalidRequest
from satseek.monitor.delivery.delivering import post_of
from satseek.monitor.delivery.describing import described, described_channel
from satseek.monitor.delivery.outbox import MAX_PAGE, Outbox
from satseek.monitor.delivery.sample import sample_letter
from satseek.monitor.tables import FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.delivery.rows import Alert
    from satseek.settings import Settings


class LocalAlerts:
    """The alerts of one data folder; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing yet."""
        self._channel_settings = settings
        self._outbox = Outbox(settings.data_dir / FOLDER)

    def alerts(
        self,
        *,
        state: str | None = None,
        source: str | None = None,
        finding: str | None = None,
        limit: int | None = None,
    ) -> list[client.Alert]:
        """List who was told of what, the newest first; takes what ``Client.alerts`` takes."""
        found: list[Alert] = []
        while limit is None or len(found) < limit:
            size = MAX_PAGE if limit is None else min(MAX_PAGE, limit - len(found))
            page = self._outbox.alerts(
                state=state,  # type: ignore[arg-type]  # it says which there are
                source=source,
                finding=finding,
                before=found[-1].id if found else "",
                limit=size,
            )
            found += page
            if len(page) < size:
                break
        return [client.alert_of(described(one)) for one in found]

    def alert(self, alert_id: str) -> client.Alert:
        """Show an alert by its whole id, with what is sent; raises AlertNotFound."""
        found, body = self._alert_named(alert_id)
        said = json.loads(body)
        return client.alert_of(
            described(found) | {"said": said if isinstance(said, list) else [said]}
        )

    def resend_alerts(self, alerts: Sequence[str] = (), *, dead: bool = False) -> int:
        """Have alerts sent again under their keys; takes what ``Client.resend_alerts`` takes."""
        if dead == bool(alerts):
            raise InvalidRequest("expected ids of alerts, or dead")
        if dead:
            return self._outbox.resend_dead(now=time.time())
        chosen = tuple(dict.fromkeys(alerts))
        for one in chosen:
            self._alert_named(one)
        return len([self._outbox.resend(one, now=time.time()) for one in chosen])

    def channels(self) -> list[client.Channel]:
        """List the channels of the settings, and what each of them still needs."""
        post = post_of(self._channel_settings)
        return [client.channel_of(described_channel(one, post)) for one in post.channels.values()]

    def try_channel(self, channel: str) -> client.Tried:
        """Send a channel a sample, signed as alerts are, and say whether it arrived.

        Raises:
            AlertNotFound: there is no such channel.
            InvalidSettings: settings are missing for its way.
        """
        post = post_of(self._channel_settings)
        if channel not in post.channels:
            known = ", ".join(post.channels) or "none"
            raise AlertNotFound(f"no channel {channel[:64]!r}; the settings name: {known}")
        letter = sample_letter(post.check(channel))
        outcome = post.carry(letter)
        return client.Tried(
            channel=channel, key=letter.key, arrived=outcome.arrived, error=outcome.error
        )

    def close(self) -> None:
        """Close what was opened."""
        self._outbox.close()

    def _alert_named(self, alert_id: str) -> tuple[Alert, bytes]:
        unseen = AlertNotFound(f"no alert {alert_id[:40]!r}")
        try:
            found, body = self._outbox.alert(alert_id)
        except (AlertNotFound, InvalidRequest) as error:
            raise unseen from error
        if found.id != alert_id:
            raise unseen
        return found, body
