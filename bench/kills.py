"""What does a collection lose to kills at random moments, and to flipped bits in its files?

A child adds, replaces and removes chips, builds codes, compacts, and embeds everything again, until
it is killed; what it has left is compared with what it had acknowledged. Then a bit of one in so
many bytes of a small collection is flipped, one after the other, in its files as they are when it
is closed and as a killed writer leaves them. Prints one JSON object; what is lost or passes
unnoticed stops it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "integration" / "index"))

import flipping
import mortal_process as mortal

CHANGES = ("add", "block", "replace", "remove")
REWRITES = (*CHANGES, "reembed", "compact")
CODES = ("codes", "add", "replace", "remove")


def killed(root: Path, kills: int) -> dict[str, Any]:
    """Kill a third of them at changes, at rewrites, and at the making of codes."""
    found: dict[str, Any] = {"kills": 0, "acknowledged": 0, "at": Counter()}
    for seed, verbs in enumerate((CHANGES, REWRITES, CODES)):
        done = mortal.kill_often(root / str(seed), kills // 3 + 1, seed, verbs)
        found["kills"] += done["kills"]
        found["acknowledged"] += done["acknowledged"]
        found["at"] += done["under_way"]
    return found


def killed_at_calls(root: Path, every: int) -> dict[str, Any] | None:
    """Kill at each system call that writes, one of so many; None without ``strace``."""
    if shutil.which("strace") is None:
        return None
    return mortal.kill_at_calls(root / "calls", 1, every, (*REWRITES, "codes"))


def flipped(root: Path, each: int) -> dict[str, Any]:
    """Flip a bit in one of so many bytes, of a closed collection and of what a kill leaves."""
    with flipping.lived(root / "alive") as collection:
        flipping.copy_as_killed(collection.folder, root / "killed")
    found = {}
    for kind, pristine in (("closed", root / "alive"), ("killed", root / "killed")):
        outcomes: dict[str, Counter[str]] = {}
        for one in flipping.flips(pristine, root / "flipped", each=each):
            outcomes.setdefault(one.file, Counter())[one.outcome] += 1
        found[kind] = outcomes
    return found


def main() -> None:
    """Do both, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=510)
    parser.add_argument("--calls", type=int, default=2, help="kill at one of so many calls")
    parser.add_argument("--each", type=int, default=16, help="flip one of so many bytes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        kills = killed(Path(folder), asked.kills)
        calls = killed_at_calls(Path(folder), asked.calls)
        flips = flipped(Path(folder), asked.each)
        seconds = round(time.monotonic() - began)
    figures = {
        "killed": kills,
        "killed_at_calls": {"one_of": asked.calls, "kills": calls},
        "flipped": {"one_byte_of": asked.each, "outcomes": flips},
        "seconds": seconds,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
