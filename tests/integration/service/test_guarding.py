"""Every path of the real server: closed to whom nobody knows, and to whom it takes more than."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
import serving
from keymaking import bearer, make_key

from satseek.service.access.policy import READING, RULES, UNDECLARED, rule
from satseek.service.access.principals import SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPEN = {
    "/livez",
    "/readyz",
    "/docs",
    "/openapi.json",
    "/favicon.ico",
    "/_satseek",
    "/login",
    "/logout",
    "/v1/formats",
    "/ogc/api",  # like /openapi.json
    "/ogc/api.html",
    "/stac/api",
    "/stac/api.html",
    "/v2/health",
}
"""What anybody may ask; nothing else, whatever the table says."""

LISTING = """
import json, sys
from pathlib import Path
from satseek.assemble import Assembly
from satseek.settings import Settings
from satseek.web.serving import compose

def walk(routes, prefix=""):
    for one in routes:
        path = prefix + one.path
        if getattr(one, "routes", None):
            yield from walk(one.routes, path)
        else:
            yield path or "/", sorted(getattr(one, "methods", None) or ["GET", "POST"])

application = compose(Assembly(Settings(data_dir=Path(sys.argv[1]), auth=("keys",))))
found = {(path, one) for path, methods in walk(application.routes) for one in methods}
named = {path.replace(":path}", "}") for path, _ in found}
assert set(application.openapi()["paths"]) <= named, "the walk missed some"
print(json.dumps(sorted(found)))
"""


@dataclass(frozen=True)
class Guarded:
    """A server with keys, and one of each role."""

    server: serving.Server
    keys: dict[str, str]
    data: Path

    def ask(self, method: str, path: str, role: str | None = None, **more: object) -> int:
        headers = {**(bearer(self.keys[role]) if role else {}), **more.pop("headers", {})}  # type: ignore[dict-item]
        with httpx.Client(base_url=self.server.url, timeout=60) as client:
            return client.request(method, path, headers=headers, **more).status_code  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    home = tmp_path_factory.mktemp("guarding")
    data, scenes = home / "data", serving.make_scenes(home / "scenes")
    serving.index(data, scenes, "north")
    serving.index(data, scenes, "south")
    keys = {role: make_key(data, role, "--role", role) for role in SCOPES}
    keys["metrics"] = make_key(data, "metrics", "--scope", "metrics")
    keys["planner"] = make_key(data, "planner", "--group", "planning")
    keys["southern"] = make_key(data, "southern", "--collection", "south")
    limits = json.dumps({"north": ["planning"]})
    with serving.running_server(data, auth="keys", collection_groups=limits) as server:
        yield Guarded(server, keys, data)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Every route of the application and its methods."""
    command = [sys.executable, "-c", LISTING, str(tmp_path_factory.mktemp("routes"))]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == listed.returncode, listed.stderr
    return [(path, method) for path, method in json.loads(listed.stdout)]


def _address(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "south", path)


def test_every_route_asks_who_it_is_and_what_they_may(
    guarded: Guarded, routes: list[tuple[str, str]]
) -> None:
    assert len(routes) > 20
    declared = 0
    for path, method in routes:
        taken, address = rule(_address(path)), _address(path)
        if path in {"/v1/{rest:path}", "/v2/{rest:path}"}:  # says that there is no such path
            continue
        assert taken is not UNDECLARED, f"{path} has no rule in policy.RULES"
        needed = taken.read if method in READING else taken.write
        anonymous = guarded.ask(method, address)
        if needed is None:
            assert any(address == one or address.startswith(f"{one}/") for one in OPEN), path
            assert anonymous != 401 or path.startswith("/login"), f"{method} {path}"
            continue
        declared += 1
        assert 401 == anonymous, f"{method} {path} answered nobody with {anonymous}"
        for role, scopes in SCOPES.items():
            if needed not in scopes:
                assert 403 == guarded.ask(method, address, role), f"{method} {path} to {role}"
    assert declared > 15


def test_every_rule_is_of_a_known_scope() -> None:
    known = SCOPES["admin"]
    for taken in RULES.values():
        assert {taken.read, taken.write} <= known | {None}


