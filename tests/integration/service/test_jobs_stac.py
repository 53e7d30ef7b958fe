"""Jobs index STAC hosts that the settings list, and thumbnails read them again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
from serving import running_server
from stacmaking import make_catalog
from stacserving import stac_server

if TYPE_CHECKING:
    from pathlib import Path

JOB_SECONDS = 90


def done(client: httpx.Client, **asked: object) -> dict[str, Any]:
    """Ask for an index job and wait for it."""
    answer = client.post("/v1/jobs", json={"task": "index", **asked})
    assert 202 == answer.status_code, answer.text
    deadline = time.monotonic() + JOB_SECONDS
    while time.monotonic() < deadline:
        path = f"/v1/jobs/{answer.json()['id']}"
        job: dict[str, Any] = client.get(path).raise_for_status().json()
        if job["state"] in {"done", "failed"}:
            return job
        time.sleep(0.1)
    raise AssertionError(f"not ended within {JOB_SECONDS} s: {job}")


def told(job: dict[str, Any]) -> tuple[str, str | None, int]:
    return job["state"], job["error"], (job["result"] or {}).get("scenes", 0)


def test_a_listed_host_is_indexed_by_a_job_and_shown(tmp_path: Path) -> None:
    make_catalog(tmp_path / "catalog")
    (tmp_path / "data").mkdir()
    with (
        stac_server(tmp_path / "catalog") as hosts,
        stac_server(tmp_path / "catalog") as other,
        running_server(
            tmp_path / "data", stac_hosts=hosts.host, reference_roots=str(tmp_path / "catalog")
        ) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        job = done(client, collection="far", folder=f"{hosts.url}/files/catalog.json")
        assert ("done", None, 2) == told(job)
        (chip,) = client.get("/v1/collections/far/chips?limit=1").json()["chips"]
        picture = client.get(chip["thumbnail"]).raise_for_status()
        assert "image/jpeg" == picture.headers["content-type"]
        near = done(client, collection="near", folder="catalog.json")
        assert ("done", None, 2) == told(near)
        for folder in (f"{other.url}/files/catalog.json", f"{hosts.url}@evil.example/a.json"):
            asked = {"task": "index", "collection": "no", "folder": folder}
            refused = client.post("/v1/jobs", json=asked)
            assert (422, True) == (refused.status_code, "stac_hosts" in refused.text)
        assert [] == other.asked
