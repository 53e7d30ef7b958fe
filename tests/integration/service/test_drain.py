"""SIGTERM while everything is under way: what was taken is answered, and clients are seen off."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import rpcclient
import serving

from satseek.service.rpc.generated import satseek_pb2 as messages
from satseek.service.serving import LINGER_SECONDS

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("grpc", reason="grpc is not on this machine: pip install 'satseek[grpc]'")

import grpc

SECONDS = 60
"""Longest wait for anything, on a machine that is busy with other tests."""

END_SECONDS = 45
BUSY = 24
"""Connections with a request each; their texts make up many batches, which wait for each other."""

TEXTS = 40
LARGE_BYTES = 8_000_000
"""More than fits between a client and a server that does not read."""

CLIENTS = 6
FEW_SECONDS = 4
"""A shorter grace, for the test that waits for its end."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("drain")
    serving.index(home / "data", serving.make_scenes(home / "scenes"), "small")
    return home


def connect(server: serving.Server) -> HTTPConnection:
    """Open a connection that the server has accepted, and keeps."""
    connection = HTTPConnection(server.url.partition("://")[2], timeout=SECONDS)
    connection.request("GET", "/livez")
    assert 200 == read(connection)[0].status
    return connection


def read(connection: HTTPConnection) -> tuple[HTTPResponse, bytes]:
    answer = connection.getresponse()
    return answer, answer.read()


def ask(connection: HTTPConnection, number: int) -> None:
    """Send texts that were never asked before, without waiting for their vectors."""
    texts = [f"field {number} of {at}" for at in range(TEXTS)]
    body = json.dumps({"texts": texts})
    connection.request("POST", "/v1/embed", body, {"content-type": "application/json"})


def begin_upload(server: serving.Server, picture: bytes) -> tuple[socket.socket, bytes]:
    """Send a head and half a body; return what is still to be sent."""
    request = httpx.Request(
        "POST",
        f"{server.url}/v1/classify",
        files={"image": picture},
        data={"labels": "water\nroofs"},
    )
    body = request.read()
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    connection = server.connect()
    connection.settimeout(SECONDS)
    half = len(body) // 2
    connection.sendall(f"POST /v1/classify HTTP/1.1\r\n{head}\r\n".encode() + body[:half])
    return connection, body[half:]


def rest_of(connection: socket.socket) -> bytes:
    """Read until the server ends the connection; raises where it resets it."""
    content = b""
    while part := connection.recv(65536):
        content += part
    return content


def in_flight(server: serving.Server) -> float:
    lines = httpx.get(f"{server.url}/metrics", timeout=SECONDS).text.splitlines()
    (line,) = [one for one in lines if one.startswith("satseek_requests_in_flight ")]
    return float(line.split()[1])


def wait_until_taken(server: serving.Server, count: int) -> None:
    deadline = time.monotonic() + SECONDS
    while in_flight(server) < count:
        assert time.monotonic() < deadline, "the requests did not come in"
        time.sleep(0.02)


def draining(server: serving.Server) -> httpx.Response:
    """Ask whether the server is ready until it is not."""
    deadline = time.monotonic() + SECONDS
    while (answer := httpx.get(f"{server.url}/readyz", timeout=SECONDS)).status_code == 200:
        assert time.monotonic() < deadline, "it goes on being ready"
    return answer


