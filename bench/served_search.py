"""How long does a text search take from request to answer, on the demonstration's collection?

Every text is new to the server, so that each search runs the text tower. An argument names another
data folder than the demonstration's.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from serving.starting import address, quantiles_ms, wait_until_ready

ROOT = Path(__file__).parents[1]
DATA = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "demo" / "data"
RUNS = 200
WARM_UP = 10
K = 10
LIMIT_MS = 60.0

PLACES = ("harbour", "airport", "quarry", "forest", "solar farm", "river", "housing", "stadium")
SIDES = ("north", "south", "east", "west", "middle")


def main() -> None:
    """Print quantiles in milliseconds, seen by the client and taken by the search itself."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "serve.log"
        server = _start(log)
        try:
            with httpx.Client(base_url=address(server, log), timeout=60) as client:
                wait_until_ready(client)
                print(json.dumps(_measure(client)))
        finally:
            server.terminate()
            server.wait(timeout=60)


def _start(log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "satseek", "--data-dir", str(DATA), "serve", "--port", "0"]
    with log.open("wb") as errors:
        return subprocess.Popen(command, stderr=errors)


def _measure(client: httpx.Client) -> dict[str, object]:
    texts = _texts()
    for text in itertools.islice(texts, WARM_UP):
        _search(client, text)
    cpu = time.process_time()
    taken = [_search(client, text) for text in itertools.islice(texts, RUNS)]
    seen, own = ([pair[at] for pair in taken] for at in (0, 1))
    stats = client.get("/v1/collections").json()["collections"]
    return {
        "chips": sum(one["chips"] for one in stats),
        "runs": RUNS,
        "k": K,
        "served_ms": quantiles_ms(seen),
        "search_ms": quantiles_ms(own),
        "client_cpu_ms": 1000 * (time.process_time() - cpu) / RUNS,
        "load_average": os.getloadavg()[0],
        "limit_p50_ms": LIMIT_MS,
    }


def _search(client: httpx.Client, text: str) -> tuple[float, float]:
    started = time.perf_counter()
    answer = client.get("/v1/search", params={"text": text, "k": K})
    seen = time.perf_counter() - started
    return seen, answer.raise_for_status().json()["seconds"]


def _texts() -> itertools.chain[str]:
    """Texts without end, no two alike."""
    rounds = (
        f"a {place} in the {side} of county {number}"
        for number in itertools.count(1)
        for place in PLACES
        for side in SIDES
    )
    return itertools.chain(rounds)


if __name__ == "__main__":
    main()
