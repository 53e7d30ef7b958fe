"""Searches that were answered → a few of them answered again, exactly, beside the requests.

Knows no route. What falls below its promise is said, and mended while searches go on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
import weakref
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from satseek.errors import SatseekError
from satseek.index.collection import Collection
from satseek.index.tuning import KINDS, RECALL
from satseek.index.watching import RecallWatch
from satseek.logs import log_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from satseek.assemble import Assembly
    from satseek.index.protocol import QueryKind
    from satseek.index.watching import Asked, Watched

logger = logging.getLogger(__name__)

WAITING = 4
"""Searches that wait to be compared; more are let go."""

LOOK_SECONDS = 1.0
"""Longest wait for a search before the thread looks whether the server ends."""

LONGEST_PAUSE = 600.0
"""Longest rest after a comparison: of a collection that takes seconds, one in ten minutes."""

MEND_SECONDS = 600.0
"""Least time from one mending of a collection to the next: it takes minutes where it is large."""

STOP_SECONDS = 5.0
"""How long the end of a comparison is waited for when the server stops."""

_NICE = 19
"""Priority of the thread: whatever else wants a processor comes first."""


@dataclass(slots=True)
class _Place:
    """A collection that is watched."""

    name: str
    reference: weakref.ref[Collection]
    """Weak: what was removed is let go of by whoever opened it."""
    watch: RecallWatch
    checked: int = -1
    """Generation that was asked last whether its vectors have drifted."""
    mended: float = -MEND_SECONDS
    """When it was mended last."""
    cold: bool = True
    """True until what makes its searches fast is in memory."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """The thread that compares; everything else may be called from any thread."""

    share: float
    """Of one processor's time that comparing may take, 0–1; 0: nothing is compared."""
    promised: float = RECALL
    """Recall below which a collection is mended."""
    _places: dict[str, _Place] = field(default_factory=dict)
    _waiting: queue.Queue[tuple[str, Asked] | None] = field(
        default_factory=lambda: queue.Queue(maxsize=WAITING)
    )
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, assembly: Assembly) -> None:
        """Watch the collections of an assembly, each from when it is opened."""
        assembly.on_open(self.watch)
        work = threading.Thread(target=self._work, args=(assembly,), name="recall", daemon=True)
        self._threads.append(work)
        work.start()

    def stop(self) -> None:
        """End the comparison at work, and the thread."""
        self._stop.set()
        with contextlib.suppress(queue.Full):  # then it does not wait for one
            self._waiting.put_nowait(None)
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def watch(self, name: str, collection: object) -> None:
        """Begin to watch a collection, in the place of an older one of that name."""
        if not isinstance(collection, Collection):  # another engine watches itself
            return
        self._places[name] = _Place(
            name, weakref.ref(collection), RecallWatch(promised=self.promised)
        )
        if self.share > 0:
            collection.observe(lambda asked: self.offer(name, asked))

    def offer(self, name: str, asked: Asked) -> None:
        """Offer a search to be compared; waits for nothing."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait((name, asked))

    def watched(self, name: str) -> Mapping[QueryKind, Watched]:
        """Tell what was seen of a collection, by kind of query; empty: nothing yet."""
        place = self._places.get(name)
        return {} if place is None else place.watch.watched()

    def _work(self, assembly: Assembly) -> None:
        with contextlib.suppress(OSError, AttributeError):  # Linux knows priorities of threads
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        self._attempt(partial(self._open, assembly))
        while not self._stop.is_set():
            for place in list(self._places.values()):
                if place.cold:
                    place.cold = False
                    self._attempt(partial(self._prepare, place))
            try:
                offered = self._waiting.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue
            if offered is None:
                return
            begun = time.monotonic()
            self._attempt(partial(self._compare, *offered))
            spent = time.monotonic() - begun
            self._stop.wait(min(spent * (1 / self.share - 1), LONGEST_PAUSE))

    def _attempt(self, work: Callable[[], object]) -> None:
        """Do one piece of work, whatever becomes of it."""
        try:
            work()
        except (SatseekError, OSError) as error:
            logger.info("recall: %s", error)
        except Exception:  # the outermost loop: the next piece is another one
            logger.exception("recall")

    def _open(self, assembly: Assembly) -> None:
        """Open every collection that there is, so that nobody who asks waits for it."""
        for name in assembly.collections():
            if self._stop.is_set():
                return
            with contextlib.suppress(SatseekError):
                assembly.reader(name)

    def _prepare(self, place: _Place) -> None:
        """Read what filters and codes need before somebody waits for it."""
        collection = place.reference()
        if collection is not None:
            collection.prepare()

    def _compare(self, name: str, asked: Asked) -> None:
        place = self._places.get(name)
        collection = None if place is None else place.reference()
        if place is None or collection is None:
            self._places.pop(name, None)
            return
        recall = collection.compare(asked)
        if recall is not None:
            place.watch.note(asked, recall)
        verdict = place.watch.verdict()
        if verdict is not None:
            seen = verdict.watched
            logger.warning(
                "recall fell: collection=%s kind=%s recall=%.3f promised=%.2f samples=%d",
                *(name, verdict.kind, seen.recall, verdict.promised, seen.recent),
            )
            self._mend(place, collection, {verdict.kind, "mixed"})
        elif place.checked != (generation := collection.generation):
            place.checked = generation
            collection.prepare()
            if collection.has_drifted():
                logger.warning("vectors have drifted from what codes were made of: %s", name)
                self._mend(place, collection, set(KINDS))

    def _mend(self, place: _Place, collection: Collection, kinds: set[QueryKind]) -> None:
        """Look harder at once; then make codes and effort anew."""
        collection.raise_effort(*kinds)
        if time.monotonic() - place.mended < MEND_SECONDS:
            return
        begun = time.monotonic()
        renewed = collection.mend(place.watch.queries(), recall=self.promised)
        place.mended = time.monotonic()
        place.watch.begin_anew()
        spent = round(place.mended - begun, 1)
        log_line(logger, "mended", collection=place.name, codes_renewed=renewed, seconds=spent)
