"""A partition as JSON → done, on whatever machine; scenes → partitions → a collection.

Does not know executors' names, nor what carries JSON to and fro. Code never travels: each worker
runs what is installed there, and holds the model from one partition to the next.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from satseek.assemble import Assembly
from satseek.errors import FolderNotFound
from satseek.index.partitions import partition_path, read_partition, write_partition
from satseek.index.spec import CollectionSpec
from satseek.logs import level_in_force
from satseek.search.partitioning import Piece
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.imagery.candidates import Candidates
    from satseek.index.collection import Collection
    from satseek.index.partitions import StoredPiece
    from satseek.jobs.protocol import Executor
    from satseek.search.indexing_writing import IndexReport
    from satseek.search.partitioning import Partition

PASSED = frozenset(
    {"data_dir", "model", "engine", "device", "precision", "threads", "batch", "log_level"}
)
"""Settings that a worker needs. What else a run depends on is in its partitions; secrets stay."""


def do_partition(
    asked: Mapping[str, Any], wanted: Callable[[], bool] = lambda: True
) -> dict[str, Any]:
    """Do a partition and leave what comes of it in its work folder; done before, it is done.

    Safe from any number of threads and processes, also at the same partition: who comes last
    replaces a file by the same bytes.

    Args:
        asked: As `index_in_partitions` writes it, or a part of a bulk classification as
            `classifying_apart.run_apart` does.
        wanted: Says after every batch whether anybody still waits.

    Returns:
        JSON: ``name``, ``cells``, ``chips``; ``lost``, the scenes that this machine does not see as
        they were planned, with the reason; ``where`` it was done, and ``seconds``.

    Raises:
        FolderNotFound: this machine does not see the work folder.
        ModelMismatch, ModelNotFound: the model is not in the store that it sees.
        Abandoned: nobody waits.
        DiskFull: there is no room in the work folder.
        DamagedData, DependencyMissing, Overloaded: the model cannot be run here, or not now.
    """
    if asked.get("kind") == "classify":
        return _classify(asked, wanted)
    started = time.perf_counter()
    path = partition_path(Path(asked["work"]), asked["name"])
    pieces = [Piece.from_json(piece) for piece in asked["pieces"]]
    stored = read_partition(path)
    if not _is_done(stored, pieces):
        _check_folder(path.parent)
        stored = _embed(pieces, asked, path, wanted)
    lost = [
        [piece.scene.id, one.refusal.reason]
        for piece, one in zip(pieces, stored, strict=True)
        if one.refusal is not None and not one.begun
    ]
    return {
        "name": asked["name"],
        "cells": sum(piece.cells for piece in pieces),
        "chips": sum(piece.chips for piece in stored),
        "lost": lost,
        "where": f"{platform.node()} pid {os.getpid()}",
        "seconds": round(time.perf_counter() - started, 3),
    }


def _is_done(stored: Sequence[StoredPiece], pieces: Sequence[Piece]) -> bool:
    """Tell whether a partition need not be done again: what could not be read may be by now."""
    same = [piece.key for piece in stored] == [piece.key for piece in pieces]
    return same and all(piece.is_settled for piece in stored)


def _classify(asked: Mapping[str, Any], wanted: Callable[[], bool]) -> dict[str, Any]:
    from satseek.jobs.classifying_apart import do_part  # noqa: PLC0415 - slow to load

    name, version = asked["model"]
    return do_part(asked, _parts(asked["settings"]).models.version(name, version), wanted)


def _embed(
    pieces: Sequence[Piece], asked: Mapping[str, Any], path: Path, wanted: Callable[[], bool]
) -> list[StoredPiece]:
    from satseek.search.embedding_partitions import embed_pieces  # noqa: PLC0415 - slow to load

    spec = CollectionSpec.from_json(asked["spec"])
    model = _parts(asked["settings"]).models.version(spec.model_name, spec.model_version)
    results = embed_pieces(
        pieces,
        spec=spec,
        embedder=model.bulk_embedder,
        batch=model.batch,
        workers=model.streams,
        wanted=wanted,
    )
    write_partition(path, results, dim=spec.dim)
    return read_partition(path)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise FolderNotFound(
            f"{folder}: expected the folder of what is done, which all workers share; "
            f"{platform.node()} does not see it: mount it there, or set work_dir to one that is"
        )


_held: dict[str, Assembly] = {}
"""The parts of the settings that were asked for last: the model is opened once a process."""

_held_guard = threading.Lock()


def _parts(told: Mapping[str, Any]) -> Assembly:
    key = json.dumps(told, sort_keys=True)
    with _held_guard:
        if key not in _held:
            for parts in _held.values():
                parts.close()
            _held.clear()
            _held[key] = Assembly(Settings.model_validate(dict(told)))
        return _held[key]


def index_in_partitions(
    candidates: Candidates,
    *,
    collection: Collection,
    parts: Assembly,
    executor: Executor,
    partition_cells: int | None = None,
    on_progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> IndexReport:
    """Index whatever scenes there are with an executor's workers; the same as without, to the bit.

    Args:
        candidates: What may be scenes.
        collection: Opened for writing, for as long as it takes.
        parts: The working parts of this process.
        executor: Where partitions are done.
        partition_cells: See ``Apart``.
        on_progress: Called with what is at work (``planning``, ``embedding``, ``merging``), how
            much of it is done, and how much there is.
        cancelled: Says whether somebody wants an end.

    Raises:
        Abandoned: somebody did; what is done stays done for the next run.
        As ``index_apart`` and ``Executor.run``.
    """
    from satseek.search.indexing_apart import Apart, index_apart  # noqa: PLC0415 - slow to load

    settings = parts.settings
    folder = parts.work_folder(collection.spec.name)
    told = {
        "work": str(folder),
        "spec": collection.spec.to_json(),
        "settings": passed(settings, parts),
    }

    def run(partitions: Sequence[Partition]) -> None:
        asked = _Asked(partitions, told)
        watching = _Watching(partitions, folder, on_progress, cancelled)
        executor.run(asked, watching)

    return index_apart(
        candidates,
        collection=collection,
        apart=Apart(run=run, folder=folder, partition_cells=partition_cells),
        embedder=lambda: parts.bulk_embedder,
        compact_from=settings.compact_from,
        on_progress=on_progress,
    )


class _Asked(Sequence[Mapping[str, Any]]):
    """Partitions as executors are asked for them, each written down when its turn comes."""

    def __init__(self, partitions: Sequence[Partition], told: Mapping[str, Any]) -> None:
        self._partitions = partitions
        self._told = told

    def __len__(self) -> int:
        return len(self._partitions)

    @overload
    def __getitem__(self, at: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        if isinstance(at, slice):
            return _Asked(self._partitions[at], self._told)
        one = self._partitions[at]
        pieces = [piece.to_json() for piece in one.pieces]
        return {"name": one.name, "pieces": pieces, **self._told}


class _Watching:
    """Whoever waits for the partitions of one run; see ``PartitionProgress``."""

    def __init__(
        self,
        partitions: Sequence[Partition],
        folder: Path,
        on_progress: Callable[[str, int, int], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._partitions = partitions
        self._folder = folder
        self._on_progress = on_progress
        self._cancelled = cancelled
        self._total = sum(one.cells for one in partitions)
        self._cells = 0
        on_progress("embedding", 0, self._total)

    def done(self, index: int, told: Mapping[str, Any]) -> None:
        """See ``PartitionProgress.done``.

        Raises:
            FolderNotFound: a worker does not see a scene that lies here as it was planned.
        """
        partition = self._partitions[index]
        self._check(partition, told)
        self._cells += partition.cells
        self._on_progress("embedding", self._cells, self._total)

    def cancelled(self) -> bool:
        """See ``PartitionProgress.cancelled``."""
        return self._cancelled()

    def _check(self, partition: Partition, told: Mapping[str, Any]) -> None:
        """Tell scenes that have gone from those that one machine does not see."""
        from satseek.search.rereading import look_at  # noqa: PLC0415 - slow to load

        scenes = {piece.scene.id: piece.scene for piece in partition.pieces}
        for scene_id, reason in told["lost"]:
            if not look_at(scenes[scene_id]):
                partition_path(self._folder, partition.name).unlink(missing_ok=True)
                raise FolderNotFound(
                    f"{told['where']} does not see what lies here as it was planned: {reason}; "
                    "mount the same folders on every machine, at the same place"
                )


def passed(settings: Settings, parts: Assembly) -> dict[str, Any]:
    """What workers are told of the settings; where the model runs on processors, by which engine.

    Each machine would choose the fastest that was measured there, and vectors would differ.
    """
    told = settings.model_dump(mode="json", include=set(PASSED))
    told["data_dir"] = str(settings.data_dir.absolute())
    told["threads"] = settings.threads or 1
    told["log_level"] = level_in_force()
    with suppress(OSError):
        if (folder := Path(settings.model)).is_dir():
            told["model"] = str(folder.absolute())
    bulk = parts.model().choices[1]
    if bulk.device == "cpu":
        told |= {"engine": bulk.runtime, "device": "cpu", "precision": bulk.precision}
    return told
