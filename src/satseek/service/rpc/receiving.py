"""The messages of a call → requests, until the client ends or idles, or the server stops.

Does not know what they ask for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import grpc
from google.protobuf.message import DecodeError

from satseek.errors import Abandoned, DeadlineExceeded, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.service.rpc.draining import Drain


class Incoming:
    """Reads a call's messages, one after the other."""

    def __init__(
        self,
        context: grpc.aio.ServicerContext[Any, Any],
        read: Callable[[bytes], Any],
        *,
        drain: Drain,
        idle_seconds: float,
    ) -> None:
        self._context = context
        self._read = read
        self._drain = drain
        self._idle_seconds = idle_seconds
        self._stopping: asyncio.Task[None] | None = None
        self.cut = False
        """True where reading ended because the server stops."""
        self.idle = False
        """True where it ended because no message came for too long."""

    async def only(self) -> Any:
        """Read the one message of a call.

        Raises:
            InvalidRequest: there is none, or it is no such message.
        """
        content = await self._context.read()
        if content is grpc.aio.EOF:
            raise InvalidRequest("expected one message, came none")
        return self._message(content)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        """Read the next message of a stream.

        Raises:
            Abandoned: the client's own deadline is over; gRPC then says that nothing more comes.
            DeadlineExceeded: none came for too long; an idle stream keeps others out.
            InvalidRequest: it is no such message.
        """
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._drain.beginning())
        reading = asyncio.ensure_future(self._context.read())
        try:
            await asyncio.wait(
                {reading, self._stopping},
                timeout=self._idle_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if reading.done():
                content = reading.result()
                if content is grpc.aio.EOF:
                    if self._context.time_remaining() == 0:  # None: there is no deadline
                        raise Abandoned("the client's own deadline is over")
                    raise StopAsyncIteration
                return self._message(content)
        finally:
            reading.cancel()
        if self._drain.begun:
            self.cut = True
            raise StopAsyncIteration
        self.idle = True
        raise DeadlineExceeded(
            f"no message came for {self._idle_seconds:g} s; open a stream when there is one"
        )

    def close(self) -> None:
        """Look no longer whether the server stops."""
        if self._stopping is not None:
            self._stopping.cancel()

    def _message(self, content: bytes) -> Any:
        try:
            return self._read(content)
        except DecodeError as error:
            raise InvalidRequest("expected a message of this method, came none") from error
