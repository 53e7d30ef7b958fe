"""Image bytes from outside → pixels, in processes that may die without taking the server along.

Does not know requests. A decoder that takes too long is killed, one that a file brings down costs
that file alone, and each is replaced. What comes back from them is JSON and plain bytes.
"""

from __future__ import annotations

import logging
import queue
import threading
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np

from satseek import errors
from satseek.embed.patience import current_patience
from satseek.errors import Overloaded, UnreadableImage
from satseek.service.decoder import NAME, task_of
from satseek.service.decoder_process import DecoderProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from satseek.settings import Settings
    from satseek.types import Pixels, Preprocessing

logger = logging.getLogger(__name__)

IMAGES = 2000
"""Images after which a decoder is replaced: what libraries leak stays small."""

_REFUSALS: Mapping[str, type[UnreadableImage]] = {
    kind.__name__: kind
    for kind in (
        errors.UnreadableImage,
        errors.ImageTooLarge,
        errors.UnsupportedRaster,
        errors.NoValidPixels,
    )
}
"""What a decoder may refuse with."""


class Decoders:
    """A few processes that decode; each is started when first needed, or all by `warm_up`."""

    def __init__(self, count: int, *, seconds: float, max_pixels: int) -> None:
        """Have at most ``count``; an image may take so many seconds and have so many pixels."""
        self._seconds = seconds
        self._max_pixels = max_pixels
        self._count = count
        self._free: queue.LifoQueue[DecoderProcess | None] = queue.LifoQueue()
        for _ in range(count):
            self._free.put(None)
        self._lock = threading.Lock()
        self._alive: set[DecoderProcess] = set()
        self._closed = threading.Event()
        self._close = weakref.finalize(
            self, _end_all, self._alive, self._free, self._lock, self._closed
        )

    @classmethod
    def of(cls, settings: Settings) -> Decoders:
        """As many, and as patient, as the settings say."""
        seconds, max_pixels = settings.decode_seconds, settings.max_image_pixels
        return cls(settings.decoders, seconds=seconds, max_pixels=max_pixels)

    @property
    def processes(self) -> list[int]:
        """Process ids of those that there are."""
        with self._lock:
            return sorted(one.pid for one in self._alive)

    def warm_up(self) -> None:
        """Start all of them and wait until they can decode; raises Overloaded, Abandoned."""
        started: list[DecoderProcess | None] = []
        ready: list[DecoderProcess] = []
        try:
            for at in range(self._count):
                started.append(self._taken())
                ready.append(started[at] or self._new())
                started[at] = ready[-1]
            whole = [one.wait_until_ready() for one in ready]
        finally:
            for one in started:  # only now: a decoder is used by one thread at a time
                self._free.put(self._kept(one))
        if not all(whole) and not self._closed.is_set():
            raise _unstartable()

    def decode(self, content: bytes, *, size: int, how: Preprocessing) -> Pixels:
        """Decode an image and reduce it to the square that a model takes; blocks.

        Raises:
            UnreadableImage, ImageTooLarge, UnsupportedRaster, NoValidPixels: it cannot be used.
            Overloaded: no decoder can be started.
            DeadlineExceeded, Abandoned: whoever waits for it had no more time.
        """
        with self._one() as decoder:
            head, body = decoder.ask(task_of(size=size, how=how), content, seconds=self._seconds)
        if "error" in head:
            if "trace" in head:
                logger.warning("a decoder met what nobody foresaw: %s", head["trace"])
            raise _REFUSALS.get(str(head["error"]), UnreadableImage)(str(head.get("message")))
        if len(body) != size * size * 3:
            raise UnreadableImage(f"{NAME}: its decoder answered with nothing of use")
        return np.frombuffer(body, np.uint8).reshape(size, size, 3)

    def close(self) -> None:
        """End all of them; who waits for one is refused."""
        self._close()

    @contextmanager
    def _one(self) -> Iterator[DecoderProcess]:
        """Lend a decoder that is ready, and replace it where it has died or done its share."""
        decoder = self._taken()
        try:
            for _ in range(2):  # one that died idle is no fault of this image
                if decoder is None or not decoder.wait_until_ready():
                    decoder = self._replaced(decoder)
            lent = decoder
            assert lent is not None
            if not lent.wait_until_ready():
                raise _unstartable()
            try:
                yield lent
            except BaseException:
                lent.end()  # an answer that comes too late would be taken for the next one's
                raise
        finally:
            self._free.put(self._kept(decoder))

    def _kept(self, decoder: DecoderProcess | None) -> DecoderProcess | None:
        """Return what to lend next: the same, or another one that starts meanwhile."""
        with self._lock:
            if self._closed.is_set() and decoder is not None:
                decoder.end()
            if self._closed.is_set():
                return None
        if decoder is not None and (decoder.ended or decoder.images >= IMAGES):
            with suppress(Overloaded):
                return self._replaced(decoder)
        return decoder

    def _taken(self) -> DecoderProcess | None:
        while True:
            current_patience().check()
            if self._closed.is_set():
                raise Overloaded("the server is stopping; ask again soon")
            try:
                return self._free.get(timeout=0.5)  # then look again whether anybody waits
            except queue.Empty:
                continue

    def _replaced(self, old: DecoderProcess | None) -> DecoderProcess:
        if old is not None:
            old.end()
            with self._lock:
                self._alive.discard(old)
        return self._new()

    def _new(self) -> DecoderProcess:
        with self._lock:
            if self._closed.is_set():
                raise Overloaded("the server is stopping; ask again soon")
            try:
                decoder = DecoderProcess(self._max_pixels)
            except OSError as error:  # no memory, no descriptor, no process left
                raise _unstartable(f"{error.strerror}") from error
            self._alive.add(decoder)
        return decoder


def _unstartable(reason: str = "what it wrote on standard error says why") -> Overloaded:
    logger.error("a decoder does not start; %s", reason)
    return Overloaded("images cannot be decoded, as their decoder does not start; try again soon")


def _end_all(
    alive: set[DecoderProcess],
    free: queue.LifoQueue[DecoderProcess | None],
    lock: threading.Lock,
    closed: threading.Event,
) -> None:
    with lock:
        closed.set()
        for one in alive:
            one.stop()
        alive.clear()
    with suppress(queue.Empty):
        while True:  # those in use are let go of by who uses them
            idle = free.get_nowait()
            if idle is not None:
                idle.end()
