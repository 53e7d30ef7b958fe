"""Settings → an ``Assembly``: the model in force, collections, and which model each of them needs.

Knows no door. Whoever needs collection and model together takes them together.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.assemble.caches import Caches
from satseek.assemble.laying_out import check_layout, check_model, new_spec
from satseek.assemble.models import Models
from satseek.assemble.readers import Readers
from satseek.errors import CollectionNotFound, Conflict, InvalidRequest, ModelMismatch
from satseek.index.checks import check_name
from satseek.index.collection import create_collection, open_collection
from satseek.index.milvus.pointing import detach, is_attached
from satseek.index.removing import remove_collection
from satseek.search.concepts import ConceptStore
from satseek.search.glossary import glossary_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from satseek.assemble.laying_out import Layout
    from satseek.assemble.served import ServedModel
    from satseek.embed.embedder import Embedder
    from satseek.index.collection import Collection, CollectionSpec
    from satseek.index.pinned import Pinned
    from satseek.model.bundle import Bundle
    from satseek.search.glossary import Glossary
    from satseek.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """A collection and the model that made its vectors."""

    collection: Collection
    """Open for reading."""
    model: ServedModel
    """The version that the collection remembers."""

    @contextmanager
    def pinned(self) -> Iterator[Pinned]:
        """Lend one generation of the collection, which this model made; for one thread.

        Raises:
            ModelMismatch: another model has embedded it since the two were matched.
        """
        with self.collection.pinned() as pinned:
            if not self._fits(pinned.model):
                raise ModelMismatch(
                    f"collection {pinned.spec.name!r} was embedded by {'@'.join(pinned.model)} "
                    f"instead of {self.model.ref} a moment ago; ask again"
                )
            yield pinned

    def is_current(self) -> bool:
        """Tell whether the two still belong together, and lie where they did."""
        return self.collection.is_current() and self._fits(self.collection.model)

    def _fits(self, model: tuple[str, str]) -> bool:
        return model == (self.model.card.name, self.model.card.version)


class Assembly:
    """The working parts that one set of settings asks for."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing yet."""
        self.settings = settings
        self.caches = Caches(settings)
        self.models = Models(settings, self.models_dir, self.caches)
        self._readers = Readers(
            self.collections_dir, milvus_token=self.milvus_token, gpu_gb=settings.index_gpu_gb
        )

    @property
    def collections_dir(self) -> Path:
        """Folder of the collections."""
        return self.settings.data_dir / "collections"

    def collection_folder(self, name: str) -> Path:
        """Folder of a collection, whether it is there or not; raises InvalidName."""
        check_name(name)
        return self.collections_dir / name

    def work_folder(self, name: str) -> Path:
        """Folder of what workers have done for a collection and it does not hold yet."""
        check_name(name)
        work = self.settings.work_dir or self.settings.data_dir / "work"
        return work.absolute() / name

    def local_folder(self, name: str) -> Path:
        """Folder of a collection whose files lie here, sound or not.

        Raises:
            CollectionNotFound, InvalidName: as ``reader``.
            Conflict: it lives in a Milvus, which looks after its files itself.
        """
        folder = self.collection_folder(name)
        if is_attached(folder):
            raise Conflict(
                f"{name}: expected a collection whose files lie here, it lives in a Milvus, which "
                "looks after them itself; `satseek collection pull` brings it here"
            )
        if name not in (known := self.collections()):
            told = ", ".join(known) or "none yet: make one with `satseek index`"
            raise CollectionNotFound(f"no collection {name!r}; there are: {told}")
        return folder

    @property
    def milvus_token(self) -> str:
        """Token for collections that live in a Milvus; empty: none."""
        token = self.settings.milvus_token
        return "" if token is None else token.get_secret_value()

    @property
    def models_dir(self) -> Path:
        """Folder of the model bundles."""
        return self.settings.data_dir / "models"

    def model(self) -> ServedModel:
        """Give the model in force; raises ModelNotFound, DamagedData.

        A server may change it between two calls: whoever answers a request asks once.
        """
        return self.models.in_force()

    def model_named(self, ref: str | None) -> ServedModel:
        """Give the model in force (None, or its name), or a version of the store: ``NAME@VERSION``.

        Raises:
            ModelNotServed: there is none of that name, or the settings pin another one.
        """
        return self.models.named(ref)

    @property
    def concepts(self) -> ConceptStore:
        """Queries saved under a name."""
        return ConceptStore(self.settings.data_dir / "concepts")

    @property
    def glossary(self) -> Glossary:
        """Chinese words, with the data folder's own; raises InvalidConfig where a line is none."""
        return glossary_in(self.settings.data_dir)

    @property
    def bundle(self) -> Bundle:
        """The bundle of the model in force, for commands: there it does not change."""
        return self.model().bundle

    @property
    def embedder(self) -> Embedder:
        """The embedder that answers one question soonest, for commands."""
        return self.model().embedder

    @property
    def bulk_embedder(self) -> Embedder:
        """The embedder for long work, for commands: ``workers`` calls run at once."""
        return self.model().bulk_embedder

    @property
    def workers(self) -> int:
        """Calls of the bulk embedder that keep this machine busy."""
        return self.model().streams

    @property
    def batch(self) -> int:
        """Chips in one of these calls: as set, as measured, or 32."""
        return self.model().batch

    def collections(self) -> list[str]:
        """Names of the collections, sorted."""
        return self._readers.names()

    def chosen(self, name: str | None, *, among: list[str] | None = None) -> str:
        """Return the collection asked for, or the only one there is, or ``default``.

        Args:
            name: As asked; None: choose.
            among: Those to choose from; None: all.

        Raises:
            CollectionNotFound: there is none yet.
            InvalidRequest: there are several and none is called ``default``.
        """
        if name:
            return name
        names = self.collections() if among is None else among
        if not names:
            raise CollectionNotFound("no collection yet: make one with `satseek index FOLDER`")
        if len(names) > 1 and "default" not in names:
            raise InvalidRequest(f"several collections, choose one: {', '.join(names)}")
        return "default" if "default" in names else names[0]

    def on_open(self, told: Callable[[str, Collection], None]) -> None:
        """Tell somebody of each collection that is opened for reading, with its name."""
        self._readers.on_open = told

    def reader(self, name: str) -> Collection:
        """Open a collection for reading; the same one as long as it is the one that lies there.

        Raises:
            CollectionNotFound: there is none of that name; names those that there are.
            InvalidName: the name could be no collection's, such as ``../elsewhere``.
        """
        return self._readers.open(name)

    def matched(self, name: str) -> Matched:
        """Open a collection for reading, with the model version that made its vectors.

        Raises:
            CollectionNotFound, InvalidName: as ``reader``.
            ModelMismatch: that version is not in the store, or another model is pinned; a query of
                another model would be answered with garbage.
        """
        collection = self.reader(name)
        return Matched(collection=collection, model=self._model_of(collection.spec))

    def can_search(self, spec: CollectionSpec) -> bool:
        """Tell whether the model that a collection needs can be had."""
        return self.models.has(spec.model_name, spec.model_version)

    def writer(self, name: str, layout: Layout) -> Collection:
        """Open a collection for writing, or make it.

        Raises:
            ModelMismatch, RecipeMismatch, GridMismatch: it exists and was made otherwise.
            CollectionLocked: another living process writes to it.
        """
        check_name(name)
        card = self.model().card
        folder = self.collections_dir / name
        try:
            collection = open_collection(folder, mode="write")
        except CollectionNotFound:  # or one whose making was interrupted
            return create_collection(folder, new_spec(name, card, layout))
        try:
            check_model(collection.spec, card)
            check_layout(collection.spec, layout)
        except Exception:
            collection.close()
            raise
        return collection

    def remove(self, name: str) -> None:
        """Remove a collection; whoever reads it finishes. What lives in a Milvus stays there.

        Raises:
            CollectionNotFound, InvalidName: as ``reader``.
            CollectionLocked: another living process writes to it.
        """
        check_name(name)
        if is_attached(self.collections_dir / name):
            detach(self.collections_dir / name)
        else:
            remove_collection(self.collections_dir, name)
            shutil.rmtree(self.work_folder(name), ignore_errors=True)
        self.collections()  # lets go of what is no longer there

    def close(self) -> None:
        """Close what was opened for reading, let go of the models."""
        self._readers.close()
        self.models.close()
        self.caches.close()

    def _model_of(self, spec: CollectionSpec) -> ServedModel:
        try:
            return self.models.version(spec.model_name, spec.model_version)
        except ModelMismatch as error:
            raise self._mismatch(spec) from error

    def _mismatch(self, spec: CollectionSpec) -> ModelMismatch:
        """Say what a collection needs, what is in force, and how the two come together."""
        needed, now = f"{spec.model_name}@{spec.model_version}", self.model().ref
        reembed = f"re-embed it with `satseek collection reembed {spec.name}`"
        if self.models.pinned:
            pin = f"the model in use is {now}, as the setting model = {self.settings.model} pins it"
            todo = f"unset that or set it to {needed}, or {reembed}"
        else:
            pin = f"that version is not in the store; the model in force is {now}"
            todo = f"import {needed} again, or {reembed}"
        return ModelMismatch(f"collection {spec.name!r} was made by {needed}: {pin}; {todo}")
