"""The address of an identity provider → what it says of itself, and its keys.

Does not know what a token is: keys are objects as the provider published them.
"""

from __future__ import annotations

import functools
import json
import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from satseek.errors import DirectoryUnreachable, InvalidSettings

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

KEYS_SECONDS = 600.0
"""Keys are read again after this time, so that withdrawn ones stop working."""

STALE_SECONDS = 86_400.0
"""Keys read before go on this long while the provider does not answer."""

RENEW_SECONDS = 10.0
"""An unknown key makes the keys be read again no more often than this: anybody can invent one."""

BACKOFF_SECONDS = 5.0
"""A provider that did not answer is left alone this long."""

ANSWER_SECONDS = 5.0
"""Longest wait for an answer of the provider."""

MAX_BYTES = 1_000_000
"""Largest answer: a discovery document has some 5 kB, a key 1 kB."""

WELL_KNOWN = "/.well-known/openid-configuration"
"""OpenID Connect Discovery 1.0, section 4."""

AUTH_METHODS = "token_endpoint_auth_methods_supported"

UNREACHABLE = "the identity provider does not answer; try again later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """What a provider says of itself."""

    authorization_endpoint: str
    """Where browsers are sent to log in; empty: none."""
    token_endpoint: str
    """Where codes are turned into tokens; empty: none."""
    userinfo_endpoint: str
    """Where more about somebody is told; empty: none."""
    end_session_endpoint: str
    """Where browsers are sent to log out; empty: none."""
    names_itself: bool
    """Whether its answers to browsers carry its name (RFC 9207)."""
    secret_in_form: bool
    """Whether it takes a client's secret in the form only, not in a header."""
    keys: tuple[Mapping[str, Any], ...]
    """JSON Web Keys, as published."""


class Issuer:
    """One provider; asks it seldom, remembers its keys, and never follows it elsewhere."""

    def __init__(
        self,
        url: str,
        *,
        ca_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nothing yet.

        Raises:
            InvalidSettings: the address is not HTTPS, or the CA file cannot be read.
        """
        if not is_safe(url):
            raise InvalidSettings("expected oidc_issuer to be https://…, or http:// on loopback")
        self.url = url
        self._tls = _trusting(ca_file)
        self._clock = clock
        self._lock = threading.Lock()
        self._found: Discovered | None = None
        self._read_at = self._renewed_at = self._failed_at = float("-inf")

    def discovered(self) -> Discovered:
        """Return what is known of the provider, read again from time to time.

        Raises:
            DirectoryUnreachable: it does not answer, and nothing recent is known.
        """
        found = self._found
        age = self._clock() - self._read_at
        if found is not None and (age < KEYS_SECONDS or not self._lock.acquire(blocking=False)):
            return found  # fresh, or being read by somebody else right now
        if found is None:
            self._lock.acquire()
        try:
            return self._refreshed(KEYS_SECONDS)
        except DirectoryUnreachable:
            if self._found is None or self._clock() - self._read_at > STALE_SECONDS:
                raise
            return self._found
        finally:
            self._lock.release()

    def renewed(self) -> Discovered:
        """Read the keys again because one is missing; too soon after the last time: as known.

        Raises:
            DirectoryUnreachable: it does not answer, so that nobody can tell.
        """
        with self._lock:
            if self._found and self._clock() - self._renewed_at < RENEW_SECONDS:
                return self._found
            found = self._refreshed(0.0)
            self._renewed_at = self._clock()
            return found

    def ask(self, request: httpx.Request) -> dict[str, Any] | None:
        """Send a request of the login; None: the provider refused it.

        Raises:
            DirectoryUnreachable: it does not answer, or with something else than an object.
        """
        with self._client() as client:
            status, content = _answered(client, request)
        if httpx.codes.is_client_error(status):
            logger.info("the identity provider refused status=%d", status)
            return None
        return _object(status, content)

    def _refreshed(self, seconds: float) -> Discovered:
        """Read again what is older than this; the lock is held."""
        now = self._clock()
        if self._found is not None and now - self._read_at < seconds:
            return self._found
        if now - self._failed_at < BACKOFF_SECONDS:
            raise DirectoryUnreachable(UNREACHABLE)
        try:
            found = self._read()
        except DirectoryUnreachable:
            self._failed_at = self._clock()
            raise
        self._found, self._read_at = found, self._clock()
        return found

    def _read(self) -> Discovered:
        with self._client() as client:
            document = _object(*_get(client, self.url.rstrip("/") + WELL_KNOWN))
            if document.get("issuer") != self.url:
                logger.error("the discovery document names another issuer than oidc_issuer")
                raise DirectoryUnreachable(UNREACHABLE)
            keys = _object(*_get(client, _endpoint(document, "jwks_uri"))).get("keys")
        if not isinstance(keys, list):
            raise DirectoryUnreachable(UNREACHABLE)
        return Discovered(
            authorization_endpoint=_endpoint(document, "authorization_endpoint"),
            token_endpoint=_endpoint(document, "token_endpoint"),
            userinfo_endpoint=_endpoint(document, "userinfo_endpoint"),
            end_session_endpoint=_endpoint(document, "end_session_endpoint"),
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
            secret_in_form="client_secret_basic"
            not in document.get(AUTH_METHODS, ["client_secret_basic"]),
            keys=tuple(key for key in keys if isinstance(key, dict)),
        )

    def _client(self) -> httpx.Client:
        # Neither proxies nor passwords from the environment, and no redirects: whoever can move
        # the provider's answers elsewhere would choose the keys.
        return httpx.Client(
            verify=self._tls, timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False
        )


def is_safe(url: str) -> bool:
    """Tell whether an address cannot be read or changed on the way: HTTPS, or loopback."""
    parts = urlsplit(url)
    if parts.username is not None or parts.fragment or not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, without asking anybody."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        return _public_trust()
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise InvalidSettings(f"oidc_ca_file cannot be read: {error}") from error


@functools.cache
def _public_trust() -> ssl.SSLContext:
    """Trust what is publicly trusted; reading that takes a tenth of a second."""
    return httpx.create_ssl_context(trust_env=False)


def _endpoint(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name, "")
    if not isinstance(found, str) or (found and not is_safe(found)):
        logger.error("the discovery document gives no safe address for %s", name)
        raise DirectoryUnreachable(UNREACHABLE)
    return found


def _get(client: httpx.Client, url: str) -> tuple[int, bytes]:
    if not url:
        raise DirectoryUnreachable(UNREACHABLE)
    return _answered(client, client.build_request("GET", url, headers={"accept": "*/*"}))


def _answered(client: httpx.Client, request: httpx.Request) -> tuple[int, bytes]:
    """Read an answer of bounded size in bounded time."""
    deadline = time.monotonic() + ANSWER_SECONDS
    content = bytearray()
    try:
        response = client.send(request, stream=True)
        for part in response.iter_bytes():
            content += part
            if len(content) > MAX_BYTES or time.monotonic() > deadline:
                raise DirectoryUnreachable(UNREACHABLE)
    except httpx.HTTPError as error:
        logger.warning("the identity provider does not answer: %s", error)
        raise DirectoryUnreachable(UNREACHABLE) from error
    return response.status_code, bytes(content)


def _object(status: int, content: bytes) -> dict[str, Any]:
    if status != httpx.codes.OK:
        logger.warning("the identity provider answered status=%d", status)
        raise DirectoryUnreachable(UNREACHABLE)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DirectoryUnreachable(UNREACHABLE) from error
    if not isinstance(found, dict):
        raise DirectoryUnreachable(UNREACHABLE)
    return found
