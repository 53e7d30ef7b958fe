"""Keys made by the real command, shown to the real server beside it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import serving
from keymaking import bearer, make_key, satseek

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLLOWED_SECONDS = 1.0


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "data"


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[serving.Server]:
    with serving.running_server(
        data, plain=True, ready=False, auth="keys", log_level="debug"
    ) as server:
        yield server


def status(server: serving.Server, key: str) -> int:
    return httpx.get(f"{server.url}/v1/collections", headers=bearer(key), timeout=30).status_code


def status_after(server: serving.Server, key: str, *, wanted: int) -> float:
    """Ask until the answer is the wanted one; returns the seconds that it took."""
    began = time.monotonic()
    while status(server, key) != wanted:
        assert time.monotonic() - began < 30, "the server does not follow"
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_key_opens_at_once_and_closes_within_a_second(server: serving.Server, data: Path) -> None:
    key = make_key(data, "nightly")
    assert 200 == status(server, key)
    revoked = satseek(data, "key", "revoke", "nightly")
    assert (0, "") == (revoked.returncode, revoked.stdout)
    assert status_after(server, key, wanted=401) <= FOLLOWED_SECONDS


def test_a_key_ends_when_it_expires(server: serving.Server, data: Path) -> None:
    soon = int(time.time()) + 8
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(soon))
    key = make_key(data, "brief", "--expires", moment)
    assert 200 == status(server, key)
    status_after(server, key, wanted=401)
    assert 0 <= time.time() - soon < 3
    (listed,) = [one for one in _listed(data) if one["name"] == "brief"]
    assert "expired" == listed["state"]


def _listed(data: Path) -> list[dict[str, object]]:
    listed = satseek(data, "key", "list", "--json")
    assert 0 == listed.returncode, listed.stderr
    found: list[dict[str, object]] = json.loads(listed.stdout)
    return found


def test_a_key_has_its_role_or_its_scopes(data: Path, server: serving.Server) -> None:
    narrow = make_key(data, "narrow", "--scope", "embed")
    assert 403 == status(server, narrow)
    (listed,) = [one for one in _listed(data) if one["name"] == "narrow"]
    assert ["embed"] == listed["scopes"]
    assert "key" not in listed


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--role", "king"], 2),
        (["--scope", "everything"], 2),
        (["--role", "reader", "--scope", "search"], 2),
        (["--expires", "soon"], 2),
        (["--expires", "2001-01-01"], 2),
        (["--expires", "0d"], 2),
    ],
)
def test_what_makes_no_sense_makes_no_key(data: Path, options: list[str], code: int) -> None:
    done = satseek(data, "key", "create", "odd", *options)
    assert (code, "") == (done.returncode, done.stdout)
    assert 1 == len(done.stderr.splitlines())


def test_a_name_in_use_is_a_clash_and_both_attempts_are_in_the_trail(data: Path) -> None:
    make_key(data, "twice")
    done = satseek(data, "key", "create", "twice")
    assert (5, "") == (done.returncode, done.stdout)
    shown = satseek(data, "audit", "show", "--action", "key.create", "--json")
    outcomes = [one["outcome"] for one in json.loads(shown.stdout) if one["target"] == "twice"]
    assert ["begun", "done", "begun", "refused"] == outcomes
    assert 3 == satseek(data, "key", "revoke", "nobody").returncode


def test_nothing_ever_tells_a_key(server: serving.Server, data: Path) -> None:
    key = make_key(data, "secret", "--role", "admin")
    truncated, longer = key[:-1], f"{key}0"
    told = []
    with httpx.Client(base_url=server.url, timeout=30) as client:
        for shown in (key, truncated, longer):
            joined = {"authorization": f"Bearer{shown}"}
            for headers in (bearer(shown), {"x-api-key": shown}, joined):
                for path in ("/v1/collections", "/v1/collections/none", "/v1/jobs", "/v1/nothing"):
                    answer = client.get(path, headers=headers)
                    told.append(answer.text + str(answer.headers))
                told.append(client.post("/v1/search", headers=headers, content=b"{").text)
    satseek(data, "key", "list")
    satseek(data, "key", "revoke", "secret")
    time.sleep(1.5)
    secret = key.rpartition("_")[2][:-1]
    assert secret not in "".join(told)
    assert secret not in server.lines()
    assert "key:secret" in server.lines()
    written = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert b"key:secret" in written, "the trail names who asked"
    assert secret.encode() not in written
    arguments = Path(f"/proc/{server.process.pid}/cmdline")
    if arguments.exists():
        environment = Path(f"/proc/{server.process.pid}/environ").read_bytes()
        assert secret.encode() not in arguments.read_bytes() + environment
