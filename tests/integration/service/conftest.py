"""One real server with keys and two collections, of which not everybody sees both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
import serving
from keymaking import bearer, make_key
from shipped import make_collection, store_variant

from satseek.assemble import Assembly
from satseek.model.store import ModelStore
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Desk:
    """A server, and clients of it."""

    home: Path
    """Holds ``data`` and ``scenes``, and ``elsewhere``, which no root names."""
    server: serving.Server
    admin: httpx.Client
    operator: httpx.Client
    reader: httpx.Client
    """Belongs to no group that sees `secret`."""
    guest: httpx.Client
    """An operator whose key is limited to `small`."""
    own: str
    """Stored version that passed no gate: ``own@VERSION``."""


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("desk")
    data = home / "data"
    serving.index(data, serving.make_scenes(home / "scenes"), "small")
    (home / "elsewhere").mkdir()
    (home / "scenes" / "out").symlink_to(home / "elsewhere")
    assembly = Assembly(Settings(data_dir=data))
    make_collection(assembly, "secret")
    card = store_variant(ModelStore(assembly.models_dir), home / "variant", mean=0.4)
    assembly.close()
    keys = {
        "admin": make_key(data, "admin", "--role", "admin"),
        "operator": make_key(data, "operator", "--role", "operator", "--group", "staff"),
        "reader": make_key(data, "reader", "--role", "reader"),
        "guest": make_key(data, "guest", "--role", "operator", "--collection", "small"),
    }
    settings = {
        "auth": "keys",
        "collection_groups": '{"secret": ["staff"]}',
        "reference_roots": str(home / "scenes"),
    }
    with serving.running_server(data, **settings) as server:
        clients = {
            name: httpx.Client(base_url=server.url, headers=bearer(key), timeout=60)
            for name, key in keys.items()
        }
        yield Desk(home, server, own=f"{card.name}@{card.version}", **clients)
        for client in clients.values():
            client.close()
