"""A request of ours → one of httpx, and its answer → a result, an error, or another try.

Does not wait: both clients do that in their own way.
"""

from __future__ import annotations

import ssl
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from satseek.client.images import opened
from satseek.client.reading import refusal_of
from satseek.client.retrying import WAITING, Retrying
from satseek.errors import InvalidRequest, SatseekError, ServerUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from satseek.client.asking import Ask

T = TypeVar("T")

STILL_ON = "urn:satseek:problem:idempotency-conflict"
"""Type of the problem of a write whose first try has no answer yet."""

CONNECT_SECONDS = 10.0
"""Longest wait for a connection; the answer itself may take as long as the client was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How a server is reached."""

    url: str
    """Its address, such as ``https://satseek.example.org``."""
    token: str | None = None
    """API key or OIDC access token; None: none."""
    timeout_s: float = 60.0
    """Longest wait for an answer, each try on its own."""
    ca_file: Path | str | None = None
    """CA certificates (PEM) of a server with its own; None: the system's."""
    retrying: Retrying = field(default_factory=Retrying)
    """How often, and how patiently, a refused or lost request is tried again."""

    def options(self) -> dict[str, Any]:
        """What both of httpx's clients take.

        Raises:
            InvalidRequest: the address is none, or the CA file cannot be read.
        """
        if not self.url.startswith(("http://", "https://")):
            raise InvalidRequest(f"expected an address such as http://host:7860, got {self.url!r}")
        headers = {"user-agent": f"satseek/{version('satseek')}", "accept": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return {
            "base_url": self.url.rstrip("/"),
            "headers": headers,
            "timeout": httpx.Timeout(self.timeout_s, connect=CONNECT_SECONDS),
            "verify": self._trusted(),
        }

    def _trusted(self) -> ssl.SSLContext | bool:
        if self.ca_file is None:
            return True
        try:
            return ssl.create_default_context(cafile=str(self.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise InvalidRequest(f"{self.ca_file}: expected CA certificates: {error}") from error


@contextmanager
def arguments(ask: Ask[Any]) -> Iterator[dict[str, Any]]:
    """What httpx is called with; files are open inside, and begin where they began."""
    given: dict[str, Any] = {"method": ask.method, "url": ask.path, "headers": dict(ask.headers)}
    with ExitStack() as stack:
        if ask.images:
            files = []
            for image in ask.images:
                file = opened(image)
                if file is image:
                    file.seek(0)  # it belongs to the caller, who may have been refused before
                else:
                    stack.enter_context(file)
                files.append(("image", ("image", file, "application/octet-stream")))
            given |= {"data": ask.form, "files": files}
        elif ask.content is not None:
            given["content"] = ask.content
        elif ask.json is not None:
            given["json"] = ask.json
        yield given


def result(ask: Ask[T], response: httpx.Response) -> T:
    """Read an answer.

    Raises:
        SatseekError: what the server refused, as the class it raised.
    """
    if response.is_success:
        return ask.read(response.json() if response.content else None)
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    raise refusal_of(response.status_code, problem if isinstance(problem, dict) else {})


def settled(
    line: Line, failed: int, came: httpx.Response | httpx.TransportError
) -> httpx.Response | float:
    """Give what came where it is the answer, or else the seconds until the next try.

    Raises:
        ServerUnreachable: nothing came, and was tried for often enough.
    """
    if isinstance(came, httpx.TransportError):
        waits = line.retrying.wait(failed, retry_after=None)
        if waits is None:
            raise _unreachable(line, came) from came
        return waits
    if came.status_code not in WAITING and not _still_on(came):
        return came
    waits = line.retrying.wait(failed, retry_after=came.headers.get("retry-after"))
    return came if waits is None else waits


def _still_on(response: httpx.Response) -> bool:
    """Tell whether a try that was lost on the way is still being worked on."""
    if response.status_code != httpx.codes.CONFLICT:
        return False
    try:
        return bool(response.json()["type"] == STILL_ON)
    except (ValueError, KeyError, TypeError):
        return False


def _unreachable(line: Line, error: httpx.TransportError) -> SatseekError:
    """Say that nobody answers."""
    reason = str(error) or type(error).__name__
    return ServerUnreachable(f"{line.url}: expected a satseek server, came: {reason}")
