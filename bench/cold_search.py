"""How long does `satseek search` take from a cold shell on the demonstration's collection?"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "demo"
RUNS = 7


def main() -> None:
    """Print median and slowest of several runs, in seconds."""
    command = [sys.executable, "-m", "satseek", "--data-dir", str(DEMO / "data"), "search"]
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([*command, "storage tanks"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    figures = {"median_s": statistics.median(seconds), "slowest_s": max(seconds), "runs": RUNS}
    print(json.dumps(figures | {"limit_s": 2.5}))


if __name__ == "__main__":
    main()
