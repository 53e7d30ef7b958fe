"""Settings → a gRPC server beside HTTP, where they name a port.

The only file of this room that loads without the extra ``grpc``.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from satseek.errors import DependencyMissing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from satseek.service.running import Running
    from satseek.service.tracing import Tracing

NEEDED = ("grpc", "grpc_health", "grpc_reflection", "google.rpc")
"""Packages of the extra."""


@asynccontextmanager
async def attached(shared: Running, *, tracing: Tracing | None) -> AsyncIterator[None]:
    """Serve gRPC meanwhile, if the settings say so.

    Raises:
        DependencyMissing: the extra is not installed.
        InvalidSettings: host and port cannot be listened on.
    """
    if shared.assembly.settings.grpc_port is None:
        yield
        return
    check_installed()
    from satseek.service.inference.rpc import register  # noqa: PLC0415 (an extra)
    from satseek.service.rpc.serving import serving  # noqa: PLC0415

    async with serving(shared, tracing=tracing, registrars=(register,)):
        yield


def check_installed() -> None:
    """Go on only with the extra ``grpc``; raises DependencyMissing."""
    missing = [name for name in NEEDED if not _is_there(name)]
    if missing:
        raise DependencyMissing(
            f"grpc_port needs {', '.join(missing)}: pip install 'satseek[grpc]'; or unset grpc_port"
        )


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # the package that it lies in is not there either
        return False
