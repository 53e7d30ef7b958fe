"""Posts mutated image files to a real server and says what became of it.

    python bench/fuzz_images.py --count 10000

Fails unless every answer is 200 or a refusal (4xx) of the image, the server still answers, its
memory has not grown by more than `MAX_GROWTH`, and no process is left when it stops. The same seed
makes the same files.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.transform import Affine

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_GROWTH = 64 * 1024**2
"""Bytes that the server may have more after the last image than after the first tenth of them:
allocators keep some, a leak of every image (10,000 of 10 kB and more) is larger."""

REFUSED = {413, 422}
"""Statuses of an image that cannot be used."""

EDGE = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one run."""

    count: int
    """Images posted."""
    seed: int
    """Where the mutations come from."""
    statuses: dict[str, int]
    """Answers by status."""
    failures: list[str]
    """The first answers that should not be: mutation and body."""
    replaced: int
    """Decoders that had to be replaced."""
    growth_bytes: int
    """Resident memory of the server at the end, less that after the first tenth."""
    left: list[int]
    """Processes that outlived the server."""
    seconds: float
    """How long it took."""

    @property
    def passed(self) -> bool:
        """True where nothing went wrong."""
        return not self.failures and not self.left and self.growth_bytes <= MAX_GROWTH


def seeds() -> dict[str, bytes]:
    """Return sound files of every format that is taken."""
    rng = np.random.default_rng(1)
    samples = rng.integers(0, 255, (3, 8, 8), np.uint8).repeat(EDGE // 8, 1).repeat(EDGE // 8, 2)
    image = Image.fromarray(np.moveaxis(samples, 0, 2))
    frames = [image.rotate(90 * turn) for turn in range(3)]
    exif = Image.Exif()
    exif[0x0112] = 6
    plain = {
        "jpeg": _saved(image, "JPEG", exif=exif),
        "progressive jpeg": _saved(image, "JPEG", progressive=True),
        "cmyk jpeg": _saved(image.convert("CMYK"), "JPEG"),
        "png": _saved(image, "PNG"),
        "palette png": _saved(image.convert("P"), "PNG", transparency=1),
        "deep png": _saved(Image.fromarray(samples[0].astype(np.uint16) * 200), "PNG"),
        "animated png": _saved(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "webp": _saved(image, "WEBP"),
        "lossless webp": _saved(image, "WEBP", lossless=True),
        "animated webp": _saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "gif": _saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "bmp": _saved(image, "BMP"),
        "tiff": _saved(image, "TIFF", compression="tiff_lzw"),
    }
    geo = {
        f"{compress} geotiff": _raster(samples, compress=compress, tiled=True, blockxsize=32,
                                       blockysize=32, interleave=interleave)
        for compress, interleave in [("deflate", "pixel"), ("lzw", "band"), ("zstd", "pixel")]
    }  # fmt: skip
    geo["jpeg geotiff"] = _raster(samples, compress="jpeg", photometric="YCBCR")
    geo["deep geotiff"] = _raster(samples.astype(np.uint16) * 40, compress="deflate", nodata=0)
    geo["jp2"] = _raster(samples, driver="JP2OpenJPEG")
    return plain | geo


def mutated(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """Damage a file once, or a few times."""
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        _WAYS[rng.randrange(len(_WAYS))](damaged, other, rng)
        if not damaged:
            break
    return bytes(damaged)


def _flip(damaged: bytearray, _other: bytes, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)


def _flip_head(damaged: bytearray, _other: bytes, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 8)):
        damaged[rng.randrange(min(len(damaged), 200))] = rng.randrange(256)


def _cut(damaged: bytearray, _other: bytes, rng: random.Random) -> None:
    del damaged[rng.randrange(len(damaged)) :]


def _drop(damaged: bytearray, _other: bytes, rng: random.Random) -> None:
    start = rng.randrange(len(damaged))
    del damaged[start : start + rng.choice((1, 2, 4, 100, 1000))]


def _splice(damaged: bytearray, other: bytes, rng: random.Random) -> None:
    start, length = rng.randrange(len(other)), rng.choice((4, 32, 500))
    at = rng.randrange(len(damaged))
    damaged[at : at + length * rng.randrange(2)] = other[start : start + length]


def _repeat(damaged: bytearray, _other: bytes, rng: random.Random) -> None:
    start = rng.randrange(len(damaged))
    piece = damaged[start : start + rng.choice((8, 64, 1024))]
    damaged[start:start] = piece * rng.choice((1, 10, 100))


def _length(damaged: bytearray, _other: bytes, rng: random.Random) -> None:
    """Write a number that is read as a length, count, offset or size somewhere in the head."""
    width, order = rng.choice((2, 4, 8)), rng.choice(("little", "big"))
    numbers = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
    number = rng.choice(numbers) & (2 ** (8 * width) - 1)
    at = rng.randrange(min(len(damaged), rng.choice((64, 400, len(damaged)))))
    damaged[at : at + width] = number.to_bytes(width, order)  # type: ignore[arg-type]


_WAYS = (_flip, _flip, _flip_head, _cut, _drop, _splice, _repeat, _length, _length, _length)


def fuzz(count: int, *, seed: int = 0, clients: int = 4, data: Path) -> Outcome:
    """Post so many mutated files to a server of its own."""
    started, statuses, failures = time.monotonic(), Counter[str](), list[str]()
    log = data / "server.log"
    with log.open("wb") as errors:
        process = _start(data, errors)
    try:
        url = _address(process, log)
        with httpx.Client(base_url=url, timeout=60) as http:
            _wait_until_ready(http)

            def post(job: tuple[str, bytes]) -> tuple[str, int, str]:
                name, content = job
                files = {"image": ("a", content)}
                answer = http.post("/v1/similarity", data={"text": "a"}, files=files)
                return name, answer.status_code, answer.text[:500]

            first, resident = max(1, count // 10), 0
            jobs = _jobs(count, seed)
            with ThreadPoolExecutor(clients) as threads:
                for part in range(0, count, first):
                    batch = [next(jobs) for _ in range(min(first, count - part))]
                    for name, status, text in threads.map(post, batch):
                        statuses[str(status)] += 1
                        if status != 200 and status not in REFUSED:
                            failures.append(f"{name}: {status} {text}")
                    resident = resident or _resident(process.pid)
            growth = _resident(process.pid) - resident
            replaced = log.read_text(encoding="utf-8").count("a decoder ended")
            seen = _children(process.pid)
            http.get("/readyz").raise_for_status()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    return Outcome(
        count=count,
        seed=seed,
        statuses=dict(sorted(statuses.items())),
        failures=failures[:20],
        replaced=replaced,
        growth_bytes=growth,
        left=[pid for pid in seen if _alive(pid)],
        seconds=round(time.monotonic() - started, 1),
    )


def _jobs(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    rng, files = random.Random(seed), seeds()
    names = list(files)
    for at in range(count):
        name, other = rng.choice(names), rng.choice(names)
        yield f"{name} #{at}", mutated(files[name], files[other], rng)


def _start(data: Path, errors: io.BufferedWriter) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "satseek", "--data-dir", str(data), "serve", "--port", "0"]
    return subprocess.Popen(
        command, stderr=errors, env=os.environ | {"SATSEEK_LOG_LEVEL": "warning"}
    )


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"serving on (http://\S+)", log.read_text(encoding="utf-8")):
            return found[1]
        time.sleep(0.1)
    raise SystemExit(f"the server does not start: {log.read_text(encoding='utf-8')}")


def _wait_until_ready(http: httpx.Client) -> None:
    deadline = time.monotonic() + 120
    while http.get("/readyz").status_code != 200:
        if time.monotonic() > deadline:
            raise SystemExit("the server does not become ready")
        time.sleep(0.1)


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    listed = [(task / "children").read_text(encoding="ascii") for task in tasks]
    return [int(child) for children in listed for child in children.split()]


def _alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def _raster(samples: np.ndarray, *, driver: str = "GTiff", **profile: object) -> bytes:
    count, height, width = samples.shape
    place = {"crs": "EPSG:32633", "transform": Affine(5, 0, 500_000, 0, -5, 5_000_000)}
    shape = {"count": count, "height": height, "width": width, "dtype": samples.dtype.name}
    with MemoryFile() as memory:
        with memory.open(driver=driver, **place, **shape, **profile) as raster:
            raster.write(samples)
        return bytes(memory.getbuffer())


def main() -> None:
    """Run, print the outcome as JSON, and fail where something went wrong."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--count", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--clients", type=int, default=4)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as data:
        outcome = fuzz(asked.count, seed=asked.seed, clients=asked.clients, data=Path(data))
    print(json.dumps(asdict(outcome), indent=2))
    sys.exit(0 if outcome.passed else 1)


if __name__ == "__main__":
    main()
