"""A host that somebody names → the network addresses that may be connected to, if a list allows it.

Does not know what lies there. A name is resolved once and each of its addresses is checked, so that
a name that changes between check and connection leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from satseek.errors import InvalidSettings, UnsafeReference

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONNECT_SECONDS = 5.0
"""Longest wait for one address to take a connection, and between two pieces of an answer."""

MAX_ADDRESSES = 3
"""Addresses of one name that are tried."""

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
    """One entry of a list of hosts: ``HOST[:PORT][=NETWORK]``."""

    host: str
    """Name or IP address, lower case, without brackets."""
    port: int | None
    """The only port; None: the scheme's own."""
    network: Network | None
    """Where its addresses must lie, private or not; None: they must be public."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An ``http(s)`` address, taken apart."""

    parts: SplitResult
    """Its parts as written."""
    host: str
    """Lower case, without brackets."""
    port: int
    """The one it names, or the scheme's own."""


def listed(entry: str, *, setting: str = "reference_hosts") -> Listed:
    """Read one entry of a list; raises InvalidSettings."""
    found = _LISTED.fullmatch(entry.strip().lower())
    if found is None:
        raise InvalidSettings(f"{setting}: expected HOST[:PORT][=NETWORK], came {entry!r}")
    host, port = found["host"].strip("[]").rstrip("."), found["port"]
    try:
        network = ipaddress.ip_network(found["network"]) if found["network"] else _itself(host)
    except ValueError as error:
        raise InvalidSettings(f"{setting}: {entry!r}: {error}") from error
    return Listed(host=host, port=int(port) if port else None, network=network)


def not_listed(what: str) -> str:
    """Say that no entry covers an address."""
    return f"{what}: expected an address on a host that this server may read from"


def not_public(what: str) -> str:
    """Say that a name leads to where none may."""
    return (
        f"{what}: the host resolves to an address that is not public, and the settings do not say "
        "that it may"
    )


def place_of(address: str, *, what: str) -> Place:
    """Take an ``http(s)`` address apart.

    Raises:
        UnsafeReference: it is none, or holds credentials.
    """
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise UnsafeReference(not_listed(what)) from error
    named = _NAME.fullmatch(host) or _itself(host)
    if not named or parts.scheme not in _PORTS or "@" in parts.netloc or "\\" in address:
        raise UnsafeReference(not_listed(what))
    return Place(parts=parts, host=host, port=_PORTS[parts.scheme] if port is None else port)


def covering(place: Place, hosts: Iterable[str], *, what: str) -> list[Listed]:
    """Find the entries that cover an address; raises UnsafeReference where there are none."""
    entries = [one for one in map(listed, hosts) if _covers(one, place)]
    if not entries:
        raise UnsafeReference(not_listed(what))
    return entries


def resolved(place: Place, entries: Iterable[Listed], *, what: str) -> list[Address]:
    """Resolve a name; each of its addresses must be one that an entry allows.

    Raises:
        UnsafeReference: one of them is not.
        OSError: the name cannot be resolved.
    """
    entries = list(entries)
    addresses = addresses_of(place)
    for address in addresses:
        if not any(_allows(entry, address) for entry in entries):
            raise UnsafeReference(not_public(what))
    return addresses


def addresses_of(place: Place) -> list[Address]:
    """Resolve a name; raises OSError where that fails."""
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]


def connect(addresses: Iterable[Address], port: int) -> socket.socket:
    """Connect to the first that answers; raises OSError where none does."""
    failure = OSError("the name has no address")
    for address in list(addresses)[:MAX_ADDRESSES]:
        try:
            return socket.create_connection((str(address), port), timeout=CONNECT_SECONDS)
        except OSError as error:
            failure = error
    raise failure


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet, also where IPv6 wraps IPv4."""
    address = _unwrapped(address)
    if isinstance(address, ipaddress.IPv6Address) and (address.is_site_local or address.teredo):
        return False
    return address.is_global and not address.is_multicast and not _is_never(address)


def entry_for(place: Place, address: Address) -> str:
    """Write the entry that allows exactly this host, port and address."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    return f"{host}:{place.port}" + ("" if is_public(address) else f"={_unwrapped(address)}")


def _covers(entry: Listed, place: Place) -> bool:
    address = _itself(place.host)
    same = entry.host == place.host or (address is not None and address == _itself(entry.host))
    return same and place.port == (_PORTS[place.parts.scheme] if entry.port is None else entry.port)


def _itself(host: str) -> Network | None:
    """The network of one address that a host is; None where it is a name."""
    try:
        return ipaddress.ip_network(ipaddress.ip_address(host))
    except ValueError:
        return None


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
