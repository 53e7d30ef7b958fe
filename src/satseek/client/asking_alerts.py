"""Verbs about alerts, channels and reports → requests, and what to read of their answers.

Knows the routes; sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from satseek.client.alerts import alert_of, channel_of, tried_of
from satseek.client.binding import get, listed, page_size, post
from satseek.client.reports import report_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.client.alerts import Alert, Channel, Tried
    from satseek.client.asking import Ask
    from satseek.client.binding import Listed
    from satseek.client.reports import Report


def ask_alerts(
    *,
    state: str | None = None,
    source: str | None = None,
    finding: str | None = None,
    limit: int | None = None,
) -> Ask[Listed[Alert]]:
    """List who was told of what, the newest first.

    Args:
        state: Only ``waiting``, ``arrived`` or ``dead``.
        source: Only of this watch, run or assessment.
        finding: Only about the finding of this id.
        limit: So many at most; None: all.
    """
    query = {"state": state, "source": source, "finding": finding, "limit": page_size(limit)}
    return get("/v1/alerts", query, listed(alert_of, "alerts", most=limit))


def ask_alert(alert_id: str) -> Ask[Alert]:
    """Show an alert by its whole id, with what is sent."""
    return get(f"/v1/alerts/{quote(alert_id, safe='')}", {}, alert_of)


def ask_resend_alerts(alerts: Sequence[str] = (), *, dead: bool = False) -> Ask[int]:
    """Have alerts sent again under their keys; returns how many they are.

    Args:
        alerts: Whole ids.
        dead: True instead: all that were given up.
    """
    given = {"alerts": list(alerts), "dead": dead}
    return post("/v1/alerts/resend", given, lambda answer: int(answer["alerts"]))


def ask_channels() -> Ask[list[Channel]]:
    """List the channels of the settings, and what each of them still needs."""
    return get(
        "/v1/alerts/channels", {}, lambda answer: [channel_of(one) for one in answer["channels"]]
    )


def ask_try_channel(channel: str) -> Ask[Tried]:
    """Send a channel a sample, signed as alerts are, and say whether it arrived."""
    return post(f"/v1/alerts/channels/{quote(channel, safe='')}/test", {}, tried_of)


def ask_reports(*, collection: str | None = None, limit: int | None = None) -> Ask[Listed[Report]]:
    """List the reports that jobs left, of the newest job first.

    Args:
        collection: Only about this one.
        limit: So many at most; None: all.
    """
    query = {"collection": collection, "limit": page_size(limit)}
    return get("/v1/reports", query, listed(report_of, "reports", most=limit))


def ask_report(job_id: str, name: str) -> Ask[None]:
    """Ask for a report's file."""
    return get(f"/v1/reports/{quote(job_id, safe='')}/{quote(name, safe='')}", {}, _nothing)


def _nothing(_answer: Any) -> None:
    """A file is no JSON."""
