"""A letter → one signed POST to a host that the settings allow, and what came of it.

Does not know what the letter says, nor when it is tried again. Redirects are not followed, proxies
of the environment are not used, and each connection goes to an address that was checked.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import quote

from satseek.errors import InvalidRequest, InvalidSettings, UnsafeReference
from satseek.imagery.hosts import Place, connect, covering, place_of, resolved
from satseek.monitor.delivery.signing import HEADER, signature
from satseek.monitor.delivery.turns import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.monitor.delivery.channels import Channel
    from satseek.monitor.delivery.rows import Letter
    from satseek.settings import Settings

_LEFT = "/%:@!$&'()*+,;=~-._"
"""What a path may hold as it is (RFC 3986 3.3); anything else is percent-encoded."""

_MEDIA_TYPES = {"json": "application/json", "geojson": "application/geo+json"}

_MOST_SECONDS = 10 * 365 * 24 * 3600
"""No receiver means to be left alone for longer."""


class WebhookCourier:
    """Posts letters."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        """Take the settings of hosts, secrets and time limits; nothing is connected to yet."""
        self._hosts = settings.webhook_hosts
        self._secrets = {
            name: tuple(one.get_secret_value() for one in secrets)
            for name, secrets in settings.webhook_secrets.items()
        }
        self._ca_file = settings.webhook_ca_file
        self._seconds = settings.webhook_timeout_s
        self._clock = clock

    def check(self, channel: Channel) -> None:
        """Refuse a channel to which nothing could be posted.

        Raises:
            InvalidSettings: it has no secret, or no entry of ``webhook_hosts`` covers its host.
        """
        if channel.name not in self._secrets:
            raise InvalidSettings(
                f"webhook_secrets: expected one for channel {channel.name}, as posts are signed; "
                "`openssl rand -hex 32` makes one"
            )
        try:
            covering(self._place(channel), self._hosts, what=channel.name)
        except UnsafeReference as error:
            raise InvalidSettings(
                f"webhook_hosts: expected an entry for {channel.shown} of channel {channel.name}; "
                "without a port it covers the scheme's own"
            ) from error

    def carry(self, letter: Letter, channel: Channel) -> Outcome:
        """Post a letter once; whatever goes wrong is told, not raised."""
        try:
            self.check(channel)
            status, headers = self._post(letter, channel)
        except (InvalidRequest, OSError, UnicodeError, http.client.HTTPException) as error:
            return Outcome(arrived=False, error=_told(error, channel))
        return outcome_of(status, headers.get("Retry-After"), now=self._clock())

    def _place(self, channel: Channel) -> Place:
        return place_of(channel.address, what=channel.name)

    def _post(self, letter: Letter, channel: Channel) -> tuple[int, http.client.HTTPMessage]:
        place = self._place(channel)
        path = quote(place.parts.path or "/", safe=_LEFT)
        query = f"?{quote(place.parts.query, safe=_LEFT + '?')}" if place.parts.query else ""
        headers = {
            "Host": place.parts.netloc,
            "Content-Type": _MEDIA_TYPES[channel.form],
            "User-Agent": f"satseek/{version('satseek')}",
            "Idempotency-Key": letter.key,
            HEADER: signature(letter.body, secrets=self._secrets[channel.name], at=self._clock()),
        }
        line = _Line(place, self._hosts, self._ca_file, self._seconds)
        try:
            with _ended_after(line, self._seconds):
                line.request("POST", path + query, body=letter.body, headers=headers)
                with line.getresponse() as answer:
                    return answer.status, answer.headers
        finally:
            line.close()


def outcome_of(status: int, retry_after: str | None, *, now: float) -> Outcome:
    """Tell what an answer means.

    Args:
        status: Its status. Any of 200–299 takes the letter; 410 says that nobody will, ever.
        retry_after: Its ``Retry-After`` (RFC 9110 10.2.3): seconds, or a date; None: it has none.
        now: Seconds since 1970.
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(arrived=True)
    error = f"the receiver answered with status {status}"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        error += "; redirects are not followed: give the address that it leads to"
    return Outcome(
        arrived=False,
        error=error,
        final=status == HTTPStatus.GONE,
        wait_seconds=_seconds_of(retry_after, now),
    )


class _Line(http.client.HTTPConnection):
    """Goes to an address that the settings allow."""

    def __init__(
        self, place: Place, hosts: tuple[str, ...], ca_file: Path | None, seconds: float
    ) -> None:
        super().__init__(place.host, place.port, timeout=seconds)
        self._place = place
        self._hosts = hosts
        self._ca_file = ca_file

    def connect(self) -> None:
        """Resolve, check, connect; a certificate is checked against the name."""
        what = self._place.host
        entries = covering(self._place, self._hosts, what=what)
        plain = connect(resolved(self._place, entries, what=what), self._place.port)
        plain.settimeout(self.timeout)
        if self._place.parts.scheme != "https":
            self.sock = plain
            return
        try:
            tls = ssl.create_default_context(cafile=self._ca_file)
            self.sock = safe = tls.wrap_socket(
                plain, server_hostname=self._place.host, do_handshake_on_connect=False
            )
        except BaseException:
            plain.close()
            raise
        safe.do_handshake()


@contextmanager
def _ended_after(line: http.client.HTTPConnection, seconds: float) -> Iterator[None]:
    """Cut a connection off whose answer comes drop by drop; raises TimeoutError then."""
    late = threading.Event()

    def cut() -> None:
        late.set()
        if (sock := line.sock) is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    said = "the answer did not end in time"
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if late.is_set():
            raise TimeoutError(said) from error
        raise
    finally:
        timer.cancel()
    if late.is_set():  # what was read of it until then is no answer
        raise TimeoutError(said)


def _seconds_of(retry_after: str | None, now: float) -> float | None:
    """Read how long a receiver asks to be left alone; None: it does not say, or nonsense."""
    said = (retry_after or "").strip()
    if said.isascii() and said.isdecimal():
        return float(min(int(said[:12]), _MOST_SECONDS))
    try:
        until = parsedate_to_datetime(said)
    except (TypeError, ValueError):
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.fromtimestamp(now, tz=UTC)).total_seconds())


def _told(error: Exception, channel: Channel) -> str:
    """Say what went wrong without the address's path, in which receivers may keep secrets."""
    if isinstance(error, InvalidSettings):
        return str(error)
    if isinstance(error, UnsafeReference):
        return f"{channel.shown}: its host resolves to an address that `webhook_hosts` rules out"
    if isinstance(error, TimeoutError):
        return f"{channel.shown}: no answer in time"
    return f"{channel.shown}: {type(error).__name__}: {error}"
