"""Alerts and channels → rows of tables and JSON.

Knows the nouns, but no use-case.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from satseek.monitor.delivery.rows import Alert

HEAD = ("id", "made", "channel", "reason", "source", "finding", "state", "tries", "next", "error")
"""Of a table of alerts."""


def row(one: Alert) -> list[str]:
    """Give an alert as one row."""
    told = (one.id, one.made, one.channel, one.reason, one.source, one.finding, one.state)
    return [cell(value) for value in (*told, one.attempts, one.due, one.error)]


def shown(one: Alert) -> dict[str, Any]:
    """Give an alert as JSON has it."""
    return {name: getattr(one, name) for name in type(one).__slots__}


def cell(value: datetime | list[str] | str | int | None) -> str:
    """Give a value as a table has it."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, list):
        return ",".join(value)
    return "-" if value is None or value == "" else str(value)
