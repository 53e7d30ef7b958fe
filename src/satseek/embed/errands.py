"""Turns calls that may hang into answers within a time, or none, in a few threads of their own.

Does not know what is called. A thread that hangs is left behind by whoever waits for it, and where
all of them hang nothing more is begun.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Errands:
    """Runs calls in daemon threads, a bounded number of them."""

    def __init__(self, *, threads: int, waiting: int, name: str) -> None:
        """Start the threads.

        Args:
            threads: Calls run at once.
            waiting: Calls that may wait for a thread.
            name: Of the threads.
        """
        self._queue: queue.Queue[tuple[Future[Any], Callable[[], Any]] | None]
        self._queue = queue.Queue(waiting)
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, work: Callable[[], T]) -> Future[T] | None:
        """Have something done soon; None: too much is waiting already, it will not be done.

        Whoever no longer wants the answer cancels the future, so that it is not begun.
        """
        if self._closed:
            return None
        future: Future[T] = Future()
        try:
            self._queue.put_nowait((future, work))
        except queue.Full:
            return None
        return future

    def close(self) -> None:
        """Begin nothing more; threads end after what they are doing."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                waiting = self._queue.get_nowait()
                if waiting is not None:
                    waiting[0].cancel()
        for _ in self._threads:
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(None)

    def _run(self) -> None:
        while (errand := self._queue.get()) is not None:
            future, work = errand
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 (the outermost loop; who asked is told)
                future.set_exception(error)
            else:
                future.set_result(result)
            del future, work, errand
