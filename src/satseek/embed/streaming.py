"""Turns a stream of items into batches of items with vectors, reading ahead while the engine runs.

Does not know what an item is: the caller says how to get its pixels.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from satseek.model.preprocessing import preprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from satseek.embed.embedder import Embedder
    from satseek.types import Pixels, Tensor, Vectors

T = TypeVar("T")

AHEAD = 2
"""Batches waiting before each stage: one being made and one ready keep the engine busy."""

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
    ahead: int = AHEAD,
) -> Generator[tuple[list[T], Vectors], None, None]:
    """Embed items in order; reading and preprocessing run in threads beside the engine.

    ``items`` is iterated and ``pixels`` is called in one thread, so both may read files. How items
    fall into batches depends on their order alone. At most ``2 · ahead + 3`` batches are in memory.
    Closing the iterator early stops the threads; a generator given as ``items`` is closed then.

    Args:
        items: anything, finite or not.
        pixels: an item's pixels, or None for an item that only passes through.
        embedder: who embeds, in the thread of the caller.
        batch: items with pixels in one call of the engine; at least 1.
        ahead: batches that may wait before each stage; at least 1.

    Yields:
        Items in their order, and the vectors (n, dim) of those among them that have pixels, in the
        same order; n may be 0 in the last batch.

    Raises:
        Whatever ``items``, ``pixels`` or preprocessing raise, at the batch in which they raise it.
    """
    stream: _Stream[T] = _Stream(items, pixels, embedder.card.image_size, batch, ahead)
    try:
        for ready in stream:
            yield ready.items, _vectors(ready.tensor, embedder)
    finally:
        stream.stop()


def _vectors(tensor: Tensor | None, embedder: Embedder) -> Vectors:
    """Embed a batch so that its vectors are the same, to the bit, however items fell into batches.

    A single row takes another way through ONNX Runtime (a matrix-vector product) whose last bits
    differ; in company of itself it does not.
    """
    if tensor is None:
        return np.empty((0, embedder.card.dim), dtype=np.float32)
    if len(tensor) == 1:
        return embedder.embed_tensor(np.repeat(tensor, 2, axis=0))[:1]
    return embedder.embed_tensor(tensor)


@dataclass(slots=True)
class _Batch(Generic[T]):
    """What travels from stage to stage."""

    items: list[T]
    """In their order."""
    images: list[Pixels]
    """Of those items that have pixels; emptied by preprocessing."""
    tensor: Tensor | None = None
    """Set by preprocessing; None where no item had pixels."""


@dataclass(slots=True)
class _End:
    """The last thing in a queue."""

    error: BaseException | None
    """What stopped the stage; None when there was nothing more to do."""


class _Stopped(Exception):
    """Nobody waits for more."""


class _Stream(Generic[T]):
    """Two threads and the two bounded queues between reader, preprocessing and caller."""

    def __init__(
        self,
        items: Iterable[T],
        pixels: Callable[[T], Pixels | None],
        size: int,
        batch: int,
        ahead: int,
    ) -> None:
        self._gone = threading.Event()
        self._read: queue.Queue[_Batch[T] | _End] = queue.Queue(ahead)
        self._ready: queue.Queue[_Batch[T] | _End] = queue.Queue(ahead)
        batches = _batches(items, pixels, batch)
        prepared = (_prepared(found, size) for found in self._drain(self._read))
        self._threads = [
            threading.Thread(target=self._pump, args=stage, name=name, daemon=True)
            for name, stage in (
                ("satseek-read", (batches, self._read)),
                ("satseek-preprocess", (prepared, self._ready)),
            )
        ]
        for thread in self._threads:
            thread.start()

    def __iter__(self) -> Iterator[_Batch[T]]:
        return self._drain(self._ready)

    def stop(self) -> None:
        """Let the threads end; a reader inside a slow read ends after it, as a daemon."""
        self._gone.set()
        for thread in self._threads:
            thread.join(timeout=10 * _PATIENCE_S)

    def _pump(
        self, source: Generator[_Batch[T], None, None], target: queue.Queue[_Batch[T] | _End]
    ) -> None:
        """Outermost loop of a thread: move batches on until there are no more, or nobody waits."""
        end = _End(None)
        try:
            for found in source:
                self._put(target, found)
        except _Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            end = _End(error)
        finally:
            source.close()
        try:
            self._put(target, end)
        except _Stopped:
            return

    def _put(self, target: queue.Queue[_Batch[T] | _End], found: _Batch[T] | _End) -> None:
        while not self._gone.is_set():
            try:
                target.put(found, timeout=_PATIENCE_S)
            except queue.Full:
                continue
            return
        raise _Stopped

    def _drain(self, source: queue.Queue[_Batch[T] | _End]) -> Iterator[_Batch[T]]:
        while not self._gone.is_set():
            try:
                found = source.get(timeout=_PATIENCE_S)
            except queue.Empty:
                continue
            if isinstance(found, _End):
                if found.error is not None:
                    raise found.error
                return
            yield found
        raise _Stopped


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


def _prepared(found: _Batch[T], size: int) -> _Batch[T]:
    if found.images:
        found.tensor = preprocess(found.images, size=size)
        found.images = []
    return found
