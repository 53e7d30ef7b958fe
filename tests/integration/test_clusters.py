"""Clusters that are not there, or not as they should be: said on one line, and soon."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from clusterserving import needs_dask, needs_ray, running_dask, running_ray
from redisserving import free_port

from satseek.errors import (
    Conflict,
    DependencyMissing,
    InvalidRequest,
    ServerUnreachable,
)
from satseek.jobs.executors.dasking import DaskExecutor
from satseek.jobs.executors.raying import RayExecutor
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from clusterserving import Served


PARTITION = {"name": "0" * 32, "work": "/nowhere", "spec": "{}", "settings": {}, "pieces": []}


class Waiting:
    """Whoever waits for partitions, and is told of none here."""

    def done(self, index: int, told: Mapping[str, Any]) -> None:
        raise AssertionError(f"partition {index} is done: {told}")

    def cancelled(self) -> bool:
        return False


@pytest.fixture(scope="module")
def ray_head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running_ray(tmp_path_factory.mktemp("r"), cpus=2) as served:
        yield served


@pytest.fixture(scope="module")
def dask_scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running_dask(tmp_path_factory.mktemp("dask"), workers=0) as served:
        yield served


@pytest.mark.parametrize("address", ["10.0.0.1", "ray://", "ray://host", "host:port", ":6379"])
def test_an_address_that_is_none_of_ray_is_refused_at_once(address: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^address: expected auto, local, HOST:PORT or ray:"):
        RayExecutor(address, workers=None, settings=Settings())


@pytest.mark.parametrize("address", ["auto", "10.0.0.1:8786", "host"])
def test_an_address_that_is_none_of_dask_is_refused_at_once(address: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^scheduler: expected tcp://HOST:PORT or local, "):
        DaskExecutor(address, workers=None, settings=Settings())


@needs_ray
@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_ray_cluster_that_is_not_there(scheme: str) -> None:
    address = f"{scheme}127.0.0.1:{free_port()}"
    begun = time.monotonic()
    with pytest.raises(ServerUnreachable) as raised:
        RayExecutor(address, settings=Settings()).run([PARTITION], Waiting())
    assert (
        f"no Ray cluster can be reached at {address}: Connection refused; start one with `ray "
        "start --head`, or take --address local; where it wants a token, set RAY_AUTH_TOKEN"
    ) == str(raised.value)
    assert time.monotonic() - begun < 10


@needs_dask
def test_a_dask_scheduler_that_is_not_there() -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(ServerUnreachable, match=rf"^no Dask scheduler can be reached at {address}"):
        DaskExecutor(address, settings=Settings()).run([PARTITION], Waiting())


@needs_ray
def test_nothing_to_do_asks_no_cluster() -> None:
    RayExecutor("127.0.0.1:1", settings=Settings()).run([], Waiting())
    DaskExecutor("tcp://127.0.0.1:1", settings=Settings()).run([], Waiting())


@needs_dask
@pytest.mark.parametrize(
    ("device", "wanted"),
    [("cpu", "expected a worker at "), ("cuda", "expected a worker with the resource GPU at ")],
)
def test_a_scheduler_without_workers(device: Any, wanted: str, dask_scheduler: Served) -> None:
    executor = DaskExecutor(
        dask_scheduler.address, settings=Settings(device=device), patience_s=0.5
    )
    with pytest.raises(
        ServerUnreachable, match=rf"^{wanted}{dask_scheduler.address} within 0\.5 s"
    ):
        executor.run([PARTITION], Waiting())


@needs_ray
def test_a_cluster_without_gpus(ray_head: Served) -> None:
    executor = RayExecutor(
        ray_head.address, workers=1, settings=Settings(device="cuda"), patience_s=1
    )
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ServerUnreachable, match=r"^expected room .* 1 CPU, 1 GPU .* has 2 CPU, 0"):
        executor.run([PARTITION], Waiting())
    assert before == signal.getsignal(signal.SIGTERM), "Ray's own handler is still there"


@needs_ray
def test_a_cluster_of_another_python(ray_head: Served) -> None:
    with _told_otherwise(ray_head.address), pytest.raises(Conflict, match="same Python and Ray"):
        RayExecutor(ray_head.address, settings=Settings()).run([PARTITION], Waiting())


@needs_dask
def test_a_worker_without_satseek(dask_scheduler: Served) -> None:
    lie = "from distributed import versions; told = versions._version_cached; "
    lie += "versions._version_cached = lambda name: None if name == 'satseek' else told(name)"
    with _dask_worker(dask_scheduler.address, lie):
        _await_worker(dask_scheduler.address)
        executor = DaskExecutor(dask_scheduler.address, settings=Settings())
        with pytest.raises(DependencyMissing, match=r"^expected satseek on every Dask worker, tcp"):
            executor.run([PARTITION], Waiting())


@needs_dask
def test_a_worker_of_another_python(dask_scheduler: Served) -> None:
    lie = "from distributed import versions; told = versions.get_system_info; "
    lie += "versions.get_system_info = lambda: told() | {'python': '3.10.1.final.0'}"
    with _dask_worker(dask_scheduler.address, lie):
        _await_worker(dask_scheduler.address)
        executor = DaskExecutor(dask_scheduler.address, settings=Settings())
        with pytest.raises(Conflict, match=r"^expected python 3\.\d+ on the whole .* has 3\.10;"):
            executor.run([PARTITION], Waiting())


@needs_dask
def test_a_scheduler_that_dies(tmp_path: Path) -> None:
    with running_dask(tmp_path, workers=0) as served:
        killing = threading.Timer(1.0, served.kill)
        killing.start()
        with pytest.raises(ServerUnreachable, match=r"^the Dask scheduler at tcp:.* went away; st"):
            DaskExecutor(served.address, settings=Settings()).run([PARTITION], Waiting())
        killing.join()


class _told_otherwise:  # noqa: N801 - used as a function
    """Have a cluster say that it was started by Python 3.10."""

    def __init__(self, address: str) -> None:
        from ray._private.ray_constants import KV_NAMESPACE_CLUSTER  # noqa: PLC0415
        from ray._raylet import GcsClient  # noqa: PLC0415

        self._place = (b"CLUSTER_METADATA", KV_NAMESPACE_CLUSTER)
        self._client = GcsClient(address=address)
        self._before = self._client.internal_kv_get(*self._place)

    def __enter__(self) -> None:
        told = json.loads(self._before) | {"python_version": "3.10.1"}
        key, room = self._place
        self._client.internal_kv_put(key, json.dumps(told).encode(), True, namespace=room)  # noqa: FBT003

    def __exit__(self, *_: object) -> None:
        key, room = self._place
        self._client.internal_kv_put(key, self._before, True, namespace=room)  # noqa: FBT003


class _dask_worker:  # noqa: N801 - used as a function
    """A worker that is not as it should be."""

    def __init__(self, address: str, first: str) -> None:
        words = ["dask", "worker", address, "--no-nanny", "--nthreads", "1", "--no-dashboard"]
        words += ["--host", "127.0.0.1", "--memory-limit", "0"]
        self._code = f"import sys; {first}; sys.argv = {words}; import dask.__main__ as m; m.main()"

    def __enter__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", self._code])

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(20)


def _await_worker(address: str) -> None:
    import distributed  # noqa: PLC0415

    with distributed.Client(address, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=60)
