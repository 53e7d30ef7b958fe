"""What the real server writes of who asked and changed what, and what it never writes."""

from __future__ import annotations

import json
import resource
import shutil
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import serving
from keymaking import bearer, make_key, satseek

from satseek.service.access.audit import FOLDER, Audit, days
from satseek.service.access.principals import LOCAL
from satseek.service.access.proving import entries, verify

if TYPE_CHECKING:
    from pathlib import Path

NOTED_SECONDS = 1.0

WORDS = "a very private question about a harbour"


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("audit")
    serving.index(home / "data", serving.make_scenes(home / "scenes"), "small")
    return home / "data"


@pytest.fixture
def data(indexed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(indexed, tmp_path / "data")


def lines(data: Path, who: str) -> list[dict[str, Any]]:
    return [one for one in entries(data / FOLDER) if one["who"] == who]


def test_who_asked_and_changed_what_is_written_and_never_the_words(data: Path) -> None:
    reader, admin = make_key(data, "ada"), make_key(data, "grace", "--role", "admin")
    with (
        serving.running_server(data, auth="keys") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        search = {"text": WORDS, "k": 2}
        found = client.post("/v1/search", json=search, headers=bearer(reader))
        assert 200 == found.status_code
        assert (
            200
            == client.get("/v1/search", params={"text": WORDS}, headers=bearer(reader)).status_code
        )
        assert 403 == client.delete("/v1/collections/small", headers=bearer(reader)).status_code
        assert 401 == client.get("/v1/collections", headers={"x-api-key": "x"}).status_code
        time.sleep(NOTED_SECONDS)
        asked, again, refused = lines(data, "key:ada")
        changed = client.delete("/v1/collections/none", headers=bearer(admin))
        assert 404 == changed.status_code
        assert WORDS not in server.lines()
    assert ("search", "/v1/search", "done", "small", 2) == tuple(
        asked[name] for name in ("action", "target", "outcome", "collection", "hits")
    )
    assert found.headers["x-request-id"] == asked["id"]
    assert "/v1/search" == again["target"]
    assert ("refused", "PermissionDenied") == (refused["outcome"], refused["reason"])
    assert ["refused"] == [one["outcome"] for one in lines(data, "anonymous")]
    changes = lines(data, "key:grace")
    assert "asked" == changes[0]["outcome"]
    assert "refused" == changes[-1]["outcome"]
    trail = b"".join(path.read_bytes() for path in days(data / FOLDER))
    assert b"harbour" not in trail
    proved = satseek(data, "audit", "verify", "--json")
    assert 0 == proved.returncode
    assert verify(data / FOLDER).digest == json.loads(proved.stdout)["digest"]
    shown = satseek(data, "audit", "show", "--who", "key:ada", "--json")
    assert [asked, again, refused] == json.loads(shown.stdout)


def test_an_altered_trail_is_told_with_its_exit_code(tmp_path: Path) -> None:
    data = tmp_path / "data"
    make_key(data, "ada")
    (path,) = days(data / FOLDER)
    path.write_bytes(path.read_bytes().replace(b"ada", b"eve", 1))
    done = satseek(data, "audit", "verify")
    assert 6 == done.returncode
    assert f"{path.name}, line 2" in done.stderr


def test_without_room_nothing_is_changed_unwritten_and_questions_are_answered(data: Path) -> None:
    key = make_key(data, "grace", "--role", "admin")
    audit = Audit(data)
    while days(audit.folder)[0].stat().st_size < 1_000_000:  # longer than any other file will be
        for _ in range(500):
            audit.note(LOCAL, "filling", "x" * 400, "done")
        audit.flush()
    audit.close()
    with (
        serving.running_server(data, plain=True, auth="keys") as server,
        httpx.Client(base_url=server.url, timeout=60, headers=bearer(key)) as client,
    ):
        size = days(audit.folder)[0].stat().st_size
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        changed = client.delete("/v1/collections/small")
        assert (507, "urn:satseek:problem:disk-full") == (
            changed.status_code,
            changed.json()["type"],
        )
        assert 200 == client.get("/v1/search", params={"text": "x"}).status_code
        time.sleep(NOTED_SECONDS)
        assert 200 == client.get("/v1/search", params={"text": "x"}).status_code
        assert 1 == server.lines().count("the audit trail cannot be written")
        assert size == days(audit.folder)[0].stat().st_size
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, unlimited)
        changed = client.delete("/v1/collections/small")
        assert changed.status_code < 300, changed.text
    verify(audit.folder)
    written = [one for one in lines(data, "key:grace") if one["action"] == "search"]
    assert len(written) >= 2, "what waited was written once there was room"


def test_a_server_killed_at_once_leaves_a_whole_trail(data: Path) -> None:
    key = make_key(data, "grace", "--role", "admin")
    with (
        serving.running_server(data, plain=True, auth="keys") as server,
        httpx.Client(base_url=server.url, timeout=60, headers=bearer(key)) as client,
    ):
        for _ in range(20):
            client.delete("/v1/collections/none")
        server.process.kill()
        server.process.wait(20)
    proved = verify(data / FOLDER)
    assert 20 == sum(one["outcome"] == "asked" for one in lines(data, "key:grace"))
    assert proved.lines >= 40