@pytest.mark.parametrize("path", ["/v1/nothing", "/nothing", "/v1", "//v1/search", "/v1/keys"])
def test_a_path_that_is_not_there_is_told_only_to_the_known(guarded: Guarded, path: str) -> None:
    assert [401, 404, 404] == [guarded.ask("GET", path, who) for who in (None, "reader", "admin")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "satsk_0123456789ab_" + "0" * 64},
        {"x-api-key": "KEY x"},
        {"x-api-key": "KEY, KEY"},
        {"authorization": "KEY"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer -"},
        {"authorization": "Bearer KEY0"},
        {"authorization": "Token KEY"},
        {"authorization": "Basic KEY"},
        {"authorization": "Basic " + base64.b64encode(b"x:").decode()},
        {"authorization": "Basic " + base64.b64encode(b"admin:admin").decode()},
        {"authorization": "Bearer " + "x" * 20_000},
        {"authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."},
        {"cookie": "satseek_session=KEY"},
        {"x-forwarded-user": "admin"},
        {"x-api-key": "wrong", "authorization": "Bearer KEY"},
    ],
)
def test_what_is_no_credential_opens_nothing(guarded: Guarded, headers: dict[str, str]) -> None:
    key = guarded.keys["admin"]
    shown = {name: value.replace("KEY", key) for name, value in headers.items()}
    answer = httpx.get(f"{guarded.server.url}/v1/collections", headers=shown, timeout=60)
    assert 401 == answer.status_code
    assert "application/problem+json" == answer.headers["content-type"]
    assert answer.headers["www-authenticate"].startswith('Bearer realm="satseek"')


def test_refusals_do_not_tell_what_was_wrong(guarded: Guarded) -> None:
    wrong = [
        {},
        {"x-api-key": "nonsense"},
        {"x-api-key": guarded.keys["reader"][:-1]},
        {"x-api-key": guarded.keys["reader"][:-1] + "z"},
        {"authorization": "Bearer nonsense"},
    ]
    told = set()
    for headers in wrong:
        answer = httpx.get(f"{guarded.server.url}/v1/search?text=x", headers=headers, timeout=60)
        content = answer.json()
        told.add((answer.status_code, content["type"], content["detail"], content["title"]))
    assert 1 == len(told)


def test_a_key_is_taken_in_every_usual_place(guarded: Guarded) -> None:
    key = guarded.keys["reader"]
    pair = base64.b64encode(f"anything:{key}".encode()).decode()
    for headers in (
        {"x-api-key": key},
        {"authorization": f"Bearer {key}"},
        {"authorization": f"bearer {key}"},
        {"authorization": f"Basic {pair}"},
    ):
        assert 200 == guarded.ask("GET", "/v1/model", headers=headers)


def test_collections_are_seen_by_their_groups_only(guarded: Guarded) -> None:
    def seen(role: str) -> list[str]:
        answer = httpx.get(
            f"{guarded.server.url}/v1/collections", headers=bearer(guarded.keys[role]), timeout=60
        )
        return [one["name"] for one in answer.json()["collections"]]

    assert ["south"] == seen("reader")
    assert ["north", "south"] == seen("planner")
    assert ["south"] == seen("southern")
    assert ["north", "south"] == seen("admin")


def test_what_somebody_may_not_see_is_as_if_it_were_not_there(
    guarded: Guarded, routes: list[tuple[str, str]]
) -> None:
    paths = [(method, path) for path, method in routes if path.startswith("/v1/collections/{")]
    assert len(paths) >= 5
    asked = [
        (method, re.sub(r"\{[^}]*\}", "a", path.replace("{name}", "N"))) for method, path in paths
    ]
    asked += [("GET", "/v1/collections/N/thumbnail?chip=a"), ("GET", "/v1/collections/N/")]
    asked += [("GET", "/v1/search?text=x&collection=N"), ("GET", "/v1/collections/N/nothing")]
    with httpx.Client(base_url=guarded.server.url, timeout=60) as client:
        for method, path in asked:
            told = []
            for name in ("north", "nowhere"):
                answer = client.request(
                    method, path.replace("N", name), headers=bearer(guarded.keys["operator"])
                )
                detail = answer.json()["detail"].replace("north", "nowhere")
                told.append((answer.status_code, detail))
            assert told[0] == told[1], f"{method} {path}"
            assert told[0][0] >= 400, f"{method} {path}"
    assert 200 == guarded.ask("GET", "/v1/collections/north", "planner")


