"""A data folder with findings of which somebody is told, for tests of their delivery."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from findingmaking import make_finding

from satseek.monitor.delivery.channels import channels_of
from satseek.monitor.delivery.delivering import Delivered, Post, deliver, post_of
from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.delivery.rows import OUTBOX
from satseek.monitor.delivery.telling import Telling, subscribe
from satseek.monitor.delivery.turns import Pace
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.tables import FOLDER
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.monitor.findings.finding import Finding

SECRET = "the first secret of this channel"  # noqa: S105
SOON = Pace(first_seconds=0.01, longest_seconds=0.05)


class Clock:
    """A clock that a test sets."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


class Desk:
    """Findings, their outbox, and all that it takes to deliver."""

    def __init__(self, data: Path, channels: dict[str, dict[str, Any]], **more: Any) -> None:
        """Subscribe the watch ``mines`` to some channels of the settings."""
        self.settings = Settings.model_validate(
            {"data_dir": data, "alert_channels": channels, **more}
        )
        self.folder = data / FOLDER
        self.findings = Findings(
            self.folder, parts=(OUTBOX,), listeners=(Telling(channels_of(self.settings)),)
        )
        self.outbox = Outbox(self.folder)
        with self.findings.changing() as change:
            subscribe(change.db, "watch", "mines", channels)

    def post(self, pace: Pace = SOON, clock: Callable[[], float] = time.time) -> Post:
        return post_of(self.settings, pace=pace, clock=clock)

    def keep(self, *findings: Finding) -> None:
        self.findings.keep(findings or (make_finding(),))

    def deliver(self, post: Post | None = None, **more: Any) -> Delivered:
        return deliver(self.outbox, post or self.post(), **more)

    def close(self) -> None:
        self.findings.close()
        self.outbox.close()


def webhook_desk(data: Path, port: int, *, path: str = "/alerts", **more: Any) -> Desk:
    """Have a receiver on this machine told."""
    channels = {"team": {"to": f"http://127.0.0.1:{port}{path}", **more.pop("team", {})}}
    settings: dict[str, Any] = {
        "webhook_hosts": (f"127.0.0.1:{port}",),
        "webhook_secrets": {"team": (SECRET,)},
        "webhook_timeout_s": 0.3,
    }
    return Desk(data, channels, **{**settings, **more})
