"""Starts the real server in a process of its own, over scenes made on the spot.

Shared by the tests that go through HTTP and those that go through a browser.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import numpy as np
import rasterio
import starting
from PIL import Image
from rasterio import Affine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_SECONDS = 60
SCENE_PX = 512
DATES = ("2024-05-03", "2024-08-17", "2025-02-11")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def connect(self) -> socket.socket:
        """Open a bare connection, for requests that no well-behaved client sends."""
        host, port = self.url.partition("://")[2].split(":")
        return socket.create_connection((host, int(port)), timeout=20)

    def lines(self) -> str:
        return self.log.read_text(encoding="utf-8")


@contextmanager
def running_server(
    data: Path, *, ready: bool = True, port: int = 0, plain: bool = False, **settings: str
) -> Iterator[Server]:
    """Start ``satseek serve``, on a free port by default; settings become ``SATSEEK_*``.

    ``plain``: what stands for the server is the server itself, to be looked at from outside.
    """
    log = data.parent / f"serve-{time.monotonic_ns()}.log"
    environment = os.environ | {f"SATSEEK_{name.upper()}": it for name, it in settings.items()}
    command = [*(starting.PLAIN if plain else starting.command())]
    command += ["--data-dir", str(data), "serve"]
    command += ["--port", str(port)]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stderr=errors, env=environment)
    try:
        server = Server(_address(process, log), process, log)
        if ready:
            _wait_until_ready(server)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = re.search(r"serving on (https?://[0-9.]+:\d+)", log.read_text(encoding="utf-8"))
        if found:
            return found[1]
        assert process.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.05)
    raise AssertionError(f"no address within {START_SECONDS} s: {log.read_text(encoding='utf-8')}")


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if httpx.get(f"{server.url}/readyz", timeout=20).status_code == 200:
            return
        time.sleep(0.05)
    raise AssertionError(f"not ready within {START_SECONDS} s: {server.lines()}")


def index(data: Path, scenes: Path, name: str) -> None:
    """Index with the real command."""
    command = [*starting.command(), "--data-dir", str(data), "index", str(scenes)]
    subprocess.run([*command, "-c", name], check=True, capture_output=True)


def make_scenes(folder: Path) -> Path:
    """Write three dated GeoTIFFs side by side, 2 × 2 chips each, and one file that is no image."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(5)
    for at, date in enumerate(DATES):
        blocks = rng.integers(0, 255, (3, 8, 8)).repeat(SCENE_PX // 8, 1).repeat(SCENE_PX // 8, 2)
        noise = rng.integers(0, 40, (3, SCENE_PX, SCENE_PX))
        samples = (0.8 * blocks + noise).clip(0, 255).astype(np.uint8)
        place = Affine(5, 0, 512_000 + at * 2560, 0, -5, 5_799_680)  # on the grid
        with rasterio.open(
            folder / f"{date} scene.tif",
            "w",
            driver="GTiff",
            width=SCENE_PX,
            height=SCENE_PX,
            count=3,
            dtype="uint8",
            crs="EPSG:32633",
            transform=place,
            photometric="RGB",
        ) as raster:
            raster.write(samples)
    (folder / "broken.tif").write_bytes(b"II*\0 cut short")
    return folder


def png(path: Path, *, width: int = 64, height: int = 48) -> Path:
    """Write a small picture."""
    rng = np.random.default_rng(9)
    samples = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
    Image.fromarray(samples).save(path)
    return path
