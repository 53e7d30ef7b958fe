"""A login at the identity provider → who logged in: authorization code with PKCE.

Does not know browsers or cookies: what must be remembered between the two halves is handed out,
and handed in again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx

from satseek.errors import InvalidSettings, Unauthenticated
from satseek.service.access.issuer import is_loopback, is_safe

if TYPE_CHECKING:
    from satseek.service.access.issuer import Discovered
    from satseek.service.access.principals import Principal
    from satseek.service.access.tokens import TokenVerifier
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

REFUSED = "this login is not valid, or not any more; begin again"

CALLBACK = "/login/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """Somebody who logged in at the provider."""

    principal: Principal
    """Who."""
    id_token: str
    """What tells the provider later who logs out."""


class CodeFlow:
    """Logs people in at one provider (OpenID Connect Core 1.0, section 3.1; RFC 7636)."""

    def __init__(self, verifier: TokenVerifier, *, settings: Settings) -> None:
        """Ask nothing yet.

        Raises:
            InvalidSettings: it is not known under which address people reach this server.
        """
        self._verifier = verifier
        self._client_id = settings.oidc_client_id or ""
        secret = settings.oidc_client_secret
        self._secret = secret.get_secret_value() if secret else ""
        self._scopes = settings.oidc_scopes
        self.public_url = public_url(settings)
        """Address that people reach this server under, without a slash at the end."""

    def begin(self) -> tuple[str, dict[str, str]]:
        """Return where to send a browser, and what to remember until it is back.

        Raises:
            DirectoryUnreachable: the provider does not answer.
        """
        remembered = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        digest = hashlib.sha256(remembered["verifier"].encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self.public_url + CALLBACK,
            "scope": self._scopes,
            "state": remembered["state"],
            "nonce": remembered["nonce"],
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        endpoint = self._verifier.issuer.discovered().authorization_endpoint
        return _extended(endpoint, query), remembered

    def finish(self, answer: Mapping[str, str], remembered: Mapping[str, Any]) -> LoggedIn:
        """Return who came back.

        Args:
            answer: Query that the browser brought.
            remembered: What ``begin`` gave for this browser.

        Raises:
            Unauthenticated: the provider refused, or this is not the answer to that beginning.
            DirectoryUnreachable: the provider does not answer.
        """
        discovered = self._verifier.issuer.discovered()
        if not _same(answer.get("state", ""), remembered["state"]):
            raise _refusal("state of another login")
        named = answer.get("iss", "" if discovered.names_itself else self._verifier.issuer.url)
        if named != self._verifier.issuer.url:  # another provider's answer (RFC 9207)
            raise _refusal("answer of another issuer")
        if "code" not in answer:
            raise _refusal("the identity provider gave no code")
        tokens = self._tokens(discovered, answer["code"], remembered["verifier"])
        id_token = str(tokens.get("id_token", ""))
        claims = self._verifier.verify_login(
            id_token, client_id=self._client_id, nonce=remembered["nonce"]
        )
        if not self._verifier.says_groups(claims) and discovered.userinfo_endpoint:
            claims = {**self._more(discovered, claims, str(tokens.get("access_token"))), **claims}
        return LoggedIn(principal=self._verifier.principal(claims), id_token=id_token)

    def goodbye(self, id_token: str) -> str | None:
        """Return where to send a browser so that the provider ends its login, too; None: nowhere.

        Raises:
            DirectoryUnreachable: the provider does not answer.
        """
        endpoint = self._verifier.issuer.discovered().end_session_endpoint
        if not endpoint:
            return None
        query = {
            "client_id": self._client_id,
            "post_logout_redirect_uri": f"{self.public_url}/",
            **({"id_token_hint": id_token} if id_token else {}),
        }
        return _extended(endpoint, query)

    def _tokens(self, discovered: Discovered, code: str, verifier: str) -> dict[str, Any]:
        """Turn a code into tokens (RFC 6749, sections 2.3.1 and 4.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.public_url + CALLBACK,
            "code_verifier": verifier,
        }
        headers = {"accept": "application/json"}
        if self._secret and not discovered.secret_in_form:
            pair = f"{quote(self._client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = self._client_id
            form |= {"client_secret": self._secret} if self._secret else {}
        request = httpx.Request("POST", discovered.token_endpoint, data=form, headers=headers)
        tokens = self._verifier.issuer.ask(request)
        if tokens is None:
            raise _refusal("the code is not valid")
        return tokens

    def _more(
        self, discovered: Discovered, claims: Mapping[str, Any], access_token: str
    ) -> dict[str, Any]:
        """Ask for what the ID token does not say (OpenID Connect Core 1.0, section 5.3)."""
        headers = {"accept": "application/json", "authorization": f"Bearer {access_token}"}
        request = httpx.Request("GET", discovered.userinfo_endpoint, headers=headers)
        more = self._verifier.issuer.ask(request) or {}
        if more and more.get("sub") != claims["sub"]:
            raise _refusal("userinfo of somebody else")
        return more


def public_url(settings: Settings) -> str:
    """Return the address that people reach the server under, without a slash at the end.

    Raises:
        InvalidSettings: it is not known, or not safe to send a login to.
    """
    url = settings.public_url
    if url is None and is_loopback(settings.host) and settings.port:
        scheme = "https" if settings.tls_cert_file else "http"
        url = f"{scheme}://{settings.host}:{settings.port}"
    if url is None or not is_safe(url):
        raise InvalidSettings(
            "a login at the identity provider comes back to public_url: expected https://…, or "
            "http:// on loopback"
        )
    return url.rstrip("/")


def _extended(endpoint: str, query: Mapping[str, str]) -> str:
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _refusal(reason: str) -> Unauthenticated:
    logger.info("login refused: %s", reason)
    return Unauthenticated(REFUSED)
