"""Partitions → actors on a Ray cluster, each of which keeps the model from one to the next.

The only file that knows Ray. Pixels and vectors stay in shared storage: JSON goes to and fro.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections import Counter, deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from satseek.errors import (
    Abandoned,
    Conflict,
    DependencyMissing,
    InvalidRequest,
    ServerUnreachable,
)
from satseek.jobs.executors.actors import Crew
from satseek.jobs.executors.telling import (
    PATIENCE_SECONDS,
    TRIES,
    ask,
    gave_up,
    one_line,
    read_answer,
)
from satseek.logs import log_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.jobs.protocol import PartitionProgress
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

LOCAL = "local"
"""Instead of an address: a cluster of our own on this machine."""

AUTO = "auto"
"""Likewise: the cluster that this machine is a node of."""

CONNECT_SECONDS = 5.0
"""Longest wait for a cluster's head to take a connection."""

STORE_BYTES = 80 * 1024**2
"""Object store of a cluster of our own, which holds nothing; Ray takes no less than 75 MiB."""


class RayExecutor:
    """Does partitions on a Ray cluster."""

    def __init__(
        self,
        address: str | None = None,
        *,
        workers: int | None = None,
        settings: Settings,
        patience_s: float = PATIENCE_SECONDS,
    ) -> None:
        """Connect to nothing yet.

        Args:
            address: None or ``auto`` (the cluster that this machine is of, or ``RAY_ADDRESS``),
                ``HOST:PORT`` of a head from one of its machines, ``ray://HOST:PORT`` from any
                other, or ``local``: one of our own on this machine, while it is needed.
            workers: Actors at most; None: as many as the cluster has room for.
            settings: Each actor takes ``threads`` cores, or one, and a GPU where ``device`` is one.
            patience_s: How long the cluster may have no room for any of them.

        Raises:
            InvalidRequest: no such address.
        """
        self._address = address or AUTO
        self._workers = workers
        self._needs = {"CPU": settings.threads or 1}
        self._patience_s = patience_s
        if settings.device in {"cuda", "tensorrt"}:
            self._needs["GPU"] = 1
        _split(self._address)

    @property
    def name(self) -> str:
        """``ray``."""
        return "ray"

    def run(self, partitions: Sequence[Mapping[str, Any]], progress: PartitionProgress) -> None:
        """Have every partition done; see `satseek.jobs.protocol.Executor`.

        Raises:
            DependencyMissing: Ray is not installed here, or satseek is not on a worker.
            ServerUnreachable: no cluster, or no room on it for too long.
            Conflict: other versions of Python, Ray or satseek there.
            Abandoned: somebody wanted an end; no worker is left.
            SatseekError: as a partition's worker met it, or too many died of one.
        """
        if not partitions:
            return
        with _connected(self._address, self._workers, self._needs) as ray:
            crew = Crew(ray, self._needs, most=self._workers, patience_s=self._patience_s)
            try:
                self._give_out(crew, partitions, progress)
            except ConnectionError as error:
                raise ServerUnreachable(
                    f"the Ray cluster at {self._address} went away: {one_line(error)}; run again "
                    "to go on"
                ) from error
            finally:
                crew.dismiss()

    def _give_out(
        self, crew: Crew, partitions: Sequence[Mapping[str, Any]], progress: PartitionProgress
    ) -> None:
        waiting = deque(range(len(partitions)))
        left = len(partitions)
        deaths: Counter[int] = Counter()
        while left:
            if progress.cancelled():
                raise Abandoned("cancelled; the partitions that are done are kept")
            crew.hire(left)
            while waiting and crew.has_idle():
                index = waiting.popleft()
                crew.begin(index, ask(partitions[index]))
            for index, text, why in crew.ended():
                if text is not None:
                    left -= 1
                    progress.done(index, read_answer(text))
                    continue
                deaths[index] += 1
                log_line(logger, "worker died", partition=index, deaths=deaths[index], why=why)
                if deaths[index] >= TRIES:
                    raise gave_up(index, partitions, tries=TRIES, how=why)
                waiting.appendleft(index)


@contextmanager
def _connected(address: str, workers: int | None, needs: Mapping[str, int]) -> Iterator[Any]:
    """Lend Ray, connected; one that is connected already stays so."""
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise DependencyMissing("the executor ray needs Ray: pip install 'satseek[ray]'") from error
    if ray.is_initialized():
        yield ray
        return
    _knock(address)
    _take_token(address)
    try:
        _connect(ray, address, _options(address, workers, needs))
        yield ray
    finally:  # also what a refused one had begun: it would end this process once it joins another
        ray.shutdown()


def _connect(ray: Any, address: str, options: Mapping[str, Any]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, **options)
    except Exception as error:  # Ray raises the root of all errors where it cannot start
        if "version mismatch" in str(error).lower():
            raise Conflict(
                f"expected the same Python and Ray here and on the cluster: {one_line(error)}"
            ) from error
        raise ServerUnreachable(_not_there(address, one_line(error))) from error
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGTERM, before)  # Ray puts its own in its place


def _take_token(address: str) -> None:
    """Show a head the token that this user has where it wants one, as Ray does for ``auto`` alone.

    Shown where none is wanted, the head could not talk back: it is asked first.
    """
    if _split(address) is None or "://" in address:
        return
    with suppress(ImportError):  # a Ray before 2.60 has tokens only where they are set
        from ray import _raylet  # noqa: PLC0415
        from ray._private.authentication import authentication_token_setup  # noqa: PLC0415
        from ray.exceptions import AuthenticationError, RayError  # noqa: PLC0415

        raylet: Any = _raylet  # its types leave the client out
        with suppress(RayError):
            try:
                raylet.GcsClient(address=address).internal_kv_get(b"CLUSTER_METADATA", b"cluster")
            except AuthenticationError:
                authentication_token_setup.maybe_enable_token_auth_if_token_available(
                    warn_if_disabled=False
                )


def _options(address: str, workers: int | None, needs: Mapping[str, int]) -> dict[str, Any]:
    if "://" in address:  # options would be the head's
        return {}
    # standard output is the command's own
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        options |= {
            "num_cpus": needs["CPU"] * (workers or len(os.sched_getaffinity(0))),
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
            "_node_ip_address": "127.0.0.1",
        }
    return options


def _split(address: str) -> tuple[str, int] | None:
    """Take an address apart; None where there is no port to knock at."""
    if address in {AUTO, LOCAL}:
        return None
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidRequest(
            f"address: expected auto, local, HOST:PORT or ray://HOST:PORT, came {address!r}"
        )
    return host.strip("[]"), int(port)


def _knock(address: str) -> None:
    """Look whether anybody is there: Ray waits for a minute, and may then end this process."""
    place = _split(address)
    if place is None:
        return
    try:
        socket.create_connection(place, CONNECT_SECONDS).close()
    except OSError as error:
        raise ServerUnreachable(_not_there(address, error.strerror or str(error))) from error


def _not_there(address: str, why: str) -> str:
    if address == LOCAL:
        return f"Ray does not start on this machine: {why}; end what else runs, and run again"
    return (
        f"no Ray cluster can be reached at {address}: {why}; start one with `ray start --head`, or "
        "take --address local; where it wants a token, set RAY_AUTH_TOKEN"
    )
