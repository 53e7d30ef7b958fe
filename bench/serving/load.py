"""Requests as bytes → answers and their times, over as many connections as there are clients.

A bare HTTP/1.1 client: it shares the cores with the server, so it must cost next to nothing.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Seen:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    """Of the answers that were 200."""
    statuses: Counter[int] = field(default_factory=Counter)
    """All of them."""
    lasted: float = 0.0
    """From the first request to the last answer."""

    def figures(self) -> dict[str, float | int | dict[str, int]]:
        """Rates and quantiles, in requests a second and milliseconds."""
        times = sorted(self.seconds)
        if not times:
            return {"statuses": {str(k): v for k, v in self.statuses.items()}}
        p50 = statistics.median(times)
        p99 = times[min(len(times) - 1, int(0.99 * len(times)))]
        return {
            "answers": len(times),
            "per_s": round(len(times) / self.lasted, 2),
            "p50_ms": round(p50 * 1000, 2),
            "p99_ms": round(p99 * 1000, 2),
            "p99_over_p50": round(p99 / p50, 2),
            "statuses": {str(k): v for k, v in sorted(self.statuses.items())},
        }


def request(
    host: str, path: str, body: bytes, *, media: str = "application/json", headers: str = ""
) -> bytes:
    """Write a POST; each of further headers ends with a line break."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {media}\r\n"
        f"content-length: {len(body)}\r\n{headers}\r\n"
    )
    return head.encode() + body


async def closed(url: str, make: Callable[[], bytes], *, clients: int, seconds: float) -> Seen:
    """So many clients, each asking again as soon as it is answered."""
    seen = Seen()
    started = time.perf_counter()
    ends = started + seconds

    async def client() -> None:
        line = _Line(url)
        while time.perf_counter() < ends:
            await _timed(line, make(), seen)
        await line.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    seen.lasted = time.perf_counter() - started
    return seen


async def opened(
    url: str, make: Callable[[], bytes], *, rate: float, seconds: float, constant: bool = False
) -> Seen:
    """Requests that arrive by themselves, so many a second on average, whatever became of others.

    They come at a constant rate, or like people who know nothing of each other (Poisson).

    Times count from when a request was due: a server that stalls is not spared (Tene,
    “How NOT to measure latency”, 2013).
    """
    seen = Seen()
    rng = random.Random(7)
    free: list[_Line] = []
    started = time.perf_counter()
    due, going = started, []

    async def one(at: float) -> None:
        line = free.pop() if free else _Line(url)
        await _timed(line, make(), seen, since=at)
        free.append(line)

    while due < started + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        going.append(asyncio.create_task(one(due)))
        due += 1 / rate if constant else rng.expovariate(rate)
    await asyncio.gather(*going)
    seen.lasted = time.perf_counter() - started
    for line in free:
        await line.close()
    return seen


async def _timed(line: _Line, asked: bytes, seen: Seen, *, since: float | None = None) -> None:
    started = time.perf_counter() if since is None else since
    status = await line.ask(asked)
    seen.statuses[status] += 1
    if status == 200:
        seen.seconds.append(time.perf_counter() - started)


class _Line:
    """One connection, opened when it is needed and kept."""

    def __init__(self, url: str) -> None:
        self._host, port = url.removeprefix("http://").split(":")
        self._port = int(port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, asked: bytes) -> int:
        """Send a request and read its answer whole; 0 where the connection broke."""
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._streams
            writer.write(asked)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            await _body(reader, head.lower())
            if b"connection: close" in head.lower():
                await self.close()
            return int(head[9:12])
        except (OSError, asyncio.IncompleteReadError):
            await self.close()
            return 0

    async def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _body(reader: asyncio.StreamReader, head: bytes) -> None:
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))
            return
    while size := int((await reader.readline()).strip() or b"0", 16):  # chunked
        await reader.readexactly(size + 2)
    await reader.readline()
