"""Partitions → workers of a Dask scheduler, each of which keeps the model from one to the next.

Knows Dask; only `satseek.jobs.executors.futures` does, too. Pixels and vectors stay in shared
storage: JSON goes to and fro.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections import deque
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from satseek.errors import (
    Abandoned,
    Conflict,
    DependencyMissing,
    InvalidRequest,
    ServerUnreachable,
)
from satseek.jobs.executors.futures import Crew
from satseek.jobs.executors.telling import (
    PATIENCE_SECONDS,
    SAME,
    TRIES,
    ask,
    one_line,
    read_answer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.jobs.protocol import PartitionProgress
    from satseek.settings import Settings

CONNECT_SECONDS = 5.0
"""Longest wait for a scheduler to take a connection, and to come back when it was lost."""

LOCAL = "local"
"""Instead of an address: a scheduler and workers of our own on this machine."""


class DaskExecutor:
    """Does partitions on the workers of a Dask scheduler."""

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
            address: Of the scheduler, such as ``tcp://HOST:8786``; None or ``local``: one of our
                own, with its workers, for as long as it is needed.
            workers: Partitions at once at most; None: as many as workers have threads.
            settings: Where ``device`` is a GPU, workers with the resource ``GPU`` are taken.
            patience_s: How long there may be no worker at all.

        Raises:
            InvalidRequest: no such address.
        """
        self._address = address or LOCAL
        self._workers = workers
        self._resources = {"GPU": 1} if settings.device in {"cuda", "tensorrt"} else None
        self._patience_s = patience_s
        if self._address != LOCAL and "://" not in self._address:
            raise InvalidRequest(f"scheduler: expected tcp://HOST:PORT or local, came {address!r}")

    @property
    def name(self) -> str:
        """``dask``."""
        return "dask"

    def run(self, partitions: Sequence[Mapping[str, Any]], progress: PartitionProgress) -> None:
        """Have every partition done; see `satseek.jobs.protocol.Executor`.

        Raises:
            DependencyMissing: Dask is not installed here, or satseek is not on a worker.
            ServerUnreachable: no scheduler, or no worker for too long.
            Conflict: other versions of Python, Dask or satseek there.
            Abandoned: somebody wanted an end; workers have been told.
            SatseekError: as a partition's worker met it, or too many died of one.
        """
        if not partitions:
            return
        with _connected(self._address, self._workers) as client:
            _check_versions(client)
            crew = Crew(
                client,
                self._address,
                resources=self._resources,
                patience_s=self._patience_s,
            )
            try:
                self._give_out(crew, partitions, progress)
            finally:
                crew.dismiss()

    def _give_out(
        self, crew: Crew, partitions: Sequence[Mapping[str, Any]], progress: PartitionProgress
    ) -> None:
        waiting = deque(range(len(partitions)))
        left = len(partitions)
        while left:
            if progress.cancelled():
                raise Abandoned("cancelled; the partitions that are done are kept")
            for _ in range(min(len(waiting), crew.room(self._workers))):
                index = waiting.popleft()
                crew.begin(index, ask(partitions[index]))
            for index, text in crew.ended(partitions):
                left -= 1
                progress.done(index, read_answer(text))


@contextmanager
def _connected(address: str, workers: int | None) -> Iterator[Any]:
    """Lend a client, and the workers themselves where they are to be our own."""
    try:
        import dask  # noqa: PLC0415 - an extra
        import distributed  # noqa: PLC0415
    except ImportError as error:
        raise DependencyMissing(
            "the executor dask needs Dask: pip install 'satseek[dask]'"
        ) from error
    with ExitStack() as stack:
        # of a scheduler of our own; one elsewhere has a setting of its own, 3 where nobody set it
        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": TRIES - 1}))
        if address == LOCAL:
            address = stack.enter_context(_own_cluster(distributed, workers)).scheduler_address
        yield stack.enter_context(_client(distributed, address))


def _client(distributed: Any, address: str) -> Any:
    try:
        with warnings.catch_warnings():  # `_check_versions` says it on one line
            warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)
            return distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        raise ServerUnreachable(
            f"no Dask scheduler can be reached at {address}: {one_line(error)}; start one with "
            "`dask scheduler`, or take --scheduler local"
        ) from error


def _own_cluster(distributed: Any, workers: int | None) -> Any:
    return distributed.LocalCluster(
        n_workers=workers or len(os.sched_getaffinity(0)),
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        memory_limit=None,
        dashboard_address=None,
        silence_logs=logging.ERROR,
        # its web server cannot be left out; any port will do for it
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    )


def _check_versions(client: Any) -> None:
    """Compare what must be the same: Dask pickles what it sends, and vectors are to be the same."""
    told = client.get_versions(check=False, packages=SAME)
    _compare("the scheduler", told["scheduler"], told["client"], ("python", "distributed"))
    for who, theirs in told["workers"].items():
        if theirs is not None:  # it left meanwhile
            _compare(who, theirs, told["client"], ("python", "distributed", *SAME))


def _compare(
    who: str, theirs: Mapping[str, Any], own: Mapping[str, Any], names: Sequence[str]
) -> None:
    for name in names:
        expected, came = _version(own, name), _version(theirs, name)
        if came is None and name == "satseek":
            raise DependencyMissing(
                f"expected satseek on every Dask worker, {who} has none: pip install "
                "'satseek[dask]' there"
            )
        if expected != came:
            raise Conflict(
                f"expected {name} {expected} on the whole cluster, {who} has {came}; install the "
                "same everywhere"
            )


def _version(told: Mapping[str, Any], name: str) -> str | None:
    """Give the version of a package; of Python, what decides: 3.11 of 3.11.7.final.0."""
    if name == "python":
        return ".".join(str(told["host"]["python"]).split(".")[:2])
    found = told["packages"].get(name)
    return None if found is None else str(found)
