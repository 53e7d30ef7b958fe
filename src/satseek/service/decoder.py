"""A process of its own that turns one image after another into pixels: ``python -m`` starts it.

Knows no server: frames come and go on the socket it was given. It is limited before its first
image, and ends with the server, whatever it is doing then.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import resource
import socket
import struct
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.errors import ImageTooLarge, UnreadableImage
from satseek.imagery.decode import decode_image
from satseek.model.preprocessing import squared
from satseek.types import Preprocessing

if TYPE_CHECKING:
    from satseek.types import Pixels

READY = {"ready": True}
"""Head of the first frame: everything is imported and limited."""

MAX_HEAD_BYTES = 64 * 1024
"""Bytes of a frame's head: a task, or a refusal with its traceback."""

NAME = "image"
"""What an image without a name is called in messages."""

_LENGTHS = struct.Struct("!IQ")
"""Bytes of head and body before each frame."""

_MAX_MESSAGE = 1000
"""Letters of a refusal: libraries may quote what a file says."""

_BYTES_A_PIXEL = 24
"""Memory for one pixel while it is decoded. JPEG 2000 takes most: OpenJPEG holds each of four bands
as a 32-bit integer, beside GDAL's copy."""

_FIXED_BYTES = 768 * 1024**2
"""Memory whatever the image: the file itself, GDAL's cache and its largest block."""

_OPEN_FILES = 64
"""More than a decoder ever needs: libraries, PROJ's database, its socket."""

_TINY = bytes.fromhex(  # a BMP of one white pixel: header, size, 24 bits, bottom up
    "424d3a000000000000003600000028000000010000000100000001001800000000000400000000000000000000"
    "000000000000000000ffffff00"
)


def main(descriptor: int, max_pixels: int) -> None:
    """Answer the frames on a socket until it is closed."""
    _end_with_server()
    logging.disable()  # what a file makes GDAL say is no line of the server's log
    decode_image(_TINY, name=NAME)  # what is imported late is imported now
    _limit(max_pixels)
    _be_quiet()
    with socket.socket(fileno=descriptor) as channel:
        write_frame(channel, READY)
        while True:
            try:
                task, content = read_frame(channel, max_bytes=sys.maxsize)
            except EOFError:
                return
            write_frame(channel, *_answer(task, content, max_pixels=max_pixels))


def task_of(*, size: int, how: Preprocessing) -> dict[str, Any]:
    """Head of the frame that asks for an image as the square that a model takes."""
    return {"size": size, "how": asdict(how)}


def write_frame(channel: socket.socket, head: dict[str, Any], body: bytes = b"") -> None:
    """Send a head and a body; raises OSError, TimeoutError."""
    letters = json.dumps(head).encode()
    channel.sendall(_LENGTHS.pack(len(letters), len(body)) + letters)
    if body:
        channel.sendall(body)


def read_frame(
    channel: socket.socket, *, max_bytes: int, deadline: float | None = None
) -> tuple[dict[str, Any], bytes]:
    """Receive a head and a body: JSON and plain bytes, so that nothing received can run code.

    Args:
        channel: Where from.
        max_bytes: Longest body that is taken.
        deadline: On ``time.monotonic``'s clock; None: none.

    Raises:
        EOFError: the other end has closed, or sends what is no frame.
        OSError, TimeoutError: it cannot be reached.
    """
    letters, size = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size, deadline))
    if letters > MAX_HEAD_BYTES or size > max_bytes:
        raise EOFError(f"expected at most {max_bytes} bytes in a frame, came {size}")
    try:
        head: dict[str, Any] = dict(json.loads(_exactly(channel, letters, deadline)))
    except (TypeError, ValueError) as error:
        raise EOFError("expected an object at the head of a frame") from error
    return head, _exactly(channel, size, deadline)


def _exactly(channel: socket.socket, count: int, deadline: float | None) -> bytes:
    buffer = bytearray(count)
    view, at = memoryview(buffer), 0
    while at < count:
        channel.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))
        came = channel.recv_into(view[at:])
        if came == 0:
            raise EOFError(f"expected {count} bytes, came {at}")
        at += came
    return bytes(buffer)


def _answer(
    task: dict[str, Any], content: bytes, *, max_pixels: int
) -> tuple[dict[str, Any], bytes]:
    try:
        pixels = _decoded(content, task, max_pixels=max_pixels)
    except MemoryError:
        message = f"{NAME}: takes more memory to decode than is allowed; send a smaller one"
        return {"error": ImageTooLarge.__name__, "message": message}, b""
    except UnreadableImage as error:
        return {"error": type(error).__name__, "message": str(error)[:_MAX_MESSAGE]}, b""
    except Exception:  # noqa: BLE001 (the outermost loop; the server logs the traceback)
        message = f"{NAME}: cannot be decoded, its file is broken"
        trace = traceback.format_exc()[-MAX_HEAD_BYTES // 8 :]
        return {"error": UnreadableImage.__name__, "message": message, "trace": trace}, b""
    return {"shape": pixels.shape}, pixels.tobytes()


def _decoded(content: bytes, task: dict[str, Any], *, max_pixels: int) -> Pixels:
    pixels = decode_image(content, name=NAME, max_pixels=max_pixels).pixels
    return squared(pixels, size=task["size"], how=Preprocessing(**task["how"]))


def _end_with_server() -> None:
    """Die by SIGIO once the server's end of standard input is closed, as its death does too.

    Nothing is ever written there. The kernel ends this process even inside a library's loop; and
    unlike with ``PR_SET_PDEATHSIG``, the thread that started it may end (prctl(2)).
    """
    fcntl.fcntl(sys.stdin, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(sys.stdin, fcntl.F_GETFL)
    fcntl.fcntl(sys.stdin, fcntl.F_SETFL, flags | os.O_ASYNC)
    os.set_blocking(sys.stdin.fileno(), False)
    with contextlib.suppress(BlockingIOError):
        if os.read(sys.stdin.fileno(), 1) == b"":  # closed before anybody listened
            sys.exit(1)


def _limit(max_pixels: int) -> None:
    """Bound memory, files and what is written; be the first to go where memory is short."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    if sys.platform != "linux":
        return
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + _FIXED_BYTES + _BYTES_A_PIXEL * max_pixels
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")  # proc(5): the highest


def _be_quiet() -> None:
    """Drop what libraries write on standard error past their own handlers."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
