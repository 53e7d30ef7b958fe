"""A bearer token → who sent it, or a refusal; the only file that verifies signatures.

Does not know how keys are fetched, nor what roles may do. Every refusal reads the same: the log
says what was wrong, whoever sent the token does not learn it.

ID tokens are no bearer tokens: they tell a client who logged in, not this server what somebody may
do. They are refused by their marks (``at_hash``, Keycloak's ``typ``), and surely where
``oidc_audience`` is another name than the client id.
"""

from __future__ import annotations

import functools
import hmac
import logging
import math
import time
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from satseek.errors import DependencyMissing, InvalidSettings, Unauthenticated
from satseek.service.access.groups import Roles, groups_in, plain
from satseek.service.access.issuer import Issuer
from satseek.service.access.principals import Principal

if TYPE_CHECKING:
    from joserfc.jwk import Key
    from joserfc.jws import JWSRegistry

    from satseek.service.access.issuer import Discovered
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),  # what EdDSA is called since RFC 9864
}
"""Signatures taken, with the kind and curve of the key that each needs. No ``none``, and none with
a shared secret: a public key would pass for the secret (RFC 8725, sections 2.1 and 3.1)."""

TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""Header ``typ`` of access tokens (RFC 9068, section 2.1) and of plain ones."""

ID_TOKEN_MARKS = frozenset({"at_hash", "c_hash", "s_hash"})
"""Claims of ID tokens alone (OpenID Connect Core 1.0, section 3.3.2.11)."""

MAX_LETTERS = 16_384
"""Longest token that is looked at: some hundred groups fit; headers of more are refused anyway."""

MIN_RSA_BITS = 2048
"""RFC 7518, section 3.3."""

LEEWAY_SECONDS = 30.0
"""How far the provider's clock may be off."""

REFUSED = "the token is not valid here; ask the identity provider for a new one"


