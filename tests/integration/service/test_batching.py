"""The whole application on a real port: clients share batches, are refused, run late, go away."""

from __future__ import annotations

import io
import json
import socket
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import uvicorn
from gated import WAIT_S, PausedEngine, wait_until
from PIL import Image

from satseek.assemble import Assembly, served
from satseek.engines.choosing import open_engine
from satseek.service.application import create_application
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.embed.batching import BatchingEngine
    from satseek.engines import Engine
    from satseek.engines.choice import EngineChoice
    from satseek.model.bundle import Bundle

CLIENTS = 128


@dataclass(frozen=True)
class Serving:
    """An application that serves, and the model behind it."""

    port: int
    server: uvicorn.Server
    engine: PausedEngine
    shared: BatchingEngine
    submit: Callable[..., Future[Any]]

    def ask(self, image: bytes, **headers: str) -> Future[httpx.Response]:
        """Compare an image with words, in a thread of its own."""
        return self.submit(self._ask, image, headers)

    def _ask(self, image: bytes, headers: dict[str, str]) -> httpx.Response:
        return httpx.post(
            f"http://127.0.0.1:{self.port}/v1/similarity",
            files={"image": image},
            data={"text": "a river"},
            headers=headers,
            timeout=WAIT_S,
        )

    def fill(self, count: int) -> list[Future[httpx.Response]]:
        """Close the gate; have one image in the tower and so many more wait for it."""
        self.engine.close_gate()
        asked = [self.ask(picture(1000))]
        wait_until(lambda: self.engine.image_batches == [1])
        asked += [self.ask(picture(1001 + number)) for number in range(count)]
        wait_until(lambda: self.shared.waiting("image") == count)
        return asked


def picture(seed: int) -> bytes:
    """A small PNG like no other."""
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "png")
    return content.getvalue()


