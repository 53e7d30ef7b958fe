"""Few images are decoded at once, whatever else goes on meanwhile."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import numpy as np
import pytest
import serving

from satseek.assemble import Assembly
from satseek.errors import Overloaded
from satseek.imagery.decode import decode_image
from satseek.service.application import create_application
from satseek.service.bodies import decode
from satseek.service.running import Running
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assembly]:
    home = tmp_path_factory.mktemp("decoding")
    serving.index(home / "data", serving.make_scenes(home / "scenes"), "small")
    model = os.environ.get("SATSEEK_MODEL")
    settings = {"data_dir": home / "data"} | ({"model": model} if model else {})
    assembly = Assembly(Settings(**settings))
    yield assembly
    assembly.close()


def test_uploads_and_thumbnails_wait_for_a_decoder_and_words_do_not(
    assembly: Assembly, tmp_path: Path
) -> None:
    image = serving.png(tmp_path / "a.png").read_bytes()
    encoded = base64.b64encode(image).decode()
    answered: list[str] = []

    async def check() -> None:
        application = create_application(assembly)
        decoders = application.state.running.decoders
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:

            async def ask(method: str, path: str, **asked: Any) -> None:
                response = await http.request(method, path, **asked)
                assert response.status_code == 200, response.text
                answered.append(path)

            found = await http.get("/v1/search", params={"text": "x", "k": 1})
            thumbnail = found.json()["hits"][0]["thumbnail"]
            for holder in range(assembly.settings.decoders):
                decoders.acquire_on_behalf_of_nowait(holder)
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(lambda: ask("GET", thumbnail))
                waiting.start_soon(lambda: ask("POST", "/v1/search", json={"image": encoded}))
                labelled = {"image": encoded, "labels": ["a"]}
                waiting.start_soon(lambda: ask("POST", "/v1/classify", json=labelled))
                compared = {"image": encoded, "text": ["a"]}
                waiting.start_soon(lambda: ask("POST", "/v1/similarity", json=compared))
                with anyio.fail_after(60):
                    while decoders.statistics().tasks_waiting < 4:  # noqa: ASYNC110 (limiters give no notice)
                        await anyio.sleep(0.01)
                await ask("GET", "/v1/search?text=x")
                assert answered == ["/v1/search?text=x"]
                for holder in range(assembly.settings.decoders):
                    decoders.release_on_behalf_of(holder)

    anyio.run(check)
    assert len(answered) == 5


def test_more_than_may_wait_are_refused(assembly: Assembly) -> None:
    async def check() -> None:
        settings = assembly.settings.model_copy(update={"queue_rows": 1})
        running = Running.of(Assembly(settings))
        for holder in range(settings.decoders):
            running.decoders.acquire_on_behalf_of_nowait(holder)
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(running.in_decoder, lambda: None)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(Overloaded, match="1 images wait"):
                await running.in_decoder(lambda: None)
            for holder in range(settings.decoders):
                running.decoders.release_on_behalf_of(holder)

    anyio.run(check)


def test_a_decoded_image_is_kept_small_and_means_the_same(
    assembly: Assembly, tmp_path: Path
) -> None:
    content = serving.png(tmp_path / "wide.png", width=900, height=700).read_bytes()
    card = assembly.model().card
    size = card.image_size

    async def decoded() -> np.ndarray:
        running = Running.of(assembly)
        try:
            return await decode(content, card, running=running)
        finally:
            running.decoding.close()

    pixels = anyio.run(decoded)
    assert pixels.shape == (size, size, 3)
    whole = decode_image(content, name="wide.png").pixels
    vectors = assembly.embedder.embed_images([pixels, whole])
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_mutated_images_are_refused_and_leave_nothing_behind(tmp_path: Path) -> None:
    bench = Path(__file__).parents[2] / "bench" / "fuzz_images.py"
    command = [sys.executable, bench, "--count", "300", "--seed", "7"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    outcome = json.loads(ended.stdout)
    assert 300 == sum(outcome["statuses"].values())
    assert set(outcome["statuses"]) <= {"200", "413", "422"}
    assert outcome["statuses"]["200"] > 30
    assert [] == outcome["left"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_leaves_no_decoder_behind(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "data").mkdir()
    with serving.running_server(tmp_path / "data", plain=True, decoders="3") as server:
        image = {"image": serving.png(tmp_path / "a.png").read_bytes()}
        asked = httpx.post(f"{server.url}/v1/similarity", data={"text": "a"}, files=image)
        assert asked.status_code == 200, asked.text
        pids = decoders_of(server.process.pid)
        assert 3 == len(pids)
        server.process.send_signal(number)
        server.process.wait(timeout=40)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def decoders_of(server: int) -> list[int]:
    tasks = Path(f"/proc/{server}/task").iterdir()
    children = " ".join((task / "children").read_text(encoding="ascii") for task in tasks).split()
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
    return [int(pid) for pid, line in lines.items() if b"satseek.service.decoder" in line]
