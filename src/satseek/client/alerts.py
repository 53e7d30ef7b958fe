"""JSON of a server → alerts, channels, and what came of trying one.

Does not know how it travelled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One change of one finding, told to one channel."""

    id: str
    """Its id."""
    finding: str
    """Id of the finding."""
    source: str
    """The finding's source."""
    reason: str
    """``new``, ``updated`` or ``state``."""
    channel: str
    """Name of the channel."""
    made: datetime
    """When the finding changed."""
    letter: str
    """Key of its letter; empty: no digest has taken it yet."""
    state: str
    """``waiting`` also after tries that failed, ``arrived``, or ``dead``: given up."""
    attempts: int
    """How often its letter was sent."""
    due: datetime | None
    """When it is tried next; None: it does not wait."""
    settled: datetime | None
    """When it arrived or was given up; None: it waits."""
    error: str
    """What came of the last try that failed; empty: nothing."""
    said: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    """What its letter says, of a digest several; empty in lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Somebody to be told."""

    name: str
    """As the settings name it."""
    way: str
    """``webhook``, ``mail`` or ``file``."""
    to: str
    """Where it leads, without what an address may keep secret."""
    reasons: tuple[str, ...]
    """Of what."""
    form: str
    """What a webhook or a file holds: ``json`` or ``geojson``."""
    language: str
    """Of mails: ``en`` or ``zh``."""
    digest_minutes: float
    """How long a mail waits for more to tell."""
    needs: str
    """What is missing in the settings; empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of sending a channel a sample."""

    channel: str
    """Which."""
    key: str
    """Under which it was sent."""
    arrived: bool
    """Whether somebody took it."""
    error: str
    """Why it did not arrive; empty: it did."""


def alert_of(answer: Json) -> Alert:
    """Read an alert, as lists show it or with what is sent."""
    names = (
        *("id", "finding", "source", "reason", "channel", "letter", "state", "attempts"),
        "error",
    )
    return Alert(
        **{name: answer[name] for name in names},
        made=datetime.fromisoformat(answer["made"]),
        due=_time(answer["due"]),
        settled=_time(answer["settled"]),
        said=tuple(answer.get("said", ())),
    )


def channel_of(answer: Json) -> Channel:
    """Read a channel."""
    return Channel(**{**answer, "reasons": tuple(answer["reasons"])})


def tried_of(answer: Json) -> Tried:
    """Read what came of a sample."""
    return Tried(**answer)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
