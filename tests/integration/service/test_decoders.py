"""Decoders that are slow, that die, that are abandoned, and whose server dies."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from satseek.embed.patience import Patience, waiting
from satseek.errors import (
    Abandoned,
    DeadlineExceeded,
    ImageTooLarge,
    NoValidPixels,
    Overloaded,
    UnreadableImage,
    UnsupportedRaster,
)
from satseek.imagery.decode import decode_image
from satseek.model.preprocessing import squared
from satseek.service import decoder as decoder_module
from satseek.service import decoding as decoding_module
from satseek.service.decoding import Decoders
from satseek.types import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Iterator

HOW = Preprocessing()
SIZE = 64


@contextmanager
def decoders(count: int = 1, *, seconds: float = 30, max_pixels: int = 10**8) -> Iterator[Decoders]:
    pool = Decoders(count, seconds=seconds, max_pixels=max_pixels)
    try:
        yield pool
    finally:
        pool.close()


def png(width: int = 64, height: int = 48) -> bytes:
    return encoded(np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8))


def encoded(samples: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(samples).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def slow() -> bytes:
    """An image whose decoding takes about a second: it is copied, as it has transparent pixels."""
    samples = np.zeros((9_500, 9_500, 4), np.uint8)
    samples[:10] = 255
    return encoded(samples)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(pids: list[int], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)):
        assert time.monotonic() < deadline, pids
        time.sleep(0.01)


def busy(pool: Decoders) -> int:
    """Wait until the only decoder works."""
    (pid,) = pool.processes
    start = _cpu(pid)
    deadline = time.monotonic() + 30
    while _cpu(pid) < start + 0.1:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return pid


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime, stime: proc(5)


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_pixels_are_the_same_as_here(resize: str) -> None:
    content, how = png(300, 200), Preprocessing(resize=resize, resample="lanczos")
    with decoders() as pool:
        pixels = pool.decode(content, size=SIZE, how=how)
    here = squared(decode_image(content, name="a").pixels, size=SIZE, how=how)
    np.testing.assert_array_equal(here, pixels)


def test_what_is_refused_is_refused_with_the_same_words() -> None:
    clear = encoded(np.zeros((9, 9, 4), np.uint8))
    with MemoryFile() as memory:
        place = Affine(5, 0, 500, 0, -5, 900)
        shape = {"count": 2, "width": 9, "height": 9, "dtype": "float32", "transform": place}
        with memory.open(driver="GTiff", **shape) as raster:
            raster.write(np.ones((2, 9, 9), np.float32))
        radar = bytes(memory.getbuffer())
    cases = [(b"", UnreadableImage), (b"<svg/>", UnreadableImage), (clear, NoValidPixels)]
    cases += [(radar, UnsupportedRaster), (png(30, 34), ImageTooLarge)]
    with decoders(max_pixels=1000) as pool:
        for content, kind in cases:
            with pytest.raises(kind) as here:
                decode_image(content, name="image", max_pixels=1000)
            with pytest.raises(kind) as there:
                pool.decode(content, size=SIZE, how=HOW)
            assert (type(here.value), str(here.value)) == (type(there.value), str(there.value))
        assert len(pool.processes) == 1  # none of them cost a decoder


def test_what_takes_too_long_is_refused_and_its_decoder_killed(slow: bytes) -> None:
    with decoders(seconds=0.2) as pool:
        pool.warm_up()
        (before,) = pool.processes
        with pytest.raises(UnreadableImage, match=r"took longer than 0\.2 s"):
            pool.decode(slow, size=SIZE, how=HOW)
        wait_until_gone([before])
        assert pool.decode(png(), size=SIZE, how=HOW).shape == (SIZE, SIZE, 3)
        assert before not in pool.processes


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_decoder_that_dies_costs_its_image_alone(slow: bytes, number: signal.Signals) -> None:
    with decoders() as pool, ThreadPoolExecutor() as threads:
        pool.warm_up()
        asked = threads.submit(pool.decode, slow, size=SIZE, how=HOW)
        os.kill(busy(pool), number)
        with pytest.raises(UnreadableImage, match="brought its decoder down"):
            asked.result(timeout=30)
        assert pool.decode(png(), size=SIZE, how=HOW).shape == (SIZE, SIZE, 3)


def test_a_decoder_that_died_idle_costs_nothing() -> None:
    with decoders() as pool:
        for _ in range(3):
            assert pool.decode(png(), size=SIZE, how=HOW).shape == (SIZE, SIZE, 3)
            (pid,) = pool.processes
            os.kill(pid, signal.SIGKILL)
            wait_until_gone([pid])


def test_nobody_waits_nothing_is_decoded(slow: bytes) -> None:
    patience = Patience(60)
    with decoders() as pool, ThreadPoolExecutor() as threads:
        pool.warm_up()

        def ask() -> None:
            with waiting(patience):
                pool.decode(slow, size=SIZE, how=HOW)

        asked = threads.submit(ask)
        pid = busy(pool)
        patience.give_up()
        with pytest.raises(Abandoned):
            asked.result(timeout=30)
        wait_until_gone([pid])
        with pytest.raises(Abandoned):
            ask()
        assert pool.decode(png(), size=SIZE, how=HOW).shape == (SIZE, SIZE, 3)
        patience.give_up()  # a second time: nobody else's decoder is killed
        assert pool.decode(png(), size=SIZE, how=HOW).shape == (SIZE, SIZE, 3)


def test_an_answer_in_time_is_not_killed_afterwards() -> None:
    patience = Patience(60)
    with decoders() as pool:
        with waiting(patience):
            pool.decode(png(), size=SIZE, how=HOW)
        before = pool.processes
        patience.give_up()
        pool.decode(png(), size=SIZE, how=HOW)
        assert before == pool.processes


def test_the_deadline_of_the_request_ends_it_too(slow: bytes) -> None:
    with decoders() as pool:
        pool.warm_up()
        with waiting(Patience(0.2)), pytest.raises(DeadlineExceeded):
            pool.decode(slow, size=SIZE, how=HOW)
        assert pool.decode(png(), size=SIZE, how=HOW).shape == (SIZE, SIZE, 3)


def test_no_more_processes_than_asked_for() -> None:
    with decoders(2) as pool, ThreadPoolExecutor(8) as threads:
        seen: set[int] = set()
        asked = [threads.submit(pool.decode, png(), size=SIZE, how=HOW) for _ in range(60)]
        while not all(one.done() for one in asked):
            seen.add(len(pool.processes))
            time.sleep(0.001)
        assert {(SIZE, SIZE, 3)} == {one.result().shape for one in asked}
        assert max(seen) <= 2


def test_a_decoder_is_replaced_after_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding_module, "IMAGES", 3)
    with decoders() as pool:
        pids = []
        for _ in range(7):
            pids += pool.processes or [0]
            pool.decode(png(), size=SIZE, how=HOW)
        assert len(set(pids[1:])) == 3
        wait_until_gone(sorted(set(pids[1:]) - set(pool.processes)))


def test_after_closing_there_is_no_process_and_no_answer(slow: bytes) -> None:
    with decoders(2) as pool, ThreadPoolExecutor() as threads:
        pool.warm_up()
        pids = pool.processes
        assert len(pids) == 2
        asked = threads.submit(pool.decode, slow, size=SIZE, how=HOW)
        time.sleep(0.2)
        pool.close()
        assert not any(map(alive, pids))
        with pytest.raises((UnreadableImage, Overloaded)):
            asked.result(timeout=30)
        with pytest.raises(Overloaded, match="stopping"):
            pool.decode(png(), size=SIZE, how=HOW)
        assert pool.processes == []


def test_decoders_know_no_settings_and_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATSEEK_OIDC_CLIENT_SECRET", "hush")
    with decoders(max_pixels=10**6) as pool:
        pool.warm_up()
        (pid,) = pool.processes
        assert b"hush" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert "1000" == Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="ascii").strip()
        used = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0])
        limit, _ = resource.prlimit(pid, resource.RLIMIT_AS)
        spare = limit - used * resource.getpagesize()
        assert 700 * 2**20 < spare < 900 * 2**20
        assert (0, 0) == resource.prlimit(pid, resource.RLIMIT_FSIZE)
        assert (0, 0) == resource.prlimit(pid, resource.RLIMIT_CORE)


def test_memory_is_limited() -> None:
    code = "from satseek.service.decoder import _limit; _limit(1); bytearray(2**31)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"MemoryError" in ended.stderr


def test_what_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_module, "decode_image", lambda *_, **__: bytearray(2**62))
    head, _ = decoder_module._answer({"size": 9, "how": {}}, b"x", max_pixels=9)
    assert head["error"] == "ImageTooLarge"


@pytest.mark.parametrize("work", ["idle", "busy"])
def test_decoders_die_with_their_server(slow: bytes, tmp_path: Path, work: str) -> None:
    (tmp_path / "slow.png").write_bytes(slow)
    code = (
        "import sys, pathlib, threading, time\n"
        "from satseek.service.decoding import Decoders\n"
        "from satseek.types import Preprocessing\n"
        "pool = Decoders(2, seconds=60, max_pixels=10**8)\n"
        "pool.warm_up()\n"
        "content = pathlib.Path(sys.argv[1]).read_bytes()\n"
        "def ask():\n"
        "    while True: pool.decode(content, size=9, how=Preprocessing())\n"
        "for _ in range(2 * (sys.argv[2] == 'busy')): threading.Thread(target=ask).start()\n"
        "time.sleep(0.3)\n"
        "print(*pool.processes, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "slow.png"), work]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        pids = [int(pid) for pid in server.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(alive, pids))
        server.kill()
    wait_until_gone(pids, seconds=0.3)  # less than the image would take


def test_threads_that_started_decoders_may_end() -> None:
    with decoders() as pool:
        starter = threading.Thread(target=pool.warm_up)
        starter.start()
        starter.join()
        before = pool.processes
        pool.decode(png(), size=SIZE, how=HOW)
        assert before == pool.processes


def test_images_that_come_while_decoders_start_wait_for_them() -> None:
    with decoders(2) as pool, ThreadPoolExecutor(5) as threads:
        warm = threads.submit(pool.warm_up)
        asked = [threads.submit(pool.decode, png(), size=SIZE, how=HOW) for _ in range(4)]
        assert [(SIZE, SIZE, 3)] * 4 == [one.result(timeout=60).shape for one in asked]
        assert warm.result(timeout=60) is None


def test_a_machine_that_can_start_nothing_for_a_while_costs_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with decoders() as pool:
        with monkeypatch.context() as full:
            full.setattr(sys, "executable", "/no/such/program")
            for attempt in (pool.warm_up, lambda: pool.decode(png(), size=SIZE, how=HOW)):
                with pytest.raises(Overloaded, match="does not start"):
                    attempt()
        with waiting(Patience(60)):
            assert (SIZE, SIZE, 3) == pool.decode(png(), size=SIZE, how=HOW).shape
