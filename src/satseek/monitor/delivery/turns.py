"""Letters that wait → whose turn it is, and what came of it.

Does not know how a letter travels. Letters of one channel about one finding go in the order in
which they were written; a channel that fails again and again rests, whatever waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING

from satseek.monitor.delivery.bodies import joined
from satseek.monitor.delivery.rows import letter_of, put_letter
from satseek.monitor.delivery.telling import key_of

if TYPE_CHECKING:
    from satseek.index.storing import Database, Store
    from satseek.monitor.delivery.rows import Letter

_IN_TURN = (
    "l.state = 'waiting' AND NOT EXISTS (SELECT 1 FROM outbox_letters AS e"
    " WHERE e.channel = l.channel AND e.subject = l.subject AND e.state = 'waiting'"
    " AND e.number < l.number)"
)
"""Of a letter: it waits, and none about the same finding waits before it."""

_DUE = (
    f"FROM outbox_letters AS l WHERE {_IN_TURN} AND l.due <= :now"  # noqa: S608 - our own words
    " AND NOT EXISTS (SELECT 1 FROM outbox_pauses AS p"
    " WHERE p.channel = l.channel AND p.until > :now)"
)
"""Letters that may be sent now."""

DAY_SECONDS = 24 * 3600.0

MAX_DIGEST = 200
"""Alerts of one mail: as many as anybody reads, some 100 kB; the rest go with further ones."""

MAX_ERROR = 300
"""Letters kept of what went wrong: one line."""

REST_AFTER = 3
"""Letters that a channel fails in a row before it rests: chance, or the letters themselves, may be
at fault for one or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long is waited between two tries, and when no more are made.

    The wait doubles with every try, and chance takes up to half of it away, so that those who
    failed together do not come back together (M. Brooker, "Exponential Backoff and Jitter", 2015).
    """

    first_seconds: float = 5.0
    """The first wait at most: what passes by itself, such as a restart, takes seconds."""
    longest_seconds: float = 3 * 3600.0
    """No wait is longer, unless a receiver asks for one."""
    asked_seconds: float = DAY_SECONDS
    """Of what a receiver asks for no more is taken."""
    give_up_seconds: float = 3 * DAY_SECONDS
    """A letter that fails this long after it was written is dead: longer than a weekend."""

    def wait(self, failures: int) -> float:
        """Say how many seconds are waited after so many failures in a row."""
        most = min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures - 1, 60))
        return SystemRandom().uniform(most / 2, most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of sending a letter once."""

    arrived: bool
    """Whether the receiver has it, and said so."""
    error: str = ""
    """What went wrong, on one line and without secrets; empty where it arrived."""
    final: bool = False
    """Whether it would go wrong every time: it is given up."""
    wait_seconds: float | None = None
    """How long the receiver asks to be left alone; None: it does not say."""


