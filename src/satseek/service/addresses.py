"""An ``http(s)`` address on a listed host → the bytes that lie there.

Does not know images. The name is resolved once, each of its addresses is checked, and the
connection goes to one that was checked, so that a name that changes meanwhile leads nowhere else.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urlsplit

from satseek.embed.patience import current_patience
from satseek.errors import ImageTooLarge, InvalidSettings, UnreadableImage, UnsafeReference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FETCH_SECONDS = 15.0
"""Longest time from connecting to the last byte."""

NOT_LISTED = "image_ref: expected an address on a host that this server may read from"
NOT_PUBLIC = (
    "image_ref: the host resolves to an address that is not public, and the settings do not say "
    "that it may"
)

CONNECT_SECONDS = 5.0
"""Longest wait for one address to take a connection, and between two pieces of an answer."""

MAX_ADDRESSES = 3
"""Addresses of one name that are tried."""

_LEFT = "/%:@!$&'()*+,;=~-._"
"""What a path may hold as it is (RFC 3986 3.3); anything else is percent-encoded."""

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)
_LISTED = re.compile(
    r"(?P<host>\[[^\]]+\]|[^:\[\]=]+)(?::(?P<port>\d{1,5}))?(?:=(?P<network>[^=]+))?"
)

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 2.1: the last 32 bits are IPv4
_NEVER = tuple(
    ipaddress.ip_network(one)
    for one in (
        "169.254.0.0/16",  # link-local, where clouds serve credentials (RFC 3927)
        "fe80::/10",  # link-local (RFC 4291 2.5.6)
        "fd00:ec2::/32",  # Amazon's metadata over IPv6
        "100.100.100.200/32",  # Alibaba Cloud's metadata
        "192.0.0.192/32",  # Oracle Cloud's metadata
        "0.0.0.0/8",  # this host (RFC 1122 3.2.1.3)
        "::/128",
        "224.0.0.0/4",  # multicast
        "ff00::/8",
        "255.255.255.255/32",
    )
)
"""Refused whatever the settings say: no imagery lies there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One entry of ``reference_hosts``: ``HOST[:PORT][=NETWORK]``."""

    host: str
    """Name or IP address, lower case, without brackets."""
    port: int | None
    """The only port; None: the scheme's own."""
    network: Network | None
    """Where its addresses must lie, private or not; None: they must be public."""


def listed(entry: str) -> Listed:
    """Read one entry; raises InvalidSettings."""
    found = _LISTED.fullmatch(entry.strip().lower())
    if found is None:
        raise InvalidSettings(f"reference_hosts: expected HOST[:PORT][=NETWORK], came {entry!r}")
    host, port = found["host"].strip("[]").rstrip("."), found["port"]
    try:
        network = ipaddress.ip_network(found["network"]) if found["network"] else _itself(host)
    except ValueError as error:
        raise InvalidSettings(f"reference_hosts: {entry!r}: {error}") from error
    return Listed(host=host, port=int(port) if port else None, network=network)


def fetch_address(address: str, *, hosts: Iterable[str], max_bytes: int) -> bytes:
    """Read what lies under an address; redirects are not followed, nothing is decompressed.

    Raises:
        UnsafeReference: no entry of ``hosts`` covers it, or its name leads to where none may.
        ImageTooLarge: it has more than ``max_bytes`` bytes.
        UnreadableImage: the host does not answer in time, or with something else.
    """
    parts, host, port = _parsed(address)
    entries = [one for one in map(listed, hosts) if _covers(one, host, port, parts.scheme)]
    if not entries:
        raise UnsafeReference(NOT_LISTED)
    try:
        checked = _resolved(host, port, entries)
        with _connected(checked, port, host=host, scheme=parts.scheme) as connection:
            return _body(connection, parts, max_bytes=max_bytes)
    except (OSError, http.client.HTTPException) as error:  # TLS and time-outs are OSErrors
        current_patience().check()
        reason = type(error).__name__
        raise UnreadableImage(f"image_ref: {host} could not be read ({reason})") from error


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet, also where IPv6 wraps IPv4."""
    address = _unwrapped(address)
    if isinstance(address, ipaddress.IPv6Address) and (address.is_site_local or address.teredo):
        return False
    return address.is_global and not address.is_multicast and not _is_never(address)


def _parsed(address: str) -> tuple[SplitResult, str, int]:
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise UnsafeReference(NOT_LISTED) from error
    named = _NAME.fullmatch(host) or _itself(host)
    if not named or "@" in parts.netloc or "\\" in address:
        raise UnsafeReference(NOT_LISTED)
    return parts, host, _PORTS[parts.scheme] if port is None else port


def _covers(entry: Listed, host: str, port: int, scheme: str) -> bool:
    address = _itself(host)
    same = entry.host == host or (address is not None and address == _itself(entry.host))
    return same and port == (_PORTS[scheme] if entry.port is None else entry.port)


def _itself(host: str) -> Network | None:
    """The network of one address that a host is; None where it is a name."""
    try:
        return ipaddress.ip_network(ipaddress.ip_address(host))
    except ValueError:
        return None


def _resolved(host: str, port: int, entries: Iterable[Listed]) -> list[Address]:
    """Resolve a name; each of its addresses must be one that an entry allows."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    for address in addresses:
        if not any(_allows(entry, address) for entry in entries):
            raise UnsafeReference(NOT_PUBLIC)
    return addresses


def _allows(entry: Listed, address: Address) -> bool:
    plain = _unwrapped(address)
    if _is_never(plain):
        return False
    return is_public(address) if entry.network is None else plain in entry.network


def _is_never(address: Address) -> bool:
    return any(address in network for network in _NEVER)


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


@contextmanager
def _connected(
    addresses: list[Address], port: int, *, host: str, scheme: str
) -> Iterator[http.client.HTTPConnection]:
    """Connect to one of the checked addresses; all that follows is broken off after a time."""
    plain = _connect(addresses, port)
    late = threading.Event()

    def stop() -> None:
        late.set()
        _break(plain)

    watch = threading.Timer(FETCH_SECONDS, stop)
    forget = current_patience().on_give_up(lambda: _break(plain))
    try:
        if scheme == "https":
            tls = ssl.create_default_context()
            plain = tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        watch.start()
        if isinstance(plain, ssl.SSLSocket):  # checks the name, whatever address it went to
            plain.do_handshake()
        connection = http.client.HTTPConnection(host, port)
        connection.sock = plain
        yield connection
        current_patience().check()
        if late.is_set():  # what came of it may look whole
            raise TimeoutError("the answer did not end in time")
    finally:
        watch.cancel()
        forget()
        plain.close()


def _connect(addresses: list[Address], port: int) -> socket.socket:
    """Connect to the first that answers; raises OSError where none does."""
    failure = OSError("the name has no address")
    for address in addresses[:MAX_ADDRESSES]:
        try:
            return socket.create_connection((str(address), port), timeout=CONNECT_SECONDS)
        except OSError as error:
            failure = error
    raise failure


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
