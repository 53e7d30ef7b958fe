"""Changes of findings → alerts for whoever wants to know, written in the changes' transaction.

Does not know how anything is sent. What an alert says, and the key it goes under, are settled here
for good: a finding at a revision, and a channel, have one alert, however often it is written.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from satseek.monitor.delivery.bodies import body_of
from satseek.monitor.delivery.rows import put_alert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from satseek.index.storing import Database
    from satseek.monitor.delivery.channels import Channel, Reason
    from satseek.monitor.findings.finding import Change, Kind

KEY_BYTES = 10
"""Of a digest; two of a billion alerts share one with a probability of 4e-7."""

_QUIET = frozenset({"rejected", "closed"})
"""States of findings of which more being seen is no news: people have said what they are."""


class Telling:
    """Writes the alerts about each change; a listener of `keeping.Findings`.

    `outbox_rows.OUTBOX` must be among the parts of those findings.
    """

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        """Take the channels by name, as `outbox_channels.channels_of` gives them."""
        self._channels = channels

    def __call__(self, db: Database, changes: Sequence[Change]) -> None:
        """Write the alerts about some changes; about one that was told before there are none."""
        known: dict[tuple[str, str], tuple[str, ...]] = {}
        for change in changes:
            reason = reason_of(change)
            if reason is None:
                continue
            kind, source = change.finding.kind, change.finding.source
            if (kind, source) not in known:
                known[kind, source] = subscribed(db, kind, source)
            for name in known[kind, source]:
                self._tell(db, name, change, reason)

    def _tell(self, db: Database, name: str, change: Change, reason: Reason) -> None:
        """Write one alert; a channel that the settings do not name now may be there again."""
        channel, finding = self._channels.get(name), change.finding
        if channel is not None and reason not in channel.reasons:
            return
        key = key_of(finding.id, str(change.step.revision), name)
        waits = channel is not None and channel.way == "mail"
        put_alert(
            db,
            key=key,
            finding=finding.id,
            origin=(finding.kind, finding.source),
            reason=reason,
            channel=name,
            made=change.step.at.timestamp(),
            body=body_of(change, key, reason, form="json" if channel is None else channel.form),
            digest_seconds=60.0 * channel.digest_minutes if channel and waits else None,
        )


def reason_of(change: Change) -> Reason | None:
    """Tell whether somebody may want to know of a change, and why; None: nobody does."""
    step, finding, former = change.step, change.finding, change.former
    if former is None:
        return "new"
    if step.before != step.after:
        return "state"
    if step.deed != "seen" or finding.state in _QUIET:
        return None
    news = (finding.last_seen, finding.flags) != (former.last_seen, former.flags)
    return "updated" if news else None


def subscribe(db: Database, kind: Kind, source: str, channels: Iterable[str]) -> None:
    """Say whom to tell of a source's findings from now on, in place of whoever was told before.

    Args:
        db: Within a change, such as that which keeps a watch; has the tables of `OUTBOX`.
        kind: The source's.
        source: Its name.
        channels: Names of channels; none: nobody is told any more.
    """
    db.execute("DELETE FROM outbox_subscriptions WHERE kind = ? AND source = ?", (kind, source))
    db.executemany(
        "INSERT INTO outbox_subscriptions VALUES (?, ?, ?)",
        [(kind, source, name) for name in dict.fromkeys(channels)],
    )


def subscribed(db: Database, kind: str, source: str) -> tuple[str, ...]:
    """Give the names of the channels that a source tells, ascending."""
    rows = db.execute(
        "SELECT channel FROM outbox_subscriptions WHERE kind = ? AND source = ? ORDER BY channel",
        (kind, source),
    )
    return tuple(row["channel"] for row in rows)


def key_of(*parts: str) -> str:
    """Name an alert or a letter by what it is about: twenty hexadecimal digits."""
    said = "".join(f"{len(part.encode())}:{part}" for part in parts)  # no two lists write alike
    return blake2b(said.encode(), digest_size=KEY_BYTES).hexdigest()
