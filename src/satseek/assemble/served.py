"""One version of a model → its embedders, run by the engines that the settings ask for.

Knows no store and no other version. It never changes: whoever holds it keeps one model.
"""

from __future__ import annotations

import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from satseek.embed.batching import BatchingEngine
from satseek.engines.choosing import Asked, choose_engines, open_engine
from satseek.errors import DamagedData
from satseek.model.verifying import check_served

if TYPE_CHECKING:
    from satseek.assemble.caches import Caches
    from satseek.embed.batching import BatchObserver
    from satseek.embed.embedder import Embedder
    from satseek.embed.recalling import VectorMemory
    from satseek.engines.choosing import Chosen, EngineChoice
    from satseek.engines.protocol import Engine
    from satseek.model.bundle import Bundle
    from satseek.settings import Settings
    from satseek.types import ModelCard

WARM_TEXT = "a satellite image"
"""Embedded once before a model is used: the first run of a tower is slower."""

RECHECK_SECONDS = 30.0
"""How long a version that was found damaged is refused without being read again, which may take
seconds: whoever asks is answered at once, and a repair is noticed all the same."""

SHARED_STREAMS = 2
"""Calls of a tower at once where callers share them: while one call's rows are gathered or given
out, the cores have another one to work on. The second runs only where a full batch waits."""

DEFAULT_BATCH = 32
"""Chips in a call where nothing was set or measured: the weights are read once for all of them."""


class ServedModel:
    """One version of a model: its bundle and its embedders, which never change."""

    def __init__(
        self,
        bundle: Bundle,
        settings: Settings,
        *,
        observer: BatchObserver | None = None,
        caches: Caches | None = None,
    ) -> None:
        """Take a bundle and what is asked of its engines, which are opened when first needed.

        Args:
            bundle: The model.
            settings: What is asked of its engines.
            observer: Is told how concurrent callers of ``embedder`` share its calls; None: each has
                its own.
            caches: Where ``embedder`` remembers vectors; None: it keeps a few texts for itself.
        """
        self.bundle = bundle
        self.shared: BatchingEngine | None = None
        """What callers of ``embedder`` share; None: nothing, or nothing yet."""
        self.warm = False
        """True once both towers have run."""
        self._settings = settings
        self._observer = observer
        self._caches = caches
        self._lock = threading.Lock()
        self._whole = False
        self._damage: tuple[float, DamagedData] | None = None

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        return self.bundle.card

    @property
    def ref(self) -> str:
        """``name@version``."""
        return self.card.ref

    @property
    def embedder(self) -> Embedder:
        """The embedder that answers one question soonest.

        Raises:
            DamagedData: its bytes are not what was stored.
            DependencyMissing, InvalidRequest: the engine asked for is not installed, or cannot.
        """
        with self._lock:
            self._check_whole()
            return self._embedder

    @property
    def bulk_embedder(self) -> Embedder:
        """The embedder for long work, of which ``streams`` calls run at once; raises likewise."""
        with self._lock:
            self._check_whole()
            return self._bulk_embedder

    @property
    def choices(self) -> tuple[EngineChoice, EngineChoice]:
        """How the model runs: for one question, and for long work; raises InvalidRequest."""
        with self._lock:
            return self._chosen.single, self._chosen.bulk

    @property
    def streams(self) -> int:
        """Calls of the bulk embedder that keep this machine busy."""
        return self.choices[1].streams

    @property
    def batch(self) -> int:
        """Chips in one call of the bulk embedder."""
        return self._settings.batch or self.choices[1].batch or DEFAULT_BATCH

    def warm_up(self) -> None:
        """Run both towers once, so that the first who asks does not wait.

        Raises:
            DamagedData: a tower cannot be opened, or gives nothing of use.
        """
        edge = self.card.image_size
        # computed whatever is remembered: a tower that does not run must not look as if it did
        self.embedder.compute_texts([WARM_TEXT])
        self.embedder.compute_images([np.full((edge, edge, 3), 127, dtype=np.uint8)])
        self.warm = True

    def close(self) -> None:
        """Compute what callers of ``embedder`` wait for together, and take nothing more of them."""
        if self.shared is not None:
            self.shared.close()

    def _check_whole(self) -> None:
        """Compare the files with their checksums once, before any of them is opened."""
        if self._whole:
            return
        now = time.monotonic()
        if self._damage is not None and now - self._damage[0] < RECHECK_SECONDS:
            raise DamagedData(str(self._damage[1]))
        try:
            check_served(self.bundle)
        except DamagedData as error:
            self._damage = now, error
            raise
        self._whole = True

    @cached_property
    def _chosen(self) -> Chosen:
        settings = self._settings
        asked = Asked(
            engine=settings.engine,
            device=settings.device,
            precision=settings.precision,
            threads=settings.threads,
        )
        return choose_engines(self.card, asked, folder=settings.data_dir)

    @cached_property
    def _embedder(self) -> Embedder:
        choice = self._chosen.single
        engine = open_engine(self.bundle, choice)
        if self._observer is not None:
            engine = self.shared = self._sharing(engine, choice, self._observer)
        caches = self._caches
        memory = None if caches is None else caches.memory_of(self.card, choice.name)
        return self._embedder_of(engine, memory)

    @cached_property
    def _bulk_embedder(self) -> Embedder:
        return self._embedder_of(open_engine(self.bundle, self._chosen.bulk))

    def _sharing(
        self, engine: Engine, choice: EngineChoice, observer: BatchObserver
    ) -> BatchingEngine:
        return BatchingEngine(
            engine,
            max_rows=self._settings.batch or choice.batch or DEFAULT_BATCH,
            max_delay_s=self._settings.batch_delay_ms / 1000,
            queue_rows=self._settings.queue_rows,
            streams=max(choice.streams, SHARED_STREAMS),
            observer=observer,
        )

    def _embedder_of(self, engine: Engine, memory: VectorMemory | None = None) -> Embedder:
        # Imported here: `satseek config show` and its like must not wait for a tokenizer.
        from satseek.embed.embedder import Embedder  # noqa: PLC0415
        from satseek.model.tokenizer import Tokenizer  # noqa: PLC0415

        return Embedder(engine, Tokenizer.from_bundle(self.bundle), memory=memory)
