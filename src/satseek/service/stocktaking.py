"""Collections, jobs and the shared cache → how much there is of each, for whoever watches.

Does not know in which format the figures are read. What is costly to count is counted once a
generation.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from satseek.errors import SatseekError
from satseek.service.metrics import Stocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.assemble import Assembly
    from satseek.index.collection import Collection, CollectionStats
    from satseek.jobs.protocol import JobQueue
    from satseek.service.access.principals import Principal
    from satseek.service.sampling import Sampling


class Stocktaking:
    """Counts what one assembly holds; safe to share between threads."""

    def __init__(self, assembly: Assembly, jobs: JobQueue, sampling: Sampling) -> None:
        """Count nothing yet."""
        self._assembly = assembly
        self._jobs = jobs
        self._sampling = sampling
        self._lock = threading.Lock()
        self._counted: dict[str, tuple[Collection, int, CollectionStats]] = {}

    def take(self, who: Principal) -> Stocks:
        """Count what somebody sees; a collection that cannot be read has no figure."""
        redis = self._assembly.caches.redis_now()
        limits = self._assembly.settings.collection_groups
        counted, names = {}, self._assembly.collections()
        self._forget_all_but(names)
        for name in names:
            if not who.sees(name, limits):
                continue
            try:
                counted[name] = self._stats(name)
            except SatseekError:
                continue
        return Stocks(
            chips={name: stats.chips for name, stats in counted.items()},
            index_bytes={name: stats.bytes for name, stats in counted.items()},
            jobs=self._job_states(),
            recall={name: self._sampling.watched(name) for name in counted},
            redis=None if redis is None else redis == "up",
        )

    def _forget_all_but(self, names: Sequence[str]) -> None:
        """Let go of collections that are no longer there."""
        with self._lock:
            for name in self._counted.keys() - set(names):
                del self._counted[name]

    def _job_states(self) -> Mapping[str, int]:
        try:
            return {str(state): count for state, count in self._jobs.counts().items()}
        except SatseekError:
            return {}

    def _stats(self, name: str) -> CollectionStats:
        collection = self._assembly.reader(name)
        with collection.pinned() as pinned:
            generation = pinned.generation
        with self._lock:
            known = self._counted.get(name)
        if known is not None and known[0] is collection and known[1] == generation:
            return known[2]
        stats = collection.stats()
        with self._lock:
            self._counted[name] = collection, stats.generation, stats
        return stats
