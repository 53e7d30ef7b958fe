"""A finding and its history ↔ rows of the database.

Does not know filters, nor what may become of a finding.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from satseek.errors import DamagedData, InvalidRequest
from satseek.monitor.findings.checking import bounds_of
from satseek.monitor.findings.describing import finding_of, said_text
from satseek.monitor.findings.finding import Step
from satseek.monitor.tables import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satseek.index.storing import Database, Row
    from satseek.monitor.findings.finding import Finding

PART = Part(
    name="findings",
    layouts=(
        (
            """
CREATE TABLE findings (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  collection TEXT NOT NULL,
  label TEXT NOT NULL,
  flags TEXT NOT NULL,
  urgency REAL NOT NULL,
  first_seen REAL,
  last_seen REAL,
  west REAL, south REAL, east REAL, north REAL,
  state TEXT NOT NULL,
  assignee TEXT NOT NULL,
  revision INTEGER NOT NULL,
  created TEXT NOT NULL,
  changed TEXT NOT NULL,
  proof TEXT NOT NULL,
  said TEXT NOT NULL
)
""",
            "CREATE INDEX findings_urgent ON findings (urgency DESC, n)",
            "CREATE INDEX findings_waiting ON findings (state, urgency DESC, n)",
            "CREATE INDEX findings_by_source ON findings (kind, source, n)",
            "CREATE INDEX findings_by_assignee ON findings (assignee, state)",
            """
