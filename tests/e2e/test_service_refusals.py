"""Everything the real server refuses, and that it goes on afterwards."""

from __future__ import annotations

import base64
import csv
import json
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import serving
import starting

from satseek.model.bundle import Bundle, starter_bundle
from satseek.model.store import find_bundle

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

MALFORMED = Path(__file__).parents[3] / "shared" / "data" / "malformed"

MAX_UPLOAD = 200_000
MAX_PIXELS = 100 * 100


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("refusals")
    serving.index(home / "data", serving.make_scenes(home / "scenes"), "small")
    return home


@pytest.fixture(scope="module")
def http(home: Path) -> Iterator[httpx.Client]:
    with (
        serving.running_server(home / "data") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        yield client
        assert client.get("/v1/search", params={"text": "still there"}).status_code == 200


@pytest.fixture(scope="module")
def tight(home: Path) -> Iterator[serving.Server]:
    """A server with small limits."""
    with serving.running_server(
        home / "data",
        max_upload_bytes=str(MAX_UPLOAD),
        max_image_pixels=str(MAX_PIXELS),
        max_concurrent_requests="2",
    ) as server:
        yield server


def _kind(response: httpx.Response) -> str:
    """Check that it is a problem document; returns its type's last part."""
    assert response.headers["content-type"] == "application/problem+json"
    content = response.json()
    assert content["status"] == response.status_code
    assert content["title"]
    assert content["detail"]
    assert "\n" not in content["detail"]
    assert "Traceback" not in response.text
    return str(content["type"]).removeprefix("urn:satseek:problem:")


BOW = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}

WRONG_SEARCHES: list[tuple[dict[str, Any], int, str]] = [
    ({}, 422, "empty-text"),
    ({"text": " "}, 422, "empty-text"),
    ({"disliked": ["a"]}, 404, "chip-not-found"),
    ({"text": "x", "k": 0}, 422, "invalid-k"),
    ({"text": "x", "k": 10_001}, 422, "invalid-k"),
    ({"text": "x", "k": "many"}, 422, "invalid-request"),
    ({"text": "x", "kk": 3}, 422, "invalid-request"),
    ({"text": "x" * 1001}, 422, "invalid-request"),
    ({"text": "x", "bbox": [5, 5, 4, 4]}, 422, "invalid-filter"),
    ({"text": "x", "bbox": [1, 2, 3]}, 422, "invalid-request"),
    ({"text": "x", "area": BOW}, 422, "invalid-filter"),
    ({"text": "x", "area": {"type": "Point", "coordinates": [1, 2]}}, 422, "invalid-filter"),
    ({"text": "x", "start": "yesterday"}, 422, "invalid-filter"),
    ({"text": "x", "start": "2025-01-01", "end": "2024-01-01"}, 422, "invalid-filter"),
    ({"text": "x", "collection": "nowhere"}, 404, "collection-not-found"),
    ({"liked": ["nothing/here"]}, 404, "chip-not-found"),
    ({"image": "@@@"}, 422, "unreadable-image"),
    ({"image": "aGVsbG8="}, 422, "unreadable-image"),
]


@pytest.mark.parametrize(("asked", "status", "kind"), WRONG_SEARCHES)
def test_a_search_that_cannot_be_is_refused(
    http: httpx.Client, asked: dict[str, Any], status: int, kind: str
) -> None:
    response = http.post("/v1/search", json=asked)
    assert (response.status_code, _kind(response)) == (status, kind)


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/search", 422, "empty-text"),
        ("GET", "/v1/search?text=x&k=1.5", 422, "invalid-request"),
        ("GET", "/v1/search?text=x&bbox=1,2,3", 422, "invalid-request"),
        ("GET", "/v1/search?text=x&f=xml", 422, "invalid-request"),
        ("DELETE", "/v1/search", 405, "method-not-allowed"),
        ("GET", "/v1/nothing", 404, "not-found"),
        ("GET", "/v1/collections/nowhere", 404, "collection-not-found"),
        ("GET", "/v1/collections/nowhere/refusals", 404, "collection-not-found"),
        ("GET", "/v1/collections/small/chips/no/chip", 404, "chip-not-found"),
        ("GET", "/v1/collections/small/thumbnail?chip=no", 404, "chip-not-found"),
        ("GET", "/v1/collections/small/thumbnail?chip=no&size=9999", 422, "invalid-request"),
    ],
)
def test_a_wrong_address_is_refused(
    http: httpx.Client, method: str, path: str, status: int, kind: str
) -> None:
    response = http.request(method, path)
    assert (response.status_code, _kind(response)) == (status, kind)


