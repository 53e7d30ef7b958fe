"""Alerts and channels → the JSON that doors hold.

Does not know who reads it. No secret of a channel is told: of a webhook neither its path nor what
signs its letters.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from satseek.errors import InvalidSettings
from satseek.monitor.delivery.rows import Alert

if TYPE_CHECKING:
    from satseek.monitor.delivery.channels import Channel
    from satseek.monitor.delivery.delivering import Post


def described(alert: Alert) -> dict[str, Any]:
    """Tell of an alert, its fields by their names."""
    told = {one.name: getattr(alert, one.name) for one in fields(Alert)}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in told.items()
    }


def described_channel(channel: Channel, post: Post) -> dict[str, Any]:
    """Tell of a channel, and what it still needs (empty: nothing)."""
    try:
        post.check(channel.name)
        needs = ""
    except InvalidSettings as error:
        needs = str(error)
    return {
        "name": channel.name,
        "way": channel.way,
        "to": channel.shown,
        "reasons": list(channel.reasons),
        "form": channel.form,
        "language": channel.language,
        "digest_minutes": channel.digest_minutes,
        "needs": needs,
    }
