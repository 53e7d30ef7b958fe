"""Does a simulation of workers, deaths and the merge foresee what real runs take?

And what then of ten million, a billion and ten billion chips?

One undisturbed run with one local worker is timed, partition by partition. From its times the
simulation foretells other runs, which are then made: with two workers, and with workers killed.
Then the same simulation works out the plan on paper of docs/concepts/scale.md. Run as::

    python bench/scale.py [--scenes 24] [--chips 256] [--paper]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from scaling import paper
from scaling.scenes import make_scenes
from scaling.seeing import Seen, run
from scaling.simulation import Run, simulate

CASES = ((1, ()), (2, ()), (1, (0.3, 0.6)), (2, (0.25, 0.5, 0.75)))
"""Workers, and when some are killed, as shares of the time that the run would take undisturbed."""


def main() -> None:
    """Print what was foreseen and what was seen, and the plan."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--scenes", type=int, default=24)
    asked.add_argument("--chips", type=int, default=256, help="of a scene: a partition")
    asked.add_argument("--paper", action="store_true", help="make no real runs")
    options = asked.parse_args()
    told: dict[str, Any] = {} if options.paper else _compared(options.scenes, options.chips)
    print(json.dumps(told | {"paper": paper.plan(), "paper_rests_on": paper.assumed()}))


def _compared(scenes: int, chips: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_scenes(home / "scenes", scenes=scenes, chips=chips)
        first = run(home / "first", home / "scenes", workers=1, cells=chips)
        typical = _typical(first)
        cases = [
            _case(home / str(number), home / "scenes", typical, case, chips)
            for number, case in enumerate(CASES)
        ]
    digests = {first.digest, *(case.pop("digest") for case in cases)}
    return {
        "chips": scenes * chips,
        "partitions": scenes,
        "timed_on": {
            "workers": 1,
            "partition_s": round(statistics.median(typical.partitions), 3),
            "start_s": round(typical.start_s, 3),
            "plan_s": round(typical.plan_s, 3),
            "merge_s": round(typical.merge_s, 3),
            "wall_s": round(first.wall_s, 2),
        },
        "foreseen_and_seen": cases,
        "worst_ratio": max(
            max(case["ratio"], 1 / case["ratio"]) for case in cases if case["ratio"]
        ),
        "equal_to_the_bit": len(digests) == 1,
    }


def _typical(seen: Seen) -> Run:
    """Take a run apart into what its parts take."""
    gaps = [now - before for before, now in zip(seen.ends_s, seen.ends_s[1:], strict=False)]
    usual = statistics.median(gaps)
    return Run(
        partitions=[usual, *gaps],  # that of the first holds opening the model
        workers=1,
        start_s=max(0.0, seen.ends_s[0] - usual),
        plan_s=seen.plan_s,
        merge_s=seen.merge_s,
    )


def _case(
    home: Path, scenes: Path, typical: Run, case: tuple[int, tuple[float, ...]], chips: int
) -> dict[str, Any]:
    workers, shares = case
    calm = _like(typical, workers, ())
    whole = simulate(calm).embedding_s
    kills = tuple(share * whole for share in shares)
    foreseen = simulate(_like(typical, workers, kills))
    seen = run(home, scenes, workers=workers, cells=chips, kills=kills)
    return {
        "workers": workers,
        "killed": seen.kills,
        "foreseen_s": round(foreseen.wall_s, 2),
        "seen_s": round(seen.wall_s, 2),
        "ratio": round(seen.wall_s / foreseen.wall_s, 3),
        "foreseen_lost_s": round(foreseen.lost_s, 2),
        "digest": seen.digest,
    }


def _like(typical: Run, workers: int, kills: tuple[float, ...]) -> Run:
    return Run(
        partitions=typical.partitions,
        workers=workers,
        start_s=typical.start_s,
        plan_s=typical.plan_s,
        merge_s=typical.merge_s,
        kills=kills,
    )


if __name__ == "__main__":
    main()
