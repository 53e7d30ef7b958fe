"""Keeps findings or takes them from the queue, and says so line by line, until it is killed.

``python keeping_process.py FOLDER keep FIRST`` keeps findings from number FIRST on, each with a
listener's row in the same change; prints the number of each once it is kept.
``python keeping_process.py FOLDER take WHO`` takes what waits and confirms it; prints ids.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from findingmaking import make_finding

from satseek.monitor.keeping import Findings
from satseek.monitor.reviewing import confirm, next_for
from satseek.monitor.tables import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.index.storing import Database
    from satseek.monitor.findings import Change

LETTERS = Part(name="letters", layouts=(("CREATE TABLE letters (finding TEXT, deed TEXT)",),))


def listen(db: Database, changes: Sequence[Change]) -> None:
    rows = [(one.finding.id, one.step.deed) for one in changes]
    db.executemany("INSERT INTO letters VALUES (?, ?)", rows)


def opened(folder: Path) -> Findings:
    return Findings(folder, parts=(LETTERS,), listeners=(listen,))


def keep(findings: Findings, first: int) -> None:
    for at in count(first):
        findings.keep([make_finding(at % 180, source=f"mines{at}")])
        print(at, flush=True)


def take(findings: Findings, who: str) -> None:
    while (one := next_for(who, findings)) is not None:
        confirm(one.id, findings, who=who)
        print(one.id, flush=True)


def main() -> None:
    folder, deed, word = sys.argv[1:]
    findings = opened(Path(folder))
    if deed == "keep":
        keep(findings, int(word))
    else:
        take(findings, word)


if __name__ == "__main__":
    main()
