"""Gives programs the JSON Schemas that they would fetch from the web, from packages on this disk.

A proxy that answers for the schemas' hosts with a certificate of its own: programs run unmodified,
told of both by the environment. What it does not have is refused, and remembered.
"""

from __future__ import annotations

import datetime as dt
import json
import socketserver
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

HOSTS = ("schemas.stacspec.org", "geojson.org", "json-schema.org")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A proxy that runs."""

    environment: dict[str, str]
    """Variables that lead programs to it."""
    served: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    """Addresses that were asked for and refused."""


@contextmanager
def schema_mirror(folder: Path) -> Iterator[Mirror]:
    """Run one on a free port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder))
    server = _Proxy(("127.0.0.1", 0), _Answering)
    server.context, server.schemas = context, _schemas()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    server.mirror = Mirror(
        {
            "HTTPS_PROXY": address,
            "HTTP_PROXY": address,
            "https_proxy": address,
            "http_proxy": address,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "REQUESTS_CA_BUNDLE": str(folder / "mirror.pem"),
            "SSL_CERT_FILE": str(folder / "mirror.pem"),
        }
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.mirror
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    context: ssl.SSLContext
    schemas: dict[str, Any]
    mirror: Mirror


class _Answering(socketserver.BaseRequestHandler):
    server: _Proxy

    def handle(self) -> None:
        connection: socket.socket = self.request
        connection.settimeout(20)
        method, target = _head(connection)
        if method != "CONNECT":
            self._answer(connection, target)
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        host = target.partition(":")[0]
        with (
            suppress(OSError),  # programs close as they like
            self.server.context.wrap_socket(connection, server_side=True) as secured,
        ):
            _, path = _head(secured)
            self._answer(secured, f"https://{host}{path}")

    def _answer(self, connection: socket.socket, address: str) -> None:
        mirror, found = self.server.mirror, self.server.schemas.get(_plain(address))
        (mirror.missed if found is None else mirror.served).append(address)
        status = "404 Not Found" if found is None else "200 OK"
        body = json.dumps(found).encode()
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n"
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)


def _head(connection: socket.socket) -> tuple[str, str]:
    content = b""
    while b"\r\n\r\n" not in content:
        part = connection.recv(4096)
        if not part:
            raise ConnectionError("the program closed its connection")
        content += part
    method, target, _ = content.split(b"\r\n", 1)[0].decode().split(" ")
    return method, target


def _plain(address: str) -> str:
    """Leave out what names the same schema otherwise: the scheme, and an empty fragment."""
    parts = urlsplit(address)
    return f"{parts.netloc.removesuffix(':443')}{parts.path}"


def _schemas() -> dict[str, Any]:
    from jsonschema_specifications import REGISTRY  # noqa: PLC0415
    from pystac.validation.local_validator import get_local_schema_cache  # noqa: PLC0415

    drafts = {address: REGISTRY.contents(address) for address in REGISTRY}
    return {_plain(address): one for address, one in {**get_local_schema_cache(), **drafts}.items()}


def _certificate(folder: Path) -> Path:
    """Write a certificate for the schemas' hosts, with its key; it vouches for itself."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "schemas")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName(map(x509.DNSName, HOSTS)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    path = folder / "mirror.pem"
    form = serialization.PrivateFormat.PKCS8
    key = private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path.write_bytes(key + certificate.public_bytes(serialization.Encoding.PEM))
    return path
