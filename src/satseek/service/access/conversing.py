"""An LDAP directory's address → a conversation with it; the only file with ldap3.

Does not know who is looked for. Nothing is said before the connection is encrypted and the
directory has shown a certificate for its name. Every conversation ends in time.
"""

from __future__ import annotations

import logging
import ssl
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from satseek.errors import DependencyMissing, DirectoryUnreachable, InvalidSettings
from satseek.service.access.issuer import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from ldap3 import Connection, Server

    from satseek.settings import Settings

logger = logging.getLogger(__name__)

UNREACHABLE = "the directory does not answer; try again later"

_SUCCESS, _TOO_MANY, _NOT_THERE = 0, 4, 32
"""Result codes: success, size limit exceeded, no such object (RFC 4511, appendix A)."""

_REFUSED = frozenset({19, 32, 34, 48, 49, 50, 53})
"""Answers to a bind that are about who asks, not about the directory: constraint violation (an
account locked), no such object, invalid name, inappropriate authentication, invalid credentials,
insufficient rights, unwilling to perform (RFC 4511, appendix A)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something found in the directory."""

    dn: str
    """Its distinguished name, as the directory writes it."""
    names: tuple[str, ...]
    """Values of the attribute that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a directory is, and how it must prove that it is the right one."""

    host: str
    """Name or address."""
    port: int
    """TCP port."""
    encrypted: bool
    """True: encrypted from the first byte (``ldaps://``)."""
    start_tls: bool
    """True: encrypted before anything else is said."""
    base: str
    """Where entries are searched."""
    timeout_s: float
    """Longest time for a whole conversation."""
    trust: ssl.SSLContext
    """What its certificate must be signed by."""

    @classmethod
    def of(cls, settings: Settings) -> Place:
        """Read it from the settings.

        Raises:
            InvalidSettings: they are incomplete, or would send passwords in the clear.
            DependencyMissing: ldap3 is not installed.
        """
        ldap3()
        if not settings.ldap_url or not settings.ldap_base_dn:
            raise InvalidSettings("auth names ldap: expected ldap_url and ldap_base_dn")
        parts = urlsplit(settings.ldap_url)
        if parts.scheme not in ("ldap", "ldaps") or not parts.hostname:
            raise InvalidSettings("expected ldap_url to be ldaps://host or ldap://host")
        encrypted = parts.scheme == "ldaps"
        if not encrypted and not settings.ldap_start_tls and not is_loopback(parts.hostname):
            raise InvalidSettings(
                "ldap:// without ldap_start_tls sends passwords in the clear: it is for loopback "
                "only; use ldaps://, or set ldap_start_tls"
            )
        return cls(
            host=parts.hostname,
            port=parts.port or (636 if encrypted else 389),  # their registered ports
            encrypted=encrypted,
            start_tls=settings.ldap_start_tls and not encrypted,
            base=settings.ldap_base_dn,
            timeout_s=settings.ldap_timeout_s,
            trust=_trusting(settings),
        )


