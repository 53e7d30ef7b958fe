"""Does an alert get lost, or doubled, where whoever tells is killed and whoever is told fails?

Fifty times forty findings are kept and told by a process that is killed at random moments, every
130 ms or so at first, to a receiver that fails three times in ten: refuses, hangs up before or
after it has taken a letter, answers too late. Counted is what arrived. Then, without kills and
failures, how many letters a second go to a receiver on the same machine, and how long keeping a
thousand findings takes with and without anybody to be told. Prints one JSON object; an alert that
is lost or comes under a second key stops it.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from findingmaking import make_finding
from mortalposting import kill_often
from posting import Desk, webhook_desk
from receiving import receiving

SEEDS = 50
COUNT = 40
MANY = 1000
DEGREES = 179
"""Findings of the same place but for their labels: the row of mines ends there."""


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        print(json.dumps({"killed": killed(root), **timed(root)}))


def killed(root: Path) -> dict[str, Any]:
    """Kill and count."""
    kills, requests, doubled, cut_off = list[int](), 0, 0, 0
    states: Counter[str] = Counter()
    for seed in range(SEEDS):
        told = kill_often(root / str(seed), seed=seed, count=COUNT)
        keys = [got.key for got in told.receiver.got]
        written, taken = {one.id for one in told.alerts}, set(told.receiver.taken)
        if not len(told.letters) == len(written) == len(told.findings) == COUNT:
            raise SystemExit(
                f"seed {seed}: {len(told.findings)} findings, {len(written)} alerts, "
                f"{len(told.letters)} letters of {COUNT}"
            )
        if written != taken:
            raise SystemExit(f"seed {seed}: lost {written - taken}, made up {taken - written}")
        kills.append(told.kills)
        requests += len(keys)
        cut_off += told.receiver.cut_off
        doubled += sum(count > 1 for count in Counter(keys).values())
        states.update(one.state for one in told.alerts)
    return {
        "runs": SEEDS,
        "alerts": SEEDS * COUNT,
        "kills": sum(kills),
        "kills_a_run": [min(kills), statistics.median(kills), max(kills)],
        "requests": requests,
        "requests_cut_off_by_a_kill": cut_off,
        "alerts_that_came_more_than_once_under_their_key": doubled,
        "states": states,
        "lost": 0,
        "under_two_keys": 0,
    }


def timed(root: Path) -> dict[str, Any]:
    """Time what nobody disturbs."""
    found = [make_finding(at % DEGREES, label=f"mine {at}") for at in range(MANY)]
    with receiving() as receiver, closing(webhook_desk(root / "told", receiver.port)) as desk:
        keeping = _seconds(lambda: desk.keep(*found))
        delivering = _seconds(desk.deliver)
        arrived = len(receiver.taken)
    with closing(Desk(root / "untold", {})) as desk:
        untold = _seconds(lambda: desk.keep(*found))
    return {
        "findings": MANY,
        "letters_that_arrived": arrived,
        "letters_a_second": round(arrived / delivering, 1),
        "keeping_seconds": round(keeping, 3),
        "keeping_seconds_nobody_told": round(untold, 3),
    }


def _seconds(deed: Any) -> float:
    begun = time.perf_counter()
    deed()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
