"""An ``http(s)`` address on an allowed host → what the host answers.

Does not know rasters or catalogs. Nobody else connects anywhere: each connection goes to an address
that the list of hosts allows, each redirect is checked like the address that it came from, proxies
of the environment are not used and no credentials are sent.
"""

from __future__ import annotations

import http.client
import ssl
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin

from satseek.errors import ImageTooLarge, UnreadableImage
from satseek.imagery._open import shown
from satseek.imagery.hosts import Place, connect, covering, place_of, resolved

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

ANSWER_SECONDS = 60.0
"""Longest time from a request to the last byte of its answer."""

MAX_REDIRECTS = 4
"""Redirects that are followed from one address."""

_PIECE = 64 * 1024
_LEFT = "/%:@!$&'()*+,;=~-._"
"""What a path may hold as it is (RFC 3986 3.3); anything else is percent-encoded."""

_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a host said."""

    address: str
    """Where it was found in the end."""
    status: int
    """Such as 200."""
    headers: Mapping[str, str]
    """By lower-case name."""
    content: bytes
    """Its body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    method: str = "GET"
    """``GET`` or ``POST``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Besides those that every request has."""
    body: bytes | None = None
    """What is posted."""


def ask(address: str, *, hosts: tuple[str, ...], max_bytes: int, asked: Asked) -> Answer:
    """Ask for what lies under an address, following redirects to allowed hosts.

    Raises:
        UnsafeReference: no entry of ``hosts`` covers it or where it leads, or the name of its host
            leads to where none may.
        ImageTooLarge: more than ``max_bytes`` bytes.
        UnreadableImage: the host does not answer in time, or breaks off.
    """
    for _ in range(MAX_REDIRECTS + 1):
        connection = Connection(address, hosts=hosts)
        try:
            answer = connection.answer(asked, max_bytes=max_bytes)
        finally:
            connection.close()
        if answer.status not in _MOVED or "location" not in answer.headers:
            return answer
        address = urljoin(address, answer.headers["location"])
    raise UnreadableImage(f"{shown(address)}: more than {MAX_REDIRECTS} redirects")


class Connection:
    """A connection for one address; made when it is needed, and again where it was closed."""

    def __init__(self, address: str, *, hosts: tuple[str, ...]) -> None:
        """Connect to nothing yet; raises UnsafeReference where no entry covers the address."""
        self.address = address
        self._place = place_of(address, what=shown(address))
        self._line = _Line(self._place, hosts, what=shown(address))

    def close(self) -> None:
        """Let it go."""
        self._line.close()

    def answer(self, asked: Asked, *, max_bytes: int) -> Answer:
        """Ask once, and once more where a connection that was kept has been closed meanwhile.

        Raises:
            As `ask`.
        """
        kept = self._line.sock is not None
        try:
            return self._once(asked, max_bytes)
        except (OSError, http.client.HTTPException) as error:
            with suppress(OSError):
                self._line.close()
            if not kept:
                raise self._silent(error) from error
        try:
            return self._once(asked, max_bytes)
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error

    def _once(self, asked: Asked, max_bytes: int) -> Answer:
        parts = self._place.parts
        path = quote(parts.path or "/", safe=_LEFT)
        query = f"?{quote(parts.query, safe=_LEFT + '?')}" if parts.query else ""
        headers = {
            "Host": parts.netloc,
            "Accept-Encoding": "identity",
            "User-Agent": "satseek",
            **asked.headers,
        }
        self._line.request(asked.method, path + query, body=asked.body, headers=headers)
        with self._line.getresponse() as response:
            content = _content(response, max_bytes=max_bytes, address=shown(self.address))
            found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(address=self.address, status=response.status, headers=found, content=content)

    def _silent(self, error: Exception) -> UnreadableImage:
        reason = f"{type(error).__name__}: {error}"
        return UnreadableImage(f"{shown(self.address)}: could not be read ({shown(reason)})")


class _Line(http.client.HTTPConnection):
    """Goes to a checked address, now and whenever `http.client` connects again."""

    def __init__(self, place: Place, hosts: tuple[str, ...], *, what: str) -> None:
        super().__init__(place.host, place.port)
        self._place = place
        self._what = what
        self._entries = covering(place, hosts, what=what)

    def connect(self) -> None:
        """Resolve, check, connect; a certificate is checked against the name."""
        plain = connect(resolved(self._place, self._entries, what=self._what), self._place.port)
        plain.settimeout(ANSWER_SECONDS / 2)
        if self._place.parts.scheme == "https":
            with _closing_on_failure(plain):
                tls = ssl.create_default_context()
                plain = tls.wrap_socket(plain, server_hostname=self._place.host)
        self.sock = plain


@contextmanager
def _closing_on_failure(line: socket.socket) -> Iterator[None]:
    """Close a connection that could not be made safe."""
    try:
        yield
    except BaseException:
        line.close()
        raise


def _content(response: http.client.HTTPResponse, *, max_bytes: int, address: str) -> bytes:
    """Read a body piece by piece, so that one that never ends is given up."""
    declared, begun = response.length, time.monotonic()
    pieces: list[bytes] = []
    size = 0
    while size <= max_bytes and (declared or 0) <= max_bytes:
        piece = response.read1(_PIECE)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
        if time.monotonic() - begun > ANSWER_SECONDS:
            raise TimeoutError("the answer did not end in time")
    if max(size, declared or 0) > max_bytes:
        raise ImageTooLarge(f"{address}: expected at most {max_bytes} bytes, came more")
    if declared is not None and size < declared:
        raise UnreadableImage(f"{address}: its host broke off after {size} of {declared} bytes")
    return b"".join(pieces)
