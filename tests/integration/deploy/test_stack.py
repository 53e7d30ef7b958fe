"""The whole of deploy/compose, started for real: what goes through nginx, and what ends meanwhile.

No container engine runs here: see ``stacking`` for what is replaced in the shipped files.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import keymaking
import pytest
import serving
import stacking
from stacking import needs_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from stacking import Stack

pytestmark = needs_programs
pytest.importorskip("nicegui", reason="the page is not on this machine: pip install 'satseek[web]'")
pytest.importorskip("grpc", reason="grpc is not on this machine: pip install 'satseek[grpc]'")
pytest.importorskip("rq", reason="rq is not on this machine: pip install 'satseek[rq]'")

import grpc
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from satseek.service.rpc.generated import satseek_pb2 as messages

SECONDS = 60
"""Longest wait for anything, on a machine that is busy with other tests."""

SERVERS = ("satseek-1", "satseek-2")
CLIENTS = 4
PIECE = 64 * 1024


@dataclass
class House:
    """The stack, and somebody who may do everything."""

    stack: Stack
    key: str
    tls: ssl.SSLContext

    def client(self, **more: Any) -> httpx.Client:
        """Somebody outside, who knows nginx alone."""
        headers = keymaking.bearer(self.key) | more.pop("headers", {})
        return httpx.Client(
            base_url=self.stack.url, verify=self.tls, timeout=SECONDS, headers=headers, **more
        )

    def served(self) -> list[dict[str, Any]]:
        """Lines of nginx's log, one a request."""
        lines = self.stack.log("nginx").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def server_of(self, request_id: str) -> str:
        """Say which server a request reached."""
        found = until(lambda: [one for one in self.served() if one["id"] == request_id])
        return str(found[0]["server"])

    def asked(self, server: str, path: str) -> Any:
        """Ask one of the programs behind nginx, as another one of them would."""
        return httpx.get(f"http://{self.stack.address(server)}{path}", timeout=SECONDS).json()


def until(look: Callable[[], Any], *, pause: float = 0.05) -> Any:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + SECONDS
    while not (seen := look()):
        assert time.monotonic() < deadline, f"nothing came of {look}"
        time.sleep(pause)
    return seen


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("stack")
    with stacking.running_stack(folder) as stack:
        scenes = serving.make_scenes(folder / "scenes")
        data = stack.volume("data")
        serving.index(data, scenes, "small")
        key = keymaking.make_key(data, "ada", "--role", "admin")
        stack.run("begin")
        stack.start("queue", "cache")
        stack.start(*SERVERS, "worker", "nginx", "alertmanager", "prometheus")
        yield House(stack, key, ssl.create_default_context(cafile=stack.certificate))


def new_id() -> str:
    return uuid.uuid4().hex


# -- what goes through nginx ---------------------------------------------------------------------


def test_it_is_reached_by_tls_alone_and_leads_browsers_there(house: House) -> None:
    plain = f"http://{house.stack.address('nginx')}:8080"

    led = httpx.get(f"{plain}/v1/search?text=water")
    refused = httpx.post(f"{plain}/v1/search", json={"text": "water"})

    assert 308 == led.status_code
    assert f"https://{house.stack.address('nginx')}/v1/search?text=water" == led.headers["location"]
    assert 403 == refused.status_code
    old = ssl.create_default_context(cafile=house.stack.certificate)
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    with httpx.Client(base_url=house.stack.url, verify=old) as client:
        assert 200 == client.get("/livez").status_code


def test_an_answer_comes_as_the_server_gave_it(house: House) -> None:
    name = new_id()
    with house.client(headers={"x-request-id": name}, http1=True) as client:
        answer = client.get("/v1/search", params={"text": "a quarry", "k": 2})

    assert 200 == answer.status_code
    assert 2 == len(answer.json()["hits"])
    assert [name] == answer.headers.get_list("x-request-id")
    assert ["nosniff"] == answer.headers.get_list("x-content-type-options")
    assert 1 == len(answer.headers.get_list("content-security-policy"))
    (line,) = [one for one in house.served() if one["id"] == name]
    assert (200, "/v1/search") == (line["status"], line["path"])
    assert "quarry" not in json.dumps(line), "words are never written"
    with house.client(headers={"x-request-id": "not an id"}) as client:
        assert 32 == len(client.get("/livez").headers["x-request-id"])


def test_the_server_sees_who_asks_and_believes_nobody_else(house: House) -> None:
    with house.client(headers={"x-forwarded-for": "203.0.113.9"}) as client:
        client.put("/v1/concepts/forged", json={"label": "water"}).raise_for_status()

    done = keymaking.satseek(house.stack.volume("data"), "audit", "show", "--json")

    assert "203.0.113.9" not in done.stdout
    (asked, *_) = [one for one in json.loads(done.stdout) if "forged" in one.get("target", "")]
    assert "127.0.0.1" == asked["address"]


