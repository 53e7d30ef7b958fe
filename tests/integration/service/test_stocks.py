"""What lies in a collection is told by kind; pages begun before it was compacted are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shipped import make_collection
from starlette.testclient import TestClient

from satseek.assemble import Assembly
from satseek.index import open_collection
from satseek.service.application import create_application
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def assembly(tmp_path: Path) -> Iterator[Assembly]:
    assembly = Assembly(Settings(data_dir=tmp_path))
    make_collection(assembly, "small")
    yield assembly
    assembly.close()


@pytest.fixture
def client(assembly: Assembly) -> TestClient:
    served = create_application(assembly)  # its lifespan, and so its model, stays out
    return TestClient(served, base_url="http://localhost")


def test_rows_and_bytes_are_counted_by_kind(assembly: Assembly, client: TestClient) -> None:
    with open_collection(assembly.collection_folder("small"), mode="write") as target:
        dim = target.spec.dim
        target.remove(["small-0-1"])
        target.rewriting().begin(model_name="new", model_version="1" * 12, dim=8)
        told = client.get("/v1/collections/small/stats").raise_for_status().json()
    assert (2, 3, 1) == (told["chips"], told["rows"], told["dead"])
    assert pytest.approx(1 / 3) == told["dead_share"]
    assert sum(told["bytes_of"].values()) == told["bytes"]
    assert 3 * dim * 2 == told["bytes_of"]["vectors"]
    assert told["bytes_of"]["database"] > 0
    pending = {"model": "new@111111111111", "rows_done": 0, "rows": 3, "kept": False}
    assert (pending, None, None, {}) == tuple(
        told[name] for name in ("pending", "coded", "tuning", "recall")
    )
    assert 404 == client.get("/v1/collections/nowhere/stats").status_code


def test_a_page_begun_before_a_compaction_is_refused(
    assembly: Assembly, client: TestClient
) -> None:
    first = client.get("/v1/collections/small/chips?limit=1").raise_for_status().json()
    with open_collection(assembly.collection_folder("small"), mode="write") as target:
        target.remove(["small-0-0"])
        target.compact()
    stale = client.get(first["next"])
    assert 409 == stale.status_code
    assert "given at generation" in stale.json()["detail"]
    again = client.get("/v1/collections/small/chips?limit=1").raise_for_status().json()
    rest = client.get(again["next"]).raise_for_status().json()
    ids = [one["chip"] for page in (again, rest) for one in page["chips"]]
    assert ["small-0-1", "small-0-2"] == ids
