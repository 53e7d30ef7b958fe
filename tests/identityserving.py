"""Starts a real OpenID provider in a process of its own, with clients, people, groups and keys.

The provider is npm's ``oidc-provider``, a certified one, at the versions of its lock file; npm puts
it into the user's cache once. Its keys are made here, so that tests can also sign as it would what
it never would.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx
from directoryserving import free_port
from fetching import npm_installed
from joserfc import jwt
from joserfc.jwk import RSAKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SOURCE = Path(__file__).parent / "identityprovider"
AUDIENCE = "satseek-api"
PAGE = "satseek-page"
SECRET = "kept by the page: %/+ and all"  # noqa: S105 (of a provider made on the spot)
PUBLIC_PAGE = "satseek-page-without-secret"
MACHINE = "nightly"
API = "urn:satseek:api"

PEOPLE: dict[str, dict[str, Any]] = {
    "u-1": {"preferred_username": "ada", "email": "ada@example.org", "groups": ["analysts"]},
    "u-2": {"preferred_username": "grace", "email": "grace@example.org", "groups": ["strangers"]},
    MACHINE: {"groups": ["analysts", "machines"]},
    "stranger": {},
}
"""What the provider knows, by subject; two of them are clients that ask for themselves."""


@dataclass(slots=True)
class IdentityServer:
    """A provider that runs."""

    url: str
    process: subprocess.Popen[str]
    keys: list[RSAKey] = field(default_factory=list)
    count: int = 0

    def token(self, client: str = MACHINE) -> str:
        """Ask for an access token, as a program would."""
        form = {"grant_type": "client_credentials", "resource": API, "scope": "search"}
        answer = httpx.post(f"{self.url}/token", data=form, auth=(client, "machine"))
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def sign(
        self, claims: Mapping[str, Any] | None = None, *, header: Mapping[str, Any] | None = None
    ) -> str:
        """Sign as the provider would; what is given here replaces what it would say."""
        now = int(time.time())
        said = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "u-1",
            "iat": now,
            "exp": now + 60,
            **PEOPLE["u-1"],
            **(claims or {}),
        }
        said = {name: value for name, value in said.items() if value is not None}
        key = self.keys[0]
        head = {"alg": "RS256", "kid": key.kid, "typ": "at+jwt", **(header or {})}
        return jwt.encode(head, said, key, algorithms=["RS256"])

    def rotate(self) -> None:
        """Exchange the keys for new ones."""
        self.keys = [self.fresh_key()]
        self.tell({"keys": [_private(key) for key in self.keys]})

    def fresh_key(self) -> RSAKey:
        self.count += 1
        return RSAKey.generate_key(2048, {"kid": f"key-{self.count}", "alg": "RS256"})

    def tell(self, change: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(change) + "\n")
        self.process.stdin.flush()
        while (line := self.process.stdout.readline()) != "ready\n":
            assert line, "the identity provider ended"  # others are notices of the provider


@contextmanager
def running_identity(
    folder: Path, *, public_url: str = "http://127.0.0.1:1", certificates: Path | None = None
) -> Iterator[IdentityServer]:
    """Start the provider on a free port for a page that people reach under ``public_url``.

    Where a folder of ``certificates`` is given (``key.pem``, ``cert.pem``), it serves HTTPS.
    """
    place = installed()
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "identity.log").open("w") as log:
        process = subprocess.Popen(
            ["node", "server.mjs"],
            cwd=place,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        tls = certificates and {
            name: (certificates / f"{name}.pem").read_text() for name in ("key", "cert")
        }
        server = IdentityServer(f"http{'s' if tls else ''}://127.0.0.1:{port}", process)
        server.keys = [server.fresh_key()]
        server.tell(
            {
                "issuer": server.url,
                "port": port,
                "tls": tls,
                "keys": [_private(key) for key in server.keys],
                "clients": _clients(public_url),
                "people": PEOPLE,
                "audience": AUDIENCE,
                "seconds": 300,
            }
        )
        yield server
    finally:
        process.kill()
        process.communicate(timeout=20)


def log_in(client: httpx.Client, address: str, *, subject: str) -> httpx.Response:
    """Go through the provider's own pages as a person with a browser does.

    Args:
        client: The browser, with its cookies; follows no redirects by itself.
        address: Where the login sent it.
        subject: Who logs in.

    Returns:
        The provider's last redirect, back to where the person came from.
    """
    answer = client.get(address)
    for _ in range(10):
        if answer.is_redirect:
            target = urljoin(str(answer.request.url), answer.headers["location"])
            if "code=" in target or "error=" in target:
                return answer
            answer = client.get(target)
            continue
        action = re.search(r'action="([^"]+)"', answer.text)
        prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
        assert action, answer.text
        assert prompt, answer.text
        fields = {"prompt": prompt[1], "login": subject, "password": "any"}
        answer = client.post(urljoin(str(answer.request.url), action[1]), data=fields)
    raise AssertionError(answer.text)


def _clients(public_url: str) -> list[dict[str, Any]]:
    machine = {
        "client_secret": "machine",
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "response_types": [],
        "scope": "search",
    }
    return [
        {
            "client_id": PAGE,
            "client_secret": SECRET,
            "redirect_uris": [f"{public_url}/login/callback"],
            "post_logout_redirect_uris": [f"{public_url}/"],
        },
        {
            "client_id": PUBLIC_PAGE,
            "token_endpoint_auth_method": "none",
            "redirect_uris": [f"{public_url}/login/callback"],
        },
        {"client_id": MACHINE, **machine},
        {"client_id": "stranger", **machine},
    ]


def _private(key: RSAKey) -> dict[str, Any]:
    return {**key.as_dict(private=True), "use": "sig"}


def installed() -> Path:
    """Install the provider into the user's cache unless it is there."""
    return npm_installed(
        "identityprovider",
        source=SOURCE,
        files=("package.json", "package-lock.json", "server.mjs"),
        else_="oidc-provider is not on this machine and npm cannot fetch it",
    )
