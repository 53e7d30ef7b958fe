"""What the settings say of whom to tell → channels by name, or a clear refusal.

Does not know findings, nor how anything is sent. Watches name channels; addresses are written where
the settings are, so that nobody who may only watch can have anything sent anywhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args
from urllib.parse import unquote

from satseek.errors import InvalidRequest, InvalidSettings, UnsafeReference
from satseek.imagery.hosts import place_of
from satseek.index.checks import check_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from satseek.settings import AlertChannel, Settings

Reason: TypeAlias = Literal["new", "updated", "state"]
"""Why somebody is told: a finding is new; more is known of it; people moved it on."""

Way: TypeAlias = Literal["webhook", "mail", "file"]
"""How a letter travels."""

Form: TypeAlias = Literal["json", "geojson"]
"""What a webhook or a file holds: an envelope around a GeoJSON Feature, or the Feature alone."""

Language: TypeAlias = Literal["en", "zh"]
"""Of mails."""

REASONS: tuple[Reason, ...] = get_args(Reason)

MAX_ADDRESS = 2000
"""Letters of an address; every server takes these (RFC 9110 4.1 asks for 8000 at least)."""

_RECIPIENT = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?",
    re.ASCII,
)
"""As browsers take an address (WHATWG HTML, "valid e-mail address"): no comments, no quotes."""

_EXPECTED = "expected https://…, mailto:NAME@HOST or file:/FOLDER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Somebody to be told, and of what."""

    name: str
    """What watches call it; letters, digits and ``-_.``."""
    way: Way
    """How."""
    address: str
    """``http(s)://…``, an e-mail address, or an absolute folder."""
    reasons: tuple[Reason, ...] = ("new",)
    """Of what."""
    form: Form = "json"
    """What a webhook or a file holds; a mail is a mail."""
    language: Language = "en"
    """Of mails."""
    digest_minutes: float = 0.0
    """How long a mail waits for more to tell, from its first alert on; 0: it goes with all that
    waits when letters are delivered."""

    @property
    def shown(self) -> str:
        """Say where it leads without what an address may keep secret: a webhook's path."""
        if self.way != "webhook":
            return self.address
        parts = place_of(self.address, what=self.name).parts
        return f"{parts.scheme}://{parts.netloc}/…"


def channels_of(settings: Settings) -> Mapping[str, Channel]:
    """Give the channels that the settings name, by name.

    Raises:
        InvalidSettings: one of them cannot be; says which.
    """
    return {name: read_channel(name, one) for name, one in settings.alert_channels.items()}


def read_channel(name: str, said: AlertChannel) -> Channel:
    """Read one of them; raises InvalidSettings."""
    try:
        check_name(name, "channel")
        way, address = read_address(said.to)
    except InvalidRequest as error:
        raise InvalidSettings(f"alert_channels: {name}: {error}") from error
    if said.digest_minutes and way != "mail":
        raise InvalidSettings(f"alert_channels: {name}: digest_minutes goes with mailto:")
    return Channel(
        name=name,
        way=way,
        address=address,
        reasons=tuple(one for one in REASONS if one in said.reasons),
        form=said.form,
        language=said.language,
        digest_minutes=said.digest_minutes,
    )


def read_address(said: str) -> tuple[Way, str]:
    """Tell where an address leads, and how; raises InvalidRequest."""
    if not 0 < len(said) <= MAX_ADDRESS or not said.isprintable():
        raise InvalidRequest(f"{_EXPECTED}, came {said[:80]!r}")
    scheme = said.partition(":")[0].lower()
    if scheme in {"http", "https"}:
        try:
            place_of(said, what="to")
        except UnsafeReference as error:  # not shown: it may hold a password
            raise InvalidRequest(f"{_EXPECTED}; no user and no password in it") from error
        return "webhook", said
    rest = unquote(said[len(scheme) + 1 :])
    if scheme == "mailto" and is_recipient(rest):
        return "mail", rest
    path = Path("/" + rest.lstrip("/"))
    plain = rest.startswith("/") and ".." not in path.parts and rest.isprintable()
    if scheme == "file" and plain and path.name:
        return "file", str(path)
    raise InvalidRequest(f"{_EXPECTED}, came {said[:80]!r}")


def is_recipient(said: str) -> bool:
    """Tell whether a text is an e-mail address."""
    return _RECIPIENT.fullmatch(said) is not None


def check_channels(names: Iterable[str], channels: Mapping[str, Channel]) -> None:
    """Refuse names that no channel has.

    Raises:
        InvalidRequest: which, and what there is.
    """
    if unknown := [name for name in names if name not in channels]:
        known = ", ".join(channels) or "none; see `alert_channels` in the settings"
        raise InvalidRequest(f"deliver: expected channels of {known}; came {', '.join(unknown)}")
