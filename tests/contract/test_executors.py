"""Whoever does partitions: the collection is the same to the bit, whatever dies meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from apart import account, account_of, hostile_scenes
from clusterserving import needs_dask, needs_ray, running_ray

from satseek.assemble import Assembly, Layout
from satseek.errors import (
    Abandoned,
    FolderNotFound,
    InvalidRequest,
    Overloaded,
    SatseekError,
)
from satseek.imagery.candidates import FolderScenes
from satseek.index.partitions import SUFFIX
from satseek.jobs.executors import executor_named
from satseek.jobs.executors.local import LocalExecutor
from satseek.jobs.executors.telling import TRIES
from satseek.jobs.partitions import do_partition, index_in_partitions
from satseek.search.indexing import index_scenes
from satseek.settings import Settings
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from satseek.jobs.protocol import Executor, PartitionProgress

LAYOUT = Layout(grid=GridSpec(crs=None, chip_px=128, stride_px=128, pixel_size=None))
CELLS = 16
SECONDS = 60.0


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_scenes(tmp_path_factory.mktemp("apart") / "scenes")


@pytest.fixture(scope="module")
def undisturbed(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    parts = Assembly(Settings(data_dir=tmp_path_factory.mktemp("calm"), threads=1))
    with parts.writer("county", LAYOUT) as target:
        index_scenes(FolderScenes(scenes), collection=target, embedder=parts.bulk_embedder)
        return account(target)


@pytest.fixture(
    scope="module",
    params=[
        "local",
        pytest.param("ray", marks=needs_ray),
        pytest.param("dask", marks=needs_dask),
    ],
)
def kind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The name of an executor, and the address of its cluster."""
    if request.param == "ray":
        with running_ray(tmp_path_factory.mktemp("r")) as served:
            yield "ray", served.address
        return
    yield request.param, "local"


class Told:
    """What an executor told, in its order."""

    def __init__(self, executor: Executor, on_done: Callable[[Told], None] | None = None) -> None:
        self.name = executor.name
        self.where: list[str] = []
        self.asked: list[str] = []
        self._executor = executor
        self._on_done = on_done

    def run(self, partitions: Sequence[Mapping[str, Any]], progress: PartitionProgress) -> None:
        self.asked = [partition["name"] for partition in partitions]
        told, on_done = self, self._on_done

        class Between:
            def done(self, index: int, said: Mapping[str, Any]) -> None:
                told.where.append(said["where"])
                progress.done(index, said)
                if on_done is not None:
                    on_done(told)

            def cancelled(self) -> bool:
                return progress.cancelled()

        self._executor.run(partitions, Between())

    @property
    def pids(self) -> list[int]:
        return [int(where.rpartition(" ")[2]) for where in self.where]


def _index(scenes: Path, data: Path, executor: Executor, **options: Any) -> None:
    parts = Assembly(Settings(data_dir=data))
    with parts.writer("county", LAYOUT) as target:
        index_in_partitions(
            FolderScenes(scenes),
            collection=target,
            parts=parts,
            executor=executor,
            partition_cells=CELLS,
            **options,
        )


def _executor(kind: tuple[str, str], workers: int, data: Path) -> Executor:
    name, address = kind
    return executor_named(name, address, workers, Settings(data_dir=data))


def _county(data: Path) -> dict[str, Any]:
    assert not (data / "work" / "county").exists()
    return account_of(data / "collections" / "county")


