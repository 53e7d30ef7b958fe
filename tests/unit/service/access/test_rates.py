"""So many requests a minute for each, together with other replicas where there is Redis."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from redisserving import needs_redis, running_redis

from satseek.errors import RateLimited
from satseek.service.access.rates import REDIS_SECONDS, Allowance, Failures, Rates
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


async def taken(rates: Rates, who: str, count: int) -> tuple[list[Allowance], list[RateLimited]]:
    allowed, refused = [], []
    for _ in range(count):
        try:
            allowed.append(await rates.take(who))
        except RateLimited as error:
            refused.append(error)
    return allowed, refused


def test_one_too_many_is_refused_and_told_when_the_next_is_taken() -> None:
    allowed, refused = asyncio.run(taken(Rates(5), "key:a", 8))
    assert [4, 3, 2, 1, 0] == [one.remaining for one in allowed]
    assert {5} == {one.limit for one in allowed}
    assert 3 == len(refused)
    assert all(1 <= one.retry_after_s <= 60 for one in refused)
    assert str(refused[0]).startswith("5 requests a minute are allowed; wait ")


def test_nobody_pays_for_another() -> None:
    async def both() -> tuple[int, int]:
        rates = Rates(3)
        first, _ = await taken(rates, "key:a", 10)
        second, _ = await taken(rates, "key:b", 10)
        return len(first), len(second)

    assert (3, 3) == asyncio.run(both())


def test_no_setting_means_no_limit() -> None:
    assert Rates.of(Settings()) is None


def test_headers_are_the_draft_s() -> None:
    allowance = Allowance(limit=100, remaining=7, reset_s=30)
    assert {
        "ratelimit-policy": '"default";q=100;w=60',
        "ratelimit": '"default";r=7;t=30',
    } == allowance.headers()


@needs_redis
def test_replicas_count_together(tmp_path: Path) -> None:
    async def both(url: str) -> tuple[int, int]:
        first, second = Rates(6, redis_url=url), Rates(6, redis_url=url)
        one, _ = await taken(first, "key:a", 4)
        two, _ = await taken(second, "key:a", 4)
        await first.close()
        await second.close()
        return len(one), len(two)

    with running_redis(tmp_path / "redis") as server:
        assert (4, 2) == asyncio.run(both(server.url))


@needs_redis
def test_without_redis_each_counts_alone_and_nobody_waits(tmp_path: Path) -> None:
    async def asked(url: str) -> tuple[int, int, float]:
        rates = Rates(6, redis_url=url)
        before, _ = await taken(rates, "key:a", 4)
        server.kill()
        started = time.monotonic()
        after, refused = await taken(rates, "key:a", 8)
        seconds = time.monotonic() - started
        assert refused
        await rates.close()
        return len(before), len(after), seconds

    with running_redis(tmp_path / "redis") as server:
        before, after, seconds = asyncio.run(asked(server.url))
    assert (4, 6) == (before, after)
    assert seconds < REDIS_SECONDS + 1.0, "asked once, then left alone"


def test_failures_are_counted_by_address() -> None:
    failures = Failures(3)
    for _ in range(2):
        failures.count("10.0.0.1")
    failures.check("10.0.0.1")
    assert 3 == failures.count("10.0.0.1")
    with pytest.raises(RateLimited, match=r"too many failed logins; wait \d+ s") as refused:
        failures.check("10.0.0.1")
    assert 1 <= refused.value.retry_after_s <= 60
    failures.check("10.0.0.2")


def test_addresses_known_are_bounded() -> None:
    failures = Failures(3)
    for at in range(Failures.REMEMBERED + 10):
        failures.count(str(at))
    assert Failures.REMEMBERED == len(failures._counts)