@pytest.mark.parametrize(
    "name", ["..", "../../etc", "%2e%2e%2f%2e%2e", ".hidden", "a b", "x" * 300]
)
def test_a_collection_name_never_leaves_its_folder(http: httpx.Client, name: str) -> None:
    response = http.get("/v1/search", params={"text": "x", "collection": name})
    assert response.status_code in {404, 422}
    assert _kind(response) in {"collection-not-found", "invalid-name"}


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "application/json"}, b"{", 422),
        ({"content-type": "application/json"}, b"[1]", 422),
        ({"content-type": "application/json"}, b"\xff\xfe", 422),
        ({"content-type": "application/x-www-form-urlencoded"}, b"area=" + b"[" * 100_000, 422),
        ({"content-type": "text/plain"}, b"harbour", 415),
        ({}, b"harbour", 415),
        ({"content-type": "multipart/form-data"}, b"no boundary", 400),
        ({"content-type": "multipart/form-data; boundary=x"}, b"not a form", 400),
    ],
)
def test_a_broken_body_is_refused(
    http: httpx.Client, headers: dict[str, str], body: bytes, status: int
) -> None:
    response = http.post("/v1/search", content=body, headers=headers)
    assert (response.status_code, bool(_kind(response))) == (status, True)


def test_fields_that_are_wrong_are_named(http: httpx.Client) -> None:
    response = http.post("/v1/search", json={"text": "x", "k": "many", "sort": "up"})
    assert {error["field"] for error in response.json()["errors"]} == {"k", "sort"}


@pytest.mark.parametrize(
    ("asked", "status", "kind"),
    [
        ({"labels": ["a"]}, 422, "invalid-request"),
        ({"labels": ["a"], "image": "aa==", "chip": "b"}, 422, "invalid-request"),
        ({"labels": [], "collection": "small", "chip": "b"}, 404, "chip-not-found"),
        ({"labels": "", "image": "IMAGE"}, 422, "empty-text"),
        ({"labels": ["a", " "], "image": "IMAGE"}, 422, "empty-text"),
        ({"labels": ["a", "A"], "image": "IMAGE"}, 422, "invalid-request"),
        ({"labels": ["a"], "image": "IMAGE", "templates": ["no slot"]}, 422, "invalid-request"),
        ({"labels": ["a"], "image": "IMAGE", "templates": ["{}"] * 33}, 422, "invalid-request"),
    ],
)
def test_a_classification_that_cannot_be_is_refused(
    http: httpx.Client, tmp_path: Path, asked: dict[str, Any], status: int, kind: str
) -> None:
    if asked.get("image") == "IMAGE":
        picture = serving.png(tmp_path / "a.png").read_bytes()
        asked = asked | {"image": base64.b64encode(picture).decode()}
    response = http.post("/v1/classify", json=asked)
    assert (response.status_code, _kind(response)) == (status, kind)


def _malformed() -> list[tuple[str, str]]:
    if not MALFORMED.is_dir():
        return []
    with (MALFORMED / "manifest.csv").open(encoding="utf-8", newline="") as lines:
        rows = [(row["file"], row["expected"]) for row in csv.DictReader(lines)]
    return [(name, expected) for name, expected in rows if (MALFORMED / name).is_file()]


