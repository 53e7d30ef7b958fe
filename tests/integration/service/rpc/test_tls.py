"""gRPC over TLS, whose certificate follows its files without a call lost."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import grpc
import pytest
import rpcclient

if TYPE_CHECKING:
    from pathlib import Path

if shutil.which("openssl") is None:
    pytest.skip("openssl is not on this machine: apt-get install openssl", allow_module_level=True)


def make_pair(folder: Path) -> Path:
    """Write a certificate of its own for this machine, and its key."""
    folder.mkdir()
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    command += ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def card_through(client: rpcclient.Client, called: rpcclient.Called, certificate: bytes) -> str:
    """Ask over a new connection that trusts one certificate alone."""
    credentials = grpc.ssl_channel_credentials(certificate)
    own = [("grpc.use_local_subchannel_pool", 1)]  # otherwise an open connection is used again
    with grpc.secure_channel(called.address, credentials, options=own) as channel:
        answer = client.stub(channel).GetModel(client.pb.GetModelRequest(), timeout=20)
        return str(answer.name)


def test_a_replaced_certificate_is_shown_to_new_connections(
    client: rpcclient.Client, data: Path, tmp_path: Path
) -> None:
    served, first, second = (make_pair(tmp_path / name) for name in ("served", "first", "second"))
    cert, key = served / "tls.crt", served / "tls.key"
    for path in (cert, key):
        shutil.copy(first / path.name, path)
    files = {"tls_cert_file": str(cert), "tls_key_file": str(key)}
    old, new = ((one / "tls.crt").read_bytes() for one in (first, second))
    with rpcclient.called(data, ready=False, **files) as called:
        assert "satseek-starter" == card_through(client, called, old)
        with pytest.raises(grpc.RpcError) as refused:
            card_through(client, called, new)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        with called.channel() as plain, pytest.raises(grpc.RpcError):
            client.stub(plain).GetModel(client.pb.GetModelRequest(), timeout=20)

        credentials = grpc.ssl_channel_credentials(old)
        with grpc.secure_channel(called.address, credentials) as open_channel:
            stub = client.stub(open_channel)
            assert stub.GetModel(client.pb.GetModelRequest()).name
            shutil.copy(second / "tls.crt", cert)  # half replaced: the old pair goes on
            assert "satseek-starter" == card_through(client, called, old)
            shutil.copy(second / "tls.key", key)
            deadline = time.monotonic() + rpcclient.SECONDS
            while True:
                try:
                    assert "satseek-starter" == card_through(client, called, new)
                    break
                except grpc.RpcError:
                    assert time.monotonic() < deadline
            assert stub.GetModel(client.pb.GetModelRequest()).name
        with pytest.raises(grpc.RpcError):
            card_through(client, called, old)
        assert "PRIVATE" not in called.server.lines()
