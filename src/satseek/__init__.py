"""satseek: search satellite imagery with words, on your own machines."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from satseek.client.clients import AsyncClient, Client
    from satseek.client.federating import AsyncFederation, Federation
    from satseek.embedded import open_folder as open  # noqa: A004 (satseek.open, as one says it)

__all__ = ["AsyncClient", "AsyncFederation", "Client", "Federation", "open"]

_PLACES = {
    "AsyncClient": ("satseek.client.clients", "AsyncClient"),
    "AsyncFederation": ("satseek.client.federating", "AsyncFederation"),
    "Client": ("satseek.client.clients", "Client"),
    "Federation": ("satseek.client.federating", "Federation"),
    "open": ("satseek.embedded", "open_folder"),
}


def __getattr__(name: str) -> Any:
    """Load what is asked for only then: a command that needs none of it starts at once."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(import_module(module), attribute)
