"""Requests of one principal → how many more it may send this minute.

Knows neither who they are nor what they ask. Counts in memory, or in Redis for all replicas
together; while Redis is gone each replica counts alone.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.errors import DependencyMissing, RateLimited

if TYPE_CHECKING:
    from limits.aio.storage import RedisStorage
    from limits.aio.strategies import RateLimiter

    from satseek.settings import Settings

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60

REDIS_SECONDS = 0.25
"""Longest wait for Redis; a count is not worth more of anybody's time."""

REST_SECONDS = 5.0
"""Redis is left alone this long after it failed."""

INSTALL = "expected the package limits for rate_per_minute: pip install 'satseek[auth]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of a principal's minute."""

    limit: int
    """Requests in a minute."""
    remaining: int
    """Requests that would still be taken now."""
    reset_s: int
    """Seconds until more are."""

    def headers(self) -> dict[str, str]:
        """Return the header fields of draft-ietf-httpapi-ratelimit-headers-10, 3 and 4."""
        return {
            "ratelimit-policy": f'"default";q={self.limit};w={WINDOW_SECONDS}',
            "ratelimit": f'"default";r={self.remaining};t={self.reset_s}',
        }


class Rates:
    """Counts requests; belongs to the event loop's thread."""

    def __init__(self, per_minute: int, *, redis_url: str | None = None) -> None:
        """Count in memory, and in Redis where there is one.

        Raises:
            DependencyMissing: the packages for it are not installed.
        """
        try:
            from limits import RateLimitItemPerMinute  # noqa: PLC0415 (an extra)
            from limits.aio.storage import MemoryStorage  # noqa: PLC0415
            from limits.aio.strategies import MovingWindowRateLimiter  # noqa: PLC0415
        except ImportError as error:
            raise DependencyMissing(INSTALL) from error
        self._item = RateLimitItemPerMinute(per_minute, namespace="satseek")
        self._alone: RateLimiter = MovingWindowRateLimiter(MemoryStorage())
        self._redis = _redis(redis_url) if redis_url else None
        self._together = MovingWindowRateLimiter(self._redis) if self._redis else None
        self._resting_until = 0.0

    @classmethod
    def of(cls, settings: Settings) -> Rates | None:
        """Count as the settings say; None: nobody is limited."""
        if settings.rate_per_minute is None:
            return None
        url = settings.redis_url.get_secret_value() if settings.redis_url else None
        return cls(settings.rate_per_minute, redis_url=url)

    async def take(self, who: str) -> Allowance:
        """Count one request.

        Raises:
            RateLimited: it is one too many; says when the next one is taken.
        """
        if self._together is not None and time.monotonic() >= self._resting_until:
            try:
                async with asyncio.timeout(REDIS_SECONDS):
                    return await self._take(self._together, who)
            except RateLimited:
                raise
            except Exception as error:  # noqa: BLE001 (whatever a network does to its client)
                self._resting_until = time.monotonic() + REST_SECONDS
                name = type(error).__name__
                logger.warning("rates: Redis does not answer (%s); counted here meanwhile", name)
        return await self._take(self._alone, who)

    async def close(self) -> None:
        """Leave Redis."""
        if self._redis is not None:
            bridge: Any = self._redis.bridge
            await bridge.storage.aclose()

    async def _take(self, limiter: RateLimiter, who: str) -> Allowance:
        taken = await limiter.hit(self._item, who)
        stats = await limiter.get_window_stats(self._item, who)
        wait_s = max(1, math.ceil(stats.reset_time - time.time()))
        allowance = Allowance(limit=self._item.amount, remaining=stats.remaining, reset_s=wait_s)
        if not taken:
            refusal = RateLimited(
                f"{allowance.limit} requests a minute are allowed; wait {wait_s} s"
            )
            refusal.retry_after_s = wait_s
            raise refusal
        return allowance


def _redis(url: str) -> RedisStorage:
    try:
        from limits.aio.storage import RedisStorage  # noqa: PLC0415 (an extra)
        from limits.errors import ConfigurationError  # noqa: PLC0415
    except ImportError as error:
        raise DependencyMissing(INSTALL) from error
    try:
        return RedisStorage(
            f"async+{url}",
            implementation="redispy",
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
        )
    except ConfigurationError as error:
        raise DependencyMissing(
            "expected the package redis for redis_url: pip install 'satseek[redis]'"
        ) from error


class Failures:
    """Counts failed logins by address, so that guessing ends; belongs to the loop's thread."""

    REMEMBERED = 10_000
    """Addresses known at once; the one heard of longest ago is forgotten."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, who: str) -> int:
        """Count one more; returns how many there were this minute, this one included."""
        now = time.monotonic()
        began, count = self._counts.get(who, (now, 0))
        if now - began >= WINDOW_SECONDS:
            began, count = now, 0
        self._counts[who] = began, count + 1
        self._counts.move_to_end(who)
        while len(self._counts) > self.REMEMBERED:
            self._counts.popitem(last=False)
        return count + 1

    def check(self, who: str) -> None:
        """Go on only while there were few.

        Raises:
            RateLimited: there were too many this minute.
        """
        began, count = self._counts.get(who, (0.0, 0))
        wait_s = math.ceil(began + WINDOW_SECONDS - time.monotonic())
        if count >= self._per_minute and wait_s > 0:
            refusal = RateLimited(f"too many failed logins; wait {wait_s} s")
            refusal.retry_after_s = wait_s
            raise refusal
