"""What proxies say of a call → where it comes from, as far as they are trusted.

Does not know HTTP: there uvicorn reads the same header, of the same proxies.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER = "x-forwarded-for"
"""Each proxy writes down, at its end, whom it was asked by."""

USUAL = "127.0.0.1"
"""Whoever is on this machine."""

EVERYBODY = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class Proxies:
    """Whose word is taken for who the client is."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    """Where they are."""

    @classmethod
    def of(cls, told: str | None) -> Self:
        """Read who is trusted, see ``settings.PROXIES``.

        What is no address trusts nobody, as with uvicorn; where nothing is told, this machine is.
        """
        told = USUAL if told is None else told
        names = EVERYBODY if told == "*" else [one.strip() for one in told.split(",")]
        return cls(tuple(network for one in names if (network := _network(one)) is not None))

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """Return the address of the client of a call.

        Args:
            peer: Who opened the connection.
            forwarded: Values of the header, in order. The last who is no trusted proxy is the
                client: what stands before may be anybody's invention. If all are, it is the first.
        """
        if not self._trusts(peer):
            return peer
        told = [one.strip() for value in forwarded for one in value.split(",") if one.strip()]
        strangers = [one for one in told if not self._trusts(one)]
        client = (strangers[-1:] or told[:1] or [peer])[0]
        return client if _address(client) is not None else peer

    def _trusts(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self.networks)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address; one of IPv4 that came over IPv6 is one of IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
