"""A connected Ray → actors that come, work and die, and the partitions that they are at.

Does not import Ray: `satseek.jobs.executors.raying` lends it.
"""

from __future__ import annotations

import logging
import os
import platform
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from satseek.errors import DependencyMissing, SatseekError, ServerUnreachable
from satseek.jobs.executors.telling import answer, one_line
from satseek.logs import log_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.2
"""Longest wait before somebody who wants an end is heard."""

LOOK_SECONDS = 2.0
"""Time between two looks at how much room the cluster has: nodes come and go."""

FAILED_STARTS = 3
"""Workers in a row that may die before they say that they are there."""


class PartitionWorker:
    """An actor: one process, which holds one model."""

    def hello(self) -> str:
        """Say where it runs, once it does."""
        return f"{platform.node()} pid {os.getpid()}"

    def do(self, text: str) -> str:
        """Do a partition."""
        return answer(text)


class Crew:
    """The actors of one run: those that are coming, idle and busy."""

    def __init__(
        self, ray: Any, needs: Mapping[str, int], *, most: int | None, patience_s: float
    ) -> None:
        """Ask for nobody yet.

        Args:
            ray: Connected.
            needs: What each actor takes of its node: ``CPU``, and ``GPU`` where it is to have one.
            most: Actors at most; None: as many as there is room for.
            patience_s: How long there may be none at all.
        """
        self._ray = ray
        self._needs = needs
        self._most = most
        self._patience_s = patience_s
        self._kind = ray.remote(
            num_cpus=needs["CPU"],
            num_gpus=needs.get("GPU", 0),
            max_restarts=0,  # a new one is hired, where there is room by then
            scheduling_strategy="SPREAD",
        )(PartitionWorker)
        self._coming: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, int]] = {}
        self._failed_starts = 0
        self._room = 0
        self._looked = -LOOK_SECONDS
        self._last_seen = time.monotonic()

    def hire(self, wanted: int) -> None:
        """Ask for as many actors as there is work and room for; they come when they come.

        Raises:
            ServerUnreachable: there has been none for too long.
        """
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked, self._room = now, self._most or self._capacity()
        hired = len(self._coming) + len(self._idle) + len(self._busy)
        for _ in range(min(wanted, self._room) - hired):
            actor = self._kind.remote()
            self._coming[actor.hello.remote()] = actor
        if self._idle or self._busy:
            self._last_seen = now
        elif now - self._last_seen > self._patience_s:
            raise ServerUnreachable(self._told_of_room())

    def has_idle(self) -> bool:
        """Whether one waits for work."""
        return bool(self._idle)

    def begin(self, index: int, text: str) -> None:
        """Give a partition to one that waits."""
        actor = self._idle.pop()
        self._busy[actor.do.remote(text)] = actor, index

    def ended(self) -> Iterator[tuple[int, str | None, str]]:
        """Wait a moment; give partitions with their answers, or None and why a worker died."""
        asked = [*self._coming, *self._busy]
        if not asked:
            time.sleep(TICK_SECONDS)
            return
        self._ray.wait(asked, num_returns=1, timeout=TICK_SECONDS)
        ready, _ = self._ray.wait(asked, num_returns=len(asked), timeout=0)
        for reference in ready:
            if reference in self._coming:
                self._welcome(reference)
            else:
                yield self._end(reference)

    def dismiss(self) -> None:
        """End every actor at once, whatever it is doing."""
        busy = (actor for actor, _ in self._busy.values())
        for actor in (*self._coming.values(), *self._idle, *busy):
            with suppress(Exception):  # it is gone, or the whole cluster is
                self._ray.kill(actor)

    def _capacity(self) -> int:
        has = self._ray.cluster_resources()
        return int(min(has.get(name, 0) // much for name, much in self._needs.items()))

    def _welcome(self, reference: Any) -> None:
        actor = self._coming.pop(reference)
        try:
            where = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._failed_starts += 1
            self._check_start(error)
        else:
            self._failed_starts = 0
            self._idle.append(actor)
            log_line(logger, "worker is there", where=where)

    def _check_start(self, error: BaseException) -> None:
        why = one_line(error)
        log_line(logger, "worker could not start", why=why)
        if "ModuleNotFoundError" in str(error):
            said = str(error).strip().splitlines()[-1].strip()
            raise DependencyMissing(
                "expected satseek on every node of the Ray cluster: pip install 'satseek[ray]' "
                f"there; a worker said: {said}"
            ) from error
        if self._failed_starts >= FAILED_STARTS:
            raise ServerUnreachable(f"workers of the Ray cluster do not start: {why}") from error

    def _end(self, reference: Any) -> tuple[int, str | None, str]:
        actor, index = self._busy.pop(reference)
        errors = self._ray.exceptions
        try:
            text = self._ray.get(reference)
        except errors.RayTaskError as error:
            raise SatseekError(f"a Ray worker failed: {one_line(error)}") from error
        except errors.RayError as error:
            with suppress(errors.RayError):  # it may live, cut off from us
                self._ray.kill(actor)
            return index, None, one_line(error)
        self._idle.append(actor)
        return index, text, ""

    def _told_of_room(self) -> str:
        wanted = ", ".join(f"{much} {name}" for name, much in self._needs.items())
        has = self._ray.cluster_resources()
        there = ", ".join(f"{has.get(name, 0):g} {name}" for name in self._needs)
        return (
            f"expected room for a worker of {wanted} on the Ray cluster within "
            f"{self._patience_s:g} s, it has {there} in all; add nodes, or end what else runs"
        )
