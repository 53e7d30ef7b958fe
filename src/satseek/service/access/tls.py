"""Certificate and key files → the context of a listening socket, renewed when the files change.

Knows neither the server nor its routes. Connections that are open keep what they began with.
"""

from __future__ import annotations

import logging
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import InvalidSettings

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.settings import Settings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the files are looked at: two calls to the file system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Where a certificate and its key lie."""

    cert: Path
    """Certificate chain, PEM."""
    key: Path
    """Private key, PEM, without a password."""

    @classmethod
    def of(cls, settings: Settings) -> Pair | None:
        """Read where they lie; None: the server speaks HTTP.

        Raises:
            InvalidSettings: only one of the two is set.
        """
        cert, key = settings.tls_cert_file, settings.tls_key_file
        if cert is None and key is None:
            return None
        if cert is None or key is None:
            missing = "tls_cert_file" if cert is None else "tls_key_file"
            raise InvalidSettings(f"tls_cert_file and tls_key_file go together: set {missing}, too")
        return cls(cert=cert, key=key)

    def context(self) -> ssl.SSLContext:
        """Load them.

        Raises:
            InvalidSettings: a file is missing or wrong, or they do not belong together.
        """
        for path in (self.cert, self.key):
            if not path.is_file():
                raise InvalidSettings(f"expected a PEM file for TLS at {path}; there is none")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996 ended 1.0 and 1.1
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        try:
            context.load_cert_chain(self.cert, self.key, password=_ask_nobody)
        except (ssl.SSLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            raise InvalidSettings(
                f"{self.cert} and {self.key} are no certificate chain and its key, both PEM and "
                f"without a password: {reason}"
            ) from error
        return context

    def state(self) -> tuple[tuple[int, int, int], ...]:
        """Return what changes when a file is replaced; empty where one is away just now."""
        try:
            found = [path.stat() for path in (self.cert, self.key)]
        except OSError:
            return ()
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found)


class Renewing:
    """A context whose certificate follows its files.

    Handshakes are given the newest context that could be loaded whole: certificate and key change
    together, and half-replaced files change nothing.
    """

    def __init__(self, pair: Pair) -> None:
        """Load the files.

        Raises:
            InvalidSettings: they cannot be used.
        """
        self._pair = pair
        self._seen = pair.state()
        self._current = self.context = pair.context()
        self.context.sni_callback = self._choose
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="tls", daemon=True)

    def start(self) -> None:
        """Look at the files from now on."""
        self._watcher.start()

    def stop(self) -> None:
        """Look no longer."""
        self._stopped.set()
        self._watcher.join(timeout=5)

    def look(self) -> None:
        """Take the files over if they changed; what cannot be used is logged, and waited for."""
        state = self._pair.state()
        if not state or state == self._seen:
            return
        self._seen = state
        try:
            self._current = self._pair.context()
        except InvalidSettings as error:
            logger.error("TLS files not taken over: %s", error)  # noqa: TRY400 (no bug of ours)
            return
        logger.info("TLS files taken over")

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            self.look()

    def _choose(self, connection: ssl.SSLObject, _name: str, _context: ssl.SSLContext) -> None:
        connection.context = self._current


def _ask_nobody() -> str:
    """Stand in for the terminal, which OpenSSL would ask for the password of a key."""
    return ""
