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
    from collections.abc import Mapping

    from satseek.assemble import Assembly
    from satseek.index.collection import Collection, CollectionStats
    from satseek.jobs.protocol import JobQueue


class Stocktaking:
    """Counts what one assembly holds; safe to share between threads."""

    def __init__(self, assembly: Assembly, jobs: JobQueue) -> None:
        """Count nothing yet."""
        self._assembly = assembly
        self._jobs = jobs
        self._lock = threading.Lock()
        self._counted: dict[str, tuple[Collection, int, CollectionStats]] = {}

    def take(self) -> Stocks:
        """Count; a collection that cannot be read has no figure, the others still have theirs."""
        redis = self._assembly.caches.redis_now()
        counted = {}
        for name in self._assembly.collections():
            try:
                counted[name] = self._stats(name)
            except SatseekError:
                continue
        return Stocks(
            chips={name: stats.chips for name, stats in counted.items()},
            index_bytes={name: stats.bytes for name, stats in counted.items()},
            jobs=self._job_states(),
            redis=None if redis is None else redis == "up",
        )

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
