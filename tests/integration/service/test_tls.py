"""HTTPS whose certificate follows its files, without a connection lost."""

from __future__ import annotations

import datetime as dt
import os
import socket
import ssl
import subprocess
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

import httpx
import pytest
import serving
import starting

from satseek.errors import InvalidSettings
from satseek.service.access.tls import LOOK_SECONDS, Pair

x509 = pytest.importorskip(
    "cryptography.x509",
    reason="cryptography is not on this machine: pip install 'satseek[auth]'",
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTLED_SECONDS = 20


def make_pair(folder: Path, *, days: int = 30, password: bytes | None = None) -> Pair:
    """Write a certificate of its own for this machine, and its key."""
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pair = Pair(cert=folder / "tls.crt", key=folder / "tls.key")
    secrecy = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    _replace(pair.cert, certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    _replace(pair.key, private.private_bytes(serialization.Encoding.PEM, form, secrecy))
    return pair


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def _shown(server: serving.Server) -> bytes:
    """Return the certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with server.connect() as plain, context.wrap_socket(plain) as connection:
        shown = connection.getpeercert(binary_form=True)
        assert shown is not None
        return shown


def _der(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.cert.read_text(encoding="ascii"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Server]:
    data = tmp_path_factory.mktemp("tlsdata") / "data"
    with serving.running_server(
        data, ready=False, tls_cert_file=str(pair.cert), tls_key_file=str(pair.key)
    ) as server:
        assert server.url.startswith("https://127.0.0.1:")
        yield server


def test_clients_that_trust_the_certificate_are_answered(
    server: serving.Server, pair: Pair
) -> None:
    trusting = ssl.create_default_context(cafile=str(pair.cert))
    answer = httpx.get(f"{server.url}/livez", verify=trusting, timeout=30)
    assert {"status": "live"} == answer.json()
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{server.url}/livez", timeout=30)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_of_tls_are_refused(server: serving.Server) -> None:
    def version(highest: ssl.TLSVersion) -> str | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, highest
        with server.connect() as plain, context.wrap_socket(plain) as connection:
            return connection.version()

    assert "TLSv1.3" == version(ssl.TLSVersion.TLSv1_3)
    assert "TLSv1.2" == version(ssl.TLSVersion.TLSv1_2)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        version(ssl.TLSVersion.TLSv1_1)


def test_replaced_files_are_taken_over_and_connections_go_on(
    server: serving.Server, pair: Pair
) -> None:
    before = _der(pair)
    trusting = ssl.create_default_context(cafile=str(pair.cert))
    with httpx.Client(verify=trusting, timeout=30) as client:
        assert 200 == client.get(f"{server.url}/livez").status_code
        (connection,) = client._transport._pool.connections  # type: ignore[attr-defined]
        after = _der(make_pair(pair.cert.parent))
        assert before != after
        deadline = time.monotonic() + SETTLED_SECONDS
        while _shown(server) != after:
            assert time.monotonic() < deadline, server.lines()
            time.sleep(0.1)
        assert 200 == client.get(f"{server.url}/livez").status_code
        assert [connection] == client._transport._pool.connections  # type: ignore[attr-defined]


def test_files_that_cannot_be_used_change_nothing(server: serving.Server, pair: Pair) -> None:
    before = _shown(server)
    kept = pair.key.read_bytes()
    _replace(pair.key, b"not a key")
    deadline = time.monotonic() + SETTLED_SECONDS
    while "TLS files not taken over" not in server.lines():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    pair.cert.unlink()
    time.sleep(2 * LOOK_SECONDS)
    assert before == _shown(server)
    after = make_pair(pair.cert.parent)
    assert kept != after.key.read_bytes()
    deadline = time.monotonic() + SETTLED_SECONDS
    while _shown(server) != _der(after):
        assert time.monotonic() < deadline, server.lines()
        time.sleep(0.1)


def test_a_client_that_speaks_no_tls_harms_nobody(server: serving.Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert b"200" not in connection.recv(4096)
    assert _shown(server)


def test_wrong_files_are_told_at_the_start(tmp_path: Path) -> None:
    good, other = make_pair(tmp_path / "good"), make_pair(tmp_path / "other")
    locked = make_pair(tmp_path / "locked", password=b"secret")
    garbage = tmp_path / "garbage.pem"
    garbage.write_bytes(b"\0" * 100)
    good.context()
    for wrong in (
        Pair(cert=good.cert, key=other.key),
        Pair(cert=good.key, key=good.cert),
        Pair(cert=garbage, key=garbage),
        Pair(cert=locked.cert, key=locked.key),
    ):
        with pytest.raises(InvalidSettings, match="are no certificate chain and its key"):
            wrong.context()
    with pytest.raises(InvalidSettings, match="expected a PEM file for TLS"):
        Pair(cert=tmp_path / "nothing", key=good.key).context()


def test_a_server_does_not_start_with_wrong_files(tmp_path: Path) -> None:
    pair = make_pair(tmp_path / "tls", password=b"secret")
    environment = os.environ | {
        "SATSEEK_TLS_CERT_FILE": str(pair.cert),
        "SATSEEK_TLS_KEY_FILE": str(pair.key),
    }
    done = subprocess.run(
        [*starting.command(), "--data-dir", str(tmp_path), "serve", "--port", "0"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert 2 == done.returncode
    (line,) = done.stderr.splitlines()
    assert "both PEM and without a password" in line
