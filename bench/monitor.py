"""How well is the land watched: pairs, land use, areas, watch, damage, on truth made up and real?

Runs each script of bench/monitoring/, or those named on the command line, and prints their figures
as one JSON object; parts whose imagery is absent are empty.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PARTS = Path(__file__).parent / "monitoring"


def main() -> None:
    """Print the figures of all parts."""
    wanted = sys.argv[1:] or sorted(path.stem for path in PARTS.glob("*.py"))
    print(json.dumps({name: _figures(name) for name in wanted}))


def _figures(name: str) -> object:
    print(f"monitoring/{name} …", file=sys.stderr, flush=True)
    command = [sys.executable, str(PARTS / f"{name}.py")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