CREATE TABLE findings_steps (
  finding TEXT NOT NULL,
  revision INTEGER NOT NULL,
  at TEXT NOT NULL,
  who TEXT NOT NULL,
  deed TEXT NOT NULL,
  before TEXT,
  after TEXT NOT NULL,
  assignee TEXT NOT NULL,
  comment TEXT NOT NULL,
  proof TEXT NOT NULL,
  PRIMARY KEY (finding, revision)
) WITHOUT ROWID
""",
        ),
    ),
)
"""Columns before ``state`` repeat, for filters, what ``said`` holds; ``n`` counts as they come. The
``proof`` of a step is a digest of it and of that of the step before: no line of a history can be
altered by itself."""

_STEP = tuple(one.name for one in fields(Step))

_BEHIND_ALL = "{"
"""Sorts behind every letter of an id."""


def write(db: Database, finding: Finding) -> None:
    """Put a finding into its row, or a new one."""
    row = columns_of(finding)
    names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
    others = ", ".join(f"{name} = excluded.{name}" for name in row if name != "id")
    db.execute(
        f"INSERT INTO findings ({names}) VALUES ({places}) "  # noqa: S608 - our own names
        f"ON CONFLICT (id) DO UPDATE SET {others}",
        row,
    )


def write_step(db: Database, step: Step) -> None:
    """Put a step behind the others of its finding."""
    row = {name: getattr(step, name) for name in _STEP} | {"at": stamp(step.at)}
    text = "SELECT proof FROM findings_steps WHERE finding = ? AND revision = ?"
    before = db.execute(text, (step.finding, step.revision - 1)).fetchone()
    row |= {"proof": _proof(row, _STEP, "" if before is None else before["proof"])}
    names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
    db.execute(f"INSERT INTO findings_steps ({names}) VALUES ({places})", row)  # noqa: S608


def find(db: Database, finding_id: str) -> Finding | None:
    """Give the finding of an id; None: there is none."""
    row = db.execute("SELECT * FROM findings WHERE id = ?", (finding_id,)).fetchone()
    return None if row is None else read(row)


def steps(db: Database, finding_id: str) -> tuple[Step, ...]:
    """Give the steps of a finding, the oldest first."""
    text = "SELECT * FROM findings_steps WHERE finding = ? ORDER BY revision"
    return tuple(_step(row) for row in db.execute(text, (finding_id,)))


def altered_step(db: Database, finding_id: str) -> int | None:
    """Give the revision of the first step that is not what was written; None: all are."""
    text = "SELECT * FROM findings_steps WHERE finding = ? ORDER BY revision"
    before = ""
    for row in db.execute(text, (finding_id,)):
        if _proof(row, _STEP, before) != row["proof"]:
            return int(row["revision"])
        before = row["proof"]
    return None


def last_deed(db: Database, finding_id: str) -> Step | None:
    """Give the last step of a finding that a person took; None: there is none."""
    text = (
        "SELECT * FROM findings_steps WHERE finding = ? AND deed NOT IN ('found', 'seen') "
        "ORDER BY revision DESC LIMIT 1"
    )
    row = db.execute(text, (finding_id,)).fetchone()
    return None if row is None else _step(row)


def beginning(db: Database, digits: str) -> tuple[str, ...]:
    """Give some of the ids that begin so, ascending."""
    text = "SELECT id FROM findings WHERE id >= ? AND id < ? ORDER BY id LIMIT 6"
    return tuple(row["id"] for row in db.execute(text, (digits, f"{digits}{_BEHIND_ALL}")))


def undecided(db: Database, kind: str, source: str) -> list[Finding]:
    """Give the findings of a source that nobody has decided upon."""
    text = (
        "SELECT * FROM findings WHERE kind = ? AND source = ? AND state IN ('new', 'assigned') "
        "ORDER BY n"
    )
    return [read(row) for row in db.execute(text, (kind, source)).fetchall()]


def oldest_undecided(db: Database) -> datetime | None:
    """Give when the first of the findings that nobody has decided upon was kept; None: none is."""
    text = (
        "SELECT created FROM findings WHERE n ="
        " (SELECT min(n) FROM findings INDEXED BY findings_waiting"
        " WHERE state IN ('new', 'assigned'))"
    )
    row = db.execute(text).fetchone()
    return None if row is None else datetime.fromisoformat(row["created"])


def read(row: Row) -> Finding:
    """Read a row.

    Raises:
        DamagedData: it is not what was written.
    """
    if proof_of(row) != row["proof"]:
        raise DamagedData(f"finding {row['id']}: its row is not what was written; restore a backup")
    try:
        said = finding_of(json.loads(row["said"]))
    except (ValueError, InvalidRequest) as error:
        raise DamagedData(f"finding {row['id']}: expected a finding: {error}") from error
    return replace(
        said,
        state=row["state"],
        assignee=row["assignee"],
        revision=row["revision"],
        created=datetime.fromisoformat(row["created"]),
        changed=datetime.fromisoformat(row["changed"]),
    )


def proof_of(row: Row | dict[str, Any]) -> str:
    """Give the digest of all that a row holds but what ``said`` says once more."""
    return _proof(row, ("id", "state", "assignee", "revision", "created", "changed", "said"))


def _proof(row: Row | dict[str, Any], names: Iterable[str], before: str = "") -> str:
    text = json.dumps([before, *(str(row[name]) for name in names)])
    return blake2b(text.encode("ascii"), digest_size=8).hexdigest()


def stamp(moment: datetime) -> str:
    """Write a moment so that later ones sort behind."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def flags_text(flags: tuple[str, ...]) -> str:
    """Write flags so that each is found by ``|flag|``."""
    return "|".join(("", *flags, "")) if flags else ""


def columns_of(finding: Finding) -> dict[str, Any]:
    """Give the values of a row by its columns, but for its place in the order."""
    assert finding.created is not None
    assert finding.changed is not None
    west, south, east, north = bounds_of(finding.footprint) or (None, None, None, None)
    row = {
        "id": finding.id,
        "kind": finding.kind,
        "source": finding.source,
        "collection": finding.collection,
        "label": finding.label,
        "flags": flags_text(finding.flags),
        "urgency": finding.urgency,
        "first_seen": _seconds(finding.first_seen),
        "last_seen": _seconds(finding.last_seen),
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        "state": finding.state,
        "assignee": finding.assignee,
        "revision": finding.revision,
        "created": stamp(finding.created),
        "changed": stamp(finding.changed),
        "said": said_text(finding),
    }
    return row | {"proof": proof_of(row)}


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _step(row: Row) -> Step:
    return Step(**{name: row[name] for name in _STEP} | {"at": datetime.fromisoformat(row["at"])})
