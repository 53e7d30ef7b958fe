"""Several items at once, results in order, never more than there is room for."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("grpc", reason="grpc is not on this machine: pip install 'satseek[grpc]'")

from satseek.service.rpc.ordering import InOrder, Room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Source:
    """Items 0, 1, 2 …; counts how many were taken."""

    def __init__(self, count: int, *, failure: Exception | None = None) -> None:
        self.count = count
        self.failure = failure
        self.taken = 0

    async def items(self) -> AsyncIterator[int]:
        for at in range(self.count):
            self.taken += 1
            yield at
        if self.failure:
            raise self.failure


async def backwards(item: int) -> int:
    """Take the less time, the later the item."""
    await asyncio.sleep(0.05 / (item + 1))
    return item


def one_byte(_item: int) -> int:
    return 1


def ten_bytes(_item: int) -> int:
    return 10


def test_results_come_in_the_order_of_the_items() -> None:
    async def check() -> None:
        room = Room(items=8, max_bytes=100)
        results = [
            one async for one in InOrder(backwards, room=room, size=one_byte).of(Source(50).items())
        ]
        assert list(range(50)) == results
        assert (0, 0) == (room.items, room.bytes)

    asyncio.run(check())


@pytest.mark.parametrize(("most", "max_bytes", "expected"), [(4, 1000, 4), (100, 30, 3), (5, 1, 1)])
def test_no_more_is_taken_than_there_is_room_for(most: int, max_bytes: int, expected: int) -> None:
    async def check() -> None:
        source = Source(100)
        room = Room(items=most, max_bytes=max_bytes)
        ordered = InOrder(backwards, room=room, size=ten_bytes)
        async with aclosing(ordered.of(source.items())) as results:
            for at in range(3):
                assert at == await anext(results)
                await asyncio.sleep(0.1)  # whoever reads takes their time
                assert expected == room.items
                assert source.taken <= at + expected + 1  # one is read that waits for room

    asyncio.run(check())


def test_what_reading_raises_comes_after_what_was_read() -> None:
    async def check() -> None:
        source = Source(3, failure=ValueError("cut off"))
        ordered = InOrder(backwards, room=Room(items=8, max_bytes=100), size=one_byte)
        results: list[int] = []

        async def read() -> None:
            async for one in ordered.of(source.items()):
                results.append(one)  # noqa: PERF401 (what came before the error counts)

        with pytest.raises(ValueError, match="cut off"):
            await read()
        assert [0, 1, 2] == results

    asyncio.run(check())


def test_what_is_open_is_cancelled_when_nobody_reads_on() -> None:
    async def check() -> None:
        cancelled = []

        async def work(item: int) -> int:
            if item:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    cancelled.append(item)
                    raise
            return item

        ordered = InOrder(work, room=Room(items=4, max_bytes=100), size=one_byte)
        async with aclosing(ordered.of(Source(10).items())) as results:
            assert 0 == await anext(results)
            await asyncio.sleep(0.05)
        assert [1, 2, 3] == sorted(cancelled)

    asyncio.run(check())
