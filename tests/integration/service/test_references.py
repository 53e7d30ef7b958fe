"""References to real hosts that are slow, large, lie, redirect, or are somebody else."""

from __future__ import annotations

import http.server
import io
import re
import shutil
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from satseek.assemble import Assembly
from satseek.embed.patience import Patience, waiting
from satseek.errors import Abandoned, ImageTooLarge, UnreadableImage, UnsafeReference
from satseek.service import addresses
from satseek.service.addresses import fetch_address
from satseek.service.application import create_application
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = b"an image" * 1000


class Host(http.server.BaseHTTPRequestHandler):
    """Answers by path, and remembers who was asked for what."""

    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.asked.append((self.headers["Host"], self.path))
        getattr(self, f"_{self.path.strip('/').partition('?')[0]}", self._image)()

    def _image(self, content: bytes = CONTENT, declared: int | None = None) -> None:
        self.send_response(200)
        if declared != 0:
            self.send_header("Content-Length", str(declared or len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _endless(self) -> None:
        self._image(bytes(10**6), declared=0)

    def _declared(self) -> None:
        self._image(declared=10**9)

    def _short(self) -> None:
        self._image(declared=len(CONTENT) + 1)

    def _moved(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/image")
        self.end_headers()

    def _gone(self) -> None:
        self.send_error(404)

    def _slow(self) -> None:
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            for _ in range(200):
                self.wfile.write(b"x")
                time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def host(certificate: Path | None = None) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    asked: list[tuple[str, str]] = []
    kind = type("Asked", (Host,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


def read(
    port: int, path: str = "/a b.tif?x=1", *, name: str = "127.0.0.1", most: int = 10**5
) -> bytes:
    entry = f"{name}:{port}=127.0.0.0/8"
    return fetch_address(f"http://{name}:{port}{path}", hosts=[entry], max_bytes=most)


def test_an_address_on_a_listed_host_is_read() -> None:
    with host() as (port, asked):
        assert CONTENT == read(port)
        assert CONTENT == read(port, name="localhost", most=len(CONTENT))
    assert [
        (f"127.0.0.1:{port}", "/a%20b.tif?x=1"),
        (f"localhost:{port}", "/a%20b.tif?x=1"),
    ] == asked


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/endless", ImageTooLarge, "100000 bytes"),
        ("/declared", ImageTooLarge, "100000 bytes"),
        ("/short", UnreadableImage, "broke off"),
        ("/moved", UnreadableImage, "came 302; redirects are not followed"),
        ("/gone", UnreadableImage, "came 404"),
    ],
)
def test_other_answers_are_refused(path: str, kind: type[Exception], words: str) -> None:
    with host() as (port, asked), pytest.raises(kind, match=words):
        read(port, path)
    assert len(asked) == 1


def test_slow_hosts_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "FETCH_SECONDS", 0.3)
    with host() as (port, _):
        start = time.monotonic()
        with pytest.raises(UnreadableImage, match="could not be read"):
            read(port, "/slow")
        assert time.monotonic() - start < 5


def test_nothing_more_is_read_once_nobody_waits() -> None:
    patience = Patience(60)
    threading.Timer(0.2, patience.give_up).start()
    with host() as (port, _), waiting(patience), pytest.raises(Abandoned):
        read(port, "/slow")


def test_a_host_that_is_not_there_is_named_and_nothing_else() -> None:
    with host() as (port, _):
        pass
    with pytest.raises(UnreadableImage) as caught:
        read(port)
    words = r"image_ref: 127\.0\.0\.1 could not be read \(Connection[A-Za-z]+Error\)"
    assert re.fullmatch(words, str(caught.value))


def test_a_listed_name_that_leads_inside_is_never_connected_to() -> None:
    with host() as (port, asked), pytest.raises(UnsafeReference, match="not public"):
        fetch_address(f"http://localhost:{port}/a", hosts=[f"localhost:{port}"], max_bytes=9)
    assert asked == []


def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a name leads to may change between the check and the connection."""
    names: list[str] = []
    real = addresses.socket.getaddrinfo

    def counted(name: str, *rest: object, **more: object) -> object:
        names.append(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", counted)
    with host() as (port, _):
        read(port, name="localhost")
    assert ["localhost"] == [name for name in names if name == "localhost"]
    assert {"localhost", "127.0.0.1"} >= set(names)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine: apt-get install openssl")
    path = tmp_path / "host.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run(
        [*made, "-keyout", path, "-out", tmp_path / "cert"], check=True, capture_output=True
    )
    path.write_bytes(path.read_bytes() + (tmp_path / "cert").read_bytes())
    return path


def test_certificates_are_checked_for_the_name_asked(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with host(certificate) as (port, asked):
        hosts = [f"localhost:{port}=127.0.0.0/8", f"127.0.0.1:{port}"]
        with pytest.raises(UnreadableImage, match="SSLCertVerificationError"):
            fetch_address(f"https://localhost:{port}/a", hosts=hosts, max_bytes=10**5)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert CONTENT == fetch_address(f"https://localhost:{port}/a", hosts=hosts, max_bytes=10**5)
        with pytest.raises(UnreadableImage, match="SSLCertVerificationError"):
            fetch_address(f"https://127.0.0.1:{port}/a", hosts=hosts, max_bytes=10**5)
    assert [(f"localhost:{port}", "/a")] == asked


def test_every_route_takes_references_and_never_two_images(tmp_path: Path) -> None:
    samples = np.random.default_rng(2).integers(0, 255, (40, 60, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG")
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "a.png").write_bytes(file.getvalue())
    (tmp_path / "a.png").write_bytes(file.getvalue())
    reference = f"file://{tmp_path}/open/a.png"
    settings = Settings(data_dir=tmp_path / "data", reference_roots=(tmp_path / "open",))
    with TestClient(create_application(Assembly(settings))) as http:
        for path, asked in [
            ("/v1/similarity", {"text": ["a"]}),
            ("/v1/classify", {"labels": ["a", "b"]}),
        ]:
            first = http.post(path, json=asked | {"image_ref": reference})
            lines = {name: "\n".join(value) for name, value in asked.items()}
            second = http.post(path, data=lines, files={"image": file.getvalue()})
            third = http.post(path, data=lines | {"image_ref": reference})
            assert [200, 200, 200] == [one.status_code for one in (first, second, third)], (
                first.text
            )
            assert first.json() == second.json() == third.json()
            both = http.post(path, data=lines | {"image_ref": reference}, files={"image": b"x"})
            assert (422, "image_ref") == (both.status_code, both.json()["errors"][0]["field"])
            outside = http.post(path, json=asked | {"image_ref": f"{tmp_path}/a.png"}).json()
            missing = http.post(path, json=asked | {"image_ref": f"{tmp_path}/b.png"}).json()
            assert "urn:satseek:problem:unsafe-reference" == outside["type"]
            assert outside["detail"] == missing["detail"]
            assert str(tmp_path) not in outside["detail"]
        found = http.post("/v1/search", json={"image_ref": f"{tmp_path}/a.png"})
        assert "urn:satseek:problem:unsafe-reference" == found.json()["type"]
