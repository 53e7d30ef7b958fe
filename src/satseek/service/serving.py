"""An application → a server that listens, says where, and finishes its requests before it stops.

Knows neither the page nor the routes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import math
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import uvicorn

from satseek.errors import InvalidSettings, SatseekError
from satseek.service.access.binding import check_doors
from satseek.service.access.tls import Pair, Renewing

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from fastapi import FastAPI

    from satseek.service.running import Readiness
    from satseek.settings import Settings

BACKLOG = 128
"""Connections waiting to be accepted."""

GRACE_SECONDS = 30
"""Requests in flight may take this long after SIGTERM (Kubernetes' own default grace)."""

LINGER_SECONDS = 2.0
"""After SIGTERM requests are still taken for so long, while anybody is connected: balancers notice
that the server is not ready, and clients learn from an answer that their connection ends. Closing
at once would lose what they are sending just then."""

SETTLED_LOOKS = 10
"""Looks in a row that find no new request, before connections without one are closed. Counted in
looks: what came in time may have to wait for a busy loop, and each look lets the loop turn."""

SETTLE_SECONDS = 0.1
"""Between two of these looks."""

ARENAS = 2
"""Heaps that glibc keeps for threads: of its own accord eight for each core, and what a request
freed in one of them serves no request in another."""

_ARENA_MAX = -8
"""``M_ARENA_MAX`` of glibc's malloc.h."""

LOOK_SECONDS = 0.02
"""How often is looked whether all is answered."""

KEEP_ALIVE_SECONDS = 75
"""Idle connections are closed after this: later than clients and balancers let go of them (nginx
after 60 s, as most do), so that nobody sends a request into a connection that is just closing."""


def run(application: FastAPI, *, settings: Settings) -> None:
    """Listen, print the address on standard error, and serve until SIGTERM or SIGINT.

    Raises:
        InvalidSettings: host and port cannot be listened on, or others would get in unrecognised;
            or certificate and key cannot be used.
        DependencyMissing: a setting needs an extra that is not installed.
    """
    check_doors(settings)
    _share_heaps()
    pair = Pair.of(settings)
    renewing = Renewing(pair) if pair else None
    listener = _listen(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    scheme = "https" if renewing else "http"
    sys.stderr.write(f"satseek: serving on {scheme}://{shown}:{port} (API: /docs)\n")
    sys.stderr.flush()
    # uvicorn raises the signal again once it has stopped; an orderly end is no failure.
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: None)
    with listener:
        if renewing:
            renewing.start()
        server = _Server(_config(application, renewing), application)
        server.run(sockets=[listener])
        if renewing:
            renewing.stop()
    if server.failure is not None:
        raise server.failure


class _Server(uvicorn.Server):
    """Tells the other doors of the application that it ends, as soon as it does."""

    def __init__(self, config: uvicorn.Config, application: FastAPI) -> None:
        super().__init__(config)
        self._readiness: Readiness = application.state.running.readiness
        self._settled_for = ""
        self.failure: SatseekError | None = None
        """Why it ended by itself; None: it did not."""
        application.state.end = self.end

    def end(self, failure: SatseekError) -> None:
        """End at once: another door of the application cannot be opened."""
        self.failure = failure
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take note of a signal; from here on the server is not ready."""
        self._readiness.stopping = True
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Look around, ten times a second; uvicorn calls it."""
        if self._readiness.model != self._settled_for:
            self._settled_for = self._readiness.model
            _settle_memory()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See clients off, finish what was taken, and close; the other doors do so meanwhile."""
        readiness, ends = self._readiness, time.monotonic() + GRACE_SECONDS
        readiness.stopping = True
        lingers = time.monotonic() + LINGER_SECONDS
        await self._while(lambda: bool(self.server_state.connections), until=lingers)
        readiness.closed = True
        await self._while(lambda: readiness.in_flight > 0, until=ends)
        for _ in range(2):  # the first turn of the loop accepts who waits for it
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        await self._settled(until=ends)
        self.config.timeout_graceful_shutdown = max(1, math.ceil(ends - time.monotonic()))
        await super().shutdown(sockets)

    async def _settled(self, *, until: float) -> None:
        """Answer, if only by a refusal, what was sent before the port was closed."""
        looks, seen = 0, self._readiness.seen
        while looks < SETTLED_LOOKS and self.server_state.connections and not self.force_exit:
            if time.monotonic() >= until:
                return
            await asyncio.sleep(SETTLE_SECONDS)
            looks = looks + 1 if seen == self._readiness.seen else 0
            seen = self._readiness.seen

    async def _while(self, holds: Callable[[], bool], *, until: float) -> None:
        while holds() and time.monotonic() < until and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)


def _settle_memory() -> None:
    """Spare what is there for good the search for garbage, which stops everything meanwhile.

    With the libraries and a model that is a tenth of a second again and again; what comes and goes
    with requests is looked through in a few milliseconds.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _share_heaps() -> None:
    """Have threads share a few heaps, where the C library is one that can be told to."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(_ARENA_MAX, ARENAS)


def _config(application: FastAPI, renewing: Renewing | None) -> uvicorn.Config:
    config = uvicorn.Config(
        application,
        log_config=None,  # one line per request is logged by the application itself
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    config.load()
    config.ssl = renewing.context if renewing else None
    return config


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise InvalidSettings(
            f"cannot listen on {host}:{port}: {error}; choose others with --host and --port"
        ) from error
