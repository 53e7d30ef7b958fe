"""Run every benchmark, one process each, and keep what it printed under bench/results/.

Each script prints one JSON object; command, commit and machine are added here.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

BENCH = Path(__file__).parent
RESULTS = BENCH / "results"
TOLD = {"monitor": ("--json",)}
"""What scripts are told that print for people otherwise."""


def main() -> None:
    """Run all scripts, or those named on the command line."""
    wanted = sys.argv[1:] or sorted(
        path.stem for path in BENCH.glob("*.py") if path.stem != Path(__file__).stem
    )
    RESULTS.mkdir(exist_ok=True)
    failed = [name for name in wanted if not _run(name)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _run(name: str) -> bool:
    told = TOLD.get(name, ())
    command = [sys.executable, str(BENCH / f"{name}.py"), *told]
    print(f"{name} …", flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return False
    result = {
        "command": " ".join(["python", f"bench/{name}.py", *told]),
        "commit": _commit(),
        "date": datetime.now(tz=UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "figures": json.loads(done.stdout),
    }
    text = json.dumps(result, indent=2, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)
    return True


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    return subprocess.run(
        command, cwd=BENCH, capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