@pytest.mark.skipif(not MALFORMED.is_dir(), reason=f"{MALFORMED} is absent")
@pytest.mark.parametrize(("name", "expected"), _malformed())
def test_hostile_images_are_answered_with_a_result_or_a_reason(
    http: httpx.Client, name: str, expected: str
) -> None:
    content = (MALFORMED / name).read_bytes()
    response = http.post(
        "/v1/classify", files={"image": ("upload", content)}, data={"labels": "a forest"}
    )
    if response.status_code == 200:
        may_be_refused_only = expected.startswith("reject") and "accept" not in expected
        assert not may_be_refused_only or "bounds" in expected, expected
    else:
        assert response.status_code in {413, 422}
        assert not expected.startswith("accept (")
        _kind(response)


def test_an_image_with_too_many_pixels_is_refused(tight: serving.Server, tmp_path: Path) -> None:
    picture = serving.png(tmp_path / "wide.png", width=300, height=50).read_bytes()
    response = httpx.post(
        f"{tight.url}/v1/classify", files={"image": picture}, data={"labels": "a"}, timeout=60
    )
    assert (response.status_code, _kind(response)) == (413, "image-too-large")


def _status_line(connection: socket.socket) -> bytes:
    return connection.recv(65536).split(b"\r\n", 1)[0]


def test_a_large_body_is_refused_before_it_is_sent(tight: serving.Server) -> None:
    with tight.connect() as connection:
        connection.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + f"Content-Length: {10**12}\r\n\r\n".encode()
        )
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer


