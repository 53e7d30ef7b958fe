"""A server without authentication → not for pages whose name was made to lead to this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from satseek.assemble import Assembly
from satseek.service.application import create_application
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/v1/collections/nowhere"


def _status(folder: Path, host: str, path: str = PATH, **settings: object) -> int:
    assembly = Assembly(Settings(data_dir=folder, **settings))  # type: ignore[arg-type]
    client = TestClient(create_application(assembly))  # its lifespan, and so its model, stays out
    return client.get(path, headers={"host": host}).status_code


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example"])
def test_a_name_of_the_internet_is_refused(tmp_path: Path, host: str) -> None:
    assert 403 == _status(tmp_path, host)
    assert 200 == _status(tmp_path, host, path="/livez")


@pytest.mark.parametrize(
    "host", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860", "satseek:7860", "sat.localhost", ""]
)
def test_names_of_this_machine_are_not(tmp_path: Path, host: str) -> None:
    assert 404 == _status(tmp_path, host)


def test_a_gateways_name_is_taken_where_it_is_told(tmp_path: Path) -> None:
    host = "sat.example.org"
    assert 404 == _status(tmp_path, host, public_url="https://sat.example.org")
    assert 404 == _status(tmp_path, host, insecure=True)
