"""An outbox's tables → alerts and letters, and what is written there.

Does not know how a letter travels, nor what it says. Numbers rise in the order of writing, so that
of two letters about one finding the earlier goes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from satseek.monitor.tables import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.index.storing import Database, Row
    from satseek.monitor.delivery.channels import Reason

LetterState: TypeAlias = Literal["waiting", "arrived", "dead"]
"""Of a letter: it will be tried; it was taken; it was given up until somebody sends it again."""

LETTER_STATES: tuple[LetterState, ...] = get_args(LetterState)

OUTBOX = Part(
    name="outbox",
    layouts=(
        (
            """
CREATE TABLE outbox_subscriptions (
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  channel TEXT NOT NULL,
  PRIMARY KEY (kind, source, channel)
) WITHOUT ROWID
""",
            """
CREATE TABLE outbox_alerts (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  finding TEXT NOT NULL,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  reason TEXT NOT NULL,
  channel TEXT NOT NULL,
  made REAL NOT NULL,
  ready REAL NOT NULL,
  letter TEXT,
  body BLOB
)
""",
            "CREATE INDEX outbox_loose ON outbox_alerts (channel, number) WHERE letter IS NULL",
            "CREATE INDEX outbox_by_letter ON outbox_alerts (letter)",
            "CREATE INDEX outbox_by_finding ON outbox_alerts (finding)",
            """
CREATE TABLE outbox_letters (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting',
  made REAL NOT NULL,
  since REAL NOT NULL,
  due REAL NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  settled REAL,
  error TEXT NOT NULL DEFAULT '',
  body BLOB NOT NULL
)
""",
            "CREATE INDEX outbox_due ON outbox_letters (channel, due) WHERE state = 'waiting'",
            """
CREATE INDEX outbox_turn ON outbox_letters (channel, subject, number) WHERE state = 'waiting'
""",
            """
CREATE TABLE outbox_pauses (
  channel TEXT PRIMARY KEY,
  letter TEXT NOT NULL,
  failures INTEGER NOT NULL,
  until REAL NOT NULL
) WITHOUT ROWID
""",
        ),
        ("CREATE INDEX outbox_arrived ON outbox_letters (settled) WHERE state = 'arrived'",),
    ),
)
"""Alerts of webhooks and files have their letter at once; those of mails are loose until a digest
takes them, and hold what they say until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One change of one finding, told to one channel."""

    id: str
    """Twenty hexadecimal digits; of a webhook or a file also its letter's key."""
    finding: str
    """Id of the finding."""
    source: str
    """The finding's source."""
    reason: Reason
    """Why it is told."""
    channel: str
    """Name of the channel."""
    made: datetime
    """When the finding changed, UTC."""
    letter: str
    """Key of its letter; empty: no digest has taken it yet."""
    state: LetterState
    """Its letter's."""
    attempts: int
    """How often its letter was sent, as far as anybody heard what came of it."""
    due: datetime | None
    """When its letter is tried next at the earliest, UTC; None: it does not wait."""
    settled: datetime | None
    """When its letter arrived or was given up, UTC; None: it waits."""
    error: str
    """What came of the last try that failed; empty: none has, or a later one arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is sent, as often as it takes, always the same."""

    key: str
    """Names it to the receiver, who may get it twice; twenty hexadecimal digits."""
    channel: str
    """Name of the channel."""
    made: datetime
    """When it was written, UTC."""
    since: datetime
    """From when on it is tried: when it was written, or somebody had it sent again, UTC."""
    attempts: int
    """How often it was sent since then, as far as anybody heard what came of it."""
    body: bytes
    """UTF-8 JSON: what is sent; of a mail the list of what its alerts say."""


ALERTS = (
    "SELECT a.number, a.id, a.finding, a.source, a.reason, a.channel, a.made,"
    " coalesce(a.letter, '') AS letter, coalesce(l.state, 'waiting') AS state,"
    " coalesce(l.attempts, 0) AS attempts, coalesce(l.due, a.ready) AS due, l.settled AS settled,"
    " coalesce(l.error, '') AS error"
    " FROM outbox_alerts AS a LEFT JOIN outbox_letters AS l ON l.key = a.letter"
)
"""What `alert_of` reads."""