class Conversation:
    """One connection, for as long as one question takes."""

    def __init__(self, connection: Connection, place: Place, deadline: float) -> None:
        self._connection = connection
        self._place = place
        self._deadline = deadline

    def bind(self, dn: str, password: str) -> bool:
        """Go on as somebody; False: the directory does not take this password for them.

        Raises:
            DirectoryUnreachable: it could not say.
        """
        self._hurry()
        with _answering():
            self._connection.rebind(user=dn, password=password, read_server_info=False)
        code = self._connection.result["result"]
        if code != _SUCCESS and code not in _REFUSED:
            raise self._failed("bind")
        return bool(code == _SUCCESS)

    def unbind(self) -> None:
        """Go on as nobody."""
        self._hurry()
        anonymous = ldap3().ANONYMOUS
        with _answering():
            self._connection.rebind(authentication=anonymous, read_server_info=False)
        if self._connection.result["result"] != _SUCCESS:
            raise self._failed("anonymous bind")

    def search(self, wanted: str, *, attribute: str, limit: int) -> list[Entry]:
        """Return the entries that fit a filter; referrals to elsewhere are left alone.

        Args:
            wanted: The filter (RFC 4515), with all values in it escaped.
            attribute: What to read of each.
            limit: Most entries to ask for; the directory may give fewer.

        Raises:
            DirectoryUnreachable: it did not search.
        """
        left = self._hurry()
        with _answering():
            self._connection.search(
                self._place.base,
                wanted,
                dereference_aliases="NEVER",
                attributes=[attribute],
                size_limit=limit,
                time_limit=max(1, int(left)),
            )
        if self._connection.result["result"] not in (_SUCCESS, _TOO_MANY, _NOT_THERE):
            raise self._failed("search")
        return [
            Entry(dn=one["dn"], names=_texts(one["attributes"].get(attribute)))
            for one in self._connection.response or ()
            if one["type"] == "searchResEntry"
        ]

    def _hurry(self) -> float:
        """Give the next answer the time that is left; returns it in seconds."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise DirectoryUnreachable(UNREACHABLE)
        self._connection.socket.settimeout(left)
        return left

    def _failed(self, what: str) -> DirectoryUnreachable:
        logger.error("the directory refused a %s: %s", what, self._connection.result["description"])
        return DirectoryUnreachable(UNREACHABLE)


@contextmanager
def conversing(place: Place) -> Iterator[Conversation]:
    """Connect, encrypt, and hang up at the end.

    Raises:
        DirectoryUnreachable: there is no answer in time, no encryption, or no right certificate.
    """
    deadline = time.monotonic() + place.timeout_s
    connection = ldap3().Connection(_server(place), auto_referrals=False, auto_bind=False)
    try:
        with _answering():
            connection.open(read_server_info=False)
            if place.start_tls:
                connection.start_tls(read_server_info=False)
        _check_encrypted(connection, place)
        yield Conversation(connection, place, deadline)
    finally:
        # not by saying goodbye: a directory that hangs would not hear it
        if connection.socket is not None:
            connection.socket.close()


@contextmanager
def _answering() -> Iterator[None]:
    """Take whatever goes wrong for no answer: malformed ones make ldap3 fail in many ways."""
    try:
        yield
    except Exception as error:
        logger.warning("the directory does not answer: %s: %s", type(error).__name__, error)
        raise DirectoryUnreachable(UNREACHABLE) from error


def escaped(value: str) -> str:
    """Return a value as it may stand in a filter (RFC 4515, section 3)."""
    written: str = ldap3().utils.conv.escape_filter_chars(value)
    return written


def ldap3() -> ModuleType:
    """Import what talks LDAP; its last release uses names that pyasn1 has renamed since.

    Raises:
        DependencyMissing: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            import_module("ldap3.core.exceptions")
            import_module("ldap3.utils.conv")
            return import_module("ldap3")
    except ImportError as error:
        raise DependencyMissing(
            "expected the package ldap3 for ldap: pip install 'satseek[auth]'"
        ) from error


def _server(place: Place) -> Server:
    package = ldap3()

    class Verified(package.Tls):  # type: ignore[misc, name-defined]
        """Python's own check of certificates and names: ldap3's own knows no addresses in them."""

        def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 (as it is called)
            connection.socket = place.trust.wrap_socket(
                connection.socket, server_hostname=place.host
            )

    return package.Server(
        place.host,
        port=place.port,
        use_ssl=place.encrypted,
        tls=Verified(validate=ssl.CERT_REQUIRED),
        get_info=package.NONE,
        connect_timeout=place.timeout_s,
    )


def _check_encrypted(connection: Connection, place: Place) -> None:
    """Go on only with an encrypted connection, whatever the package made of the answers."""
    wanted = place.start_tls or place.encrypted
    if wanted and not isinstance(connection.socket, ssl.SSLSocket):
        logger.error("the connection to the directory is not encrypted")
        raise DirectoryUnreachable(UNREACHABLE)


def _trusting(settings: Settings) -> ssl.SSLContext:
    """Demand a certificate for the directory's name, from the CA given or the machine's own."""
    path = settings.ldap_ca_file
    try:
        return ssl.create_default_context(cafile=str(path) if path else None)
    except (OSError, ssl.SSLError) as error:
        raise InvalidSettings(f"ldap_ca_file cannot be read: {error}") from error


def _texts(values: Any) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    return tuple(
        one.decode(errors="replace") if isinstance(one, bytes) else str(one)
        for one in listed
        if one is not None
    )
