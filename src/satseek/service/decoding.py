"""Image bytes from outside → pixels, in processes that may die without taking the server along.

Does not know requests. A decoder that takes too long is killed, one that a file brings down costs
that file alone, and each is replaced. What comes back from them is JSON and plain bytes.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek import errors
from satseek.embed.patience import current_patience
from satseek.errors import Overloaded, UnreadableImage
from satseek.service.decoder import NAME, READY, read_frame, task_of, write_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from satseek.settings import Settings
    from satseek.types import Pixels, Preprocessing

logger = logging.getLogger(__name__)

START_SECONDS = 60.0
"""Longest wait for a decoder to start: a second or so of imports, more on a busy machine."""

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

_ALLOWANCES = {
    "OMP_NUM_THREADS": "1",  # one image, one thread: pools would take address space
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(8 * 1024**2),
    "MALLOC_TRIM_THRESHOLD_": str(32 * 1024**2),
}
"""What libraries of a decoder are told. Its heap keeps what a small image needs for the next, as
pages mapped anew for each took a 512-pixel PNG from 9 to 12 ms; blocks of large images, 16 MiB in
Pillow, go back at once (glibc, mallopt(3))."""


class Decoders:
    """A few processes that decode; each is started when first needed, or all by `warm_up`."""

    def __init__(self, count: int, *, seconds: float, max_pixels: int) -> None:
        """Have at most ``count``; an image may take so many seconds and have so many pixels."""
        self._seconds = seconds
        self._max_pixels = max_pixels
        self._count = count
        self._free: queue.LifoQueue[_Decoder | None] = queue.LifoQueue()
        for _ in range(count):
            self._free.put(None)
        self._lock = threading.Lock()
        self._alive: set[_Decoder] = set()
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
        taken = [self._taken() for _ in range(self._count)]
        started = [one or self._new() for one in taken]
        for one in started:
            self._free.put(one)
        for one in started:
            if not one.wait_until_ready():
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
    def _one(self) -> Iterator[_Decoder]:
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

    def _kept(self, decoder: _Decoder | None) -> _Decoder | None:
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

    def _taken(self) -> _Decoder | None:
        while True:
            current_patience().check()
            if self._closed.is_set():
                raise Overloaded("the server is stopping; ask again soon")
            try:
                return self._free.get(timeout=0.5)  # then look again whether anybody waits
            except queue.Empty:
                continue

    def _replaced(self, old: _Decoder | None) -> _Decoder:
        if old is not None:
            old.end()
            with self._lock:
                self._alive.discard(old)
        return self._new()

    def _new(self) -> _Decoder:
        with self._lock:
            if self._closed.is_set():
                raise Overloaded("the server is stopping; ask again soon")
            decoder = _Decoder(self._max_pixels)
            self._alive.add(decoder)
        return decoder


class _Decoder:
    """One process; used by one thread at a time."""

    def __init__(self, max_pixels: int) -> None:
        self.images = 0
        self._ready = False
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._turn: object | None = None
        self._channel, theirs = socket.socketpair()
        with theirs:
            number = str(theirs.fileno())
            self._process = subprocess.Popen(  # noqa: S603 (our own module)
                [sys.executable, "-P", "-m", "satseek.service.decoder", number, str(max_pixels)],
                stdin=subprocess.PIPE,  # open as long as this process lives
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
                start_new_session=True,  # Ctrl-C is the server's
            )
        self._started = time.monotonic()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """True once it is dead, or no longer to be used."""
        return self._process.poll() is not None

    def wait_until_ready(self) -> bool:
        """Wait for its first frame; False where it does not start, or has died."""
        if self.ended:
            return False
        with self._starting:  # two who read would take each other's frames
            if not self._ready:
                deadline = self._started + START_SECONDS
                try:
                    head, _ = read_frame(self._channel, max_bytes=0, deadline=deadline)
                    self._ready = head == READY
                except (OSError, EOFError):
                    self.end()
        return self._ready

    def ask(
        self, task: dict[str, Any], content: bytes, *, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """Send an image and wait for its answer; the process is dead after any exception."""
        self.images += 1
        patience = current_patience()
        turn = self._turn = object()
        forget = patience.on_give_up(lambda: self._kill(turn))
        left = patience.left()
        seconds_left = seconds if left is None else min(seconds, left)
        deadline = time.monotonic() + seconds_left
        try:
            self._channel.settimeout(max(0.001, seconds_left))
            write_frame(self._channel, task, content)
            return read_frame(self._channel, max_bytes=3 * task["size"] ** 2, deadline=deadline)
        except (OSError, EOFError) as error:
            raise self._broken(error, seconds=seconds) from error
        finally:
            forget()
            with self._lock:
                self._turn = None

    def stop(self) -> None:
        """Kill it, if it lives, and wait until it is gone; from any thread."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Stop it and let go of its ends; by the thread that uses it."""
        self.stop()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._channel.close()

    def _kill(self, turn: object) -> None:
        """End it if it still works on what nobody waits for any more; does not block."""
        with self._lock:
            if self._turn is turn:
                self._process.kill()

    def _broken(self, error: Exception, *, seconds: float) -> Exception:
        """Say why there is no answer; the process is dead after this."""
        self.stop()
        code = self._process.returncode
        current_patience().check()
        if isinstance(error, TimeoutError):
            return UnreadableImage(f"{NAME}: took longer than {seconds:g} s to decode")
        reason = signal.strsignal(-code) if code < 0 else f"exit code {code}"
        logger.warning("a decoder ended while it decoded: %s", reason)
        return UnreadableImage(f"{NAME}: brought its decoder down ({reason}), its file is broken")


def _environment() -> dict[str, str]:
    """What a decoder may know: no settings, as these hold secrets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SATSEEK_")}
    return kept | _ALLOWANCES


def _unstartable() -> Overloaded:
    logger.error("a decoder does not start; what it wrote on standard error says why")
    return Overloaded("images cannot be decoded, as their decoder does not start; try again soon")


def _end_all(
    alive: set[_Decoder],
    free: queue.LifoQueue[_Decoder | None],
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
