"""Partitions → workers of a Dask scheduler, each of which keeps the model from one to the next.

The only file that knows Dask. Pixels and vectors stay in shared storage: JSON goes to and fro.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
import warnings
from collections import deque
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from satseek.errors import (
    Abandoned,
    Conflict,
    DependencyMissing,
    InvalidRequest,
    SatseekError,
    ServerUnreachable,
)
from satseek.jobs.executors.telling import (
    PATIENCE_SECONDS,
    SAME,
    TRIES,
    answer,
    ask,
    gave_up,
    one_line,
    read_answer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.jobs.protocol import PartitionProgress
    from satseek.settings import Settings

TICK_SECONDS = 0.2
"""Longest wait before somebody who wants an end is heard."""

CONNECT_SECONDS = 5.0
"""Longest wait for a scheduler to take a connection, and to come back when it was lost."""

LOOK_SECONDS = 2.0
"""Time between two looks at how many workers there are: they come and go."""

LOCAL = "local"
"""Instead of an address: a scheduler and workers of our own on this machine."""


def do_on_worker(text: str) -> str:
    """Do a partition on a worker, for as long as somebody waits for it."""
    from distributed import get_worker  # noqa: PLC0415 - an extra

    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        """Whether the scheduler holds on to it: it lets go where who asked cancelled, or died."""
        task = worker.state.tasks.get(key)
        return task is not None and task.state == "executing"

    return answer(text, wanted)


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
            crew = _Crew(client, self._address, self._resources, self._patience_s)
            try:
                self._give_out(crew, partitions, progress)
            finally:
                crew.dismiss()

    def _give_out(
        self, crew: _Crew, partitions: Sequence[Mapping[str, Any]], progress: PartitionProgress
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


class _Crew:
    """The workers of a scheduler, and what they are asked."""

    def __init__(
        self,
        client: Any,
        address: str,
        resources: Mapping[str, int] | None,
        patience_s: float,
    ) -> None:
        self._client = client
        self._address = address
        self._resources = resources
        self._patience_s = patience_s
        self._run = uuid.uuid4().hex[:12]
        self._asked: dict[Any, int] = {}
        self._places = 0
        self._looked = -LOOK_SECONDS
        self._last_seen = time.monotonic()

    def room(self, most: int | None) -> int:
        """Count the partitions that can be asked for now, of ``most`` at once.

        Raises:
            ServerUnreachable: the scheduler is gone, or there has been no worker for too long.
        """
        if self._client.status != "running":
            raise ServerUnreachable(_went_away(self._address))
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked, self._places = now, self._count_places()
        if self._places:
            self._last_seen = now
        elif now - self._last_seen > self._patience_s:
            raise ServerUnreachable(
                f"expected a worker{' with the resource GPU' if self._resources else ''} at "
                f"{self._address} within {self._patience_s:g} s, there is none; start one with "
                f"`dask worker {self._address} --nthreads 1`"
            )
        return max(0, min(most or self._places, self._places) - len(self._asked))

    def begin(self, index: int, text: str) -> None:
        """Ask for a partition; where its worker dies, the scheduler gives it to another one."""
        future = self._client.submit(
            do_on_worker,
            text,
            key=f"satseek-{self._run}-{index}",
            pure=False,
            resources=self._resources,
        )
        self._asked[future] = index

    def ended(self, partitions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
        """Wait a moment; give the partitions that ended, with their answers."""
        import distributed  # noqa: PLC0415 - an extra

        if not self._asked:
            time.sleep(TICK_SECONDS)
            return
        with self._client.as_current(), suppress(TimeoutError, distributed.CancelledError):
            distributed.wait(list(self._asked), timeout=TICK_SECONDS, return_when="FIRST_COMPLETED")
        for future in [one for one in self._asked if one.done()]:
            if future.status != "finished":
                raise self._failure(future, partitions)
            try:
                text = str(future.result(timeout=CONNECT_SECONDS))
            except TimeoutError:  # who held it died meanwhile: it is done once more
                continue
            yield self._asked.pop(future), text

    def dismiss(self) -> None:
        """Let go of what was asked: workers see it, and stop."""
        with suppress(Exception):  # the scheduler may be gone
            self._client.cancel(list(self._asked), force=True)
        self._asked.clear()

    def _count_places(self) -> int:
        workers = self._client.scheduler_info()["workers"].values()
        if self._resources:
            return int(sum(worker["resources"].get("GPU", 0) for worker in workers))
        return sum(worker["nthreads"] for worker in workers)

    def _failure(self, future: Any, partitions: Sequence[Mapping[str, Any]]) -> SatseekError:
        import distributed  # noqa: PLC0415 - an extra

        if future.cancelled():
            return ServerUnreachable(_went_away(self._address))
        error = future.exception(timeout=CONNECT_SECONDS)
        if isinstance(error, distributed.KilledWorker):
            tries = error.allowed_failures + 1
            return gave_up(self._asked[future], partitions, tries=tries, how=one_line(error))
        return SatseekError(f"a Dask worker failed: {one_line(error)}")


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


def _went_away(address: str) -> str:
    return f"the Dask scheduler at {address} went away; start it again, and run again to go on"
