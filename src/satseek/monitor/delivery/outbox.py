"""What was to be told to whom → what became of it, alert by alert, and sent again where wanted.

Does not know how a letter travels (see `delivering`), nor why it was written (`outbox_telling`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from satseek.errors import AlertNotFound, InvalidRequest
from satseek.monitor.delivery.rows import (
    ALERTS,
    LETTER_STATES,
    OUTBOX,
    Backlog,
    alert_of,
    backlog,
    counted,
)
from satseek.monitor.tables import opened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from satseek.index.storing import Database, Row, Store
    from satseek.monitor.delivery.rows import Alert, LetterState

MAX_PAGE = 1000
"""Alerts that are listed at once."""

_AGAIN = (
    "UPDATE outbox_letters SET state = 'waiting', since = :now, due = :now, attempts = 0,"
    " settled = NULL WHERE "
)


class Outbox:
    """The alerts and letters of one data folder; safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Take ``<data_dir>/monitor``; nothing is opened before it is used."""
        self.folder = folder
        self.store: Store = opened(folder, OUTBOX)

    @property
    def is_there(self) -> bool:
        """Whether anything was ever kept there: looking makes no file."""
        return self.store.path.exists()

    def alerts(
        self,
        *,
        state: LetterState | None = None,
        source: str | None = None,
        finding: str | None = None,
        before: str = "",
        limit: int = 100,
    ) -> list[Alert]:
        """List alerts, the newest first.

        Args:
            state: Only those whose letter is in this state; None: any.
            source: Only of this source's findings; None: any.
            finding: Only about the finding of this id; None: any.
            before: Only those older than the alert of this id; empty: all.
            limit: At most so many, 1 to `MAX_PAGE`.

        Raises:
            InvalidRequest: a limit or a state that cannot be.
            AlertNotFound: there is no alert ``before``.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidRequest(f"limit: expected 1 to {MAX_PAGE}, came {limit}")
        if state is not None and state not in LETTER_STATES:
            raise InvalidRequest(f"state: expected one of {', '.join(LETTER_STATES)}, came {state}")
        if not self.is_there:
            return []
        with self.store.reading() as db:
            asked = {
                "coalesce(l.state, 'waiting') = ?": state,
                "a.source = ?": source,
                "a.finding = ?": finding,
                "a.number < ?": _row_of(db, before)["number"] if before else None,
            }
            given = {where: value for where, value in asked.items() if value is not None}
            where = f" WHERE {' AND '.join(given)}" if given else ""
            query = f"{ALERTS}{where} ORDER BY a.number DESC LIMIT ?"
            return [alert_of(row) for row in db.execute(query, (*given.values(), limit))]

    def alert(self, alert_id: str) -> tuple[Alert, bytes]:
        """Give an alert, also by the first digits of its id, and what its letter says.

        Raises:
            AlertNotFound: there is none.
            InvalidRequest: several begin so.
        """
        self._must_be_there(alert_id)
        with self.store.reading() as db:
            row = _row_of(db, alert_id)
            said = db.execute(
                "SELECT coalesce(l.body, a.body) AS body FROM outbox_alerts AS a"
                " LEFT JOIN outbox_letters AS l ON l.key = a.letter WHERE a.number = ?",
                (row["number"],),
            ).fetchone()
            return alert_of(row), bytes(said["body"])

    def counts(self) -> Mapping[LetterState, int]:
        """Count the alerts by what became of their letters; every state is there."""
        if not self.is_there:
            return dict.fromkeys(LETTER_STATES, 0)
        with self.store.reading() as db:
            return counted(db)

    def backlog(self, *, now: float) -> Backlog:
        """Count what has not arrived, by channel."""
        if not self.is_there:
            return Backlog(waiting={}, dead=0, resting=frozenset())
        with self.store.reading() as db:
            return backlog(db, now)

    def resend(self, alert_id: str, *, now: float) -> Alert:
        """Have an alert's letter sent again under its key, whatever became of it, from now on.

        One that no digest has taken yet waits on. A channel that rests is tried at once.

        Raises:
            AlertNotFound, InvalidRequest: as ``alert``.
        """
        self._must_be_there(alert_id)
        with self.store.transaction() as db:
            row = _row_of(db, alert_id)
            db.execute(f"{_AGAIN} key = :key", {"now": now, "key": row["letter"]})
            db.execute("DELETE FROM outbox_pauses WHERE channel = ?", (row["channel"],))
            return alert_of(_row_of(db, row["id"]))

    def resend_dead(self, *, now: float) -> int:
        """Have every letter that was given up sent again; returns how many alerts they tell."""
        if not self.is_there:
            return 0
        with self.store.transaction() as db:
            dead = counted(db)["dead"]
            db.execute(
                "DELETE FROM outbox_pauses WHERE channel IN"
                " (SELECT channel FROM outbox_letters WHERE state = 'dead')"
            )
            db.execute(f"{_AGAIN} state = 'dead'", {"now": now})
            return dead

    def close(self) -> None:
        """Close the database; it opens again when used."""
        self.store.close()

    def _must_be_there(self, alert_id: str) -> None:
        if not self.is_there:
            raise _missing(alert_id)


def _row_of(db: Database, alert_id: str) -> Row:
    """Find an alert by the first digits of its id."""
    if not re.fullmatch("[0-9a-f]{1,20}", alert_id):
        raise _missing(alert_id)
    rows = db.execute(
        f"{ALERTS} WHERE a.id >= ? AND a.id < ? LIMIT 2", (alert_id, f"{alert_id}g")
    ).fetchall()
    if not rows:
        raise _missing(alert_id)
    if len(rows) > 1:
        raise InvalidRequest(f"several alerts begin with {alert_id}: give more digits of the id")
    row: Row = rows[0]
    return row


def _missing(alert_id: str) -> AlertNotFound:
    return AlertNotFound(f"no alert {alert_id[:40]!r}; `satseek alerts list` names those there are")
