"""Starts a real Ray cluster, and a real Dask scheduler with workers, on this machine alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redisserving import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START_SECONDS = 60
"""Ray takes four seconds where nothing else is at work."""

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None,
    reason="ray is not on this machine: pip install 'satseek[ray]'",
)

needs_dask = pytest.mark.skipif(
    find_spec("distributed") is None,
    reason="distributed is not on this machine: pip install 'satseek[dask]'",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A scheduler, or the head of a cluster."""

    address: str
    pid: int

    def kill(self) -> None:
        """End it as a crash would."""
        os.killpg(self.pid, signal.SIGKILL)


@contextmanager
def running_ray(folder: Path, *, cpus: int = 2) -> Iterator[Served]:
    """Start a head with room for so many workers."""
    port = free_port()
    command = [
        *(_program("ray"), "start", "--head", "--block", "--disable-usage-stats"),
        *("--node-ip-address", "127.0.0.1", "--port", str(port), "--num-cpus", str(cpus)),
        *("--ray-client-server-port", str(free_port()), "--dashboard-agent-listen-port", "0"),
        *("--object-store-memory", str(80 * 1024**2), "--include-dashboard", "false"),
        *("--temp-dir", str(folder)),
    ]
    with _running(command, folder / "ray.log") as pid:
        _await_port(port, folder / "ray.log")
        yield Served(address=f"127.0.0.1:{port}", pid=pid)


@contextmanager
def running_dask(folder: Path, *, workers: int = 2) -> Iterator[Served]:
    """Start a scheduler and workers of one thread, which come back when they are killed."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    quiet = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
    scheduler = [_program("dask"), "scheduler", "--port", str(port), *quiet]
    crew = [
        *(_program("dask"), "worker", address, "--nworkers", str(workers), "--nthreads", "1"),
        *("--memory-limit", "0", "--local-directory", str(folder), *quiet),
    ]
    with _running(scheduler, folder / "scheduler.log") as pid:
        _await_port(port, folder / "scheduler.log")
        if not workers:
            yield Served(address=address, pid=pid)
            return
        with _running(crew, folder / "worker.log"):
            yield Served(address=address, pid=pid)


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[int]:
    """Run a program as the leader of a group of processes, which ends with it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as written:
        process = subprocess.Popen(
            command, stdout=written, stderr=written, start_new_session=True, env=_environment()
        )
    try:
        yield process.pid
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def _environment() -> dict[str, str]:
    """Nothing of these tests' own: warnings are no errors in other people's servers."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    return inherited | {"RAY_AUTH_MODE": "disabled"}


def _await_port(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            told = log.read_text(encoding="utf-8", errors="replace")
            assert time.monotonic() < deadline, f"nobody at {port} after {START_SECONDS} s: {told}"
            time.sleep(0.05)
        else:
            return


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
