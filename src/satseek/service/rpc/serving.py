"""What all calls share → one gRPC server beside HTTP, that ends without losing what it has taken.

Knows which services there are, nothing of what they do.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from satseek.errors import InvalidSettings
from satseek.service.access.forwarding import Proxies
from satseek.service.access.tls import Pair
from satseek.service.inference.generated import open_inference_pb2
from satseek.service.rpc.credentials import Renewed
from satseek.service.rpc.draining import Drain
from satseek.service.rpc.generated import satseek_pb2
from satseek.service.rpc.health import Health
from satseek.service.rpc.intercepting import OPEN_CALLS, Guarded
from satseek.service.rpc.satseek import register
from satseek.service.serving import GRACE_SECONDS, LINGER_SECONDS
from satseek.settings import read_proxies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from satseek.service.running import Running
    from satseek.service.tracing import Tracing
    from satseek.settings import Settings

    Registrar: TypeAlias = Callable[[grpc.aio.Server, Running], list[str]]
    """Puts services on a server and returns their names."""

FILES = (
    satseek_pb2.DESCRIPTOR,
    open_inference_pb2.DESCRIPTOR,
    health_pb2.DESCRIPTOR,
    reflection_pb2.DESCRIPTOR,
)
"""What reflection describes. Messages have pools of their own, so that clients can have theirs."""

LAST_SECONDS = 0.1
"""Between the end of the last call and the server's: its status is on its way."""

STATUS_SECONDS = 2.0
"""Statuses of calls that have ended go out within this time, also on a busy machine."""

LOOK_SECONDS = 0.2
"""How often readiness is looked at: a load balancer's own probes are rarer."""

SPARE_CALLS = 64
"""Calls beside those with a permit and the open ones: being recognised, or refused, just now."""

MAX_METADATA_BYTES = 32 * 1024
"""A token with many groups has some 8,000 letters, and may come beside others."""

PING_SECONDS = 60
"""A client that is silent in the middle of a call is asked this often whether it is there."""

PING_ANSWER_SECONDS = 20
"""It is gone if it does not say so within this time."""

MIN_PING_SECONDS = 10
"""Clients may ask the same this often, less than which a server takes for an attack."""

IDLE_SECONDS = 300
"""A connection without any call is closed after this; clients open another one by themselves."""


@asynccontextmanager
async def serving(
    shared: Running, *, tracing: Tracing | None = None, registrars: Sequence[Registrar] = ()
) -> AsyncIterator[None]:
    """Serve gRPC meanwhile, and say where on standard error.

    Raises:
        InvalidSettings: host and port cannot be listened on; certificate and key cannot be used.
    """
    settings = shared.assembly.settings
    drain, health = Drain(), Health()
    server = grpc.aio.server(
        interceptors=[
            Guarded(shared, drain=drain, proxies=Proxies.of(read_proxies()), tracing=tracing)
        ],
        options=_options(settings),
        maximum_concurrent_rpcs=_calls(settings),
    )
    names = [name for one in (register, *registrars) for name in one(server, shared)]
    names += [*health.register(server, names), reflection.SERVICE_NAME]
    reflection.enable_server_reflection(names, server, pool=_pool())
    port = _bind(server, settings)
    await server.start()
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    sys.stderr.write(f"satseek: gRPC on {shown}:{port}\n")
    sys.stderr.flush()
    ending = asyncio.create_task(_end_with(shared, server, drain, health))
    try:
        yield
    finally:
        shared.readiness.stopping = True
        await ending


async def _end_with(shared: Running, server: grpc.aio.Server, drain: Drain, health: Health) -> None:
    """Tell how it is, until the server stops; then take nothing more, and answer what was taken."""
    readiness = shared.readiness
    while not readiness.stopping:
        health.turn(readiness.ready)
        await asyncio.sleep(LOOK_SECONDS)
    health.end()
    await drain.idle(LINGER_SECONDS)  # calls and streams that soon end are answered as before
    drain.begin()
    # gRPC drops untold what waits to be taken when it stops: nothing does while none is in flight.
    await drain.idle(GRACE_SECONDS - LINGER_SECONDS)
    await asyncio.sleep(LAST_SECONDS)
    await server.stop(STATUS_SECONDS)  # what reaches it meanwhile is cancelled by gRPC itself


def _options(settings: Settings) -> list[tuple[str, Any]]:
    """Return channel arguments (https://grpc.github.io/grpc/core/group__grpc__arg__keys.html)."""
    return [
        ("grpc.max_receive_message_length", settings.max_upload_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", _calls(settings)),  # fewer would wait, not be refused
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.so_reuseport", 0),  # a second server on the port is a mistake, not a replica
        ("grpc.keepalive_time_ms", PING_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", PING_ANSWER_SECONDS * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", MIN_PING_SECONDS * 1000),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", MIN_PING_SECONDS * 1000),
        ("grpc.max_connection_idle_ms", IDLE_SECONDS * 1000),
    ]


def _calls(settings: Settings) -> int:
    """Return how many calls there may be at once, those included that are about to be refused."""
    return settings.max_concurrent_requests + OPEN_CALLS + SPARE_CALLS


def _bind(server: grpc.aio.Server, settings: Settings) -> int:
    host, pair = settings.host, Pair.of(settings)
    address = f"[{host}]:{settings.grpc_port}" if ":" in host else f"{host}:{settings.grpc_port}"
    try:
        if pair is None:
            return int(server.add_insecure_port(address))
        return int(server.add_secure_port(address, Renewed(pair).credentials))
    except RuntimeError as error:
        raise InvalidSettings(
            f"cannot listen on {address} for gRPC; choose another port with --grpc-port"
        ) from error


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for one in FILES:
        pool.AddSerializedFile(one.serialized_pb)
    return pool
