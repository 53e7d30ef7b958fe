"""What several alerts say → one mail, as plain text and as HTML.

Does not know how mails are sent. The same letter gives the same bytes for the same sender.
"""

from __future__ import annotations

import json
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import TYPE_CHECKING, Any

from shapely.geometry import shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.monitor.outbox_rows import Letter

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=76)
"""Every server takes it, also one without 8BITMIME (RFC 6152)."""

_HA_M2 = 10_000.0

_WHY = {
    "alert.new": "new",
    "alert.updated": "seen again",
    "alert.state": "decided",
    "alert.test": "test",
}

_CELL = "padding:4px 10px 4px 0;border-bottom:1px solid #ccc;text-align:left;vertical-align:top"

_COLUMNS = ("what", "why", "where", "area", "seen", "state", "finding")


def mail_of(letter: Letter, *, sender: str, recipient: str) -> bytes:
    """Write a mail, ready to be sent.

    Args:
        letter: Its body lists what the alerts say, or is what one of them says.
        sender: ``NAME@HOST``.
        recipient: Likewise.
    """
    said = json.loads(letter.body)
    alerts = [_Lines(one) for one in (said if isinstance(said, list) else [said])]
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = _subject(alerts)
    mail["From"] = sender
    mail["To"] = recipient
    mail["Date"] = format_datetime(letter.made)
    mail["Message-ID"] = f"<{letter.key}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notes, please
    mail.set_content(_text(alerts))
    mail.add_alternative(_html(alerts), subtype="html")
    mail.set_boundary(f"satseek-{letter.key}")
    return mail.as_bytes()


class _Lines:
    """What one alert says, in words."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        envelope = said.get("alert", said)  # of the form geojson
        feature = said.get("finding", said)
        told = feature["properties"]
        self.id = str(feature["id"])
        self.why = _WHY.get(envelope["type"], envelope["type"])
        self.source = str(told["source"])
        self.what = str(told["label"])
        self.flags = [str(flag) for flag in told["flags"]]
        self.state = str(told["state"])
        self.place = _place(feature["geometry"])
        area = told["area_m2"]
        self.area = "" if area is None else f"{area / _HA_M2:.2f} ha"
        self.seen = _seen(told)
        self.comment = str(envelope["step"]["comment"])

    @property
    def cells(self) -> tuple[str, ...]:
        """The values of `_COLUMNS`."""
        what = f"{self.what} ({', '.join(self.flags)})" if self.flags else self.what
        state = f"{self.state}: {self.comment}" if self.comment else self.state
        return (what, self.why, self.place, self.area, self.seen, state, self.id)


def _subject(alerts: Sequence[_Lines]) -> str:
    sources = list(dict.fromkeys(one.source for one in alerts))
    many = f"{len(alerts)} alerts" if len(alerts) > 1 else f"{alerts[0].what}, {alerts[0].why}"
    where = sources[0] if len(sources) == 1 else f"{len(sources)} watches"
    flags = dict.fromkeys(flag for one in alerts for flag in one.flags)
    told = [f"{sum(flag in one.flags for one in alerts)} {flag}" for flag in flags]
    subject = f"satseek {where}: {many}" + (f" ({', '.join(told)})" if told else "")
    return " ".join("".join(one if one.isprintable() else " " for one in subject).split())


def _text(alerts: Sequence[_Lines]) -> str:
    lines: list[str] = []
    for one in alerts:
        named = zip(_COLUMNS, one.cells, strict=True)
        told = [f"{name:8}{_plain(value)}" for name, value in named if value]
        lines += [_plain(one.source), *told, ""]
    lines.append("Look at one, and decide:")
    lines.append(f"  satseek findings show {alerts[0].id}")
    lines.append("A map shows a place by its degrees north, degrees east.")
    return "\n".join(lines) + "\n"


def _html(alerts: Sequence[_Lines]) -> str:
    head = "".join(f'<th scope="col" style="{_CELL}">{name}</th>' for name in _COLUMNS)
    rows = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in one.cells) + "</tr>"
        for one in alerts
    )
    sources = ", ".join(dict.fromkeys(one.source for one in alerts))
    return (
        '<!doctype html><html lang="en"><body style="font-family:sans-serif">'
        f"<p>{escape(sources)}</p>"
        f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        f"<p>Look at one, and decide: <code>satseek findings show {escape(alerts[0].id)}</code></p>"
        "</body></html>\n"
    )


def _place(geometry: Mapping[str, Any] | None) -> str:
    """Name a point within a footprint, as maps take it: degrees north, degrees east."""
    if geometry is None:
        return ""
    point = shape(geometry).representative_point()
    return f"{point.y:.5f}, {point.x:.5f}"


def _seen(told: Mapping[str, Any]) -> str:
    first, last = (str(told[name] or "")[:10] for name in ("first_seen", "last_seen"))
    if not first:
        return ""
    return first if first == last else f"{first} to {last}, {told['seen']} dates"


def _plain(value: str) -> str:
    """Keep a text on its line."""
    return " ".join("".join(one if one.isprintable() else " " for one in value).split())