class TokenVerifier:
    """Checks tokens of one provider; safe to call from several threads. May wait for it."""

    def __init__(
        self,
        issuer: Issuer,
        *,
        audience: str,
        groups_claim: str,
        roles: Roles,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Check nothing yet.

        Raises:
            DependencyMissing: joserfc is not installed.
        """
        try:
            import joserfc  # noqa: F401, PLC0415 (an extra)
        except ImportError as error:
            raise DependencyMissing(
                "expected the package joserfc for oidc: pip install 'satseek[auth]'"
            ) from error
        self.issuer = issuer
        self._audience = audience
        self._groups_claim = groups_claim
        self._roles = roles
        self._clock = clock
        self._keys: tuple[Discovered, list[Key]] | None = None

    @classmethod
    def of(cls, settings: Settings) -> TokenVerifier:
        """Trust the issuer that the settings name.

        Raises:
            InvalidSettings: issuer or audience are missing or cannot be.
            DependencyMissing: joserfc is not installed.
        """
        audience = settings.oidc_audience or settings.oidc_client_id
        if not settings.oidc_issuer or not audience:
            raise InvalidSettings(
                "auth names oidc: expected oidc_issuer, and oidc_audience or oidc_client_id"
            )
        return cls(
            Issuer(settings.oidc_issuer, ca_file=settings.oidc_ca_file),
            audience=audience,
            groups_claim=settings.oidc_groups_claim,
            roles=Roles.of(settings),
        )

    def verify(self, token: str) -> Principal:
        """Return who sent an access token.

        Raises:
            Unauthenticated: it is not valid here; never says why.
            DirectoryUnreachable: the provider's keys are not known and it does not answer.
        """
        claims = self._checked(token, audience=self._audience)
        if claims.get("typ", "Bearer") != "Bearer" or not ID_TOKEN_MARKS.isdisjoint(claims):
            raise _refusal("not an access token")
        return self.principal(claims)

    def verify_login(self, token: str, *, client_id: str, nonce: str) -> dict[str, Any]:
        """Return what an ID token says, answered to the login that sent this nonce.

        Raises:
            Unauthenticated, DirectoryUnreachable: as ``verify``.
        """
        claims = self._checked(token, audience=client_id)
        named = claims.get("nonce")
        if not isinstance(named, str) or not hmac.compare_digest(named.encode(), nonce.encode()):
            raise _refusal("nonce of another login")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != client_id:
            raise _refusal("issued to another client")
        return claims

    def principal(self, claims: Mapping[str, Any]) -> Principal:
        """Return whom claims describe, with what their groups may do."""
        groups = groups_in(claims, self._groups_claim)
        return Principal(
            name=_name(claims), kind="oidc", scopes=self._roles.scopes(groups), groups=groups
        )

    def says_groups(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether claims name any group."""
        return bool(groups_in(claims, self._groups_claim))

    def _checked(self, token: str, *, audience: str) -> dict[str, Any]:
        claims = self._signed(token)
        now = self._clock()
        if claims.get("iss") != self.issuer.url:
            raise _refusal("another issuer")
        named = claims.get("aud")
        if audience not in (named if isinstance(named, list) else [named]):
            raise _refusal("another audience")
        expires = _moment(claims, "exp")
        if expires is None or now >= expires + LEEWAY_SECONDS:
            raise _refusal("expired")
        for name in ("nbf", "iat"):
            moment = _moment(claims, name)
            if moment is not None and now < moment - LEEWAY_SECONDS:
                raise _refusal(f"{name} in the future")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise _refusal("no subject")
        return claims

    def _signed(self, token: str) -> dict[str, Any]:
        """Return the claims of a token whose signature is the provider's."""
        from joserfc import jws, jwt  # noqa: PLC0415 (an extra)
        from joserfc.errors import JoseError  # noqa: PLC0415

        if len(token) > MAX_LETTERS or not token.isascii() or token.count(".") != 2:  # noqa: PLR2004
            raise _refusal("not a token")
        try:
            header = jws.extract_compact(token.encode()).headers()
            algorithm = str(header.get("alg"))
            key = self._key(header, algorithm, header.get("kid"))
            return jwt.decode(token, key, registry=_registry(algorithm)).claims
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise _refusal(f"unreadable or forged ({type(error).__name__})") from error

    def _key(self, header: Mapping[str, Any], algorithm: str, kid: Any) -> Key:
        if algorithm not in ALGORITHMS or "crit" in header:
            raise _refusal("algorithm not allowed")
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in TYPES:
            raise _refusal("another type of token")
        if kid is not None and not isinstance(kid, str):
            raise _refusal("no key id")
        found = self._fitting(self.issuer.discovered(), algorithm, kid)
        if not found:
            found = self._fitting(self.issuer.renewed(), algorithm, kid)
        if len(found) != 1:
            raise _refusal("unknown key")
        return found[0]

    def _fitting(self, discovered: Discovered, algorithm: str, kid: str | None) -> list[Key]:
        """Return the keys that may have signed this: of this kind, published for it."""
        if self._keys is None or self._keys[0] is not discovered:
            self._keys = discovered, _imported(discovered.keys)
        return [
            key
            for key in self._keys[1]
            if _fits(key, algorithm) and (kid is None or key.get("kid") == kid)
        ]


@functools.cache
def _registry(algorithm: str) -> JWSRegistry:
    """Take this algorithm and no other; providers still use names that are deprecated."""
    from joserfc.errors import UnsupportedAlgorithmError  # noqa: PLC0415 (an extra)
    from joserfc.jws import JWSRegistry  # noqa: PLC0415

    class One(JWSRegistry):
        def get_alg(self, name: str) -> Any:
            if name != algorithm:
                raise UnsupportedAlgorithmError(name)
            return self.algorithms[name]

    return One(strict_check_header=False)


def _imported(published: tuple[Mapping[str, Any], ...]) -> list[Key]:
    """Read the keys that can be used; others may be there for others."""
    from joserfc import jwk  # noqa: PLC0415 (an extra)
    from joserfc.errors import JoseError, SecurityWarning  # noqa: PLC0415

    kinds = {kind for kind, _ in ALGORITHMS.values()}
    keys: list[Key] = []
    for one in published:
        if one.get("kty") not in kinds or one.get("use", "sig") != "sig":
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SecurityWarning)  # of short keys: none is used
                keys.append(jwk.import_key(dict(one)))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            logger.warning("a key of the identity provider is unusable: %s", type(error).__name__)
    return keys


def _fits(key: Key, algorithm: str) -> bool:
    kind, curve = ALGORITHMS[algorithm]
    if key.key_type != kind or key.get("alg", algorithm) != algorithm:
        return False
    if kind == "RSA":
        public: Any = key.raw_value
        return bool(public.key_size >= MIN_RSA_BITS)
    return curve == key.get("crv")


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate (RFC 7519, section 2); None: the claim is missing."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refusal(f"{name} is no moment")
    return float(value)


def _name(claims: Mapping[str, Any]) -> str:
    """Return a name for logs and the audit trail.

    It ends in the subject, the only claim that is nobody else's, now or later (OpenID Connect
    Core 1.0, section 5.7); what people choose for themselves only makes it readable.
    """
    subject = plain(str(claims["sub"]))
    shown = claims.get("preferred_username") or claims.get("email")
    if not isinstance(shown, str) or shown == claims["sub"]:
        return f"oidc:{subject}"
    return f"oidc:{plain(shown).replace('/', '_')}/{subject}"


def _refusal(reason: str) -> Unauthenticated:
    logger.info("token refused: %s", reason)
    return Unauthenticated(REFUSED)