def test_requests_are_spread_over_both_servers(house: House) -> None:
    names = [new_id() for _ in range(12)]
    with house.client() as client:
        for name in names:
            client.get("/v1/collections", headers={"x-request-id": name}).raise_for_status()

    assert 2 == len({house.server_of(name) for name in names})


def test_figures_are_not_shown_outside(house: House) -> None:
    with house.client() as client:
        answer = client.get("/metrics")

    assert 404 == answer.status_code
    assert "urn:satseek:problem:not-found" == answer.json()["type"]
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_of_51_mb_is_refused_as_the_server_would(house: House, *, declared: bool) -> None:
    size = 51_000_000

    def pieces() -> Iterator[bytes]:
        for _ in range(size // PIECE):
            yield bytes(PIECE)

    length = {"content-length": str(size // PIECE * PIECE)} if declared else {}
    with house.client(headers={"content-type": "image/tiff", **length}) as client:
        answer = client.post("/v1/parcels?name=large.gpkg", content=pieces())

    assert 413 == answer.status_code
    assert "application/problem+json" == answer.headers["content-type"]
    problem = answer.json()
    assert "urn:satseek:problem:content-too-large" == problem["type"]
    assert ("/v1/parcels", 413) == (problem["instance"], problem["status"])
    assert answer.headers["x-request-id"] == problem["request_id"]


def test_long_answers_are_sent_smaller(house: House) -> None:
    with house.client(headers={"accept-encoding": "gzip"}) as client:
        answer = client.get("/openapi.json")

    assert ["gzip"] == answer.headers.get_list("content-encoding")
    assert "paths" in answer.json()


# -- the page ------------------------------------------------------------------------------------


@dataclass
class Visit:
    """The page as somebody sees it: its client, and the server that keeps it."""

    client: str
    cookies: str
    server: str


def visit(house: House, cookies: httpx.Cookies | None = None) -> Visit:
    name = new_id()
    with house.client(cookies=cookies, headers={"accept": "text/html"}) as client:
        page = client.get("/", headers={"x-request-id": name})
        assert 200 == page.status_code, page.text
        found = page.text.partition("client_id")[2].partition(",")[0].strip(" \"':")
        sent = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        return Visit(found, sent, house.server_of(name))


@contextmanager
def socket_of(house: House, page: Visit, *, cookies: str) -> Iterator[tuple[Any, str]]:
    """Open the page's socket; gives it, and the server that it leads to."""
    name = new_id()
    query = f"EIO=4&transport=websocket&implicit_handshake=true&client_id={page.client}"
    query += "&tab_id=a-tab&document_id=a-document&next_message_id=0"
    address = house.stack.url.replace("https:", "wss:") + f"/_nicegui_ws/socket.io/?{query}"
    headers = {"cookie": cookies, "x-request-id": name, **keymaking.bearer(house.key)}
    headers["origin"] = house.stack.url
    with connect(address, ssl=house.tls, additional_headers=headers) as socket:
        socket.recv(SECONDS)
        socket.send("40")
        yield socket, name


def test_the_page_is_there_and_its_socket_stays_with_the_server_that_keeps_it(house: House) -> None:
    pages = [visit(house) for _ in range(8)]
    assert 2 == len({page.server for page in pages}), "chance takes one of two, eight times"

    for page in pages:
        with socket_of(house, page, cookies=page.cookies) as (socket, _):
            told = str(socket.recv(SECONDS))
            assert told.startswith("40{"), f"the server does not know this page: {told}"


def test_without_its_cookie_a_socket_may_lead_elsewhere(house: House) -> None:
    """What the cookie is for: this shows that the test above can fail."""

    def elsewhere() -> bool:
        page = visit(house)
        with socket_of(house, page, cookies="") as (socket, _):
            return str(socket.recv(SECONDS)).startswith("44")

    assert until(elsewhere)


def test_nobody_sees_the_page_unrecognised(house: House) -> None:
    with httpx.Client(base_url=house.stack.url, verify=house.tls) as client:
        page = client.get("/", headers={"accept": "text/html"})
        assert (303, "/login") == (page.status_code, page.headers["location"].partition("?")[0])
        with pytest.raises(InvalidStatus, match="401|403"):
            connect(
                house.stack.url.replace("https:", "wss:")
                + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket",
                ssl=house.tls,
                additional_headers={"origin": house.stack.url},
            )
