"""Settings → where vectors and answers seen before are kept: memory, and a Redis behind it.

Knows no door. A command keeps a few texts for itself; only who serves others opens these.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from satseek.embed.caching import UNOBSERVED, LayeredCache, MemoryCache

if TYPE_CHECKING:
    from satseek.embed.caching import Cache, LookupObserver
    from satseek.embed.recalling import VectorMemory
    from satseek.embed.sharing import RedisCache
    from satseek.settings import Settings
    from satseek.types import ModelCard


class Caches:
    """The caches of one server; until ``open`` there are none."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing yet."""
        self._settings = settings
        self._lock = threading.Lock()
        self._cache: Cache | None = None
        self._redis: RedisCache | None = None
        self._observer: LookupObserver = UNOBSERVED

    @property
    def cache(self) -> Cache | None:
        """Where everything is kept; None before ``open``."""
        return self._cache

    def open(self, observer: LookupObserver = UNOBSERVED) -> Cache:
        """Remember vectors and answers from now on; a second time only changes who is told.

        Redis is connected to when it is first needed, and may be gone.

        Raises:
            DependencyMissing: a Redis is set, and its client is not installed.
            InvalidSettings: its address is none.
        """
        with self._lock:
            self._observer = observer
            if self._cache is None:
                self._cache = self._opened()
            return self._cache

    def memory_of(self, card: ModelCard, way: str) -> VectorMemory | None:
        """Give what remembers the vectors of a model run in one way; None before ``open``."""
        from satseek.embed.recalling import VectorMemory  # noqa: PLC0415 (as for embedders)

        if self._cache is None:
            return None
        return VectorMemory(self._cache, card=card, way=way, observer=self)

    def on_lookup(self, kind: str, hits: int, misses: int) -> None:
        """Pass a lookup on to whoever counts them now."""
        self._observer.on_lookup(kind, hits, misses)

    def redis_now(self) -> str | None:
        """Ask Redis how it is: ``up``, or ``down: `` and why; None where none is set.

        Takes a fifth of a second at most. A server without its Redis is ready all the same.
        """
        redis = self._redis
        return None if redis is None else redis.state()

    async def redis_state(self) -> str | None:
        """Like ``redis_now``, for the event loop."""
        return await asyncio.to_thread(self.redis_now) if self._redis is not None else None

    def close(self) -> None:
        """Let go of all that is kept, and of connections."""
        with self._lock:
            cache, self._cache, self._redis = self._cache, None, None
        if cache is not None:
            cache.close()

    def _opened(self) -> Cache:
        memory = MemoryCache(self._settings.cache_bytes)
        url = self._settings.redis_url
        if url is None:
            return memory
        from satseek.embed.sharing import RedisCache  # noqa: PLC0415 (an extra)

        self._redis = RedisCache(url.get_secret_value())
        return LayeredCache(memory, self._redis, observer=self)
