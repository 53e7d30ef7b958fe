"""Readiness → the standard health service (grpc.health.v1), for load balancers and probes.

Does not know what readiness is made of. Watches end when the server stops: it would wait for them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2

from satseek.service.rpc.satseek import register_methods

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"]

Response = health_pb2.HealthCheckResponse


class Health:
    """Whether each service answers; belongs to the event loop's thread."""

    def __init__(self) -> None:
        """Begin without any service, none of them serving."""
        self._names: frozenset[str] = frozenset({""})
        self._serving = False
        self._ended = False
        self._turned = asyncio.Event()

    def register(self, server: grpc.aio.Server, names: Sequence[str]) -> list[str]:
        """Put the service on a server, to tell of these services and of the server as a whole."""
        self._names |= frozenset(names)
        return register_methods(server, SERVICE, self, messages=health_pb2)

    def turn(self, serving: bool) -> None:  # noqa: FBT001 (the state itself)
        """Tell that the services answer from now on, or do not."""
        if serving != self._serving:
            self._serving = serving
            self._wake()

    def end(self) -> None:
        """Tell that they do not answer, and end every watch."""
        self._serving, self._ended = False, True
        self._wake()

    async def check(
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> health_pb2.HealthCheckResponse:
        """Tell whether a service answers now."""
        if request.service not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
        return self._response(request.service)

    async def watch(
        self, request: health_pb2.HealthCheckRequest, _context: Any
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Tell whether a service answers now, and every time that this changes."""
        last = None
        while True:
            turned = self._turned
            now = self._response(request.service)
            if now != last:
                yield now
                last = now
            if self._ended:
                return
            await turned.wait()

    def _response(self, name: str) -> health_pb2.HealthCheckResponse:
        if name not in self._names:
            return Response(status=Response.SERVICE_UNKNOWN)
        return Response(status=Response.SERVING if self._serving else Response.NOT_SERVING)

    def _wake(self) -> None:
        turned, self._turned = self._turned, asyncio.Event()
        turned.set()
