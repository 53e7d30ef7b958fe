"""One process that decodes: started, asked, timed, and killed where nobody waits any more.

Does not know what it is asked for, nor how many others there are.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from satseek.embed.patience import current_patience
from satseek.errors import UnreadableImage
from satseek.service.decoder import NAME, READY, read_frame, write_frame

logger = logging.getLogger(__name__)

START_SECONDS = 60.0
"""Longest wait for a decoder to start: a second or so of imports, more on a busy machine."""

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


class DecoderProcess:
    """One process; used by one thread at a time."""

    def __init__(self, max_pixels: int) -> None:
        """Start it; raises OSError where there can be no further process."""
        self.images = 0
        self._ready = False
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._turn: object | None = None
        self._channel, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _started(theirs.fileno(), max_pixels)
            except OSError:
                self._channel.close()
                raise
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


def _started(descriptor: int, max_pixels: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "satseek.service.decoder"]
    return subprocess.Popen(  # noqa: S603 (our own module)
        [*command, str(descriptor), str(max_pixels)],
        stdin=subprocess.PIPE,  # open as long as this process lives
        stdout=subprocess.DEVNULL,
        pass_fds=[descriptor],
        env=_environment(),
        start_new_session=True,  # Ctrl-C is the server's
    )


def _environment() -> dict[str, str]:
    """What a decoder may know: no settings, as these hold secrets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SATSEEK_")}
    return kept | _ALLOWANCES
