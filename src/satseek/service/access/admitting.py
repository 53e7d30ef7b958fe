"""A request at any door → who asks, counted and written down; what every door calls first.

Knows neither HTTP nor gRPC: a door reads its own headers and writes its own refusals.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from satseek.errors import RateLimited, Unauthenticated
from satseek.service.access.audit import Audit
from satseek.service.access.authenticating import Authenticator, basic_pair
from satseek.service.access.principals import Principal
from satseek.service.access.rates import Failures, Rates

if TYPE_CHECKING:
    from satseek.service.access.authenticating import Logins
    from satseek.service.access.rates import Allowance
    from satseek.settings import Settings

FAILURES_PER_MINUTE = 60
"""Failed attempts of one address that are answered one by one; what is valid is taken even then."""

PASSWORDS_PER_MINUTE = 10
"""Wrong passwords of one name from one address that reach the directory: fewer than lock an account
in most houses."""

NOBODY = Principal(name="anonymous", kind="key", scopes=frozenset())
"""Who failed to be recognised, in the audit trail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a request shows of itself."""

    authorization: str | None = None
    """The header ``Authorization``."""
    api_key: str | None = None
    """The header ``X-API-Key``."""
    cookie: str | None = None
    """The login's cookie."""
    address: str = "-"
    """Where the request comes from, as far as is known."""

    @property
    def explicit(self) -> bool:
        """True where no browser added it by itself: another site cannot have caused it."""
        authorization = self.authorization
        by_itself = authorization is None or authorization[:5].lower() == "basic"
        return self.api_key is not None or not by_itself

    @property
    def anything(self) -> bool:
        """True where something was shown at all."""
        return any(one is not None for one in (self.authorization, self.api_key, self.cookie))


class Admission:
    """Who may come in; one for all doors of a server. Belongs to the event loop's thread."""

    def __init__(
        self, authenticator: Authenticator, *, audit: Audit, rates: Rates | None = None
    ) -> None:
        self.authenticator = authenticator
        self.audit = audit
        self.rates = rates
        self._failures = Failures(FAILURES_PER_MINUTE)
        self._passwords = Failures(PASSWORDS_PER_MINUTE)

    @classmethod
    def of(cls, settings: Settings, *, logins: Logins | None = None) -> Admission:
        """Open what the settings name.

        Raises:
            InvalidSettings, DependencyMissing: they name what cannot be.
        """
        return cls(
            Authenticator.of(settings, logins=logins),
            audit=Audit(settings.data_dir),
            rates=Rates.of(settings),
        )

    @property
    def enabled(self) -> bool:
        """False: authentication is off, and everybody is local."""
        return self.authenticator.enabled

    async def recognise(self, shown: Shown) -> Principal:
        """Return who asks.

        Raises:
            Unauthenticated: nothing was shown, or nothing valid.
            RateLimited: nothing valid, once too often.
            DirectoryUnreachable: it cannot be checked now.
        """
        account = _account(shown)
        if account:
            self._passwords.check(account)
        try:
            return await self.authenticator.authenticate(
                shown.authorization, shown.api_key, shown.cookie
            )
        except Unauthenticated:
            if not shown.anything:
                raise
            if account:
                self._passwords.count(account)
            if self._failures.count(shown.address) <= FAILURES_PER_MINUTE:
                self.note(NOBODY, "authenticate", "-", "refused", address=shown.address)
                raise
        refusal = RateLimited("too many failed attempts; wait a minute")
        refusal.retry_after_s = 60
        raise refusal

    async def count(self, principal: Principal, *, address: str) -> Allowance | None:
        """Count a request of somebody; None: nothing is limited.

        Raises:
            RateLimited: it is one too many; says when the next one is taken.
        """
        if self.rates is None:
            return None
        who = principal.name if principal.kind != "local" else f"address:{address}"
        return await self.rates.take(who)

    def note(
        self, principal: Principal, action: str, target: str, outcome: str, **pairs: Any
    ) -> None:
        """Have it written who asked what, where there is a who."""
        if self.enabled:
            self.audit.note(principal, action, target, outcome, **pairs)

    async def close(self) -> None:
        """Write what waits to be written."""
        await to_thread.run_sync(self.authenticator.close)
        await to_thread.run_sync(self.audit.close)
        if self.rates is not None:
            await self.rates.close()


def _account(shown: Shown) -> str | None:
    """Name what a password is tried for: account and address, as a digest of bounded length.

    Spellings that a directory takes for one name are one (RFC 4518: compatible letters, case,
    spaces).
    """
    pair = basic_pair(shown.authorization or "")
    if pair is None or shown.api_key is not None:
        return None
    name = "".join(unicodedata.normalize("NFKC", pair[0]).casefold().split())
    return hashlib.sha256(f"{shown.address}\0{name}".encode()).hexdigest()
