"""A server that starts → its address, once it is ready; and times that were taken → quantiles.

Does not know how it was started, nor what is asked of it.
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

START_SECONDS = 120
"""A server that takes longer to say where it is has failed."""


def address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until a server says where it is, in what it writes on standard error."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        found = re.search(r"serving on (http://\S+)", log.read_text(encoding="utf-8"))
        if found:
            return found[1]
        time.sleep(0.1)
    sys.exit(f"the server did not start: {log.read_text(encoding='utf-8')}")


def wait_until_ready(client: httpx.Client) -> None:
    """Wait until its model is loaded."""
    while client.get("/readyz").status_code != httpx.codes.OK:
        time.sleep(0.1)


def quantiles_ms(seconds: list[float]) -> dict[str, float]:
    """Give the median and the 95th percentile, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {name: round(1000 * cuts[at - 1], 2) for name, at in (("p50", 50), ("p95", 95))}
