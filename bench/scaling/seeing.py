"""Real runs of an executor on this machine, with workers killed at given moments, and their times.

Does not know the simulation that they are compared with.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.assemble import Assembly, Layout
from satseek.imagery.candidates import FolderScenes
from satseek.jobs.executors import executor_named
from satseek.jobs.partitions import index_in_partitions
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.jobs.protocol import Executor, PartitionProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a run took; all in seconds."""

    workers: int
    """Processes at once."""
    kills: int
    """Workers that were killed."""
    plan_s: float
    """Before partitions were given out."""
    embedding_s: float
    """Until the last of them was done, from the beginning."""
    merge_s: float
    """From then to the end."""
    wall_s: float
    """From beginning to end."""
    ends_s: tuple[float, ...]
    """When partitions ended, since they were given out."""
    work_s: tuple[float, ...]
    """What each took by its worker's own account, in the order in which they ended."""
    digest: str
    """Of the collection."""


def run(home: Path, scenes: Path, *, workers: int, cells: int, kills: Sequence[float] = ()) -> Seen:
    """Index scenes with local workers, one thread each, killing one at each of the moments.

    Args:
        home: An empty data folder.
        scenes: Folder of them.
        workers: Processes at once.
        cells: Cells of a partition, about.
        kills: Seconds since the beginning.
    """
    parts = Assembly(Settings(data_dir=home, threads=1))
    timed = _Timed(executor_named("local", None, workers, parts.settings))
    with parts.writer("seen", Layout()) as collection:
        begun = time.perf_counter()
        killer = threading.Thread(target=timed.kill_at, args=([begun + at for at in kills],))
        killer.start()
        index_in_partitions(
            FolderScenes(scenes),
            collection=collection,
            parts=parts,
            executor=timed,
            partition_cells=cells,
        )
        ended = time.perf_counter()
        digest = collection.digest()
    killer.join()
    parts.close()
    return Seen(
        workers=workers,
        kills=timed.killed,
        plan_s=timed.begun - begun,
        embedding_s=timed.ended - begun,
        merge_s=ended - timed.ended,
        wall_s=ended - begun,
        ends_s=tuple(moment - timed.begun for moment, _ in timed.told),
        work_s=tuple(told["seconds"] for _, told in timed.told),
        digest=digest,
    )


@dataclass(slots=True)
class _Timed:
    """An executor whose partitions are timed, and whose workers are killed."""

    executor: Executor
    begun: float = 0.0
    ended: float = 0.0
    killed: int = 0
    told: list[tuple[float, Mapping[str, Any]]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """That of the executor."""
        return self.executor.name

    def run(self, partitions: Sequence[Mapping[str, Any]], progress: PartitionProgress) -> None:
        """Do what the executor does."""
        self.begun = time.perf_counter()
        self.executor.run(partitions, _Telling(progress, self.told))
        self.ended = time.perf_counter()

    def kill_at(self, moments: Sequence[float]) -> None:
        """Kill the worker that has been at its partition for longest, at each moment."""
        for moment in moments:
            time.sleep(max(0.0, moment - time.perf_counter()))
            workers = _children()
            if self.ended or not workers:
                return
            last = {int(told["where"].split()[-1]): at for at, told in list(self.told)}
            os.kill(min(workers, key=lambda pid: last.get(pid) or _born(pid)), signal.SIGKILL)
            self.killed += 1


@dataclass(slots=True)
class _Telling:
    progress: PartitionProgress
    told: list[tuple[float, Mapping[str, Any]]]

    def done(self, index: int, told: Mapping[str, Any]) -> None:
        self.told.append((time.perf_counter(), told))
        self.progress.done(index, told)

    def cancelled(self) -> bool:
        return self.progress.cancelled()


def _born(pid: int) -> float:
    """When a process began, on the clock of ``time.perf_counter``."""
    age = time.time() - Path(f"/proc/{pid}").stat().st_ctime
    return time.perf_counter() - age


def _children() -> list[int]:
    """List the processes that this one has started and that live."""
    found: list[int] = []
    for listed in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, listed.read_text().split())
    return found
