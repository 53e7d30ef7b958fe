"""Turns a model's name, as a person writes it, into a ``Bundle``.

Does not fetch anything: what is not on this machine is not found.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from satseek.errors import ModelNotFound
from satseek.model.bundle import open_bundle, starter_bundle
from satseek.model.card import CARD

if TYPE_CHECKING:
    from satseek.model.bundle import Bundle

STARTER = "starter"
"""Name of the model that is shipped inside the package."""


def find_bundle(name: str, *, store: Path) -> Bundle:
    """Find a model: ``starter``, else a name in the store, else a path to a bundle's folder.

    Raises:
        ModelNotFound: nothing of that name; the message lists what there is.
        DamagedData: found, but incomplete.
    """
    if name == STARTER:
        return starter_bundle()
    if _is_plain(name) and (store / name).is_dir():
        return open_bundle(store / name)
    if name and Path(name).is_dir():
        return open_bundle(Path(name))
    there = ", ".join(stored_names(store))
    raise ModelNotFound(f"{name}: expected a path or one of: {there} (models are kept in {store})")


def stored_names(store: Path) -> list[str]:
    """Names that ``find_bundle`` knows: ``starter`` first, then the store's folders by name."""
    folders = store.iterdir() if store.is_dir() else ()
    return [STARTER, *sorted(folder.name for folder in folders if (folder / CARD).is_file())]


def _is_plain(name: str) -> bool:
    """Whether the name stays inside the store."""
    return bool(name) and name not in {".", ".."} and Path(name).name == name
