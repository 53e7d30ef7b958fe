"""An ``http(s)`` address on a listed host → the bytes that lie there.

Does not know images, nor which hosts are allowed: `satseek.imagery.hosts` says where a connection
may go.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote

from satseek.embed.patience import current_patience
from satseek.errors import ImageTooLarge, UnreadableImage
from satseek.imagery.hosts import (
    Address,
    Place,
    connect,
    covering,
    not_listed,
    not_public,
    place_of,
    resolved,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FETCH_SECONDS = 15.0
"""Longest time from connecting to the last byte."""

NOT_LISTED = not_listed("image_ref")
NOT_PUBLIC = not_public("image_ref")

_LEFT = "/%:@!$&'()*+,;=~-._"
"""What a path may hold as it is (RFC 3986 3.3); anything else is percent-encoded."""


def fetch_address(address: str, *, hosts: Iterable[str], max_bytes: int) -> bytes:
    """Read what lies under an address; redirects are not followed, nothing is decompressed.

    Raises:
        UnsafeReference: no entry of ``hosts`` covers it, or its name leads to where none may.
        ImageTooLarge: it has more than ``max_bytes`` bytes.
        UnreadableImage: the host does not answer in time, or with something else.
    """
    place = place_of(address, what="image_ref")
    entries = covering(place, hosts, what="image_ref")
    try:
        checked = resolved(place, entries, what="image_ref")
        with _connected(checked, place) as connection:
            return _body(connection, place.parts, max_bytes=max_bytes)
    except (OSError, http.client.HTTPException) as error:  # TLS and time-outs are OSErrors
        current_patience().check()
        reason = type(error).__name__
        raise UnreadableImage(f"image_ref: {place.host} could not be read ({reason})") from error


@contextmanager
def _connected(addresses: list[Address], place: Place) -> Iterator[http.client.HTTPConnection]:
    """Connect to one of the checked addresses; all that follows is broken off after a time."""
    plain = connect(addresses, place.port)
    late = threading.Event()

    def stop() -> None:
        late.set()
        _break(plain)

    watch = threading.Timer(FETCH_SECONDS, stop)
    forget = current_patience().on_give_up(lambda: _break(plain))
    try:
        if place.parts.scheme == "https":
            tls = ssl.create_default_context()
            plain = tls.wrap_socket(
                plain, server_hostname=place.host, do_handshake_on_connect=False
            )
        watch.start()
        if isinstance(plain, ssl.SSLSocket):  # checks the name, whatever address it went to
            plain.do_handshake()
        connection = http.client.HTTPConnection(place.host, place.port)
        connection.sock = plain
        yield connection
        current_patience().check()
        if late.is_set():  # what came of it may look whole
            raise TimeoutError("the answer did not end in time")
    finally:
        watch.cancel()
        forget()
        plain.close()


def _break(connection: socket.socket) -> None:
    """End a connection that another thread waits for."""
    with suppress(OSError):  # it may have ended by itself
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _body(connection: http.client.HTTPConnection, parts: SplitResult, *, max_bytes: int) -> bytes:
    path = quote(parts.path or "/", safe=_LEFT)
    query = f"?{quote(parts.query, safe=_LEFT + '?')}" if parts.query else ""
    host = connection.host
    headers = {
        "Host": parts.netloc,
        "Accept": "image/*",
        "Accept-Encoding": "identity",
        "User-Agent": "satseek",
        "Connection": "close",
    }
    connection.request("GET", path + query, headers=headers)
    with connection.getresponse() as response:
        if response.status != HTTPStatus.OK:
            raise UnreadableImage(
                f"image_ref: expected status 200 from {host}, came {response.status}; "
                "redirects are not followed"
            )
        declared = response.length or 0
        content = b"" if declared > max_bytes else response.read(max_bytes + 1)
    if max(declared, len(content)) > max_bytes:
        raise ImageTooLarge(f"image_ref: an image may have {max_bytes} bytes, this one has more")
    if len(content) < declared:
        raise UnreadableImage(f"image_ref: {host} broke off")
    return content
