"""Calls that come and go → whether the server stops, and when the last of them has ended.

Knows no method. Belongs to the event loop's thread.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

Context: TypeAlias = Any
"""``grpc.aio.ServicerContext``; gRPC ships no types."""


class Drain:
    """Counts calls in flight, and tells those that go on for long that the server stops."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._calls = 0

    @property
    def begun(self) -> bool:
        """True once nothing more is taken."""
        return self._begun.is_set()

    def begin(self) -> None:
        """Have calls end once what they have taken is answered, and others refused."""
        self._begun.set()

    async def beginning(self) -> None:
        """Wait until the server stops."""
        await self._begun.wait()

    def count(self, context: Context) -> None:
        """Count a call until its status has gone out: its method ends sooner."""
        self._calls += 1
        self._idle.clear()
        context.add_done_callback(self._ended)

    def _ended(self, _context: Context) -> None:
        self._calls -= 1
        if not self._calls:
            self._idle.set()

    async def idle(self, seconds: float) -> None:
        """Wait until no call is in flight, no longer than so many seconds."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return
