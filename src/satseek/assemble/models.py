"""Settings and a store of models → the version in force, and the few others still asked for.

Knows no collection and no door. A version is opened once, shared by all who ask, and freed when the
last of them lets go: whoever needs a model takes it once and keeps to it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from satseek.assemble.served import ServedModel
from satseek.errors import (
    DamagedData,
    InvalidRequest,
    ModelMismatch,
    ModelNotFound,
    ModelNotServed,
)
from satseek.model.naming import STARTER, parse_reference
from satseek.model.store import ModelStore
from satseek.settings import ACTIVE

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.assemble.caches import Caches
    from satseek.embed.batching import BatchObserver
    from satseek.model.bundle import Bundle
    from satseek.settings import Settings
    from satseek.types import ModelCard

OPEN_BESIDE = 2
"""Versions kept open beside the one in force, for collections that speak them: each takes the
memory of a whole model."""


class Models:
    """The model in force and those beside it; every change is made under one lock."""

    def __init__(self, settings: Settings, folder: Path, caches: Caches | None = None) -> None:
        """Open none yet; ``caches`` is where those that serve others remember vectors."""
        self._caches = caches
        self._store = ModelStore(folder)
        self._settings = settings
        self._wanted = settings.model
        self._observer: BatchObserver | None = None
        self._lock = threading.Lock()
        self._in_force: ServedModel | None = None
        self._beside: OrderedDict[tuple[str, str], ServedModel] = OrderedDict()

    @property
    def now(self) -> ServedModel | None:
        """The model in force, without waiting for anything; None: none is open yet."""
        return self._in_force

    def share_calls(self, observer: BatchObserver) -> None:
        """Let concurrent callers of each model opened from now on share its calls: for servers."""
        self._observer = observer

    @property
    def pinned(self) -> bool:
        """True where the settings name a model, so that activation changes nothing here."""
        return self._wanted != ACTIVE

    def state_token(self) -> tuple[int, ...] | None:
        """Something else after every activation or rollback; cheap to ask for again and again.

        None where nothing was ever activated, and where the store is out of reach for a while: that
        is no reason to serve the shipped model instead.
        """
        token = self._store.state_token()
        return token if any(token) else None

    def in_force(self) -> ServedModel:
        """Give the model in force; it stays the same until ``swap``.

        Raises:
            ModelNotFound: there is no such model.
            DamagedData: it is incomplete.
        """
        with self._lock:
            if self._in_force is None:
                self._in_force = self._opened(self._find())
            return self._in_force

    def wanted(self) -> ServedModel:
        """Open, check and warm what should be in force now; often it is already.

        Takes as long as reading and opening a model does; whoever asks goes on meanwhile.

        Raises:
            ModelNotFound, DamagedData: it is not there, or not what was stored.
        """
        bundle = self._find()
        with self._lock:
            opened = self._open_already(_key(bundle.card)) or self._opened(bundle)
        if not opened.warm:
            opened.warm_up()
        return opened

    def swap(self, wanted: ServedModel) -> None:
        """Put a model in force; who holds the one before finishes on it."""
        with self._lock:
            self._in_force = wanted
            self._beside.pop(_key(wanted.card), None)

    def version(self, name: str, version: str) -> ServedModel:
        """Give one version: the one in force or, where none is pinned, any that is stored.

        Of those beside the one in force a few stay open; however many ask, each is opened once.

        Raises:
            ModelMismatch: another model is pinned, or the version is not in the store.
            DamagedData: it is there, but incomplete.
        """
        now = self.in_force()
        if _key(now.card) == (name, version):
            return now
        ref = f"{name}@{version}"
        if self.pinned:
            raise ModelMismatch(f"{ref} is needed, but the settings pin {now.ref}")
        with self._lock:
            opened = self._beside.get((name, version))
            if opened is None:
                bundle = self._stored(name, version)
                if bundle is None:
                    raise ModelMismatch(f"{ref} is needed, which is not in the store")
                opened = self._beside[name, version] = self._opened(bundle)
            self._beside.move_to_end((name, version))
            while len(self._beside) > OPEN_BESIDE:
                self._beside.popitem(last=False)
            return opened

    def named(self, ref: str | None) -> ServedModel:
        """Give the model that a request names; None, or its name alone: the one in force.

        Raises:
            ModelNotServed: there is none of that name, or the settings pin another one.
        """
        now = self.in_force()
        if ref in (None, ACTIVE, now.card.name, now.ref):
            return now
        refused = f"no model {(ref or '')[:200]!r} is served here; the one in force is {now.ref}"
        try:
            if parse_reference(ref or "") is None:  # such as a path: requests name what is stored
                raise ModelNotServed(refused)
            card = self._store.find(ref or "").card
            return self.version(card.name, card.version)
        except (InvalidRequest, ModelMismatch, ModelNotFound) as error:
            raise ModelNotServed(refused) from error

    def has(self, name: str, version: str) -> bool:
        """Tell whether ``version`` would give that model."""
        try:
            now = self.in_force()
        except (ModelNotFound, DamagedData):
            return not self.pinned and self._stored(name, version) is not None
        if _key(now.card) == (name, version):
            return True
        return not self.pinned and self._stored(name, version) is not None

    def close(self) -> None:
        """Let go of all of them, once what was asked of them is computed."""
        with self._lock:
            opened = [self._in_force, *self._beside.values()]
            self._in_force = None
            self._beside.clear()
        for model in opened:
            if model is not None:
                model.close()

    def _open_already(self, key: tuple[str, str]) -> ServedModel | None:
        if self._in_force is not None and _key(self._in_force.card) == key:
            return self._in_force
        return self._beside.get(key)

    def _opened(self, bundle: Bundle) -> ServedModel:
        return ServedModel(bundle, self._settings, observer=self._observer, caches=self._caches)

    def _find(self) -> Bundle:
        """The bundle that the settings or the store want in force."""
        return self._store.find(self._wanted) if self.pinned else self._store.in_use()

    def _stored(self, name: str, version: str) -> Bundle | None:
        """The bundle of exactly this version, in the store or shipped; None: it is in neither."""
        for ref in (f"{name}@{version}", STARTER):
            try:
                bundle = self._store.find(ref)
            except (ModelNotFound, InvalidRequest):
                continue
            if _key(bundle.card) == (name, version):
                return bundle
        return None


def _key(card: ModelCard) -> tuple[str, str]:
    return card.name, card.version
