"""Collections, jobs and the shared cache → how much there is of each, for whoever watches.

Does not know in which format the figures are read. What is costly to count is counted once a
generation.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import SatseekError
from satseek.service.metrics import Stocks
from satseek.service.upkeep import Upkeeping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.assemble import Assembly
    from satseek.index.collection import Collection, CollectionStats
    from satseek.jobs.protocol import JobQueue
    from satseek.service.access.principals import Principal
    from satseek.service.monitor.stores import Stores
    from satseek.service.sampling import Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """What was counted of a collection."""

    stats: CollectionStats
    rows: int
    dead: int


class Stocktaking:
    """Counts what one assembly holds; safe to share between threads."""

    def __init__(
        self, assembly: Assembly, jobs: JobQueue, sampling: Sampling, stores: Stores
    ) -> None:
        """Count nothing yet."""
        self._assembly = assembly
        self._jobs = jobs
        self._sampling = sampling
        self._lock = threading.Lock()
        self._upkeep = Upkeeping(assembly.settings, jobs=jobs, stores=stores)
        self._counted: dict[str, tuple[Collection, int, _Counted]] = {}

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
            chips={name: one.stats.chips for name, one in counted.items()},
            rows={name: one.rows for name, one in counted.items()},
            dead_rows={name: one.dead for name, one in counted.items()},
            index_bytes={name: one.stats.bytes for name, one in counted.items()},
            jobs=self._job_states(),
            recall={name: self._sampling.watched(name) for name in counted},
            redis=None if redis is None else redis == "up",
            upkeep=self._upkeep.take(),
            sees=lambda name: who.sees(name, limits),
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

    def _stats(self, name: str) -> _Counted:
        collection = self._assembly.reader(name)
        with collection.pinned() as pinned:
            generation = pinned.generation
        with self._lock:
            known = self._counted.get(name)
        if known is not None and known[0] is collection and known[1] == generation:
            return known[2]
        held = collection.inventory()
        counted = _Counted(stats=collection.stats(), rows=held.rows, dead=held.dead)
        with self._lock:
            self._counted[name] = collection, generation, counted
        return counted