def test_one_worker_makes_the_collection_that_no_worker_makes(
    scenes: Path, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    told = Told(_executor(("local", "local"), 1, tmp_path))
    stages: list[tuple[str, int, int]] = []
    _index(scenes, tmp_path, told, on_progress=lambda *said: stages.append(said))
    assert undisturbed == _county(tmp_path)
    assert 1 == len(set(told.pids))
    assert ["planning", "embedding", "merging"] == list(dict.fromkeys(what for what, *_ in stages))
    last = {what: (done, total) for what, done, total in stages}
    assert all(done == total > 0 for done, total in last.values())


def test_a_cancelled_run_goes_on_and_a_worker_that_is_killed_costs_nothing_but_time(
    kind: tuple[str, str], scenes: Path, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    first = Told(_executor(kind, 2, tmp_path))
    with pytest.raises(Abandoned):
        _index(scenes, tmp_path, first, cancelled=lambda: len(first.where) >= 2)
    assert 0 == account_of(tmp_path / "collections" / "county")["chips"]
    _wait_for_deaths(first.pids)
    kept = {path.stem for path in (tmp_path / "work" / "county").glob(f"*{SUFFIX}")}
    assert set(first.asked) > kept
    killed: list[int] = []

    def kill(told: Told) -> None:
        if not killed:
            killed.append(told.pids[-1])
            os.kill(killed[-1], signal.SIGKILL)

    second = Told(_executor(kind, 2, tmp_path), kill)
    _index(scenes, tmp_path, second)
    assert undisturbed == _county(tmp_path)
    assert (kind[0], 1) == (second.name, len(killed))
    assert 2 < len(second.asked) == len(second.where)
    left = len(first.asked) - len(kept)  # or fewer, where one has ended since
    assert len(second.asked) <= left + 1  # what could not be read is read again


def _wait_for_deaths(pids: Sequence[int]) -> None:
    deadline = time.monotonic() + SECONDS
    while alive := [pid for pid in set(pids) if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, f"still alive: {alive}"
        time.sleep(0.05)


def test_a_partition_done_twice_leaves_the_same_bytes_and_is_known(
    scenes: Path, tmp_path: Path
) -> None:
    asked: list[Mapping[str, Any]] = []

    class Taking:
        name = "none"

        def run(self, partitions: Sequence[Mapping[str, Any]], progress: PartitionProgress) -> None:
            del progress
            asked.extend(partitions)
            raise Abandoned("asked for no more")

    with pytest.raises(Abandoned):
        _index(scenes, tmp_path, Taking())
    work = tmp_path / "work" / "county"
    first = do_partition(asked[0])
    (path,) = work.glob(f"*{SUFFIX}")
    once = path.read_bytes()
    assert 0 < first["chips"] <= first["cells"]
    again = do_partition(asked[0])
    assert [first[key] for key in ("name", "cells", "chips", "lost", "where")] == [
        again[key] for key in ("name", "cells", "chips", "lost", "where")
    ]
    path.write_bytes(once[:-1])
    do_partition(asked[0])
    assert once == path.read_bytes()
    with pytest.raises(Abandoned):
        do_partition(asked[1], lambda: False)
    assert [path] == list(work.iterdir())
    shutil.rmtree(work)
    with pytest.raises(FolderNotFound, match="does not see it: mount it there"):
        do_partition(asked[1])


def test_a_worker_that_does_not_see_a_scene_is_told_apart_from_a_scene_that_is_gone(
    scenes: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(scenes, tmp_path / "scenes")
    hidden = own / "deep.tif"

    class Elsewhere:
        """A worker before whose eyes a scene is hidden; it comes back, or it does not."""

        name = "elsewhere"

        def __init__(self, *, back: bool) -> None:
            self._back = back

        def run(self, partitions: Sequence[Mapping[str, Any]], progress: PartitionProgress) -> None:
            hidden.rename(tmp_path / "away.tif")
            told = [do_partition(partition) for partition in partitions]
            if self._back:
                (tmp_path / "away.tif").rename(hidden)
            for index, said in enumerate(told):
                progress.done(index, said)

    with pytest.raises(FolderNotFound, match="does not see what lies here as it was planned"):
        _index(own, tmp_path, Elsewhere(back=True))
    _index(own, tmp_path, Elsewhere(back=False))
    said = _county(tmp_path)
    assert "deep.tif" in [refusal.path for refusal in said["refusals"]]
    (tmp_path / "away.tif").rename(hidden)
    _index(own, tmp_path, _executor(("local", "local"), 1, tmp_path))
    assert "deep.tif" not in [refusal.path for refusal in _county(tmp_path)["refusals"]]


def test_a_partition_that_kills_every_worker_is_named(scenes: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    dying = LocalExecutor(
        workers=1, settings=settings, program=["sh", "-c", "echo; read line; exit 7"]
    )
    with pytest.raises(SatseekError, match=rf"partition 1 of .* died {TRIES} times.*exit code 7"):
        _index(scenes, tmp_path, dying)
    absent = LocalExecutor(workers=1, settings=settings, program=["/nowhere/at/all"])
    with pytest.raises(SatseekError, match="no process can be started"):
        _index(scenes, tmp_path, absent)


@pytest.mark.parametrize(
    ("end", "kind", "how"),
    [("exit 7", SatseekError, "with exit code 7"), ("kill -9 $$", Overloaded, "by SIGKILL")],
)
def test_workers_that_die_while_they_start_are_not_laid_to_a_partition(
    end: str, kind: type[SatseekError], how: str, scenes: Path, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path)
    dying = LocalExecutor(workers=2, settings=settings, program=["sh", "-c", end])
    with pytest.raises(SatseekError, match=rf"{TRIES} workers in a row .* {how}") as caught:
        _index(scenes, tmp_path, dying)
    assert kind is caught.type


def test_executors_that_are_none_are_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(InvalidRequest, match="expected local, ray or dask"):
        executor_named("threads", None, None, settings)
    with pytest.raises(InvalidRequest, match="at least 1"):
        executor_named("local", None, 0, settings)
    with pytest.raises(InvalidRequest, match="this machine alone"):
        executor_named("local", "tcp://10.0.0.1:8786", None, settings)
