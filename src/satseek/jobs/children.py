"""A program → a process that takes, tells and logs lines, and can be ended at any moment.

Does not know what the lines say. Nobody waits for it but who asks it: no threads.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.errors import SatseekError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

END_SECONDS = 0.7
"""How long a process has between SIGTERM and SIGKILL, so that it has ended within a second; what it
committed is safe in either case."""

ASK_SECONDS = 30.0
"""How long a line may take to be read by a process that is just starting."""

MAX_LINE = 1 << 16
"""Bytes of a line of a log; a longer one becomes several."""

_CHUNK_BYTES = 1 << 16
"""What Linux keeps of a pipe, pipe(7)."""

_CHUNKS = 4
"""Taken from a pipe at once: more than it holds."""


class Child:
    """One process, the leader of its own group: what it starts ends with it."""

    def __init__(self, program: Sequence[str]) -> None:
        """Start it.

        Raises:
            SatseekError: no process can be started.
        """
        environment = {
            name: text for name, text in os.environ.items() if not name.startswith("SATSEEK_")
        }
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                list(program),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                bufsize=0,
                start_new_session=True,  # an interrupt on the worker's terminal is not for it
            )
        except OSError as error:
            raise SatseekError(f"no process can be started: {error.strerror}") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._asks = self._process.stdin
        self._told = _Lines(self._process.stdout, most=None)
        self._logged = _Lines(self._process.stderr, most=MAX_LINE)
        os.set_blocking(self._asks.fileno(), False)
        self._poll = select.poll()
        for pipe in (self._told, self._logged):
            self._poll.register(pipe.descriptor, select.POLLIN)

    @property
    def pid(self) -> int:
        """Its process id, and its group's."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, below zero: by which signal; None: it lives, or was not looked at."""
        return self._process.returncode

    def ask(self, line: bytes) -> bool:
        """Hand it a line; returns whether it took it, which a dead one does not."""
        left = memoryview(line + b"\n")
        deadline = time.monotonic() + ASK_SECONDS
        ready = select.poll()
        ready.register(self._asks.fileno(), select.POLLOUT)
        while left and not self.has_ended():
            if not ready.poll(100) and time.monotonic() > deadline:
                return False
            try:
                left = left[self._asks.write(left) or 0 :]
            except BrokenPipeError:
                return False
        return not left

    def listen(self, seconds: float) -> tuple[list[bytes], list[bytes]]:
        """Wait until it says anything, and take all that it has said.

        Returns:
            Lines that it told, and lines that it logged before it told these.
        """
        self._poll.poll(seconds * 1000)
        told = self._lines(self._told)  # first: what was logged before is in the other pipe by then
        return told, self._lines(self._logged)

    def last_words(self) -> list[bytes]:
        """Take the line of the log whose end has not come."""
        return self._logged.rest()

    def has_ended(self) -> bool:
        """Tell whether it is dead; what it started may live on until ``end``."""
        return self._process.poll() is not None

    def begin_to_end(self) -> None:
        """Ask it, and what it started, to end."""
        if not self.has_ended():
            self._signal(signal.SIGTERM)

    def end(self) -> None:
        """End it and what it started; where they have ended, nothing."""
        self.begin_to_end()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Let go of its pipes, once it has ended."""
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def resident_bytes(self) -> int:
        """Count the memory that it holds; 0 where this system does not tell, or it is dead."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: where only zombies are left
            os.killpg(self._process.pid, number)

    def _lines(self, pipe: _Lines) -> list[bytes]:
        lines = pipe.read()
        if pipe.closed:
            with suppress(KeyError):  # taken out before
                self._poll.unregister(pipe.descriptor)
        return lines


class _Lines:
    """One pipe's bytes → its lines."""

    def __init__(self, pipe: IO[bytes], *, most: int | None) -> None:
        self.descriptor = pipe.fileno()
        self.closed = False
        self._most = most
        self._rest = bytearray()
        os.set_blocking(self.descriptor, False)

    def read(self) -> list[bytes]:
        """Take what is there; the last line counts without its end where nothing can follow."""
        lines: list[bytes] = []
        for _ in range(_CHUNKS):  # one that never pauses must not keep whoever listens
            if self.closed:
                break
            try:
                chunk = os.read(self.descriptor, _CHUNK_BYTES)
            except BlockingIOError:
                break
            self.closed = not chunk
            self._rest += chunk
            if b"\n" in chunk or self.closed or (self._most and len(self._rest) > self._most):
                lines += self._whole()
        return lines

    def rest(self) -> list[bytes]:
        """Take what has come of a line whose end has not."""
        rest, self._rest = bytes(self._rest), bytearray()
        return [rest] if rest else []

    def _whole(self) -> list[bytes]:
        *lines, rest = bytes(self._rest).split(b"\n")
        if rest and (self.closed or (self._most and len(rest) > self._most)):
            lines.append(rest)
            rest = b""
        self._rest = bytearray(rest)
        return lines
