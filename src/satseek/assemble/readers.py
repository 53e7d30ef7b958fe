"""A folder of collections → each of them opened for reading once, as it lies there now.

Does not know models. A collection that was deleted and made again is opened anew; whoever reads the
old one finishes on it, and it closes when the last of them lets go.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from satseek.errors import CollectionNotFound
from satseek.index.checks import check_name
from satseek.index.collection import list_collections, open_collection
from satseek.index.milvus.pointing import is_attached
from satseek.index.planning import PlanLimits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.index.collection import Collection


class Readers:
    """The collections open for reading."""

    def __init__(self, folder: Path, *, milvus_token: str = "", gpu_gb: float = 0.0) -> None:
        """Open none yet.

        Args:
            folder: Of the collections.
            milvus_token: For those that live in a Milvus; empty: none.
            gpu_gb: Memory of a GPU that each may take where FAISS was built for one, in GB.
        """
        self._folder = folder
        self._limits = PlanLimits(costs=None, gpu_bytes=round(gpu_gb * 1e9))
        self._milvus_token = milvus_token
        self.on_open: Callable[[str, Collection], None] | None = None
        """Is told of each collection that is opened, with its name."""
        self._lock = threading.Lock()
        self._opened: dict[str, Collection] = {}

    def names(self) -> list[str]:
        """Names of the collections, sorted; lets go of those that are no longer there."""
        names = list_collections(self._folder)
        with self._lock:
            for gone in self._opened.keys() - set(names):
                del self._opened[gone]  # held open, its files would keep their room on the disk
        return names

    def open(self, name: str) -> Collection:
        """Give a collection, the same one as long as it is the one that lies there.

        Raises:
            CollectionNotFound: there is none of that name; names those that there are.
            InvalidName: the name could be no collection's, such as ``../elsewhere``.
        """
        opened = self._opened.get(name)
        if opened is not None and opened.is_current():
            return opened
        with self._lock:
            found = self._opened.get(name)
            if found is None or found is opened:  # nobody has opened it anew meanwhile
                self._opened.pop(name, None)
                found = self._opened[name] = self._anew(name)
            return found

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            for collection in self._opened.values():
                collection.close()
            self._opened.clear()

    def _anew(self, name: str) -> Collection:
        check_name(name)
        try:
            opened = self._reading(self._folder / name)
        except CollectionNotFound as error:
            if is_attached(self._folder / name):  # which of the two is missing, it says itself
                raise
            known = (
                ", ".join(list_collections(self._folder))
                or "none yet: make one with `satseek index`"
            )
            raise CollectionNotFound(f"no collection {name!r}; there are: {known}") from error
        if self.on_open is not None:
            self.on_open(name, opened)
        return opened

    def _reading(self, folder: Path) -> Collection:
        if not is_attached(folder):
            return open_collection(folder, mode="read", limits=self._limits)
        # Imported here: most have no collection in a Milvus.
        from satseek.index.milvus.making import open_attached  # noqa: PLC0415

        return open_attached(folder, token=self._milvus_token)
