"""Scenes, wherever they are → a collection, embedded partition by partition by workers anywhere.

Does not know who the workers are: whoever calls has partitions done, and says where what comes of
them lies. What is done of a run that was broken off is not done again.
"""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from satseek.errors import SatseekError
from satseek.index.partitions import (
    clear_tries,
    partition_path,
    read_partition,
    stored_pieces,
)
from satseek.index.schema import storage_errors
from satseek.logs import log_line
from satseek.search.indexing import make_ready
from satseek.search.merging import merge
from satseek.search.partitioning import PIECE_CELLS, pack, plan_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from satseek.embed.embedder import Embedder
    from satseek.imagery.candidates import Candidates
    from satseek.index.collection import Collection
    from satseek.search.indexing_writing import IndexReport
    from satseek.search.partitioning import Partition

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """How partitions are done apart."""

    run: Callable[[Sequence[Partition]], None]
    """Has every one done; what came of it lies in ``folder`` then."""
    folder: Path
    """Where all workers and this process see what comes of partitions; removed at the end."""
    piece_cells: int = PIECE_CELLS
    """Cells of a piece, about."""
    partition_cells: int | None = None
    """Cells of a partition, about; None: by how many there are in all."""


def index_apart(
    candidates: Candidates,
    *,
    collection: Collection,
    apart: Apart,
    embedder: Callable[[], Embedder],
    compact_from: float | None = None,
    on_progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> IndexReport:
    """Index whatever scenes there are as `index_scenes` does, to the bit, in one commit at the end.

    Killed at any moment, it leaves the collection as it was or complete; done again, it goes on
    with the partitions that are not done.

    Args:
        candidates: What may be scenes.
        collection: Opened for writing, for as long as it takes.
        apart: How partitions are done.
        embedder: Gives that of the model that the collection was made with: to tune searches.
        compact_from: Share of dead rows from which their room is given back; None: never.
        on_progress: Called with what is at work (``planning``, ``merging``), how much of it is
            done, and how much there is.

    Raises:
        UnreadableImage: what lists the scenes cannot be read at all.
        DamagedData: what came of a partition is not what was written; again does it anew.
        DiskFull: there is no room for the commit; what is done stays done.
        Whatever ``apart.run`` raises.
    """
    started = time.perf_counter()
    folder = apart.folder
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        clear_tries(folder)
        found = stored_pieces(folder)
    stored = {key: piece for key, piece in found.items() if piece.is_settled}
    plan = plan_pieces(
        candidates,
        collection=collection,
        piece_cells=apart.piece_cells,
        on_scene=lambda _, done, total: on_progress("planning", done, total),
    )
    left = [piece for piece in plan.pieces if piece.key not in stored]
    partitions = pack(left, cells=apart.partition_cells)
    apart.run(partitions)
    with storage_errors(folder):
        for partition in partitions:
            path = partition_path(folder, partition.name)
            stored |= {piece.key: piece for piece in read_partition(path)}
        report = merge(
            plan,
            stored,
            collection=collection,
            on_scene=lambda _, done, total: on_progress("merging", done, total),
        )
    shutil.rmtree(folder, ignore_errors=True)
    make_ready(collection, embedder=_had(embedder), compact_from=compact_from)
    report = replace(report, seconds=time.perf_counter() - started)
    log_line(
        logger,
        "indexed",
        source=plan.source,
        scenes=report.scenes,
        chips_added=report.chips_added,
        refused=len(report.refusals),
        partitions=len(partitions),
        seconds=round(report.seconds, 2),
    )
    return report


def _had(embedder: Callable[[], Embedder]) -> Embedder | None:
    """Open the model here, too; where that cannot be, nothing but the tuning is missing."""
    try:
        return embedder()
    except (SatseekError, OSError) as error:
        logger.warning("not tuned error=%s", error)
        return None
