"""A connected Dask → what its workers are asked, partition by partition, and their answers.

Imports Dask where it is loaded already: `satseek.jobs.executors.dasking` connects it.
"""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from satseek.errors import SatseekError, ServerUnreachable
from satseek.jobs.executors.telling import answer, gave_up, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TICK_SECONDS = 0.2
"""Longest wait before somebody who wants an end is heard."""

CONNECT_SECONDS = 5.0
"""Longest wait for an answer that a worker holds."""

LOOK_SECONDS = 2.0
"""Time between two looks at how many workers there are: they come and go."""


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


class Crew:
    """The workers of a scheduler, and what they are asked."""

    def __init__(
        self,
        client: Any,
        address: str,
        *,
        resources: Mapping[str, int] | None,
        patience_s: float,
    ) -> None:
        """Ask for nothing yet.

        Args:
            client: Of Dask, connected.
            address: Of its scheduler.
            resources: What a worker must have; None: nothing special.
            patience_s: How long there may be no worker at all.
        """
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


def _went_away(address: str) -> str:
    return f"the Dask scheduler at {address} went away; start it again, and run again to go on"