def test_what_was_taken_is_answered_and_clients_are_seen_off(home: Path) -> None:
    picture = serving.png(home / "picture.png").read_bytes()
    roomy = {"grpc_port": "0", "queue_rows": "5000"}
    with serving.running_server(home / "data", **roomy) as server, ExitStack() as stack:
        idle, late = connect(server), connect(server)
        unused = server.connect()
        busy = [connect(server) for _ in range(BUSY)]
        for connection in (idle, late, unused, *busy):
            stack.callback(connection.close)
        upload, rest = begin_upload(server, picture)
        stack.callback(upload.close)
        wait_until_taken(server, 2)  # the upload, and whoever asks
        for number, connection in enumerate(busy):
            ask(connection, number)
        server.process.send_signal(signal.SIGTERM)

        answer = draining(server)  # over a new connection
        assert (503, "close") == (answer.status_code, answer.headers["connection"])
        assert answer.json()["type"] == "urn:satseek:problem:not-ready"
        assert answer.json()["detail"].startswith("draining")
        assert int(answer.headers["retry-after"]) >= 1
        ask(late, BUSY)
        for connection in busy:
            answered, content = read(connection)
            assert 200 == answered.status
            assert TEXTS == len(json.loads(content)["texts"])
        answered, _ = read(late)
        assert "close" == answered.headers["connection"]
        assert answered.status in {200, 503}  # 503 where this machine took long to come here

        time.sleep(LINGER_SECONDS)
        assert 503 == draining(server).status_code  # still, as the upload is not answered
        assert 200 == httpx.get(f"{server.url}/livez", timeout=SECONDS).status_code
        refused = httpx.get(f"{server.url}/v1/model", timeout=SECONDS)
        assert (503, "close") == (refused.status_code, refused.headers["connection"])
        assert refused.json()["type"] == "urn:satseek:problem:stopping"
        assert int(refused.headers["retry-after"]) >= 1
        idle.request("POST", "/v1/embed", b" " * LARGE_BYTES)  # reset, where it is left unread
        answered, _ = read(idle)
        assert (503, "close") == (answered.status, answered.headers["connection"])

        upload.sendall(rest)
        content = rest_of(upload)
        assert content.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close\r\n" in content
        assert b"" == rest_of(unused)
        assert 0 == server.process.wait(END_SECONDS)
    (line,) = [one for one in server.lines().splitlines() if '"/v1/classify"' in one]
    assert 200 == json.loads(line)["status"]


def test_no_client_that_keeps_asking_is_cut_off(home: Path) -> None:
    """Each leaves when it is told to, as a load balancer does, and has had all its answers."""
    seen: list[list[tuple[int, bool]]] = [[] for _ in range(CLIENTS)]

    def keep_asking(number: int) -> None:
        connection, turn = connect(server), 0
        while True:
            ask(connection, 1000 * (number + 1) + turn)
            answered, _ = read(connection)  # raises where the server hangs up instead
            closes = answered.headers.get("connection") == "close"
            seen[number].append((answered.status, closes))
            turn += 1
            if closes:
                return

    with serving.running_server(home / "data") as server:
        threads = [threading.Thread(target=keep_asking, args=(at,)) for at in range(CLIENTS)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + SECONDS
        while min(len(one) for one in seen) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(SECONDS)
        assert 0 == server.process.wait(END_SECONDS)
    assert {one[-1] for one in seen} <= {(200, True), (503, True)}
    assert (200, True) in {one[-1] for one in seen}
    assert {(200, False)} == {answer for one in seen for answer in one[:-1]}


def test_calls_and_streams_over_grpc_are_finished_too(home: Path) -> None:
    done = threading.Event()

    def items() -> Iterator[Any]:
        yield messages.EmbedStreamRequest(item=messages.Item(text="before the end"))
        done.wait(SECONDS)
        yield messages.EmbedStreamRequest(item=messages.Item(text="after it has begun"))

    with rpcclient.called(home / "data") as called, called.channel() as channel:
        call = channel.stream_unary(
            "/satseek.v1.Satseek/EmbedStream",
            request_serializer=messages.EmbedStreamRequest.SerializeToString,
            response_deserializer=messages.EmbedResponse.FromString,
        ).future(items(), timeout=SECONDS)
        wait_until_taken(called.server, 2)
        with httpx.Client(base_url=called.server.url, timeout=SECONDS) as held:
            held.get("/livez").raise_for_status()  # the port stays open while anybody is connected
            called.server.process.send_signal(signal.SIGTERM)
            told = time.monotonic()
            assert 503 == draining(called.server).status_code
        done.set()
        if grpc.StatusCode.OK is call.code():
            assert 2 == len(call.result().vectors)
        else:  # only where this machine took long to come here
            assert "Stopping" == rpcclient.reason(call)
            assert time.monotonic() - told >= LINGER_SECONDS
        assert 0 == called.server.process.wait(END_SECONDS)


def test_an_upload_that_never_ends_does_not_hold_the_server_up(home: Path) -> None:
    start = (
        "from satseek.service import serving; "
        f"serving.GRACE_SECONDS = {FEW_SECONDS}; "
        "from satseek.__main__ import main; main()"
    )
    command = [sys.executable, "-c", start, "--data-dir", str(home / "data"), "serve"]
    log = home / "short.log"
    with log.open("wb") as errors:
        process = subprocess.Popen([*command, "--port", "0"], stderr=errors)
    server = serving.Server(serving._address(process, log), process, log)
    try:
        upload, _ = begin_upload(server, b"some bytes")
        wait_until_taken(server, 2)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert 0 == process.wait(END_SECONDS)
        assert time.monotonic() - began >= FEW_SECONDS
        upload.close()
    finally:
        process.kill()
        process.wait()
