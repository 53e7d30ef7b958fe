"""Turns a stream of items into batches of items with vectors, reading ahead while the engine runs.

Does not know what an item is: the caller says how to get its pixels.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from satseek.model.preprocessing import preprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from satseek.embed.embedder import Embedder
    from satseek.types import Pixels, Vectors

T = TypeVar("T")

AHEAD = 2
"""Batches that are read before they are wanted: one being made and one ready."""

_BLANKS_PER_BATCH = 16
"""A batch is closed after so many times ``batch`` items even if few of them had pixels."""

_PATIENCE_S = 0.1
"""How often a waiting stage looks whether the stream was given up."""


def embed_stream(
    items: Iterable[T],
    *,
    pixels: Callable[[T], Pixels | None],
    embedder: Embedder,
    batch: int,
    workers: int = 1,
    ahead: int = AHEAD,
) -> Iterator[tuple[list[T], Vectors]]:
    """Embed items in order; one thread reads while ``workers`` threads preprocess and embed.

    An engine of one thread called by as many workers as there are cores does more than an engine
    of many threads called once at a time: nobody waits for the slowest part of each operator.

    ``items`` is iterated and ``pixels`` is called in one thread, so both may read files. How items
    fall into batches depends on their order alone, and so, to the bit, do vectors. At most
    ``ahead + workers + 3`` batches are in memory. Closing the iterator early stops the threads; a
    generator given as ``items`` is closed then.

    Args:
        items: anything, finite or not.
        pixels: an item's pixels, or None for an item that only passes through.
        embedder: who embeds; called by all workers at once.
        batch: items with pixels in one call of the engine; at least 1.
        workers: batches embedded at once; at least 1.
        ahead: batches that may wait to be embedded; at least 1.

    Yields:
        Items in their order, and the vectors (n, dim) of those among them that have pixels, in the
        same order; n may be 0 in the last batch.

    Raises:
        Whatever ``items``, ``pixels`` or preprocessing raise, after the batches before it.
    """
    reader: _Reader[T] = _Reader(items, pixels, batch, ahead)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="satseek-embed")
    waiting: deque[tuple[list[T], Future[Vectors]]] = deque()
    try:
        for found in reader:
            waiting.append((found.items, pool.submit(_vectors, found.images, embedder)))
            del found
            if len(waiting) > workers:
                yield _first(waiting)
        while waiting:
            yield _first(waiting)
        reader.check()
    finally:
        reader.stop()
        pool.shutdown(cancel_futures=True)


def _first(waiting: deque[tuple[list[T], Future[Vectors]]]) -> tuple[list[T], Vectors]:
    items, vectors = waiting.popleft()
    return items, vectors.result()


def _vectors(images: list[Pixels], embedder: Embedder) -> Vectors:
    """Embed a batch so that its vectors are the same, to the bit, however items fell into batches.

    A single row takes another way through ONNX Runtime (a matrix-vector product) whose last bits
    differ; in company of itself it does not.
    """
    if not images:
        return np.empty((0, embedder.card.dim), dtype=np.float32)
    card = embedder.card
    tensor = preprocess(images, size=card.image_size, how=card.preprocessing)
    if len(tensor) == 1:
        return embedder.embed_tensor(np.repeat(tensor, 2, axis=0))[:1]
    return embedder.embed_tensor(tensor)


@dataclass(slots=True)
class _Batch(Generic[T]):
    """What the reader hands over."""

    items: list[T]
    """In their order."""
    images: list[Pixels]
    """Of those items that have pixels."""


class _Reader(Generic[T]):
    """One thread that reads, and the bounded queue between it and the caller."""

    def __init__(
        self, items: Iterable[T], pixels: Callable[[T], Pixels | None], batch: int, ahead: int
    ) -> None:
        self._gone = threading.Event()
        self._ready: queue.Queue[_Batch[T] | None] = queue.Queue(ahead)
        self._error: BaseException | None = None
        source = _batches(items, pixels, batch)
        self._thread = threading.Thread(
            target=self._pump, args=(source,), name="satseek-read", daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Iterator[_Batch[T]]:
        """Give batches until there are no more, or reading failed."""
        while (found := self._ready.get()) is not None:
            yield found

    def check(self) -> None:
        """Raise what stopped the reading, if anything did."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Let the thread end; inside a slow read it ends after it, as a daemon."""
        self._gone.set()
        self._thread.join(timeout=10 * _PATIENCE_S)

    def _pump(self, source: Generator[_Batch[T], None, None]) -> None:
        """Outermost loop of the thread: hand batches over until there are no more."""
        try:
            for found in source:
                if not self._put(found):
                    break
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self._error = error
        finally:
            source.close()
        self._put(None)

    def _put(self, found: _Batch[T] | None) -> bool:
        """Hand over; False where nobody waits any more."""
        while not self._gone.is_set():
            try:
                self._ready.put(found, timeout=_PATIENCE_S)
            except queue.Full:
                continue
            return True
        return False


def _batches(
    items: Iterable[T], pixels: Callable[[T], Pixels | None], batch: int
) -> Generator[_Batch[T], None, None]:
    """Group items so that each group but the last has ``batch`` images."""
    current: _Batch[T] = _Batch([], [])
    try:
        for item in items:
            image = pixels(item)
            current.items.append(item)
            if image is not None:
                current.images.append(image)
            if len(current.images) == batch or len(current.items) == batch * _BLANKS_PER_BATCH:
                yield current
                current = _Batch([], [])
        if current.items:
            yield current
    finally:
        if isinstance(items, Generator):
            items.close()
