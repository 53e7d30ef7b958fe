"""What several alerts say → one mail, as plain text and as HTML with images of both dates.

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

from satseek.monitor.delivery.mail_words import word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from satseek.monitor.delivery.channels import Language
    from satseek.monitor.delivery.rows import Letter

PICTURED = 10
"""Alerts of a mail whose images are in it, the first ones: some 100 kB each, and servers refuse
mails of 10 MB."""

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=76)
"""Every server takes it, also one without 8BITMIME (RFC 6152)."""

_HA_M2 = 10_000.0

_CELL = "padding:4px 10px 4px 0;border-bottom:1px solid #ccc;text-align:left;vertical-align:top"

_COLUMNS = ("what", "why", "where", "area", "seen", "state", "finding")

_CID_DIGITS = 20
"""Of an image's digest, by which the text names it within the mail."""


def mail_of(
    letter: Letter,
    *,
    sender: str,
    recipient: str,
    language: Language = "en",
    image: Callable[[str], bytes | None] = lambda _digest: None,
) -> bytes:
    """Write a mail, ready to be sent.

    Args:
        letter: Its body lists what the alerts say, or is what one of them says.
        sender: ``NAME@HOST``.
        recipient: Likewise.
        language: Of what is not a label or a name.
        image: Gives the PNG of a picture that was kept, by its digest; None: it is gone.
    """
    said = json.loads(letter.body)
    alerts = [_Told(one, language) for one in (said if isinstance(said, list) else [said])]
    images = _images(alerts, image)
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = _subject(alerts, language)
    mail["From"] = sender
    mail["To"] = recipient
    mail["Date"] = format_datetime(letter.made)
    mail["Message-ID"] = f"<{letter.key}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notes, please
    mail.set_content(_text(alerts, language))
    mail.add_alternative(_html(alerts, images, language), subtype="html")
    _, html = mail.iter_parts()
    for digest, content in images.items():
        html.add_related(content, "image", "png", cid=f"<{_cid(digest)}>", disposition="inline")
    mail.set_boundary(f"satseek-{letter.key}")
    if images:
        html.set_boundary(f"satseek-{letter.key}-images")
    return mail.as_bytes()


class _Told:
    """What one alert says, in words."""

    def __init__(self, said: Mapping[str, Any], language: Language) -> None:
        envelope = said.get("alert", said)  # of the form geojson
        feature = said.get("finding", said)
        told = feature["properties"]
        self.id = str(feature["id"])
        self.why = word(envelope["type"], language)
        self.source = _plain(str(told["source"]))
        self.what = _plain(str(told["label"]))
        self.flags = [word(str(flag), language) for flag in told["flags"]]
        comment = _plain(str(envelope["step"]["comment"]))
        state = word(str(told["state"]), language)
        flagged = f"{self.what} ({', '.join(self.flags)})" if self.flags else self.what
        area = told["area_m2"]
        self.cells = (
            flagged,
            self.why,
            _place(feature["geometry"]),
            "" if area is None else word("ha", language).format(area=area / _HA_M2),
            _seen(told, language),
            f"{state}: {comment}" if comment else state,
            self.id,
        )
        """The values of `_COLUMNS`."""
        self.pictures = _pictures(told["evidence"])
        """Side, date and digest of the best picture of each date."""


def _subject(alerts: Sequence[_Told], language: Language) -> str:
    sources = list(dict.fromkeys(one.source for one in alerts))
    several = word("sources", language).format(count=len(sources))
    where = sources[0] if len(sources) == 1 else several
    pattern = word("many" if len(alerts) > 1 else "one", language)
    said = pattern.format(where=where, count=len(alerts), what=alerts[0].what, why=alerts[0].why)
    flags = dict.fromkeys(flag for one in alerts for flag in one.flags)
    told = [f"{sum(flag in one.flags for one in alerts)} {flag}" for flag in flags]
    return said + (f" ({', '.join(told)})" if told else "")


def _text(alerts: Sequence[_Told], language: Language) -> str:
    lines: list[str] = []
    for one in alerts:
        named = zip(_COLUMNS, one.cells, strict=True)
        told = [f"{word(name, language)}: {value}" for name, value in named if value]
        lines += [one.source, *told, ""]
    lines += [word("look", language), f"  satseek findings show {alerts[0].id}"]
    lines.append(word("place", language))
    return "\n".join(lines) + "\n"


def _html(alerts: Sequence[_Told], images: Mapping[str, bytes], language: Language) -> str:
    head = "".join(
        f'<th scope="col" style="{_CELL}">{word(name, language)}</th>' for name in _COLUMNS
    )
    rows = "".join(_row(one) for one in alerts)
    shown = "".join(_figures(one, images, language) for one in alerts[:PICTURED])
    sources = ", ".join(dict.fromkeys(one.source for one in alerts))
    return (
        f'<!doctype html><html lang="{language}"><body style="font-family:sans-serif">'
        f"<p>{escape(sources)}</p>"
        f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>{shown}"
        f"<p>{word('look', language)} "
        f"<code>satseek findings show {escape(alerts[0].id)}</code></p>"
        f"<p>{word('place', language)}</p></body></html>\n"
    )


def _row(one: _Told) -> str:
    cells = "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in one.cells)
    return f"<tr>{cells}</tr>"


def _figures(one: _Told, images: Mapping[str, bytes], language: Language) -> str:
    """Show both dates of an alert side by side."""
    figures = [
        '<td style="padding:4px 10px 4px 0">'
        f'<img src="cid:{_cid(digest)}" width="256" alt="{said}"><br>{said}</td>'
        for side, date, digest in one.pictures
        if digest in images
        for said in (escape(f"{word(side, language)} {date}".strip()),)
    ]
    if not figures:
        return ""
    return f"<h3>{escape(one.what)} {escape(one.id)}</h3><table><tr>{''.join(figures)}</tr></table>"


def _images(alerts: Sequence[_Told], image: Callable[[str], bytes | None]) -> dict[str, bytes]:
    """Read the images of the first alerts, each once."""
    wanted = dict.fromkeys(
        digest for one in alerts[:PICTURED] for _side, _date, digest in one.pictures
    )
    read = {digest: image(digest) for digest in wanted}
    return {digest: content for digest, content in read.items() if content is not None}


def _pictures(evidence: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for side in ("before", "after"):
        kept = [one for one in evidence if one["side"] == side and one["picture"]]
        found += [(side, str(one["datetime"] or "")[:10], one["picture"]) for one in kept[:1]]
    return found


def _cid(digest: str) -> str:
    return f"{digest[:_CID_DIGITS]}@satseek"


def _place(geometry: Mapping[str, Any] | None) -> str:
    """Name a point within a footprint, as maps take it: degrees north, degrees east."""
    if geometry is None:
        return ""
    point = shape(geometry).representative_point()
    return f"{point.y:.5f}, {point.x:.5f}"


def _seen(told: Mapping[str, Any], language: Language) -> str:
    first, last = (str(told[name] or "")[:10] for name in ("first_seen", "last_seen"))
    if not first or first == last:
        return first
    return word("dates", language).format(first=first, last=last, count=told["seen"])


def _plain(value: str) -> str:
    """Keep a text on its line."""
    return " ".join("".join(one if one.isprintable() else " " for one in value).split())
