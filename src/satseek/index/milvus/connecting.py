"""An address → a client of a Milvus, whose failures become satseek's.

The only file that knows pymilvus. Does not know what is kept there.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from satseek.errors import (
    CollectionNotFound,
    DeadlineExceeded,
    DependencyMissing,
    DiskFull,
    PermissionDenied,
    ServerUnreachable,
)
from satseek.index.milvus.pointing import LITE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from satseek.index.milvus.pointing import Address

_CONNECT_S = 10.0
"""Seconds to wait for a server that is asked for the first time."""

_CALL_S = 120.0
"""Seconds to wait for one call; pymilvus tries again meanwhile where the network breaks."""

_LITE_PINGS = {"grpc.keepalive_time_ms": 600_000, "grpc.keepalive_permit_without_calls": False}
"""Milvus Lite ends connections that ping every 10 s, as pymilvus does: "Too many pings"."""

_NOT_FOUND = 100
"""Milvus' code for a collection that is not there (pkg/util/merr/errors.go: 100)."""

_QUOTA = frozenset({9, 10})
"""Likewise for memory and disk that are used up (ErrServiceQuotaExceeded 9, …DiskLimit 10)."""

_DENIED = re.compile(
    "unauthenticated|permission ?denied|auth check failure|privilege", re.IGNORECASE
)
_LATE = re.compile("deadline_exceeded|deadline exceeded|timeout|timed out", re.IGNORECASE)


class Connection:
    """A connection to one Milvus; safe to share between threads."""

    def __init__(self, address: Address) -> None:
        """Connect.

        Raises:
            DependencyMissing: pymilvus, or Milvus Lite for a file, is not installed.
            ServerUnreachable: nobody answers.
            PermissionDenied: the token is refused.
        """
        self.uri = address.uri
        self.milvus = _pymilvus(address.uri)
        with self._failures():
            self._client = self.milvus.MilvusClient(
                uri=address.uri,
                token=address.token,
                timeout=_CONNECT_S,
                grpc_options=_LITE_PINGS if address.uri.endswith(LITE) else {},
            )
            self.version = str(self._client.get_server_version(timeout=_CONNECT_S))

    @property
    def is_lite(self) -> bool:
        """True for Milvus Lite: one process, exact search, no float16."""
        return "lite" in self.version.lower()

    def call(self, verb: str, /, **arguments: Any) -> Any:
        """Call a verb of ``pymilvus.MilvusClient``.

        Raises:
            CollectionNotFound: the collection that is asked is not there.
            ServerUnreachable: nobody answers, or the server fails.
            DeadlineExceeded, DiskFull, PermissionDenied: as it says.
        """
        with self._failures():
            return getattr(self._client, verb)(**({"timeout": _CALL_S} | arguments))

    def close(self) -> None:
        """Let go of the connection; again does nothing."""
        with contextlib.suppress(self.milvus.MilvusException):
            self._client.close()

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        import grpc  # noqa: PLC0415 (pymilvus brings it)

        try:
            yield
        except (self.milvus.MilvusException, grpc.RpcError) as error:
            raise _ours(error, self.uri) from error


def _ours(error: Exception, uri: str) -> Exception:
    """Give the error of ours that says the same on one line."""
    reason = " ".join(str(getattr(error, "message", None) or error).split())[:300]
    code = getattr(error, "code", None)
    if code == _NOT_FOUND:
        return CollectionNotFound(f"Milvus at {uri}: {reason}")
    if code in _QUOTA:
        return DiskFull(f"Milvus at {uri} has no room left: {reason}")
    if _DENIED.search(reason):
        todo = "set SATSEEK_MILVUS_TOKEN to user:password or a key that may do this"
        return PermissionDenied(f"Milvus at {uri} refuses: {reason}; {todo}")
    if _LATE.search(reason) and "connect" not in reason.lower():
        return DeadlineExceeded(f"Milvus at {uri} did not answer in time: {reason}")
    return ServerUnreachable(f"Milvus at {uri}: {reason}")


def _pymilvus(uri: str) -> ModuleType:
    """Import pymilvus, and see that Milvus Lite is there where it is needed."""
    try:
        import pymilvus  # noqa: PLC0415

        if uri.endswith(LITE):
            import milvus_lite  # noqa: F401, PLC0415
    except ImportError as error:
        extra = " milvus-lite" if uri.endswith(LITE) else ""
        todo = f"pip install 'satseek[milvus]'{extra}"
        raise DependencyMissing(
            f"{uri}: needs pymilvus{extra and ' and' + extra}: {todo}"
        ) from error
    module: ModuleType = pymilvus
    return module