@contextmanager
def serving(tmp_path: Path, **asked: Any) -> Iterator[Serving]:
    """Serve the shipped model, whose calls can be stopped."""
    paused: list[PausedEngine] = []

    def open_paused(bundle: Bundle, choice: EngineChoice) -> Engine:
        paused.append(PausedEngine(open_engine(bundle, choice)))
        return paused[-1]

    assembly = Assembly(Settings(data_dir=tmp_path / "data", model="starter", threads=1, **asked))
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_application(assembly), log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(CLIENTS + 8) as pool:
        patch.setattr(served, "open_engine", open_paused)
        thread.start()
        try:
            wait_until(lambda: (now := assembly.models.now) is not None and now.warm)
            now = assembly.models.now
            assert now is not None
            assert now.shared is not None
            port = listener.getsockname()[1]
            yield Serving(port, server, paused[0], now.shared, pool.submit)
        finally:
            for one in paused:
                one.gate.set()
            server.should_exit = True
            thread.join(WAIT_S)
    listener.close()
    assert not thread.is_alive()


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer, without its body."""
    content = b""
    while b"\r\n\r\n" not in content:
        part = connection.recv(65536)
        assert part, content
        content += part
    first, *lines = content.split(b"\r\n\r\n")[0].decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split(" ")[1]), headers


def form(image: bytes) -> tuple[bytes, bytes]:
    """Headers and body of a multipart request, for bare connections."""
    request = httpx.Request(
        "POST", "http://here/v1/similarity", files={"image": image}, data={"text": "a river"}
    )
    body = request.read()
    kind = request.headers["content-type"]
    head = f"POST /v1/similarity HTTP/1.1\r\nhost: here\r\ncontent-type: {kind}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode(), body


def count_of(port: int, status: int) -> float:
    """How many requests were answered so."""
    figures = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=WAIT_S).text
    lines = [line for line in figures.splitlines() if f'status="{status}"' in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if "requests_total" in line)


def test_many_clients_fill_batches_and_each_gets_its_own(tmp_path: Path) -> None:
    """As many threads as clients wait at once, and none of them keeps another from waiting."""
    words = [f"a river and {number} bridges" for number in range(CLIENTS)]
    with serving(tmp_path) as one:
        url = f"http://127.0.0.1:{one.port}"
        with httpx.Client(base_url=url, limits=httpx.Limits(max_connections=None)) as http:

            def ask(text: str) -> list[float]:
                answer = http.post("/v1/embed", json={"texts": [text]}, timeout=WAIT_S)
                return list(answer.raise_for_status().json()["texts"][0])

            one.engine.close_gate()
            first = one.submit(ask, "an airport")
            wait_until(lambda: one.engine.text_batches == [1])
            asked = [one.submit(ask, text) for text in words]
            came = lambda: sum(one.engine.text_batches) + one.shared.waiting("text")  # noqa: E731
            wait_until(lambda: came() == 1 + CLIENTS)  # a second call has a full batch already
            assert http.get("/livez").status_code == 200
            assert http.get("/metrics", timeout=WAIT_S).status_code == 200
            one.engine.gate.set()
            vectors = np.array([answer.result(WAIT_S) for answer in asked])
            first.result(WAIT_S)
        batches = one.engine.text_batches
        assert max(batches) == 32
        assert sum(batches) == 1 + CLIENTS
    parts = Assembly(Settings(data_dir=tmp_path / "other", model="starter"))
    expected = parts.embedder.embed_texts(words)
    assert np.allclose(expected, vectors, rtol=0, atol=1e-6)
    assert len(np.unique(expected.round(4), axis=0)) == CLIENTS


def test_a_client_that_goes_away_frees_its_place_and_is_not_computed(tmp_path: Path) -> None:
    with serving(tmp_path) as one:
        (first,) = one.fill(0)
        head, body = form(picture(7))
        with socket.create_connection(("127.0.0.1", one.port), timeout=WAIT_S) as connection:
            connection.sendall(head + body)
            wait_until(lambda: one.shared.waiting("image") == 1)
        wait_until(lambda: one.shared.waiting("image") == 0)
        wait_until(lambda: count_of(one.port, 499) == 1)
        one.engine.gate.set()
        assert first.result(WAIT_S).status_code == 200
        assert one.ask(picture(8)).result(WAIT_S).status_code == 200
        assert [1, 1] == one.engine.image_batches


def test_a_large_body_is_refused_unread_while_no_more_images_may_wait(tmp_path: Path) -> None:
    with serving(tmp_path, queue_rows=2) as one:
        asked = one.fill(2)
        for length in ("content-length: 5000000", "transfer-encoding: chunked"):
            with socket.create_connection(("127.0.0.1", one.port), timeout=WAIT_S) as connection:
                head = f"POST /v1/classify HTTP/1.1\r\nhost: here\r\n{length}\r\n\r\n"
                connection.sendall(head.encode())  # and nothing after it
                status, headers = read_answer(connection)
            assert status == 429
            assert 1 <= int(headers["retry-after"]) <= 60
            assert headers["connection"] == "close"
        small = one.ask(picture(5)).result(WAIT_S)
        assert small.status_code == 429
        assert "2 images wait for the model already" in small.json()["detail"]
        assert int(small.headers["retry-after"]) >= 1
        one.engine.gate.set()
        assert [200] * 3 == [answer.result(WAIT_S).status_code for answer in asked]
        assert one.ask(picture(6)).result(WAIT_S).status_code == 200
        assert sum(one.engine.image_batches) == 4


@pytest.mark.parametrize("way", ["setting", "header"])
def test_an_answer_that_comes_too_late_is_not_computed(tmp_path: Path, way: str) -> None:
    seconds = {"request_seconds": 3.0} if way == "setting" else {}
    with serving(tmp_path, **seconds) as one:
        wait_until(lambda: one.ask(picture(9)).result(WAIT_S).status_code == 200)  # all is warm
        headers = {"prefer": "respond-async, wait=3"} if way == "header" else {}
        (first,) = one.fill(0)
        late = one.ask(picture(7), **headers).result(WAIT_S)
        assert (504, "urn:satseek:problem:deadline-exceeded") == (
            late.status_code,
            late.json()["type"],
        )
        one.engine.gate.set()
        assert first.result(WAIT_S).status_code == (504 if way == "setting" else 200)
        assert [1] == one.engine.image_batches


def test_an_orderly_end_answers_everybody_who_waits(tmp_path: Path) -> None:
    with serving(tmp_path) as one:
        asked = one.fill(5)
        one.server.should_exit = True
        wait_until(lambda: not one.server.servers or not one.server.servers[0].is_serving())
        one.engine.gate.set()
        answers = [answer.result(WAIT_S) for answer in asked]
        assert [200] * 6 == [answer.status_code for answer in answers]
        cosines = {json.dumps(answer.json()["texts"]) for answer in answers}
        assert len(cosines) == 6
