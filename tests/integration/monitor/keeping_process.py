"""Forks children that keep findings until they are killed, or that share a queue until it is empty.

``python keeping_process.py FOLDER kill TURNS`` has two children at a time keep one finding after
the other, each with a listener's row in the same change, and kills both; prints the number of each
finding that a child was told is kept.
``python keeping_process.py FOLDER share PEOPLE`` has so many children take what waits and confirm
it; prints who took what.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from findingmaking import make_finding

from satseek.monitor.findings.keeping import Findings
from satseek.monitor.findings.reviewing import confirm, next_for
from satseek.monitor.tables import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from satseek.index.storing import Database
    from satseek.monitor.findings.finding import Change

LETTERS = Part(name="letters", layouts=(("CREATE TABLE letters (finding TEXT, deed TEXT)",),))
WRITERS = 2


def listen(db: Database, changes: Sequence[Change]) -> None:
    rows = [(one.finding.id, one.step.deed) for one in changes]
    db.executemany("INSERT INTO letters VALUES (?, ?)", rows)


def keep(folder: Path, first: int, out: int) -> None:
    findings = Findings(folder, parts=(LETTERS,), listeners=(listen,))
    for at in count(first):
        findings.keep([make_finding(at % 180, source=f"mines{at}")])
        os.write(out, f"{at}\n".encode())


def take(folder: Path, who: str, out: int) -> None:
    findings = Findings(folder)
    while (one := next_for(who, findings)) is not None:
        confirm(one.id, findings, who=who)
        os.write(out, f"{who} {one.id}\n".encode())


def forked(act: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            act()
            ended = 0
        finally:
            os._exit(ended)
    return child


def kill(folder: Path, turns: int) -> None:
    chance = random.Random(7)
    for turn in range(turns):
        there, out = os.pipe()
        firsts = [1000 * (WRITERS * turn + one) for one in range(WRITERS)]
        children = [forked(partial(keep, folder, first, out)) for first in firsts]
        told = os.read(there, 1 << 16)  # one of them, at least, was told of one
        time.sleep(chance.uniform(0.0, 0.1))
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        os.close(out)
        with os.fdopen(there, "rb") as pipe:
            sys.stdout.write((told + pipe.read()).decode())


def share(folder: Path, people: int) -> None:
    there, out = os.pipe()
    children = [forked(partial(take, folder, f"person{one}", out)) for one in range(people)]
    os.close(out)
    with os.fdopen(there, "rb") as pipe:
        sys.stdout.write(pipe.read().decode())
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def main() -> None:
    folder, deed, number = sys.argv[1:]
    (kill if deed == "kill" else share)(Path(folder), int(number))


if __name__ == "__main__":
    main()
