"""Settings → working parts: the only file that names concrete engines and indexes.

Knows no door. Parts are opened when first asked for, once each, and are safe to use from threads.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from satseek.errors import (
    CollectionNotFound,
    GridMismatch,
    InvalidRequest,
    ModelMismatch,
    RecipeMismatch,
)
from satseek.index.checks import check_name
from satseek.index.collection import (
    Collection,
    CollectionSpec,
    create_collection,
    list_collections,
    open_collection,
)
from satseek.model.store import find_bundle
from satseek.types import GridSpec, Recipe

if TYPE_CHECKING:
    from satseek.embed.embedder import Embedder
    from satseek.model.bundle import Bundle
    from satseek.settings import Settings
    from satseek.types import ModelCard

DEFAULT_GRID = GridSpec(crs=None, chip_px=256, stride_px=256, pixel_size=None)
"""Chips of 256 px side by side: Git-RSCLIP's own input edge, so nothing is thrown away."""

DEFAULT_MIN_VALID = 0.5
"""A chip that is half empty or more would be found for its emptiness."""


CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of processor time in each period, or ``max`` (Linux, control groups version 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a new collection cuts and stretches; what is None follows the collection or default."""

    recipe: Recipe | None = None
    """Radiometric recipe."""
    grid: GridSpec | None = None
    """Chip lattice."""
    min_valid: float | None = None
    """Smallest valid fraction of a chip, 0–1."""


class Assembly:
    """The working parts that one set of settings asks for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._readers: dict[str, Collection] = {}

    @property
    def collections_dir(self) -> Path:
        """Folder of the collections."""
        return self.settings.data_dir / "collections"

    @property
    def models_dir(self) -> Path:
        """Folder of the model bundles."""
        return self.settings.data_dir / "models"

    @cached_property
    def bundle(self) -> Bundle:
        """The model bundle; raises ModelNotFound."""
        return find_bundle(self.settings.model, store=self.models_dir)

    @property
    def embedder(self) -> Embedder:
        """The embedder that answers one question soonest: every call uses all threads."""
        with self._lock:
            return self._embedder

    @property
    def bulk_embedder(self) -> Embedder:
        """The embedder for long work: every call uses one thread, ``workers`` calls run at once."""
        with self._lock:
            return self._bulk_embedder

    @property
    def workers(self) -> int:
        """Calls of the bulk embedder that keep this machine busy."""
        return self.settings.threads or usable_cores()

    @cached_property
    def _embedder(self) -> Embedder:
        return self._embedder_of(self.settings.threads)

    @cached_property
    def _bulk_embedder(self) -> Embedder:
        return self._embedder_of(1)

    def _embedder_of(self, threads: int | None) -> Embedder:
        # Imported here: `satseek config show` and its like must not wait for an inference runtime.
        from satseek.embed.embedder import Embedder  # noqa: PLC0415
        from satseek.engines.onnxruntime import OnnxEngine  # noqa: PLC0415
        from satseek.model.tokenizer import Tokenizer  # noqa: PLC0415

        engine = OnnxEngine(self.bundle, threads=threads)
        return Embedder(engine, Tokenizer.from_bundle(self.bundle))

    def collections(self) -> list[str]:
        """Names of the collections, sorted."""
        return list_collections(self.collections_dir)

    def chosen(self, name: str | None) -> str:
        """Return the collection asked for, or the only one there is, or ``default``.

        Raises:
            CollectionNotFound: there is none yet.
            InvalidRequest: there are several and none is called ``default``.
        """
        if name:
            return name
        names = self.collections()
        if not names:
            raise CollectionNotFound("no collection yet: make one with `satseek index FOLDER`")
        if len(names) > 1 and "default" not in names:
            raise InvalidRequest(f"several collections, choose one: {', '.join(names)}")
        return "default" if "default" in names else names[0]

    def reader(self, name: str) -> Collection:
        """Open a collection for reading; the same one at every call.

        Raises:
            CollectionNotFound: there is none of that name; names those that there are.
            InvalidName: the name could be no collection's, such as ``../elsewhere``.
        """
        with self._lock:
            if name not in self._readers:
                self._readers[name] = self._open(name)
            return self._readers[name]

    def searchable(self, name: str) -> Collection:
        """Open a collection for reading and make sure that it speaks the model's language.

        Raises:
            ModelMismatch: it was made by another model; a query would be answered with garbage.
        """
        collection = self.reader(name)
        check_model(collection.spec, self.bundle.card)
        return collection

    def writer(self, name: str, layout: Layout) -> Collection:
        """Open a collection for writing, or make it.

        Raises:
            ModelMismatch, RecipeMismatch, GridMismatch: it exists and was made otherwise.
            CollectionLocked: another living process writes to it.
        """
        check_name(name)
        folder = self.collections_dir / name
        try:
            collection = open_collection(folder, mode="write")
        except CollectionNotFound:  # or one whose making was interrupted
            return create_collection(folder, self._spec(name, layout))
        try:
            check_model(collection.spec, self.bundle.card)
            check_layout(collection.spec, layout)
        except Exception:
            collection.close()
            raise
        return collection

    def close(self) -> None:
        """Close what was opened for reading."""
        with self._lock:
            for collection in self._readers.values():
                collection.close()
            self._readers.clear()

    def _open(self, name: str) -> Collection:
        check_name(name)
        try:
            return open_collection(self.collections_dir / name, mode="read")
        except CollectionNotFound as error:
            known = ", ".join(self.collections()) or "none yet: make one with `satseek index`"
            raise CollectionNotFound(f"no collection {name!r}; there are: {known}") from error

    def _spec(self, name: str, layout: Layout) -> CollectionSpec:
        # rasterio is slow to load, and only a new collection needs it here
        from satseek.imagery.grid import check_grid  # noqa: PLC0415
        from satseek.imagery.recipes import recipe_named  # noqa: PLC0415

        card = self.bundle.card
        grid = layout.grid or DEFAULT_GRID
        check_grid(grid)
        return CollectionSpec(
            name=name,
            model_name=card.name,
            model_version=card.version,
            dim=card.dim,
            recipe=layout.recipe or recipe_named("auto"),
            grid=grid,
            min_valid=DEFAULT_MIN_VALID if layout.min_valid is None else layout.min_valid,
        )


def usable_cores() -> int:
    """Count the cores that this process may use: its affinity, within a container's quota."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    try:
        quota, period = CPU_QUOTA.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return count
    return count if quota == "max" else max(1, min(count, int(quota) // int(period)))


def check_model(spec: CollectionSpec, card: ModelCard) -> None:
    """Refuse a model that did not make the collection's vectors."""
    if (spec.model_name, spec.model_version) != (card.name, card.version):
        raise ModelMismatch(
            f"collection {spec.name!r} was made by {spec.model_name}@{spec.model_version}, "
            f"the model in use is {card.name}@{card.version}; "
            "choose that model or index into a new collection"
        )


def check_layout(spec: CollectionSpec, layout: Layout) -> None:
    """Refuse another recipe or grid than the collection's."""
    if layout.recipe is not None and layout.recipe != spec.recipe:
        raise RecipeMismatch(
            f"collection {spec.name!r} uses recipe {spec.recipe.name}, asked was "
            f"{layout.recipe.name}; vectors of two recipes do not compare: use a new collection"
        )
    differs = layout.min_valid is not None and layout.min_valid != spec.min_valid
    if differs or (layout.grid is not None and layout.grid != spec.grid):
        raise GridMismatch(
            f"collection {spec.name!r} lies on chips of {spec.grid.chip_px} px every "
            f"{spec.grid.stride_px} px, valid from {spec.min_valid}; asked was another lattice: "
            "use a new collection"
        )
