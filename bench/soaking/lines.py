"""Requests as bytes → whole answers, over connections that are kept for the next ones.

A bare HTTP/1.1 client: it shares the cores with the server, so it must cost next to nothing. It
tells an answer that never came from a connection that nobody took.
"""

from __future__ import annotations

import asyncio
import select
import time
from dataclasses import dataclass

PATIENCE_S = 120.0
"""No answer takes longer: the server itself gives up after half of it."""


IDLE_S = 5.0
"""An idle connection is not used again after this: as httpx, which SDKs are built on, has it."""


class LostError(Exception):
    """A request was sent, and its answer never came whole."""


class NotTakenError(Exception):
    """No connection was to be had, so nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    """By small letters."""
    body: bytes


class Line:
    """One connection, opened when it is needed and kept."""

    def __init__(self, url: str) -> None:
        self._host, port = url.removeprefix("http://").split(":")
        self._port = int(port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.since = 0.0
        """When the connection was opened (``time.monotonic``)."""
        self._used = 0.0

    async def ask(self, asked: bytes) -> Answer:
        """Send a request and read its answer whole.

        Raises:
            NotTakenError: nobody listens.
            LostError: the answer did not come, or not whole.
        """
        reader, writer = await self._opened()
        try:
            async with asyncio.timeout(PATIENCE_S):
                writer.write(asked)
                answer = await _answer(reader)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            raise LostError(f"{type(error).__name__}: {error}") from error
        self._used = time.monotonic()
        if answer.headers.get("connection") == "close":
            self.close()
        return answer

    async def vanish(self, part: bytes, *, after_s: float) -> None:
        """Send a request, or a part of it, and go away."""
        _, writer = await self._opened()
        writer.write(part)
        await asyncio.sleep(after_s)
        self.close()

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        stale = time.monotonic() - self._used > IDLE_S
        if self._streams is not None and (stale or _ended(*self._streams)):
            self.close()  # or the server ended it while nothing was asked
        if self._streams is None:
            try:
                self._streams = await asyncio.open_connection(self._host, self._port)
            except OSError as error:
                raise NotTakenError(str(error)) from error
            self.since = time.monotonic()
        return self._streams


def _ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Look whether a connection was ended, as httpx does: the loop may not have noticed yet."""
    if reader.at_eof() or writer.is_closing():
        return True
    descriptor = writer.get_extra_info("socket").fileno()
    looking = select.poll()  # select takes no more than 1,024 descriptors
    looking.register(descriptor, select.POLLIN)
    return bool(looking.poll(0))


async def _answer(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    headers = {
        name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
    }
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await _chunks(reader)
    return Answer(status=int(first[9:12]), headers=headers, body=body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = b""
    while size := int((await reader.readline()).strip() or b"0", 16):
        found += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return found