def test_a_body_without_length_is_cut_off_at_the_limit(tight: serving.Server) -> None:
    piece = b"x" * 20_000
    chunk = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    with tight.connect() as connection:
        connection.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(MAX_UPLOAD // len(piece) + 1):
            connection.sendall(chunk)
        assert _status_line(connection).startswith(b"HTTP/1.1 413")


def test_a_body_at_the_limit_is_read(tight: serving.Server) -> None:
    body = json.dumps({"text": "x", "k": 1}).encode()
    body += b" " * (MAX_UPLOAD - len(body))
    headers = {"content-type": "application/json"}
    response = httpx.post(f"{tight.url}/v1/search", content=body, headers=headers, timeout=60)
    assert response.status_code == 200


def test_the_page_takes_no_larger_body_either(tight: serving.Server) -> None:
    response = httpx.post(f"{tight.url}/", content=b"x" * (MAX_UPLOAD + 1), timeout=60)
    assert response.status_code == 413


BODY = json.dumps({"text": "x", "k": 1}).encode()


def _begin(server: serving.Server) -> socket.socket:
    """Begin a search whose body stays incomplete, so that it keeps its permit."""
    connection = server.connect()
    connection.sendall(
        b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + f"Content-Length: {len(BODY)}\r\n\r\n".encode()
        + BODY[:5]
    )
    return connection


def _until_full(server: serving.Server) -> httpx.Response:
    for _ in range(100):
        response = httpx.get(f"{server.url}/v1/model", timeout=60)
        if response.status_code == 429:
            return response
    return response


def test_what_is_too_much_at_once_gets_429_and_the_rest_is_finished(
    tight: serving.Server,
) -> None:
    held = [_begin(tight), _begin(tight)]
    refused = _until_full(tight)
    assert (refused.status_code, _kind(refused)) == (429, "overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    assert httpx.get(f"{tight.url}/livez", timeout=60).status_code == 200
    assert httpx.get(f"{tight.url}/metrics", timeout=60).status_code == 200
    for connection in held:
        connection.sendall(BODY[5:])
        assert _status_line(connection) == b"HTTP/1.1 200 OK"
        connection.close()
    assert httpx.get(f"{tight.url}/v1/model", timeout=60).status_code == 200


def test_a_client_that_goes_away_gives_its_permit_back(tight: serving.Server) -> None:
    for _ in range(6):
        _begin(tight).close()
    for _ in range(200):
        response = httpx.get(f"{tight.url}/v1/model", timeout=60)
        if response.status_code == 200:
            break
    assert response.status_code == 200


def test_under_load_every_request_is_answered_or_told_to_wait(tight: serving.Server) -> None:
    statuses: list[int] = []

    def ask() -> None:
        for _ in range(5):
            asked = {"text": "storage tanks", "k": 3}
            response = httpx.get(f"{tight.url}/v1/search", params=asked, timeout=60)
            statuses.append(response.status_code)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 60
    assert set(statuses) <= {200, 429}
    assert 200 in statuses


def test_requests_in_flight_are_finished_after_sigterm(home: Path) -> None:
    with serving.running_server(home / "data") as server:
        connection = _begin(server)
        httpx.get(f"{server.url}/livez", timeout=60)  # the server has read the first one by now
        server.process.send_signal(signal.SIGTERM)
        for _ in range(200):
            try:
                httpx.get(f"{server.url}/livez", timeout=60)
            except httpx.TransportError:
                break
        connection.sendall(BODY[5:])
        assert _status_line(connection) == b"HTTP/1.1 200 OK"
        connection.close()
        assert server.process.wait(timeout=40) == 0


def test_a_port_that_is_taken_is_refused_in_one_line(http: httpx.Client, home: Path) -> None:
    command = [*starting.command(), "--data-dir", str(home / "data"), "serve"]
    port = str(http.base_url.port)
    ended = subprocess.run(
        [*command, "--port", port], check=False, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_model_the_probe_says_why(home: Path) -> None:
    model = str(home / "nowhere")
    with serving.running_server(home / "data", ready=False, model=model) as server:
        probe = httpx.get(f"{server.url}/readyz", timeout=60)
        assert (probe.status_code, _kind(probe)) == (503, "not-ready")
        assert httpx.get(f"{server.url}/livez", timeout=60).status_code == 200
        asked = httpx.get(f"{server.url}/v1/search", params={"text": "x"}, timeout=60)
        assert (asked.status_code, _kind(asked)) == (503, "model-not-found")
        assert asked.json()["detail"].startswith("nowhere: expected a path")
        assert str(home) not in asked.text + probe.text
        assert str(home) in server.lines()
        (listed,) = httpx.get(f"{server.url}/v1/collections", timeout=60).json()["collections"]
        assert not listed["searchable"]


def _bundle_in_use() -> Bundle:
    name = os.environ.get("SATSEEK_MODEL")
    return find_bundle(name, store=Path()) if name else starter_bundle()


def test_another_model_is_refused(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(_bundle_in_use().folder, other)
    card = json.loads((other / "card.json").read_text(encoding="utf-8"))
    card["version"] = "ffffffffffff"
    (other / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with serving.running_server(home / "data", model=str(other)) as server:
        asked = httpx.get(f"{server.url}/v1/search", params={"text": "x"}, timeout=60)
        assert (asked.status_code, _kind(asked)) == (409, "model-mismatch")


def test_damaged_data_is_admitted_without_details(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "data", tmp_path / "data")
    for segment in (tmp_path / "data").rglob("*"):
        if segment.is_file() and segment.suffix not in {".json", ".sqlite", ".db"}:
            segment.write_bytes(segment.read_bytes()[:7])
    with serving.running_server(tmp_path / "data") as server:
        asked = httpx.get(f"{server.url}/v1/search", params={"text": "x"}, timeout=60)
        assert (asked.status_code, _kind(asked)) == (500, "damaged-data")
        assert str(tmp_path) not in asked.text
        assert str(tmp_path) in server.lines()


def test_a_scene_that_is_gone_has_no_thumbnail(tmp_path: Path) -> None:
    scenes = serving.make_scenes(tmp_path / "scenes")
    serving.index(tmp_path / "data", scenes, "gone")
    shutil.rmtree(scenes)
    with serving.running_server(tmp_path / "data") as server:
        hit = httpx.get(f"{server.url}/v1/search", params={"text": "x"}, timeout=60).json()["hits"][
            0
        ]
        response = httpx.get(f"{server.url}{hit['thumbnail']}", timeout=60)
        assert (response.status_code, _kind(response)) == (410, "gone")
        assert "scene.tif" in response.json()["detail"]
        refusals = httpx.get(f"{server.url}/v1/collections/gone/refusals", timeout=60).json()
        assert refusals["refusals"][0]["reason"].startswith("broken.tif")
        assert str(tmp_path) not in response.text + json.dumps(refusals)
        assert str(tmp_path) in server.lines()
