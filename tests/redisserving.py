"""Starts a real Redis on a free port, in a folder of its own."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis as redis_module

START_SECONDS = 20

KEEPS = ("--appendonly", "yes", "--appendfsync", "always")
"""Settings of a Redis that keeps what it has acknowledged, whatever kills it."""

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None,
    reason="redis-server is not on this machine: apt-get install redis-server",
)


@dataclass(slots=True)
class RedisServer:
    """A Redis that can be stopped, paused, and started again on the same port."""

    folder: Path
    port: int
    settings: tuple[str, ...] = ()
    password: str | None = None
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.folder), "--loglevel", "warning", *self.settings]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < deadline, f"no Redis within {START_SECONDS} s"
            time.sleep(0.02)

    def answers(self) -> bool:
        import redis  # noqa: PLC0415

        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.exceptions.RedisError:
            return False

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def restart(self) -> None:
        """Start it again with what it kept on disk."""
        self.kill()
        self.start()

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def client(self) -> redis_module.Redis:
        """A plain client of the tests' own."""
        import redis  # noqa: PLC0415

        return redis.Redis(port=self.port, password=self.password, socket_timeout=20, protocol=2)


@contextmanager
def running_redis(
    folder: Path, *settings: str, password: str | None = None
) -> Iterator[RedisServer]:
    """Start a Redis with settings such as ``--maxmemory``; it keeps nothing on disk by default."""
    folder.mkdir(parents=True, exist_ok=True)
    server = RedisServer(folder, free_port(), ("--save", "", *settings), password)
    server.start()
    try:
        yield server
    finally:
        assert server.process is not None
        if server.process.poll() is None:
            server.resume()
            server.process.kill()
        server.process.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def running_sentinel(folder: Path, master: RedisServer, name: str) -> Iterator[str]:
    """Start a Sentinel that soon promotes a replica of a Redis that died; gives its address."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    configuration = folder / "sentinel.conf"
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {folder}",
        f"sentinel monitor {name} 127.0.0.1 {master.port} 1",
        f"sentinel down-after-milliseconds {name} 300",
        f"sentinel failover-timeout {name} 2000",
    ]
    configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    process = subprocess.Popen(
        ["redis-server", str(configuration), "--sentinel"], stdout=subprocess.DEVNULL
    )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(20)
