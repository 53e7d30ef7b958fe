"""What a request shows of itself → who asks: keys, tokens, passwords and logins of the page.

Does not know how each of them is checked, nor what who asks may do. Whatever is wrong, the answer
is the same: nobody learns from it which part was.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from anyio import CapacityLimiter, to_thread

from satseek.errors import Unauthenticated
from satseek.service.access.keys import PREFIX, KeyStore
from satseek.service.access.principals import LOCAL

if TYPE_CHECKING:
    from satseek.service.access.principals import Principal
    from satseek.settings import Settings

NEEDED = (
    "this takes a key, token or login that is valid: send X-API-Key or Authorization, or ask who "
    "runs this server for one"
)
"""Said to everybody who was not recognised, whatever the reason."""

MAX_LETTERS = 16_384
"""Longest credential that is looked at: tokens with many groups have some 8,000."""

CHECKS = 16
"""Credentials checked at once: each may wait for a directory or a disk."""


class Tokens(Protocol):
    """What checks bearer tokens."""

    def verify(self, token: str) -> Principal:
        """Return whose it is; raises Unauthenticated, DirectoryUnreachable."""


class Passwords(Protocol):
    """What checks names and passwords."""

    def authenticate(self, name: str, password: str) -> Principal:
        """Return whose they are; raises Unauthenticated, DirectoryUnreachable."""


class Logins(Protocol):
    """What checks the cookie that a login left."""

    def read(self, cookie: str) -> Principal | None:
        """Return whose it is; None: nobody's, or nobody's any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """Every way to be recognised that the settings name."""

    enabled: bool
    """False: authentication is off, and everybody is ``LOCAL``."""
    keys: KeyStore | None = None
    """Checks API keys; None: they are not taken. So with the others."""
    tokens: Tokens | None = None
    """Checks tokens of the identity provider."""
    passwords: Passwords | None = None
    """Checks passwords with the directory."""
    logins: Logins | None = None
    """Checks logins of the page."""
    checks: CapacityLimiter
    """How many passwords and tokens are checked at once."""
    looks: CapacityLimiter
    """How many keys and logins: apart, so that they never wait for a directory."""

    @classmethod
    def of(cls, settings: Settings, *, logins: Logins | None = None) -> Authenticator:
        """Open what the settings name.

        Raises:
            InvalidSettings, DependencyMissing: a way is named and cannot be gone.
        """
        ways = set(settings.auth)
        return cls(
            enabled=bool(ways),
            keys=KeyStore(settings.data_dir) if "keys" in ways else None,
            tokens=_tokens(settings) if "oidc" in ways else None,
            passwords=_passwords(settings) if "ldap" in ways else None,
            logins=logins if ways else None,
            checks=CapacityLimiter(CHECKS),
            looks=CapacityLimiter(CHECKS),
        )

    async def authenticate(
        self,
        authorization: str | None = None,
        api_key: str | None = None,
        cookie: str | None = None,
    ) -> Principal:
        """Return who asks. The first of key, authorization and login that is there decides.

        Args:
            authorization: The header's value: ``Bearer`` with a key or token, or ``Basic`` with a
                password of the directory or a key.
            api_key: Value of ``X-API-Key``.
            cookie: Value of the login's cookie.

        Raises:
            Unauthenticated: nothing was shown, or nothing valid; never says which.
            DirectoryUnreachable: it cannot be checked now.
        """
        if not self.enabled:
            return LOCAL
        principal = None
        if api_key is not None:
            principal = await self._by_key(api_key)
        elif authorization is not None:
            principal = await self._by_authorization(authorization)
        elif cookie is not None and self.logins is not None:
            principal = await to_thread.run_sync(self.logins.read, cookie, limiter=self.looks)
        if principal is None:
            raise Unauthenticated(NEEDED)
        return principal

    def close(self) -> None:
        """Write what waits to be written."""
        if self.keys is not None:
            self.keys.write_uses()

    async def _by_authorization(self, authorization: str) -> Principal | None:
        scheme, _, shown = authorization.partition(" ")
        shown = shown.strip()
        if len(shown) > MAX_LETTERS:
            return None
        if scheme.lower() == "basic":
            return await self._by_password(basic_pair(authorization))
        if scheme.lower() != "bearer":
            return None
        if shown.startswith(PREFIX):
            return await self._by_key(shown)
        if self.tokens is not None:
            return await to_thread.run_sync(self.tokens.verify, shown, limiter=self.checks)
        return None

    async def _by_password(self, pair: tuple[str, str] | None) -> Principal | None:
        """Check a password with the directory; a key may stand in its place, for browsers."""
        if pair is None:
            return None
        name, password = pair
        if password.startswith(PREFIX):
            return await self._by_key(password)
        if self.passwords is None:
            return None
        return await to_thread.run_sync(
            self.passwords.authenticate, name, password, limiter=self.checks
        )

    async def _by_key(self, text: str) -> Principal | None:
        if self.keys is None or len(text) > MAX_LETTERS:
            return None
        key = self.keys.remembered(text)
        if key is None:
            key = await to_thread.run_sync(self.keys.verify, text, limiter=self.looks)
        return key.principal() if key else None


def basic_pair(authorization: str) -> tuple[str, str] | None:
    """Read name and password of ``Basic …`` (RFC 7617); None: it is none."""
    scheme, _, shown = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(shown.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    name, _, password = pair.partition(":")
    return (name, password) if name and password else None


def _tokens(settings: Settings) -> Tokens:
    from satseek.service.access.tokens import TokenVerifier  # noqa: PLC0415 (an extra)

    return TokenVerifier.of(settings)


def _passwords(settings: Settings) -> Passwords:
    from satseek.service.access.directory import Directory  # noqa: PLC0415 (an extra)

    return Directory.of(settings)
