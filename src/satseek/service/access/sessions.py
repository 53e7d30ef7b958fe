"""Somebody who logged in → a cookie, and back.

Does not know how they logged in. A cookie is 256 random bits; what it stands for lies in the data
folder under the cookie's digest, so that replicas that share the folder share the logins, a login
that was ended is ended everywhere, and whoever reads the folder has no cookie.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.errors import DiskFull, InvalidSettings
from satseek.service.access.groups import Roles
from satseek.service.access.keys import PREFIX, KeyStore
from satseek.service.access.principals import Principal

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.settings import Settings

FOLDER = "logins"

COOKIE = "satseek_session"
"""The cookie's name over plain HTTP."""

HOST_COOKIE = f"__Host-{COOKIE}"
"""Its name over HTTPS: browsers keep it to this very host (RFC 6265bis, section 4.1.3.2)."""

LONGEST_SECONDS = 8 * 3600
"""A login ends after a working day; what a directory changed meanwhile counts from the next one."""

IDLE_SECONDS = 3600
"""A login that is not used ends after this time."""

TOUCH_SECONDS = 60
"""How exactly it is known when a login was last used."""

_HOST = "h."
_PLAIN = "p."
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A login that was just ended."""

    kind: str
    """How they had been recognised."""
    hint: str
    """The identity provider's token that tells it who leaves; empty: none."""


class Sessions:
    """The logins of one data folder; safe to use from several threads and processes."""

    def __init__(
        self,
        folder: Path,
        *,
        roles: Roles,
        ways: frozenset[str],
        secure: bool,
        keys: KeyStore | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open the folder, or make one that only its owner can read.

        Raises:
            InvalidSettings: others can read the key in it.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._roles = roles
        self._ways = ways
        self._keys = keys
        self._clock = clock
        self._secret = _secret(folder / "key")
        self._swept_at = 0.0
        self.secure = secure
        """Whether cookies travel over HTTPS only, however a request came: people are known to use
        no other way. Else those do that are given over HTTPS."""

    @classmethod
    def of(cls, settings: Settings) -> Sessions | None:
        """Keep logins where the settings say; None: authentication is off."""
        if not settings.auth:
            return None
        ways = frozenset({"key" if way == "keys" else way for way in settings.auth})
        return cls(
            settings.data_dir / FOLDER,
            roles=Roles.of(settings),
            ways=ways,
            secure=(settings.public_url or "").startswith("https://")
            or settings.tls_cert_file is not None,
            keys=KeyStore(settings.data_dir) if "key" in ways else None,
        )

    def secures(self, scheme: str) -> bool:
        """Tell whether a cookie travels over HTTPS only that is given over this scheme.

        Where others end TLS, the scheme is what one of them says that is trusted.
        """
        return self.secure or scheme == "https"

    def open(self, principal: Principal, *, secure: bool, key: str = "", hint: str = "") -> str:
        """Begin a login; returns the cookie.

        Args:
            principal: Who logged in.
            secure: Whether the cookie travels over HTTPS only.
            key: The API key, where that is how.
            hint: The identity provider's token, where that is how; given back at the end.
        """
        self._sweep()
        cookie = f"{_HOST if secure else _PLAIN}{secrets.token_urlsafe(32)}"
        fields = {
            "name": principal.name,
            "kind": principal.kind,
            "groups": sorted(self._roles.relevant(principal.groups)),
            "key": key.removeprefix(PREFIX).partition("_")[0],
            "hint": hint,
            "until": self._clock() + LONGEST_SECONDS,
        }
        _write(self._path(cookie), json.dumps(fields).encode())
        return cookie

    def read(self, cookie: str) -> Principal | None:
        """Return who logged in; None: nobody did, or not any more."""
        path = self._path(cookie)
        fields = self._fields(path)
        if fields is None or fields["kind"] not in self._ways:
            return None
        if fields["kind"] == "key":
            found = self._keys.in_force(fields["key"]) if self._keys else None
            return found.principal() if found else None
        return Principal(
            name=fields["name"],
            kind=fields["kind"],
            scopes=self._roles.scopes(fields["groups"]),
            groups=frozenset(fields["groups"]),
        )

    def end(self, cookie: str) -> Ended | None:
        """End a login, in every replica at once; None: there was none."""
        path = self._path(cookie)
        fields = self._fields(path)
        path.unlink(missing_ok=True)
        return Ended(kind=fields["kind"], hint=fields["hint"]) if fields else None

    def sign(self, fields: Mapping[str, Any], *, seconds: float) -> str:
        """Return fields as a text that nobody else can make, good for some time.

        Whoever holds the text can read it.
        """
        content = json.dumps({**fields, "until": self._clock() + seconds}).encode()
        return f"{_base64(content)}.{_base64(self._digest(content))}"

    def signed(self, text: str) -> dict[str, Any] | None:
        """Return the fields of such a text; None: it is none of ours, or too old."""
        written, _, digest = text.partition(".")
        try:
            content = base64.urlsafe_b64decode(written.encode() + b"==")
        except ValueError:
            return None
        if not hmac.compare_digest(_base64(self._digest(content)).encode(), digest.encode()):
            return None
        fields: dict[str, Any] = json.loads(content)
        return fields if self._clock() < fields["until"] else None

    def _fields(self, path: Path) -> dict[str, Any] | None:
        try:
            used_at = path.stat().st_mtime
            fields: dict[str, Any] = json.loads(path.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        now = self._clock()
        if now >= min(fields["until"], used_at + IDLE_SECONDS):
            return None
        if now - used_at >= TOUCH_SECONDS:
            with contextlib.suppress(FileNotFoundError):
                os.utime(path, (now, now))
        return fields

    def _path(self, cookie: str) -> Path:
        return self._folder / f"{hashlib.sha256(cookie.encode()).hexdigest()}.json"

    def _sweep(self) -> None:
        """Take away what has ended, now and then."""
        now = self._clock()
        if now - self._swept_at < IDLE_SECONDS:
            return
        self._swept_at = now
        for path in self._folder.glob("*.json"):
            if self._fields(path) is None:
                path.unlink(missing_ok=True)

    def _digest(self, content: bytes) -> bytes:
        return hmac.digest(self._secret, content, "sha256")


def cookie_name(*, secure: bool) -> str:
    """Return the name of the cookie that carries a login."""
    return HOST_COOKIE if secure else COOKIE


def cookie_in(cookies: Mapping[str, str]) -> str | None:
    """Return a login's cookie among others; None: there is none.

    One that was given for HTTPS is not taken under the other name: that one can be set by whoever
    has a neighbouring host.
    """
    found = cookies.get(COOKIE)
    if found is not None and found.startswith(_HOST):
        found = None
    return cookies.get(HOST_COOKIE) or found


def _secret(path: Path) -> bytes:
    """Read the folder's key, or make one; of several processes that make one, the first wins."""
    if not path.exists():
        fresh = path.with_name(f"key-{secrets.token_hex(8)}")
        _write(fresh, secrets.token_bytes(_KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    if path.stat().st_mode & 0o007:
        raise InvalidSettings(f"others can read {path}: take that away with `chmod o= {path}`")
    content = path.read_bytes()
    if len(content) != _KEY_BYTES:
        raise InvalidSettings(f"expected {_KEY_BYTES} bytes in {path}; remove it to have a new one")
    return content


def _write(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise DiskFull(f"a login cannot be kept in the data folder: {error.strerror}") from error


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
