"""A queue's database → its tables, also out of those of a former layout, and what their rows say.

Does not know when a job is whose turn. However many wait, each question is answered by an index
that holds only those that it is about; how many there are of each state is counted as they change.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from satseek.formats import check_format
from satseek.index.proving import rows_kept
from satseek.jobs.protocol import KEEP_SECONDS, MAX_ATTEMPTS, STATES, Job, Schedule

if TYPE_CHECKING:
    import sqlite3

LAYOUT = 1
"""Number of this layout, kept in the file (``PRAGMA user_version``); 0: the one before."""

_JOBS = """
CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  task TEXT NOT NULL,
  collection TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  key TEXT,
  schedule TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL,
  ready INTEGER NOT NULL DEFAULT 0,
  cancelling INTEGER NOT NULL DEFAULT 0,
  priority INTEGER NOT NULL DEFAULT 0,
  most_attempts INTEGER NOT NULL,
  keep_seconds REAL NOT NULL,
  not_before REAL,
  created REAL NOT NULL,
  started REAL,
  begun REAL,
  finished REAL,
  expires REAL,
  attempts INTEGER NOT NULL DEFAULT 0,
  worker TEXT NOT NULL DEFAULT '',
  token TEXT NOT NULL DEFAULT '',
  heard REAL,
  heard_ticks REAL,
  heard_boot TEXT NOT NULL DEFAULT '',
  done INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0,
  note TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '',
  error_kind TEXT NOT NULL DEFAULT '',
  parameters TEXT NOT NULL,
  result TEXT,
  log TEXT NOT NULL DEFAULT ''
)
"""
"""What is long stands last: what stands before it is read without it."""

_MORE = (
    "CREATE INDEX jobs_ready ON jobs (priority DESC, id) WHERE state = 'queued' AND ready = 1",
    "CREATE INDEX jobs_later ON jobs (not_before) WHERE state = 'queued' AND ready = 0",
    "CREATE INDEX jobs_running ON jobs (id) WHERE state = 'running'",
    "CREATE INDEX jobs_expiring ON jobs (expires) WHERE expires IS NOT NULL",
    "CREATE UNIQUE INDEX jobs_by_key ON jobs (asked_by, key) WHERE key IS NOT NULL",
    "CREATE TABLE counts (state TEXT PRIMARY KEY, n INTEGER NOT NULL)",
    """
CREATE TRIGGER counts_more AFTER INSERT ON jobs BEGIN
  UPDATE counts SET n = n + 1 WHERE state = new.state;
END
""",
    """
CREATE TRIGGER counts_less AFTER DELETE ON jobs BEGIN
  UPDATE counts SET n = n - 1 WHERE state = old.state;
END
""",
    """
CREATE TRIGGER counts_other AFTER UPDATE OF state ON jobs WHEN new.state <> old.state BEGIN
  UPDATE counts SET n = n - 1 WHERE state = old.state;
  UPDATE counts SET n = n + 1 WHERE state = new.state;
END
""",
    """
CREATE TABLE schedules (
  name TEXT PRIMARY KEY,
  cron TEXT NOT NULL,
  timezone TEXT NOT NULL,
  task TEXT NOT NULL,
  parameters TEXT NOT NULL,
  collection TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  priority INTEGER NOT NULL,
  created REAL NOT NULL,
  last REAL
)
""",
)

SHOWN = (
    "id, task, parameters, collection, asked_by, state, created, started, finished, attempts, done,"
    " total, note, result, error, error_kind, cancelling, priority, not_before, begun, worker,"
    " expires, schedule"
)
"""What a ``Job`` says, but for the end of its log."""

_MOMENTS = ("created", "started", "finished", "not_before", "begun", "expires")


def lay_out(db: sqlite3.Connection) -> None:
    """Make the tables where they are missing; keep the jobs of a file of the former layout.

    Raises:
        FormatTooNew: a later release has written it.
    """
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found == LAYOUT:
        return
    check_format("the queue's file", found, LAYOUT)
    with rows_kept(db):
        _lay_out_anew(db)
    db.execute(f"PRAGMA user_version = {LAYOUT}")


def _lay_out_anew(db: sqlite3.Connection) -> None:
    former = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone()
    if former:
        db.execute("DROP INDEX IF EXISTS jobs_by_state")
        db.execute("ALTER TABLE jobs RENAME TO former")
    for statement in (_JOBS, *_MORE):
        db.execute(statement)
    db.executemany("INSERT INTO counts VALUES (?, 0)", [(state,) for state in STATES])
    if former:
        _take_over(db)
        db.execute("DROP TABLE former")


def _take_over(db: sqlite3.Connection) -> None:
    """Copy what the former layout holds; what runs there has no lease, and is put back at once."""
    same = (
        "id, task, collection, asked_by, key, state, cancelling, created, started, finished,"
        " attempts, done, total, note, error, parameters, result, log"
    )
    db.execute(
        f"INSERT INTO jobs ({same}, ready, most_attempts, keep_seconds, expires)"  # noqa: S608 - ours
        f" SELECT {same}, state = 'queued', ?, ?, finished + ? FROM former ORDER BY id",
        (MAX_ATTEMPTS, KEEP_SECONDS, KEEP_SECONDS),
    )


def job_of(row: sqlite3.Row) -> Job:
    """Give the job of a row that has ``SHOWN``, and maybe ``log``."""
    fields = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a row has no items()
    for name in _MOMENTS:
        fields[name] = _moment(fields[name])
    fields["parameters"] = json.loads(fields["parameters"])
    fields["result"] = None if fields["result"] is None else json.loads(fields["result"])
    fields["cancelling"] = bool(fields["cancelling"])
    return Job(**fields)


def schedule_of(row: sqlite3.Row) -> Schedule:
    """Give the schedule of a row."""
    fields = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a row has no items()
    fields["created"], fields["last"] = _moment(fields["created"]), _moment(fields["last"])
    fields["parameters"] = json.loads(fields["parameters"])
    return Schedule(**fields)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)
