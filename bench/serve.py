"""What does the service make of an engine, and how does it stand beside others that serve a model?

One run, in turn: the engine alone (its best batch), satseek, FastAPI around transformers as in
tutorials, and infinity-emb if an environment with it is named. Clients 1, 8, 32 and 128 in a closed
loop, each request with one input; then 80 % of what was reached in open ones, once at a constant
rate and once as people come by themselves (Poisson). Of satseek also requests of 32 inputs: texts,
JPEGs, and tensors of the Open Inference Protocol. Texts are short, or fill the context: a server
that pads to the longest of a batch is faster on short ones, and wrong, so each server's vectors are
compared with those of transformers (``cosine_to_transformers``, the lowest of a few). The cache is
off, save where a repeated search is timed. All share the machine's cores: engine, server, decoders,
and the clients.
Run: ``python bench/serve.py [--weights FOLDER --bundle FOLDER] [--infinity VENV]``.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from PIL import Image

BENCH = Path(__file__).parent
sys.path.insert(0, str(BENCH))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Door: TypeAlias = tuple[str, dict[str, Callable[[], bytes]], Callable[[str, str], np.ndarray]]
    """Address, what is asked, and how a text or a JPEG in base64 becomes a vector."""

from serving.load import closed, opened, request  # noqa: E402

CLIENTS = (1, 8, 32, 128)
MANY = 32
MANY_CLIENTS = (1, 8)
LOAD = 0.8
IMAGES = 1024
"""Different ones: the same image twice at once is computed once."""

IMAGE_PX = 256
START_SECONDS = 240
ORACLE = "FastAPI around transformers"
"""Pads as SigLIP was trained: what the others should equal."""
WORDS = ("harbour", "airport", "quarry", "forest", "river", "lake", "stadium", "bridge", "mine")

ENGINE = """
import json, sys, time
import numpy as np
from pathlib import Path
from satseek.engines.choosing import Asked, choose_engines, open_engine
from satseek.model.bundle import open_bundle
from satseek.model.tokenizer import Tokenizer
bundle = open_bundle(Path(sys.argv[1]))
card = bundle.card
asked = Asked(engine="onnxruntime", device="cpu", precision="float32", threads=int(sys.argv[3]))
engine = open_engine(bundle, choose_engines(card, asked, folder=Path(sys.argv[2])).single)
ids = Tokenizer.from_bundle(bundle).encode(["a harbour beside a river"])
tensor = np.zeros((1, 3, card.image_size, card.image_size), np.float32)
found = {}
towers = (("text", engine.text_features, ids), ("image", engine.image_features, tensor))
for tower, run, row in towers:
    best = 0.0
    for batch in (1, 8, 16, 32):
        rows = np.repeat(row, batch, axis=0)
        run(rows)
        times = []
        ends = time.perf_counter() + float(sys.argv[4])
        while time.perf_counter() < ends or len(times) < 3:
            started = time.perf_counter()
            run(rows)
            times.append(time.perf_counter() - started)
        found[f"{tower}_{batch}_ms"] = round(1000 * sorted(times)[len(times) // 2], 3)
        best = max(best, batch / sorted(times)[len(times) // 2])
    found[f"{tower}_per_s"] = round(best, 2)
print(json.dumps(found))
"""


def main() -> None:
    """Measure and print one JSON object."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        report = {"threads": asked.threads, "seconds": asked.seconds, "models": {}}
        for name, weights, bundle in asked.models:
            report["models"][name] = _measure(
                weights, bundle, folder=Path(folder), asked=asked, name=name
            )
    print(json.dumps(report))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each closed loop")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--clients", type=int, nargs="*", default=list(CLIENTS))
    parser.add_argument("--infinity", type=Path, help="environment that infinity-emb is in")
    parser.add_argument("--weights", type=Path, help="Hugging Face folder of another model")
    parser.add_argument("--bundle", type=Path, help="bundle made of it, such as an INT8 one")
    parser.add_argument("--no-starter", action="store_true")
    asked = parser.parse_args()
    starter = BENCH.parent / "src" / "satseek" / "model" / "starter"
    asked.models = [] if asked.no_starter else [("starter", starter, starter)]
    if asked.weights and asked.bundle:
        asked.models.append((asked.bundle.resolve().parent.name, asked.weights, asked.bundle))
    return asked


def _measure(
    weights: Path, bundle: Path, *, folder: Path, asked: argparse.Namespace, name: str
) -> dict[str, Any]:
    own = folder / name
    shutil.copytree(weights, own, ignore=shutil.ignore_patterns("*.onnx", "gate.json"))
    found: dict[str, Any] = {"engine": _engine(bundle, folder, asked)}
    vectors: dict[str, dict[str, np.ndarray]] = {}
    servers = {"satseek": lambda: _satseek(bundle, folder / "data", asked, cache_bytes=0)}
    servers[ORACLE] = lambda: _tutorial(own, asked)
    if (
        asked.infinity and name != "starter"
    ):  # its transformers does not know the starter's text head
        servers["infinity-emb"] = lambda: _infinity(own, asked)
    for server, start in servers.items():
        print(f"{name}: {server} …", file=sys.stderr, flush=True)
        with start() as (url, asks, embed):
            vectors[server] = {
                kind: np.stack([embed(kind, one) for one in probes])
                for kind, probes in _probes().items()
            }
            found[server] = _served(url, asks, asked)
    for server, own in vectors.items():
        for kind, rows in own.items():
            cosines = (rows * vectors[ORACLE][kind]).sum(axis=1)
            found[server][kind]["cosine_to_transformers"] = round(float(cosines.min()), 4)
    if name == "starter":
        found["repeated search"] = _repeated(bundle, folder, asked)
    mine = found["satseek"]
    for kind, loops in mine.items():
        tower = "image" if kind.startswith(("image", "tensor")) else "text"
        best = max(one["inputs_per_s"] for one in loops["closed"].values())
        found[f"{kind}_of_engine"] = round(best / found["engine"][f"{tower}_per_s"], 3)
    for tower in ("text", "image"):
        overhead = mine[tower]["closed"]["1"]["p50_ms"] - found["engine"][f"{tower}_1_ms"]
        found[f"{tower}_overhead_ms"] = round(overhead, 2)
    return found


def _served(url: str, asks: dict[str, Callable[[], bytes]], asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind, make in asks.items():
        asyncio.run(closed(url, make, clients=4, seconds=2.0))  # warm
        inputs = MANY if str(MANY) in kind else 1
        loops = {}
        for clients in asked.clients if inputs == 1 else MANY_CLIENTS:
            seen = asyncio.run(closed(url, make, clients=clients, seconds=asked.seconds)).figures()
            loops[str(clients)] = seen | {"inputs_per_s": inputs * seen.get("per_s", 0)}
        found[kind] = {"closed": loops}
        if inputs > 1:
            continue
        best = max(float(one["inputs_per_s"]) for one in loops.values())
        for name, constant in (("constant", True), ("poisson", False)):
            at_load = asyncio.run(
                opened(url, make, rate=LOAD * best, seconds=2 * asked.seconds, constant=constant)
            )
            found[kind][f"open_at_80_percent_{name}"] = at_load.figures()
    return found


def _repeated(bundle: Path, folder: Path, asked: Any) -> dict[str, Any]:
    """The same search of the demonstration's collection again and again, as a dashboard asks it."""
    demo = [sys.executable, "-m", "satseek", "demo", "run", "--folder", str(folder / "demo")]
    subprocess.run([*demo, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    with _satseek(bundle, folder / "demo" / "data", asked) as (url, _, _):
        once = request(
            url.removeprefix("http://"), "/v1/search", _json({"text": "a harbour", "k": 10})
        )
        return {
            f"{clients} clients": asyncio.run(
                closed(url, lambda: once, clients=clients, seconds=asked.seconds)
            ).figures()
            for clients in (1, 8)
        }


def _engine(bundle: Path, folder: Path, asked: Any) -> dict[str, Any]:
    command = [sys.executable, "-c", ENGINE, str(bundle), str(folder), str(asked.threads), "2.0"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@contextmanager
def _satseek(
    bundle: Path, data: Path, asked: Any, *, cache_bytes: int | None = None
) -> Iterator[Door]:
    log = data.parent / "satseek.log"
    command = [sys.executable, "-m", "satseek", "--data-dir", str(data)]
    command += ["--model", str(bundle), "--threads", str(asked.threads), "serve", "--port", "0"]
    # Without a cache where throughput is timed: the same few images come again and again.
    settings = {} if cache_bytes is None else {"SATSEEK_CACHE_BYTES": str(cache_bytes)}
    with _started(command, log, settings):
        url = _waited(log, r"serving on (http://[0-9.]+:\d+)")
        _ready(f"{url}/readyz")
        host = url.removeprefix("http://")

        def embed(**what: list[str]) -> bytes:
            return request(host, "/v1/embed", _json({**what, "encoding": "base64"}))

        tensors = _tensors(httpx.get(f"{url}/v2/models/satseek").json())
        yield (
            url,
            {
                "text": lambda: embed(texts=[_text()]),
                "long_text": lambda: embed(texts=[_long_text()]),
                "image": lambda: embed(images=[_image()]),
                f"text_{MANY}": lambda: embed(texts=[_text() for _ in range(MANY)]),
                f"image_{MANY}": lambda: embed(images=[_image() for _ in range(MANY)]),
                f"tensor_{MANY}": lambda: request(
                    host,
                    "/v2/models/satseek/infer",
                    tensors[1],
                    media="application/octet-stream",
                    headers=f"inference-header-content-length: {tensors[0]}\r\n",
                ),
            },
            lambda kind, one: _unit(
                _posted(f"{url}/v1/embed", {_TOWERS[kind]: [one]})[_TOWERS[kind]][0]
            ),
        )


@contextmanager
def _tutorial(weights: Path, asked: Any) -> Iterator[Door]:
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "tutorial:app", "--port", str(port)]
    command += ["--app-dir", str(BENCH / "serving"), "--log-level", "warning"]
    environment = {"MODEL": str(weights), "THREADS": str(asked.threads), "HF_HUB_OFFLINE": "1"}
    with _started(command, weights.parent / "tutorial.log", environment):
        url = f"http://127.0.0.1:{port}"
        _ready(f"{url}/openapi.json")
        host = url.removeprefix("http://")
        yield (
            url,
            {
                "text": lambda: request(host, "/embed", _json({"text": _text()})),
                "long_text": lambda: request(host, "/embed", _json({"text": _long_text()})),
                "image": lambda: request(host, "/embed", _json({"image": _image()})),
            },
            lambda kind, one: _unit(
                _posted(f"{url}/embed", {_TOWERS[kind].removesuffix("s"): one})["vector"]
            ),
        )


@contextmanager
def _infinity(weights: Path, asked: Any) -> Iterator[Door]:
    port = _free_port()
    command = [str(asked.infinity / "bin" / "infinity_emb"), "v2", "--model-id", str(weights)]
    command += ["--served-model-name", "model", "--port", str(port), "--engine", "torch"]
    command += ["--device", "cpu", "--dtype", "float32", "--no-bettertransformer"]
    command += ["--no-model-warmup", "--batch-size", "32"]
    environment = {
        "HF_HUB_OFFLINE": "1",
        "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": str(asked.threads),
    }
    with _started(command, weights.parent / "infinity.log", environment):
        url = f"http://127.0.0.1:{port}"
        _ready(f"{url}/health")
        host = url.removeprefix("http://")

        def fields(kind: str, one: str) -> dict[str, Any]:
            if kind != "image":
                return {"model": "model", "input": [one]}
            address = f"data:image/jpeg;base64,{one}"
            return {"model": "model", "modality": "image", "input": [address]}

        def ask(kind: str, one: str) -> bytes:
            return request(
                host, "/embeddings", _json(fields(kind, one) | {"encoding_format": "base64"})
            )

        yield (
            url,
            {
                "text": lambda: ask("text", _text()),
                "long_text": lambda: ask("text", _long_text()),
                "image": lambda: ask("image", _image()),
            },
            lambda kind, one: _unit(
                _posted(f"{url}/embeddings", fields(kind, one))["data"][0]["embedding"]
            ),
        )


@contextmanager
def _started(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env=os.environ | environment, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=60)


def _waited(log: Path, pattern: str) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = re.search(pattern, log.read_text(encoding="utf-8"))
        if found:
            return found[1]
        time.sleep(0.1)
    raise RuntimeError(log.read_text(encoding="utf-8")[-2000:])


def _ready(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"{url}: not ready within {START_SECONDS} s")


_count = itertools.count()


def _text() -> str:
    """A text that nobody has asked before."""
    at = next(_count)
    first, second = WORDS[at % len(WORDS)], WORDS[at // len(WORDS) % len(WORDS)]
    return f"a {first} next to the {second} number {at}"


def _long_text() -> str:
    """A text that nobody has asked before, and that fills the context."""
    return f"number {next(_count)}: " + " and ".join(f"a {word} beside it" for word in WORDS * 4)


def _probes() -> dict[str, list[str]]:
    """A few inputs of each kind, the same for every server."""
    return {
        "text": ["a harbour", "storage tanks beside a river"],
        "long_text": [" and ".join(f"a {word} beside it" for word in WORDS * 4)],
        "image": _JPEGS[:3],
    }


_TOWERS = {"text": "texts", "long_text": "texts", "image": "images"}


def _posted(url: str, fields: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.post(url, json=fields, timeout=120).raise_for_status().json()
    return answer


def _unit(vector: list[float]) -> np.ndarray:
    found = np.asarray(vector, np.float64)
    return np.asarray(found / np.linalg.norm(found))


def _image() -> str:
    """A JPEG in base64."""
    return _JPEGS[next(_count) % len(_JPEGS)]


def _jpegs() -> list[str]:
    rng = np.random.default_rng(11)
    made = []
    for _ in range(IMAGES):
        coarse = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((IMAGE_PX, IMAGE_PX), Image.Resampling.BICUBIC)
        content = io.BytesIO()
        image.save(content, format="JPEG", quality=85)
        made.append(base64.b64encode(content.getvalue()).decode())
    return made


def _tensors(metadata: dict[str, Any]) -> tuple[int, bytes]:
    """Write a request of the binary extension: the length of its head, and all of it."""
    shape = next(one["shape"] for one in metadata["inputs"] if one["name"] == "pixel_values")
    rows = np.random.default_rng(11).standard_normal((MANY, *shape[1:]), dtype=np.float32)
    head = _json(
        {
            "inputs": [
                {
                    "name": "pixel_values",
                    "shape": list(rows.shape),
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": rows.nbytes},
                }
            ],
            "parameters": {"binary_data_output": True},
        }
    )
    return len(head), head + rows.tobytes()


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


_JPEGS = _jpegs()

if __name__ == "__main__":
    main()