def put_alert(
    db: Database,
    *,
    key: str,
    finding: str,
    origin: tuple[str, str],
    reason: Reason,
    channel: str,
    made: float,
    body: bytes,
    digest_seconds: float | None,
) -> None:
    """Write an alert down, with its letter unless a digest is to take it; again does nothing.

    Args:
        db: Within a change.
        key: Its id.
        finding: Id of the finding.
        origin: The finding's kind and source.
        reason: Why it is told.
        channel: To whom.
        made: When the finding changed.
        body: What it says.
        digest_seconds: How long it waits for others; None: it has a letter of its own.
    """
    told = (key, finding, *origin, reason, channel, made)
    rest = (made, key, None) if digest_seconds is None else (made + digest_seconds, None, body)
    added = db.execute(
        "INSERT OR IGNORE INTO outbox_alerts (id, finding, kind, source, reason, channel, made,"
        " ready, letter, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*told, *rest),
    )
    if added.rowcount and digest_seconds is None:
        put_letter(db, key=key, channel=channel, subject=finding, made=made, body=body)


def put_letter(
    db: Database, *, key: str, channel: str, subject: str, made: float, body: bytes
) -> None:
    """Write a letter down; it is due at once.

    Args:
        db: Within a change.
        key: Names it to the receiver.
        channel: To whom.
        subject: Letters of one channel and subject go one after the other.
        made: When.
        body: What is sent.
    """
    db.execute(
        "INSERT INTO outbox_letters (key, channel, subject, made, since, due, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key, channel, subject, made, made, made, body),
    )


def alert_of(row: Row) -> Alert:
    """Read an alert."""
    waits = row["state"] == "waiting"
    return Alert(
        id=row["id"],
        finding=row["finding"],
        source=row["source"],
        reason=row["reason"],
        channel=row["channel"],
        made=moment(row["made"]),
        letter=row["letter"],
        state=row["state"],
        attempts=row["attempts"],
        due=moment(row["due"]) if waits else None,
        settled=None if waits else moment(row["settled"]),
        error=row["error"],
    )


def letter_of(row: Row) -> Letter:
    """Read a letter."""
    return Letter(
        key=row["key"],
        channel=row["channel"],
        made=moment(row["made"]),
        since=moment(row["since"]),
        attempts=row["attempts"],
        body=row["body"],
    )


def counted(db: Database) -> Mapping[LetterState, int]:
    """Count the alerts by what became of their letters; every state is there."""
    rows = db.execute(
        "SELECT coalesce(l.state, 'waiting') AS state, count(*) AS n FROM outbox_alerts AS a"
        " LEFT JOIN outbox_letters AS l ON l.key = a.letter GROUP BY 1"
    )
    found = {row["state"]: row["n"] for row in rows}
    return {state: found.get(state, 0) for state in LETTER_STATES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Letters that wait for one channel."""

    letters: int
    """How many."""
    since: datetime
    """From when on the first of them has been tried, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What has not arrived."""

    waiting: Mapping[str, Line]
    """By channel."""
    dead: int
    """Letters that were given up."""
    resting: frozenset[str]
    """Channels that failed again and again, and are left alone for a while."""


def backlog(db: Database, now: float) -> Backlog:
    """Count what has not arrived: by indexes alone, however many have."""
    rows = db.execute(
        "SELECT channel, count(*) AS n, min(number) AS first FROM outbox_letters"
        " INDEXED BY outbox_turn WHERE state = 'waiting' GROUP BY channel"
    ).fetchall()
    since = "SELECT since FROM outbox_letters WHERE number = ?"
    waiting = {
        row["channel"]: Line(
            letters=row["n"],
            since=moment(db.execute(since, (row["first"],)).fetchone()["since"]),
        )
        for row in rows
    }
    settled = db.execute(
        "SELECT (SELECT count(*) FROM outbox_letters) - (SELECT count(*) FROM outbox_letters"
        " INDEXED BY outbox_arrived WHERE state = 'arrived') AS n"
    ).fetchone()["n"]
    rests = db.execute("SELECT channel FROM outbox_pauses WHERE until > ?", (now,))
    return Backlog(
        waiting=waiting,
        dead=settled - sum(one.letters for one in waiting.values()),
        resting=frozenset(row["channel"] for row in rests),
    )


def moment(seconds: float) -> datetime:
    """Give a moment as it is told."""
    return datetime.fromtimestamp(seconds, tz=UTC)
