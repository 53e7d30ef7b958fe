"""The findings as they lie on the disk → everything that is not as it was written.

Does not repair anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satseek.errors import DamagedData, NotFound
from satseek.monitor.findings import rows as keeping_rows
from satseek.monitor.findings.pictures import Pictures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.index.storing import Database, Row
    from satseek.monitor.findings.finding import Finding


def verify(db: Database, folder: Path) -> list[str]:
    """Tell what is wrong, a line each; see `keeping.Findings.verify`."""
    pages = [row[0] for row in db.execute("PRAGMA integrity_check")]
    if pages != ["ok"]:
        return [f"findings: {line}" for line in pages]
    wrong, digests = list[str](), set[str]()
    for row in db.execute("SELECT * FROM findings ORDER BY n"):
        try:
            finding = keeping_rows.read(row)
        except DamagedData as error:
            wrong.append(str(error))
            continue
        digests |= {one.picture for one in finding.evidence if one.picture}
        wrong += [f"finding {finding.id}: {line}" for line in _wrong(db, finding, row)]
    wrong += [f"finding {name}: its history is there, itself it is not" for name in _alone(db)]
    return [*wrong, *_lost(Pictures(folder), digests)]


def _alone(db: Database) -> list[str]:
    """Give the ids of findings of which only the history is there."""
    text = (
        "SELECT DISTINCT finding FROM findings_steps "
        "WHERE finding NOT IN (SELECT id FROM findings) ORDER BY finding"
    )
    return [row["finding"] for row in db.execute(text)]


def _wrong(db: Database, finding: Finding, row: Row) -> Iterator[str]:
    """Compare a row with itself and with its history."""
    for name, value in keeping_rows.columns_of(finding).items():
        if row[name] != value:
            yield f"column {name} says {row[name]!r}, what was found says {value!r}"
    altered = keeping_rows.altered_step(db, finding.id)
    if altered is not None:
        yield f"step {altered} of its history is not what was written"
        return
    count = len(keeping_rows.steps(db, finding.id))
    if count != finding.revision:
        yield f"expected steps 1 to {finding.revision}, came {count}"


def _lost(pictures: Pictures, digests: set[str]) -> Iterator[str]:
    for digest in sorted(digests):
        try:
            pictures.read(digest)
        except (NotFound, DamagedData) as error:
            yield str(error)
