"""One step in the life of a job → done by Redis whole or not at all, and safe where that counts.

Does not know what a step is about; ``steps.lua`` does.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from functools import cache
from hashlib import sha1
from importlib import resources
from typing import TYPE_CHECKING, Any

from satseek.errors import ServerUnreachable
from satseek.formats import check_format
from satseek.jobs.checks import PRIORITIES
from satseek.jobs.protocol import LEASE_SECONDS
from satseek.jobs.rqueue.connecting import connect, redis_errors
from satseek.jobs.rqueue.lasting import Lasting, lasting_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

QUEUE = "satseek"
"""Name of RQ's queue for jobs of priority 0; others are called satseek+3, satseek-2, and so on."""


LAYOUT = 1
"""Number of the layout that jobs have in Redis, besides what RQ decides."""

_LAYOUT = "satseek:jobs:layout"
"""Key of that number; 0.1.0 wrote the same layout and no number."""


class Steps:
    """One Redis, asked to take steps; safe from any number of threads."""

    def __init__(self, url: str, *, replicas: int, clock: Callable[[], float] | None) -> None:
        """Connect when first asked, not yet.

        Args:
            url: Its address.
            replicas: How many replicas must have what was accepted.
            clock: Seconds since 1970; None: as Redis has it, which is one clock for all machines.

        Raises:
            DependencyMissing, InvalidSettings: as ``connect``.
        """
        self.client = connect(url)
        self._replicas = replicas
        self._clock = clock
        self._lock = threading.Lock()
        self._lasting: Lasting | None = None
        self._back = -math.inf
        self._away = False

    def take(
        self, step: str, *, fields: Sequence[str | bytes] = (), lasting: bool = False, **given: Any
    ) -> list[Any]:
        """Take a step.

        Args:
            step: Its name.
            fields: Names and values that are written as they are, or names that are asked for.
            lasting: Whether somebody is told that it was taken: then it is safe on return.
            **given: What the step needs: JSON; None: it is left out.

        Raises:
            DiskFull, ServerUnreachable: as ``redis_errors``.
            SatseekError: as ``lasting``.
        """
        needed = {name: value for name, value in self._always().items() if value is not None}
        needed |= {name: value for name, value in given.items() if value is not None}
        try:
            with redis_errors():
                wait = self.lasting().command() if lasting else None
                answers = self._sent([step, json.dumps(needed), *fields], wait)
        except ServerUnreachable:
            self._away = True
            raise
        if self._away:
            self._away, self._back = False, time.monotonic()
        if wait is not None:
            self.lasting().check(answers[1])
        return list(answers[0])

    def heard_for(self, seconds: float) -> bool:
        """Tell whether Redis was not found away in the last seconds.

        While it was away no worker could be heard of: that is no sign that one is dead.
        """
        return not self._away and time.monotonic() - self._back > seconds

    def close(self) -> None:
        """Let go of the connections; they are made again when needed."""
        self.client.connection_pool.disconnect()

    def _always(self) -> dict[str, Any]:
        from rq.defaults import RQ_KEY_PREFIX  # noqa: PLC0415 (an extra)
        from rq.utils import now, utcformat  # noqa: PLC0415

        return {
            "rq": RQ_KEY_PREFIX,
            "queue": QUEUE,
            "highest": max(PRIORITIES),
            "lowest": min(PRIORITIES),
            "lease": LEASE_SECONDS,
            "at": utcformat(now()),
            "now": self._clock() if self._clock else None,
        }

    def lasting(self) -> Lasting:
        """Ask Redis, once, how it keeps what it is told.

        Raises:
            FormatTooNew: a later release keeps jobs there.
            SatseekError: it would forget jobs.
            ServerUnreachable: it is away.
        """
        with self._lock, redis_errors():
            if self._lasting is None:
                self.client.set(_LAYOUT, LAYOUT, nx=True)
                check_format("the queue's Redis", int(self.client.get(_LAYOUT)), LAYOUT)
                self._lasting = lasting_of(self.client, self._replicas)
                if self._lasting.doubt:
                    logger.warning("queue: %s", self._lasting.doubt)
            return self._lasting

    def _sent(self, arguments: list[str | bytes], wait: tuple[str | int, ...] | None) -> list[Any]:
        """Send a step and what waits for it over one connection, as WAIT must be."""
        from redis.exceptions import NoScriptError  # noqa: PLC0415 (an extra)

        for known in (True, False):
            pipe = self.client.pipeline(transaction=False)
            if known:
                pipe.execute_command("EVALSHA", _digest(), 0, *arguments)
            else:
                pipe.execute_command("EVAL", _script(), 0, *arguments)
            if wait is not None:
                pipe.execute_command(*wait)
            answers: list[Any] = pipe.execute(raise_on_error=False)
            if not isinstance(answers[0], NoScriptError):
                break
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


@cache
def _script() -> str:
    folder = resources.files("satseek.jobs.rqueue")
    return folder.joinpath("steps.lua").read_text(encoding="utf-8")


@cache
def _digest() -> str:
    """Name the script as Redis does."""
    return sha1(_script().encode(), usedforsecurity=False).hexdigest()
