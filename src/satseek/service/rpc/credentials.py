"""Certificate and key files → credentials of the server, renewed when the files change.

Does not know what is served. Connections that are open keep what they began with.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import grpc

from satseek.errors import InvalidSettings

if TYPE_CHECKING:
    from satseek.service.access.tls import Pair

logger = logging.getLogger(__name__)


class Renewed:
    """The newest pair of files that could be used; asked for with every new connection."""

    def __init__(self, pair: Pair) -> None:
        """Load the files.

        Raises:
            InvalidSettings: they cannot be used.
        """
        self._pair = pair
        self._seen: object = None
        configuration = self._load()
        if configuration is None:
            raise InvalidSettings(f"{pair.cert} and {pair.key} changed while they were read")
        self.credentials = grpc.dynamic_ssl_server_credentials(configuration, self._fetch)

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the new pair; None: there is none, or none that can be used. Runs in any thread.

        What cannot be used is logged once, and waited for: half-replaced files change nothing.
        """
        state = self._pair.state()
        if not state or state == self._seen:
            return None
        try:
            return self._load()
        except (InvalidSettings, OSError) as error:
            self._seen = state
            logger.error("TLS files not taken over by gRPC: %s", error)  # noqa: TRY400 (no bug)
            return None

    def _load(self) -> grpc.ServerCertificateConfiguration | None:
        """Read both files; None where they were replaced in the middle of it."""
        state = self._pair.state()
        self._pair.context()  # OpenSSL says what is wrong with them; gRPC would only log it
        key, chain = self._pair.key.read_bytes(), self._pair.cert.read_bytes()
        if self._pair.state() != state:
            return None
        self._seen = state
        return grpc.ssl_server_certificate_configuration([(key, chain)])