class Turns:
    """Whose turn it is among the letters of one database."""

    def __init__(self, store: Store, *, pace: Pace) -> None:
        """Take the outbox's database, and how long is waited between tries."""
        self._store = store
        self._pace = pace

    def seal(self, now: float) -> None:
        """Put alerts that have waited long enough into a digest each channel, for good."""
        with self._store.reading() as db:
            if not _full(db, now):
                return
        with self._store.transaction() as db:
            while channels := _full(db, now):
                for channel in channels:
                    _seal(db, channel, now)

    def channels(self, now: float) -> tuple[str, ...]:
        """Give the channels for which something is due, but for those that rest."""
        with self._store.reading() as db:
            rows = db.execute(f"SELECT DISTINCT l.channel {_DUE} ORDER BY l.channel", {"now": now})
            return tuple(row["channel"] for row in rows)

    def next(self, channel: str, now: float) -> Letter | None:
        """Give the letter whose turn it is; None: none is due, or the channel rests."""
        with self._store.reading() as db:
            row = db.execute(
                f"SELECT l.* {_DUE} AND l.channel = :channel ORDER BY l.due, l.number LIMIT 1",
                {"now": now, "channel": channel},
            ).fetchone()
            return None if row is None else letter_of(row)

    def settle(self, letter: Letter, outcome: Outcome, now: float) -> None:
        """Write down what came of a letter; durable when it returns."""
        with self._store.transaction() as db:
            if outcome.arrived:
                _arrived(db, letter, now)
            else:
                self._failed(db, letter, outcome, now)

    def earliest(self) -> float | None:
        """Say when something is due next at the earliest; None: nothing waits."""
        with self._store.reading() as db:
            row = db.execute(
                "SELECT min(at) AS at FROM"  # noqa: S608 - our own words
                " (SELECT max(l.due, coalesce(p.until, 0)) AS at"
                " FROM outbox_letters AS l LEFT JOIN outbox_pauses AS p ON p.channel = l.channel"
                f" WHERE {_IN_TURN} UNION ALL"
                " SELECT min(ready) FROM outbox_alerts WHERE letter IS NULL GROUP BY channel)"
            ).fetchone()
            at: float | None = row["at"]
            return at

    def _failed(self, db: Database, letter: Letter, outcome: Outcome, now: float) -> None:
        asked = min(outcome.wait_seconds or 0.0, self._pace.asked_seconds)
        late = now - letter.since.timestamp() >= self._pace.give_up_seconds
        dead = outcome.final or late
        db.execute(
            "UPDATE outbox_letters SET state = ?, attempts = attempts + 1, due = ?, settled = ?,"
            " error = ? WHERE key = ? AND state = 'waiting'",
            (
                "dead" if dead else "waiting",
                now + max(asked, self._pace.wait(letter.attempts + 1)),
                now if dead else None,
                " ".join(outcome.error.split())[:MAX_ERROR],
                letter.key,
            ),
        )
        if not outcome.final:
            self._rest(db, letter, asked, now)

    def _rest(self, db: Database, letter: Letter, asked: float, now: float) -> None:
        """Count different letters that a channel fails in a row; from some on it rests.

        One letter that fails alone has its own waits, and keeps nobody else from going.
        """
        row = db.execute(
            "SELECT letter, failures FROM outbox_pauses WHERE channel = ?", (letter.channel,)
        ).fetchone()
        other = row is None or row["letter"] != letter.key
        failures = (0 if row is None else row["failures"]) + other
        beyond = failures - REST_AFTER + 1
        pause = self._pace.wait(beyond) if other and beyond > 0 else 0.0
        db.execute(
            "INSERT OR REPLACE INTO outbox_pauses VALUES (?, ?, ?, ?)",
            (letter.channel, letter.key, failures, now + max(asked, pause)),
        )


def _arrived(db: Database, letter: Letter, now: float) -> None:
    db.execute(
        "UPDATE outbox_letters SET state = 'arrived', attempts = attempts + 1, settled = ?,"
        " error = '' WHERE key = ? AND state = 'waiting'",
        (now, letter.key),
    )
    db.execute("DELETE FROM outbox_pauses WHERE channel = ?", (letter.channel,))


def _full(db: Database, now: float) -> list[str]:
    rows = db.execute(
        "SELECT channel FROM outbox_alerts WHERE letter IS NULL GROUP BY channel"
        " HAVING min(ready) <= ?",
        (now,),
    )
    return [row["channel"] for row in rows]


def _seal(db: Database, channel: str, now: float) -> None:
    rows = db.execute(
        "SELECT number, id, body FROM outbox_alerts WHERE letter IS NULL AND channel = ?"
        " ORDER BY number LIMIT ?",
        (channel, MAX_DIGEST),
    ).fetchall()
    key = key_of(channel, *(row["id"] for row in rows))
    body = joined([bytes(row["body"]) for row in rows])
    put_letter(db, key=key, channel=channel, subject=key, made=now, body=body)
    db.executemany(
        "UPDATE outbox_alerts SET letter = ?, body = NULL WHERE number = ?",
        [(key, row["number"]) for row in rows],
    )
