"""Alerts that wait to be told → told, by a thread of whoever works, which tidies up daily, too.

Does not know what alerts say. Jobs write them down and know no credentials; whoever has their jobs
done has those, and tells.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

from satseek.errors import SatseekError

if TYPE_CHECKING:
    from satseek.monitor.delivery.outbox import Outbox
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often it is looked whether something is due; while there are no findings that is a look for
one file."""

TIDY_SECONDS = 600.0
"""How often it is looked whether a day has passed since the room was tidied."""

STOP_SECONDS = 10.0
"""How long a letter that is under way is waited for at the end."""


class Deliverer:
    """The thread that tells what is due."""

    def __init__(self, settings: Settings) -> None:
        """Start nothing yet."""
        self._settings = settings
        self._stop, self._last, self._woken = (threading.Event() for _ in range(3))
        self._said = ""
        self._looked = -TIDY_SECONDS
        self._thread = threading.Thread(target=self._work, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def finish(self) -> None:
        """Tell what is due once more, and end the thread."""
        self._last.set()
        self._woken.set()
        self._thread.join()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        from satseek.monitor.delivery.outbox import Outbox  # noqa: PLC0415 - slow to load
        from satseek.monitor.tables import FOLDER  # noqa: PLC0415

        with closing(Outbox(self._settings.data_dir / FOLDER)) as outbox:
            while not self._stop.is_set():
                is_last = self._last.is_set()
                self._deliver(outbox)
                self._tidy(outbox)
                if is_last:
                    return
                self._woken.wait(LOOK_SECONDS)

    def _deliver(self, outbox: Outbox) -> None:
        if not outbox.is_there:
            return
        from satseek.monitor.delivery.delivering import deliver, is_due, post_of  # noqa: PLC0415 - slow

        try:
            if is_due(outbox, now=time.time()):
                deliver(outbox, post_of(self._settings), stop=self._stop)
            self._said = ""
        except SatseekError as error:  # a disk that is full now may have room later
            self._say_once(str(error))
        except Exception:  # the outermost loop: the next round is another one
            logger.exception("alerts")

    def _tidy(self, outbox: Outbox) -> None:
        """Once a day, clear away what nobody needs any more."""
        if not outbox.is_there or time.monotonic() - self._looked < TIDY_SECONDS:
            return
        from satseek.monitor.tidying import is_due, tidy  # noqa: PLC0415 - slow to load

        self._looked = time.monotonic()
        try:
            if is_due(self._settings, now=time.time()):
                tidy(self._settings, now=time.time())
        except (SatseekError, OSError) as error:
            self._say_once(str(error))
        except Exception:  # the outermost loop: the next round is another one
            logger.exception("alerts")

    def _say_once(self, reason: str) -> None:
        """Log why nothing can be told; the same not again."""
        if reason != self._said:
            logger.warning("alerts: %s", reason)
        self._said = reason
