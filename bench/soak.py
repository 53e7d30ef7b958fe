"""Does a server stand more than it can do for minutes, and does it end without losing anything?

Starts the real server with both doors and a Redis, measures what it can do, and sends everything
at once at 120 % of that: searches, images, streams, clients that go away, files that are none.
Redis is killed halfway and comes back. At the end SIGTERM comes under the same load. Run as::

    python bench/soak.py [--minutes 10] [--rate-factor 1.2]

Checked: every status; accepted answers, sampled, against an engine of its own; memory; threads
and processes; that all the server had taken was answered. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # its `serving`, not the one here
sys.path.insert(1, str(Path(__file__).parent))

import httpx
import numpy as np
import serving
from redisserving import running_redis
from soaking.asks import LABELS, Asks, K
from soaking.loading import Clients, Tally
from soaking.watching import Head, Memory, alive, children, head

from satseek.assemble import Assembly
from satseek.imagery.decode import decode_image
from satseek.search.searching import search
from satseek.service.serving import LINGER_SECONDS
from satseek.settings import Settings
from satseek.types import Query

if TYPE_CHECKING:
    from redisserving import RedisServer
    from soaking.asks import Sample

CLIENTS = 32
"""Of the closed loop that finds what the server can do."""

CACHE_BYTES = 1 << 20
"""Of the server: full after seconds, so that what grows later is no cache."""

MOST_DRIFT = 0.05
"""Of resident memory, between the second and third minute and the last one."""

QUIET_S = 12.0
"""Threads without work end after 10 s (anyio's worker threads), once another one is used."""

LOADED_S = 4.0
"""How long the load goes on before SIGTERM."""

END_S = 40.0
"""The server may take no longer to end: its own 30 s, and room for a busy machine."""

GONE = "vanish: gone"
"""What came of a request whose client went away on purpose."""

TOLERANCE = 1e-4
"""Of a number of a unit vector: what is computed in company differs in the last digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server under test."""

    server: serving.Server
    rpc: str
    data: Path
    redis: RedisServer | None

    @property
    def pid(self) -> int:
        """Of the server."""
        return self.server.process.pid


def soak(minutes: float, *, factor: float, folder: Path) -> dict[str, Any]:
    """Run everything once and return the figures; ``failures`` says what was not as it must be."""
    data = folder / "data"
    serving.index(data, serving.make_scenes(folder / "scenes"), "small")
    with contextlib.ExitStack() as doors:
        redis = None
        settings = {"grpc_port": "0", "cache_bytes": str(CACHE_BYTES)}
        if shutil.which("redis-server"):
            bounds = ("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
            redis = doors.enter_context(running_redis(folder / "redis", *bounds))
            settings["redis_url"] = redis.url
        server = doors.enter_context(serving.running_server(data, **settings))
        place = Place(server=server, rpc=_rpc(server), data=data, redis=redis)
        return asyncio.run(_soak(place, seconds=60 * minutes, factor=factor))


async def _soak(place: Place, *, seconds: float, factor: float) -> dict[str, Any]:
    host = place.server.url.removeprefix("http://")
    clients = Clients(
        place.server.url, place.rpc, Asks(host, thumbnails=_thumbnails(place.server.url))
    )
    short = min(15.0, seconds / 6)
    await clients.closed(clients=8, seconds=min(3.0, short))  # warm
    closed = await clients.closed(clients=CLIENTS, seconds=short)
    capacity = closed.right / short
    await asyncio.sleep(1)
    before = head(place.pid)
    tally, memory, lasted = await _loaded(place, clients, rate=factor * capacity, seconds=seconds)
    after = await _quiet(place, clients)
    drained, drain = await _end(place, clients, rate=factor * capacity)
    await clients.close()
    compared, unlike = _compared(tally.samples + drained.samples, data=place.data)
    figures = {
        "minutes": round(seconds / 60, 2),
        "capacity_per_s": round(capacity, 1),
        "offered_per_s": round(tally.sent / lasted, 1),
        "right_per_s": round(tally.right / lasted, 1),
        "sent": tally.sent,
        "right": tally.right,
        "refused": tally.refused,
        "p50_ms": _ms(tally.seconds, 0.5),
        "p99_ms": _ms(tally.seconds, 0.99),
        "outcomes": {kind: dict(found) for kind, found in sorted(tally.outcomes.items())},
        "lost": len(tally.lost),
        "compared": compared,
        "unlike": unlike,
        "redis": "killed and brought back" if place.redis else "none on this machine",
        "memory": _drift(memory, seconds),
        "before": asdict(before),
        "after": asdict(after),
        "drain": drain,
    }
    figures["failures"] = _failures(figures, tally, drained, (before, after), seconds=seconds)
    return figures


async def _loaded(
    place: Place, clients: Clients, *, rate: float, seconds: float
) -> tuple[Tally, Memory, float]:
    tally, memory = Tally(), Memory()
    following = asyncio.create_task(memory.follow(place.pid))
    breaking = asyncio.create_task(_break_redis(place, seconds))
    started = time.perf_counter()
    await clients.opened(rate=rate, name="load", until=lambda at: at >= seconds, tally=tally)
    lasted = time.perf_counter() - started
    await breaking
    following.cancel()
    return tally, memory, lasted


async def _break_redis(place: Place, seconds: float) -> None:
    if place.redis is None:
        return
    await asyncio.sleep(seconds / 2)
    await asyncio.to_thread(place.redis.kill)
    await asyncio.sleep(min(20.0, seconds / 10))
    await asyncio.to_thread(place.redis.start)


async def _quiet(place: Place, clients: Clients) -> Head:
    """Count what is left once nothing is asked; a few requests end the threads without work."""
    await asyncio.sleep(QUIET_S)
    await clients.closed(clients=1, seconds=1)
    await asyncio.sleep(1)
    return head(place.pid)


async def _end(place: Place, clients: Clients, *, rate: float) -> tuple[Tally, dict[str, Any]]:
    """Send SIGTERM under load, which goes on until nobody is there."""
    tally, process = Tally(), place.server.process
    below = children(place.pid)
    told: dict[str, float] = {}

    async def stop() -> None:
        await asyncio.sleep(LOADED_S)
        below.extend(one for one in children(place.pid) if one not in below)
        told["at"] = time.monotonic()
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, END_S)
        told["ended"] = time.monotonic()

    stopping = asyncio.create_task(stop())
    await clients.opened(rate=rate, name="end", until=lambda _: stopping.done(), tally=tally)
    await stopping
    gone = {name for name, what in tally.unanswered.items() if what == GONE}
    taken = _taken(place.server.lines(), "end-") - gone  # who left may have been answered before
    early = [name for name, since, _ in tally.lost if since < told["at"]]
    due = [name for name, _, sent in tally.lost if sent < told["at"] + LINGER_SECONDS]
    return tally, {
        "seconds": round(told["ended"] - told["at"], 2),
        "exit_code": process.returncode,
        "right": tally.right,
        "refused": tally.refused,
        "taken_by_the_log": len(taken),
        "taken_but_not_answered": len(taken - tally.answered),
        "not_answered": [tally.unanswered.get(one, "") for one in sorted(taken - tally.answered)],
        "lost_on_connections_from_before": len(early),
        "lost_though_sent_in_time": len(due),
        "lost_on_later_connections": len(tally.lost) - len(early),
        "not_taken": tally.not_taken,
        "dropped_by_grpc_untaken": len(tally.dropped),
        "processes_left": len(alive(below)),
        "outcomes": {kind: dict(found) for kind, found in sorted(tally.outcomes.items())},
    }


def _taken(log: str, prefix: str) -> set[str]:
    """Names of the requests that the server says it answered."""
    names = set()
    for line in log.splitlines():
        if prefix not in line or not line.startswith("{"):
            continue
        told = json.loads(line)
        if str(told.get("id", "")).startswith(prefix) and told.get("status") in {200, "OK"}:
            names.add(str(told["id"]))
    return names


def _compared(samples: list[Sample], *, data: Path) -> tuple[int, list[str]]:
    """Compare answers with an engine of our own; returns how many, and which differ."""
    assembly = Assembly(Settings(data_dir=data))
    unlike = []
    with assembly.matched("small").pinned() as index:
        for one in samples:
            off = _off(one, assembly, index)
            if not off <= TOLERANCE:
                unlike.append(f"{one.kind} {one.texts}: off by {off}")
    assembly.close()
    return len(samples), unlike


def _off(one: Sample, assembly: Assembly, index: Any) -> float:
    embedder = assembly.embedder
    pixels = [decode_image(one.image, name="image", max_pixels=10**8).pixels] if one.image else []
    if one.vectors is not None:
        own = embedder.embed_images(pixels) if pixels else embedder.embed_texts(one.texts)
        if own.shape != one.vectors.shape:
            return float("inf")
        return float(np.abs(own - one.vectors).max())
    if one.kind == "classify":
        cosines = embedder.label_vectors(LABELS) @ embedder.embed_images(pixels)[0]
        return max(abs(one.scores[name] - at) for name, at in zip(LABELS, cosines, strict=True))
    query = Query(
        text=one.texts[0] if one.texts else None, image=pixels[0] if pixels else None, k=K
    )
    hits = search(query, index=index, embedder=embedder).hits
    right = {hit.chip.id: hit.scores["cosine"] for hit in hits}
    if set(right) != set(one.scores):
        return float("inf")
    return max(abs(right[chip] - at) for chip, at in one.scores.items())


def _drift(memory: Memory, seconds: float) -> dict[str, Any]:
    """Compare the second and third minute (of a short run the second quarter) with the end."""
    early = (60.0, 180.0) if seconds >= 300 else (seconds / 4, seconds / 2)
    late = (seconds - min(60.0, seconds / 4), seconds)
    server_before, all_before = memory.mean_mb(*early)
    server_after, all_after = memory.mean_mb(*late)
    return {
        "server_mb": [round(server_before, 1), round(server_after, 1)],
        "server_drift": round(server_after / server_before - 1, 4),
        "with_children_mb": [round(all_before, 1), round(all_after, 1)],
        "with_children_drift": round(all_after / all_before - 1, 4),
        "most_mb": round(max(memory.all_mb), 1),
        "server_mb_each_30_s": [round(one) for one in memory.server_mb[::30]],
    }


def _failures(
    figures: dict[str, Any],
    tally: Tally,
    drained: Tally,
    heads: tuple[Head, Head],
    *,
    seconds: float,
) -> list[str]:
    """Say what was not as it must be."""
    before, after = heads
    drain, memory = figures["drain"], figures["memory"]
    drifts = max(memory["server_drift"], memory["with_children_drift"])
    met = {
        f"{tally.lost[:5]} were lost": bool(tally.lost),
        f"not taken: {tally.not_taken}": bool(tally.not_taken),
        f"cancelled: {tally.dropped}": bool(tally.dropped),
        f"{tally.wrongs} wrong answers: {tally.wrong}": bool(tally.wrongs),
        f"{drained.wrongs} wrong answers at the end: {drained.wrong}": bool(drained.wrongs),
        f"unlike the engine: {figures['unlike'][:5]}": bool(figures["unlike"]),
        "nothing was compared": not figures["compared"],
        f"memory grew by {drifts:.1%}": seconds >= 300 and drifts > MOST_DRIFT,
        f"threads: {before.threads} → {after.threads}": after.threads > before.threads,
        f"processes: {before.children} → {after.children}": after.children != before.children,
        f"exit code {drain['exit_code']}": drain["exit_code"] != 0,
        f"{drain['processes_left']} processes are left": bool(drain["processes_left"]),
        f"taken requests that were not answered: {drain['not_answered']}": bool(
            drain["taken_but_not_answered"]
        ),
        # Later ones may meet the close of a connection without a request: no HTTP/1.1 server can
        # tell them (RFC 9112, section 9.5), and they are counted above.
        f"{drain['lost_though_sent_in_time']} requests were cut off": bool(
            drain["lost_though_sent_in_time"]
        ),
        "the load was over before the end came": not drain["right"],
    }
    return [what for what, is_so in met.items() if is_so]


def _thumbnails(url: str) -> dict[str, bytes]:
    """Thumbnails of all chips, by their paths, as they are while nothing else is asked."""
    with httpx.Client(base_url=url, timeout=60) as http:
        chips = http.get("/v1/collections/small/chips").raise_for_status().json()["chips"]
        return {
            chip["thumbnail"]: http.get(chip["thumbnail"]).raise_for_status().content
            for chip in chips
        }


def _rpc(server: serving.Server) -> str:
    found = re.search(r"gRPC on (127\.0\.0\.1:\d+)", server.lines())
    if found is None:
        raise SystemExit(f"no gRPC: {server.lines()}")
    return found[1]


def _ms(seconds: list[float], quantile: float) -> float:
    if len(seconds) < 2:
        return 0.0
    return round(1000 * statistics.quantiles(seconds, n=100)[round(100 * quantile) - 1], 1)


def main() -> None:
    """Soak, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate-factor", type=float, default=1.2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = soak(asked.minutes, factor=asked.rate_factor, folder=Path(folder))
    print(json.dumps(figures))
    if figures["failures"]:
        sys.exit("\n".join(figures["failures"]))


if __name__ == "__main__":
    main()