def test_figures_take_a_scope_of_their_own(guarded: Guarded) -> None:
    asked = [guarded.ask("GET", "/metrics", who) for who in (None, "reader", "metrics", "admin")]
    assert [401, 403, 200, 200] == asked
    assert 403 == guarded.ask("GET", "/v1/collections", "metrics")


def _basic(key: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"x:{key}".encode()).decode()}


def test_another_site_cannot_use_a_browser_s_password(guarded: Guarded) -> None:
    foreign = {"origin": "https://evil.example"}
    own = {"origin": guarded.server.url}
    basic = _basic(guarded.keys["admin"])

    def removed(headers: dict[str, str]) -> int:
        return guarded.ask("DELETE", "/v1/collections/nowhere", headers=headers)

    assert [403, 404, 404] == [removed(basic | more) for more in (foreign, own, {})]
    assert 404 == removed(bearer(guarded.keys["admin"]) | foreign), "no browser sends that itself"


def test_sockets_are_guarded_as_the_page_is(guarded: Guarded) -> None:
    def opened(headers: dict[str, str]) -> bytes:
        lines = {
            "host": guarded.server.url.partition("://")[2],
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": base64.b64encode(b"0123456789abcdef").decode(),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        path = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
        with guarded.server.connect() as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
            return connection.recv(4096).split(b"\r\n", 1)[0]

    basic, own = _basic(guarded.keys["reader"]), {"origin": guarded.server.url}
    assert b" 403 " in opened({})
    assert b" 403 " in opened(own)
    assert b" 403 " in opened(basic | {"origin": "https://evil.example"})
    assert b" 403 " in opened(_basic(guarded.keys["metrics"]) | own)
    assert b" 101 " in opened(basic | own)


def test_the_page_names_only_what_its_visitor_sees(guarded: Guarded) -> None:
    def page(role: str) -> str:
        answer = httpx.get(guarded.server.url, headers=_basic(guarded.keys[role]), timeout=60)
        assert 200 == answer.status_code
        return answer.text

    assert ("south" in page("reader"), "north" in page("reader")) == (True, False)
    assert "north" in page("planner")


def test_a_browser_is_sent_to_the_login_and_a_program_is_told(guarded: Guarded) -> None:
    url, browser = guarded.server.url, {"accept": "text/html,*/*", "sec-fetch-mode": "navigate"}
    sent = httpx.get(f"{url}/?q=a+harbour", headers=browser, timeout=60)
    assert (303, "/login?next=%2F%3Fq%3Da%2Bharbour") == (
        sent.status_code,
        sent.headers["location"],
    )
    assert 200 == httpx.get(f"{url}/login", headers=browser, timeout=60).status_code
    told = httpx.get(f"{url}/v1/collections", headers=browser, timeout=60)
    assert (401, 'Bearer realm="satseek"') == (told.status_code, told.headers["www-authenticate"])
    program = httpx.get(f"{url}/v1/collections", timeout=60)
    assert "Basic realm=" in program.headers["www-authenticate"]


def test_a_refused_body_is_not_read(guarded: Guarded) -> None:
    with guarded.server.connect() as connection:
        connection.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 10000000\r\n\r\n"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 401")


def test_valid_keys_are_taken_while_others_guess(guarded: Guarded) -> None:
    with httpx.Client(base_url=guarded.server.url, timeout=60) as client:
        statuses = [
            client.get("/v1/model", headers={"x-api-key": f"guess{at}"}).status_code
            for at in range(90)
        ]
        last = client.get("/v1/model", headers={"x-api-key": "guess"})
    assert {401, 429} >= set(statuses)
    assert (429, True) == (last.status_code, int(last.headers["retry-after"]) > 0)
    assert 200 == guarded.ask("GET", "/v1/model", "reader")
