"""The whole ground indexed on a cluster whose workers are killed: as by one process, to the bit.

Knows which executors there are.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.asking import account
from chaos.crew import Crew, Process
from chaos.ground import CHIP_PX, environment, satseek
from chaos.playing import TICK_SECONDS, Played
from redisserving import free_port

from satseek.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chaos.asking import Account
    from chaos.ground import Ground
    from chaos.monkey import Monkey

READY_SECONDS = 60.0
PROGRAMS = Path(sys.executable).parent
UNLOCKED = "disabled"
"""Nobody else reaches this cluster, and no token of it is written into the home folder."""
RUN = "index"
"""Name of the command that asks the cluster."""
MAY_PASS = {-signal.SIGKILL, Overloaded.exit_code}
"""How it may end besides well: killed itself, or with no worker that lives long enough to start; a
job would be tried again."""


@dataclass(slots=True, kw_only=True)
class Cluster:
    """Where partitions are done."""

    crew: Crew
    words: Sequence[str]
    """What names it on a command line."""
    worker: str
    """In the command line of every process that does partitions, and of no other."""

    def victims(self, kind: str) -> Sequence[Process]:
        """Give the living processes of a kind: ``worker``, or ``owner``, who asks them."""
        living = self.crew.processes()
        if kind == "owner":
            return [one for one in living if one.pid == self.crew.pid(RUN)]
        return [one for one in living if self.worker in one.line]


@contextmanager
def local(folder: Path) -> Iterator[Cluster]:
    """Processes of the command's own."""
    crew = Crew(folder / "logs")
    try:
        words = ["--executor", "local", "--workers", "2"]
        yield Cluster(crew=crew, words=words, worker="jobs.executors.serving")
    finally:
        crew.dismiss()


@contextmanager
def ray(folder: Path) -> Iterator[Cluster]:
    """A Ray head with room for two workers."""
    crew, port = Crew(folder / "logs"), free_port()
    words = [str(PROGRAMS / "ray"), "start", "--head", "--port", str(port), "--num-cpus", "2"]
    words += ["--node-ip-address", "127.0.0.1", "--include-dashboard", "false", "--block"]
    words += ["--disable-usage-stats", "--object-store-memory", str(80 * 1024**2)]
    crew.hire("ray", words, environment({}, RAY_AUTH_MODE=UNLOCKED))
    address = f"127.0.0.1:{port}"
    try:
        _wait(crew, "ray", "Ray runtime started")
        executor = ["--executor", "ray", "--address", address, "--workers", "2"]
        yield Cluster(crew=crew, words=executor, worker="ray::PartitionWorker")
    finally:
        crew.dismiss()


@contextmanager
def dask(folder: Path) -> Iterator[Cluster]:
    """A Dask scheduler and two workers with nannies of their own."""
    crew, port = Crew(folder / "logs"), free_port()
    address = f"tcp://127.0.0.1:{port}"
    words = [str(PROGRAMS / "dask"), "scheduler", "--host", "127.0.0.1", "--port", str(port)]
    crew.hire("scheduler", [*words, "--no-dashboard"], environment({}))
    for number in range(2):
        words = [str(PROGRAMS / "dask"), "worker", address, "--nthreads", "1", "--no-dashboard"]
        words += ["--local-directory", str(folder / f"worker-{number}"), "--memory-limit", "0"]
        crew.hire(f"worker-{number}", words, environment({}))
    try:
        for number in range(2):
            _wait(crew, f"worker-{number}", "Registered to")
        executor = ["--executor", "dask", "--scheduler", address, "--workers", "2"]
        yield Cluster(crew=crew, words=executor, worker="multiprocessing.spawn")
    finally:
        crew.dismiss()


def indexed_by_one(ground: Ground, folder: Path) -> tuple[Account, float]:
    """Index the whole ground by one process that nobody disturbs.

    Returns:
        The account of it, and the seconds that it takes on this machine, as busy as it is.
    """
    data, began = folder / "data", time.monotonic()
    subprocess.run(
        _command(ground, "calm"),
        env=environment(ground.settings(data)),
        check=True,
        capture_output=True,
    )
    seconds = time.monotonic() - began
    return account(data / "collections" / "calm"), seconds


def play_cluster(
    cluster: Cluster,
    ground: Ground,
    folder: Path,
    monkey: Monkey,
    calm: Account,
    *,
    seconds: float,
) -> Played:
    """Index the ground on a cluster while the monkey is about; once more for as long as it is."""
    began = time.monotonic()
    played = Played(monkey.seed, monkey.killed)
    try:
        data, until = folder / "data", began + seconds
        _play_on(played, cluster, monkey, ground=ground, data=data, calm=calm, until=until)
    finally:
        played.wrong += cluster.crew.dismiss()
    played.seconds = round(time.monotonic() - began, 1)
    return played


def _play_on(
    played: Played,
    cluster: Cluster,
    monkey: Monkey,
    *,
    ground: Ground,
    data: Path,
    calm: Account,
    until: float,
) -> None:
    """Index, again where who asks has died, and anew until the last kill is done."""
    around = environment(ground.settings(data), RAY_AUTH_MODE=UNLOCKED)
    crew = cluster.crew
    while not played.wrong:
        name = f"round-{played.accepted}"
        crew.hire(RUN, [*_command(ground, name), *cluster.words], around, again=False)
        played.attempts += 1
        while crew.code(RUN) is None:
            monkey.act(cluster.victims)
            crew.tend()
            if time.monotonic() > until:
                played.wrong.append(f"it does not end: {monkey.left} kills left, {name}")
                return
            time.sleep(TICK_SECONDS)
        if crew.code(RUN) == 0:
            _judge(played, data, name, calm)
            if not monkey.left:
                return
        elif crew.code(RUN) not in MAY_PASS:
            played.wrong.append(f"exit code {crew.code(RUN)}: {crew.said(RUN)[-2000:]}")


def _judge(played: Played, data: Path, name: str, calm: Account) -> None:
    played.accepted += 1
    found = account(data / "collections" / name)
    played.chips += found[0]
    shutil.rmtree(data / "collections" / name)
    if found != calm:
        played.wrong.append(f"{name}: {found}, undisturbed {calm}")
    left = [str(path) for path in (data / "work").rglob("*") if path.is_file()]
    played.wrong += [f"left behind: {path}" for path in left]


def _command(ground: Ground, name: str) -> list[str]:
    return satseek("index", str(ground.scenes), "-c", name, "--chip", str(CHIP_PX))


def _wait(crew: Crew, name: str, said: str) -> None:
    """Wait until a program has said that it is there."""
    deadline = time.monotonic() + READY_SECONDS
    while said not in crew.said(name):
        assert time.monotonic() < deadline, crew.said(name)
        time.sleep(0.05)
