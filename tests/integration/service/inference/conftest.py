"""One server with a stored version beside the one in force, and clients as published."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import serving
from keymaking import make_key
from shipped import store_variant

from satseek.assemble import Assembly
from satseek.model.store import ModelStore
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from satseek.embed.embedder import Embedder
    from satseek.types import ModelCard

_WHY = "is not on this machine: pip install 'tritonclient[grpc,http]' openai"
over_http = pytest.importorskip("tritonclient.http", reason=f"tritonclient {_WHY}")
over_grpc = pytest.importorskip("tritonclient.grpc", reason=f"tritonclient {_WHY}")
openai = pytest.importorskip("openai", reason=f"openai {_WHY}")


@dataclass(frozen=True, slots=True)
class Kitchen:
    """A server that asks for keys, and what its answers must equal."""

    server: serving.Server
    rpc: str
    """Address of gRPC."""
    key: str
    """May embed."""
    blind: str
    """Another key, which may not."""
    stored: ModelCard
    """A version in the store; the one in force is the shipped one."""
    shipped: Embedder
    variant: Embedder

    @property
    def plain(self) -> str:
        """Address without its scheme."""
        return self.server.url.removeprefix("http://")


@dataclass(frozen=True, slots=True)
class Asking:
    """tritonclient over HTTP or gRPC, with a key."""

    client: Any
    kind: ModuleType
    headers: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        """Call the client's own method with the key."""
        method = getattr(self.client, name)
        return lambda *args, **more: method(*args, headers=dict(self.headers), **more)


@pytest.fixture(scope="session")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kitchen]:
    home = tmp_path_factory.mktemp("kitchen")
    data = home / "data"
    assembly = Assembly(Settings(data_dir=data))
    card = store_variant(ModelStore(assembly.models_dir), home / "variant", mean=0.4)
    key = make_key(data, "cook")
    blind = make_key(data, "guest", "--scope", "search")
    shipped = assembly.model().embedder
    variant = assembly.models.version(card.name, card.version).embedder
    settings = {"auth": "keys", "grpc_port": "0", "max_upload_bytes": str(2**22)}
    with serving.running_server(data, **settings) as server:
        rpc = re.search(r"gRPC on (\S+:\d+)", server.lines())
        assert rpc
        yield Kitchen(server, rpc[1], key, blind, card, shipped, variant)
    assembly.close()


@pytest.fixture(params=["http", "grpc"])
def asking(request: pytest.FixtureRequest, kitchen: Kitchen) -> Iterator[Asking]:
    kind, address = {
        "http": (over_http, kitchen.plain),
        "grpc": (over_grpc, kitchen.rpc),
    }[request.param]
    with kind.InferenceServerClient(address) as client:
        yield Asking(client, kind, {"authorization": f"Bearer {kitchen.key}"})


@pytest.fixture
def picture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return serving.png(tmp_path_factory.mktemp("picture") / "one.png").read_bytes()


@pytest.fixture
def client(kitchen: Kitchen) -> Iterator[Any]:
    address = f"{kitchen.server.url}/v1"
    with openai.OpenAI(base_url=address, api_key=kitchen.key, max_retries=0) as client:
        yield client
