"""What Redis calls out when a job comes or is to end → a nudge to look now rather than soon.

Does not know the jobs. A call that nobody heard does no harm: whoever waits looks now and then
without being called, too.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from satseek.errors import ServerUnreachable
from satseek.jobs.rqueue.connecting import connect, redis_errors

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "satseek:jobs:bell"
"""As in ``steps.lua``."""

LOOK_SECONDS = 0.5
"""How often it is looked whether to go on, and how soon a Redis that is away is asked again."""


class Bell:
    """A thread that listens, until it is closed."""

    def __init__(self, url: str, on_ring: Callable[[], None]) -> None:
        """Begin to listen.

        Args:
            url: As for the queue.
            on_ring: Called often, and from another thread.
        """
        self._client = connect(url)
        self._on_ring = on_ring
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="queue-bell", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._closing.set()
        self._thread.join(2 * LOOK_SECONDS)

    def _listen(self) -> None:
        while not self._closing.is_set():
            with suppress(ServerUnreachable), redis_errors():
                heard = self._client.pubsub(ignore_subscribe_messages=True)
                with heard:
                    self._hear(heard)
            self._closing.wait(LOOK_SECONDS)
        self._client.connection_pool.disconnect()

    def _hear(self, heard: Any) -> None:
        heard.subscribe(CHANNEL)
        while not self._closing.is_set():
            if heard.get_message(timeout=LOOK_SECONDS) is not None:
                self._on_ring()
