"""Items as they come → what each becomes, in the same order, a bounded number of them at once.

Does not know what is done with them. Whoever takes the results slowly is read from slowly.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

T = TypeVar("T")
U = TypeVar("U")


class Room:
    """So many items and bytes at once; one item always has room. Belongs to the loop's thread."""

    def __init__(self, *, items: int, max_bytes: int) -> None:
        self._items = items
        self._max_bytes = max_bytes
        self._left = asyncio.Event()
        self.items = 0
        """Items inside."""
        self.bytes = 0
        """Their bytes."""

    async def enter(self, size: int) -> None:
        """Wait until there is room for an item of so many bytes."""
        while self.items and (self.items >= self._items or self.bytes + size > self._max_bytes):
            self._left.clear()
            await self._left.wait()
        self.items += 1
        self.bytes += size

    def leave(self, size: int) -> None:
        """Make room again."""
        self.items -= 1
        self.bytes -= size
        self._left.set()


class InOrder(Generic[T, U]):
    """Works on several items at once and gives the results one by one."""

    def __init__(
        self, work: Callable[[T], Awaitable[U]], *, room: Room, size: Callable[[T], int]
    ) -> None:
        """Take what is done with an item, how much at once, and how large an item is."""
        self._work = work
        self._room = room
        self._size = size

    async def of(self, items: AsyncIterator[T]) -> AsyncGenerator[U, None]:
        """Yield results in the order of the items.

        What reading the items raises, is raised once those read before are answered; what working
        on one raises, at once. Whatever is still worked on then is cancelled.
        """
        begun: asyncio.Queue[tuple[int, asyncio.Task[U]] | None] = asyncio.Queue()
        reading = asyncio.create_task(self._read(items, begun))
        open_tasks: set[asyncio.Task[U]] = set()
        reading.add_done_callback(lambda _: begun.put_nowait(None))
        try:
            while (one := await begun.get()) is not None:
                size, task = one
                open_tasks.add(task)
                result = await task
                open_tasks.discard(task)
                yield result  # comes back once it is sent: only then is there room for another one
                self._room.leave(size)
            await reading
        finally:
            reading.cancel()
            while not begun.empty():
                if (one := begun.get_nowait()) is not None:
                    open_tasks.add(one[1])
            for task in open_tasks:
                task.cancel()
            await asyncio.gather(reading, *open_tasks, return_exceptions=True)

    async def _read(
        self, items: AsyncIterator[T], begun: asyncio.Queue[tuple[int, asyncio.Task[U]] | None]
    ) -> None:
        async for item in items:
            size = self._size(item)
            await self._room.enter(size)
            begun.put_nowait((size, asyncio.ensure_future(self._work(item))))
