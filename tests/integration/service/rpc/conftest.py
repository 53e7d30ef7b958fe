"""One collection, and one server that most tests call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("grpc", reason="grpc is not on this machine: pip install 'satseek[grpc]'")
pytest.importorskip("grpc_tools", reason="grpcio-tools is not on this machine")

import httpx
import rpcclient
import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> rpcclient.Client:
    return rpcclient.make_client(tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("rpc")
    serving.index(home / "data", serving.make_scenes(home / "scenes"), "small")
    return home / "data"


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return serving.png(tmp_path_factory.mktemp("picture") / "picture.png").read_bytes()


@pytest.fixture(scope="session")
def called(data: Path) -> Iterator[rpcclient.Called]:
    with rpcclient.called(data, max_upload_bytes=str(2**20)) as called:
        yield called


@pytest.fixture
def stub(client: rpcclient.Client, called: rpcclient.Called) -> Iterator[Any]:
    with called.channel() as channel:
        yield client.stub(channel)


@pytest.fixture
def http(called: rpcclient.Called) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=called.server.url, timeout=rpcclient.SECONDS) as http:
        yield http
