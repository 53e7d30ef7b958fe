"""Scenes, wherever they are → a collection of embedded chips; resumable, none stops the others.

Knows neither the terminal that shows its progress nor the runtime that embeds.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from satseek.embed.streaming import embed_stream
from satseek.imagery.candidates import FolderScenes
from satseek.index.compacting import compact_unasked
from satseek.logs import log_line
from satseek.search.indexing_reading import pixels_of, read_events
from satseek.search.indexing_writing import BlockWriter, IndexProgress, IndexReport
from satseek.search.tuning import tune_if_new

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.embed.embedder import Embedder
    from satseek.imagery.candidates import Candidates
    from satseek.index.collection import Collection

__all__ = ["IndexProgress", "IndexReport", "index_folder", "index_scenes"]

logger = logging.getLogger(__name__)


def index_folder(
    folder: Path,
    *,
    collection: Collection,
    embedder: Embedder,
    batch: int = 32,
    workers: int = 1,
    on_progress: Callable[[IndexProgress], None] = lambda _: None,
) -> IndexReport:
    """Index every scene below ``folder``, or one scene; as `index_scenes`.

    Raises:
        FolderNotFound: ``folder`` is not there.
    """
    return index_scenes(
        FolderScenes(folder),
        collection=collection,
        embedder=embedder,
        batch=batch,
        workers=workers,
        on_progress=on_progress,
    )


def index_scenes(
    candidates: Candidates,
    *,
    collection: Collection,
    embedder: Embedder,
    batch: int = 32,
    workers: int = 1,
    compact_from: float | None = None,
    on_progress: Callable[[IndexProgress], None] = lambda _: None,
) -> IndexReport:
    """Index whatever scenes there are; go on where an earlier run stopped.

    Scenes already complete and unchanged are passed over. What cannot be used is counted, stored
    with the collection and listed in the report. What is committed survives any kill. At the end
    whatever makes searches fast is built, so that the first of them need not wait.

    Args:
        candidates: What may be scenes; see `satseek.imagery.candidates.find_candidates`.
        collection: Opened for writing.
        embedder: Of the model that the collection was made with.
        batch: Chips in one call of the engine.
        workers: Calls of the engine at once; see ``embed_stream``.
        compact_from: Share of dead rows from which their room is given back; None: never.
        on_progress: Called after every batch.

    Raises:
        UnreadableImage: what lists the scenes cannot be read at all.
    """
    started = time.perf_counter()
    progress = IndexProgress(files_total=candidates.total)
    writer = BlockWriter(collection, progress, candidates, on_progress)
    events = read_events(candidates, collection=collection)
    stream = embed_stream(events, pixels=pixels_of, embedder=embedder, batch=batch, workers=workers)
    for items, vectors in stream:
        writer.take(items, vectors)
    writer.commit()
    make_ready(collection, embedder=embedder, compact_from=compact_from)
    report = writer.report(time.perf_counter() - started)
    log_line(
        logger,
        "indexed",
        source=candidates.source,
        scenes=report.scenes,
        chips_added=report.chips_added,
        refused=len(report.refusals),
        seconds=round(report.seconds, 2),
    )
    return report


def make_ready(
    collection: Collection, *, embedder: Embedder | None, compact_from: float | None
) -> None:
    """Build whatever makes searches fast, so that the first of them need not wait.

    Args:
        collection: Opened for writing.
        embedder: Of the model that the collection was made with; None: searches are not tuned.
        compact_from: Share of dead rows from which their room is given back; None: never.
    """
    if compact_from is not None:
        compact_unasked(collection, compact_from)
    collection.prepare()
    if embedder is not None:
        tune_if_new(collection, embedder=embedder)
