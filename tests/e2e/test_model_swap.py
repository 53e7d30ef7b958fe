"""A real server under load while models are activated and rolled back by the real command."""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import serving
import starting

pytest.importorskip("torch", reason="torch is not installed: pip install 'satseek[torch]'")
pytest.importorskip("sentencepiece", reason="missing: pip install sentencepiece")

import versions
from shipped import flip_a_bit
from versions import ref_of

from satseek.assemble import Assembly
from satseek.imagery.decode import decode_image
from satseek.model.store import ModelStore
from satseek.search.classifying import classify, similarity
from satseek.search.searching import search
from satseek.settings import Settings
from satseek.types import Query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from satseek.model.bundle import Bundle

IN_FLIGHT = 50
NOTICED_SECONDS = 20
"""A machine busy with other tests; a quiet one needs less than one second."""

LABELS = ["a harbour", "a forest"]
TEXT = "a river mouth with sand banks"
COLLECTIONS = ("first", "second")
QUESTIONS = ("classify", "similarity", *COLLECTIONS)

Answer = dict[str, float]
"""What was computed: cosine by label, text or chip."""


@dataclass(frozen=True)
class Home:
    """A data folder with two versions of one model, and a collection made by each."""

    data: Path
    bundles: list[Bundle]
    picture: bytes

    @property
    def refs(self) -> list[str]:
        return [ref_of(bundle.card) for bundle in self.bundles]


@dataclass
class Load:
    """What the clients have seen so far."""

    seen: list[tuple[str, int, str, Answer]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)


def satseek(data: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [*starting.command(), "--data-dir", str(data), *arguments]
    environment = os.environ | {f"SATSEEK_{name.upper()}": it for name, it in settings.items()}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module", autouse=True)
def no_pin() -> Iterator[None]:
    """These tests are about a model that is not pinned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SATSEEK_MODEL", raising=False)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = tmp_path_factory.mktemp("swap")
    data, scenes = home / "data", serving.make_scenes(home / "scenes")
    bundles = versions.store_versions(data / "models", home)
    for name, bundle in zip(COLLECTIONS, bundles, strict=True):
        done = satseek(data, "index", str(scenes), "-c", name, model=ref_of(bundle.card))
        assert done.returncode == 0, done.stderr
    picture = serving.png(home / "picture.png", width=200, height=150).read_bytes()
    return Home(data, bundles, picture)


@pytest.fixture(scope="module")
def expected(home: Home) -> dict[tuple[str, str], Answer]:
    """Every answer by question and version, straight from the use-cases."""
    pixels = decode_image(home.picture, name="picture.png").pixels
    answers: dict[tuple[str, str], Answer] = {}
    for ref, name in zip(home.refs, COLLECTIONS, strict=True):
        parts = Assembly(Settings(data_dir=home.data, model=ref))
        (labels,) = classify([pixels], LABELS, embedder=parts.embedder, distractors=[])
        texts = similarity(pixels, LABELS, embedder=parts.embedder)
        for question, found in (("classify", labels.labels), ("similarity", texts)):
            answers[question, ref] = {one.label: one.scores["cosine"] for one in found}
        hits = search(
            Query(text=TEXT, k=20), index=parts.reader(name), embedder=parts.embedder
        ).hits
        answers[name, ref] = {hit.chip.id: hit.scores["cosine"] for hit in hits}
        parts.close()
    return answers


def ask(http: httpx.Client, question: str, picture: bytes) -> httpx.Response:
    if question == "classify":
        encoded = base64.b64encode(picture).decode()
        asked = {"image": encoded, "labels": LABELS, "distractors": []}
        return http.post("/v1/classify", json=asked)
    if question == "similarity":
        image = {"image": ("picture.png", picture)}
        return http.post("/v1/similarity", files=image, data={"text": "\n".join(LABELS)})
    return http.post("/v1/search", json={"collection": question, "text": TEXT, "k": 20})


def answer_in(content: dict[str, Any]) -> Answer:
    if "hits" in content:
        return {hit["chip"]: hit["scores"]["cosine"] for hit in content["hits"]}
    found = content["labels"] if "labels" in content else content["texts"]
    return {one["label"]: one["scores"]["cosine"] for one in found}


def keep_asking(
    url: str, load: Load, picture: bytes, *, seed: int, questions: Sequence[str] = QUESTIONS
) -> None:
    """Have one request in flight after the other."""
    draw = random.Random(seed)
    with httpx.Client(base_url=url, timeout=60) as http:
        while not load.stop.is_set():
            question = draw.choice(questions)
            try:
                response = ask(http, question, picture)
            except httpx.HTTPError as error:
                load.failures.append(f"{question}: {error!r}")
                continue
            if response.status_code != 200:
                load.failures.append(f"{question}: {response.status_code} {response.text}")
                continue
            content = response.json()
            model = f"{content['model']['name']}@{content['model']['version']}"
            load.seen.append((question, response.status_code, model, answer_in(content)))


def ready(server: serving.Server) -> dict[str, str]:
    response = httpx.get(f"{server.url}/readyz", timeout=60)
    assert response.status_code == 200
    return dict(response.json())


def wait_until(server: serving.Server, **wanted: str) -> dict[str, str]:
    """Wait until the readiness probe says so."""
    deadline = time.monotonic() + NOTICED_SECONDS
    while time.monotonic() < deadline:
        found = ready(server)
        if all(text in found.get(key, "") for key, text in wanted.items()):
            return found
        time.sleep(0.05)
    raise AssertionError(f"expected {wanted}, came {found}: {server.lines()[-2000:]}")


@pytest.fixture(scope="module")
def running(home: Home) -> Iterator[serving.Server]:
    limits = {"max_concurrent_requests": str(2 * IN_FLIGHT), "threads": "1"}
    with serving.running_server(home.data, **limits) as server:
        yield server


@pytest.fixture
def server(home: Home, running: serving.Server) -> serving.Server:
    """A server with the first version in force."""
    done = satseek(home.data, "model", "activate", home.refs[0])
    assert done.returncode == 0, done.stderr
    wait_until(running, model=home.refs[0])
    return running


def test_no_request_fails_and_every_answer_is_of_the_version_it_names(
    home: Home, server: serving.Server, expected: dict[tuple[str, str], Answer]
) -> None:
    first, second = home.refs
    turns = [
        (("activate", second), second),
        (("rollback",), first),
        (("activate", second), second),
        (("activate", first), first),
    ]
    with under_load(server, home.picture, clients=IN_FLIGHT) as load:
        for verb, wanted in turns:
            done = satseek(home.data, "model", *verb)
            assert done.returncode == 0, done.stderr
            wait_until(server, model=wanted)
    assert load.failures == []
    check_answers(load, expected, home)


@contextmanager
def under_load(
    server: serving.Server, picture: bytes, *, clients: int, questions: Sequence[str] = QUESTIONS
) -> Iterator[Load]:
    """Keep so many requests in flight meanwhile."""
    load = Load()

    def ask_on(seed: int) -> None:
        keep_asking(server.url, load, picture, seed=seed, questions=questions)

    with ThreadPoolExecutor(clients) as pool:
        asking = [pool.submit(ask_on, seed) for seed in range(clients)]
        try:
            yield load
        finally:
            load.stop.set()
        for client in asking:
            client.result()


def check_answers(load: Load, expected: dict[tuple[str, str], Answer], home: Home) -> None:
    """Every answer is that of the version it names, and of no other."""
    for question in ("classify", "similarity"):
        one, other = (expected[question, ref] for ref in home.refs)
        assert min(abs(one[label] - other[label]) for label in LABELS) > 0.001
    for question, _, model, answer in load.seen:
        assert answer == pytest.approx(expected[question, model], abs=1e-5), (question, model)
    asked = Counter((question, model) for question, _, model, _ in load.seen)
    for question in ("classify", "similarity"):
        assert all(asked[question, ref] > 0 for ref in home.refs)
    assert asked[COLLECTIONS[0], home.refs[0]] > 0
    assert asked[COLLECTIONS[1], home.refs[1]] > 0
    assert len(load.seen) > 4 * IN_FLIGHT


def test_what_cannot_serve_is_refused_and_the_model_in_force_goes_on(
    home: Home, server: serving.Server, tmp_path: Path
) -> None:
    broken = versions.store_broken(home.data / "models", tmp_path, like=home.bundles[1])
    done = satseek(home.data, "model", "activate", ref_of(broken.card), "--force")
    assert done.returncode == 0, done.stderr
    found = wait_until(server, refused="expected features")
    assert found["model"] == home.refs[0]
    assert str(home.data) not in found["refused"]
    assert server.lines().count("model refused") == 1
    with httpx.Client(base_url=server.url, timeout=60) as http:
        assert ref_of_shown(ask(http, "classify", home.picture)) == home.refs[0]
    figures = httpx.get(f"{server.url}/metrics", timeout=60).text
    name, version = home.refs[0].split("@")
    assert f'satseek_model_info{{name="{name}",version="{version}"}} 1.0' in figures
    assert 'satseek_model_swaps_total{outcome="refused"} 1.0' in figures
    assert satseek(home.data, "model", "rollback").returncode == 0
    deadline = time.monotonic() + NOTICED_SECONDS
    while "refused" in ready(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ready(server) == {"status": "ready", "model": home.refs[0]}


def ref_of_shown(response: httpx.Response) -> str:
    model = response.raise_for_status().json()["model"]
    return f"{model['name']}@{model['version']}"


def test_a_version_whose_weights_changed_on_disk_never_serves(
    home: Home, server: serving.Server
) -> None:
    assert satseek(home.data, "model", "activate", home.refs[1]).returncode == 0
    wait_until(server, model=home.refs[1])
    tower = home.bundles[0].image_tower
    whole = tower.read_bytes()
    flip_a_bit(tower)
    try:
        assert satseek(home.data, "model", "rollback").returncode == 0
        found = wait_until(server, refused="image.onnx")
        assert found["model"] == home.refs[1]
        assert httpx.get(f"{server.url}/v1/model", timeout=60).json()["version"] in home.refs[1]
    finally:
        tower.write_bytes(whole)
        satseek(home.data, "model", "activate", home.refs[1])
    assert ModelStore(home.data / "models").verify(home.refs[0]) == []


def test_a_collection_is_embedded_again_while_it_is_searched(
    home: Home, server: serving.Server, expected: dict[tuple[str, str], Answer]
) -> None:
    collections = home.data / "collections"
    shutil.copytree(collections / "first", collections / "third")
    with under_load(server, home.picture, clients=4, questions=["third"]) as load:
        for ref in reversed(home.refs):
            done = satseek(home.data, "collection", "reembed", "third", "--to", ref)
            assert done.returncode == 0, done.stderr
    assert load.failures == []
    assert {model for _, _, model, _ in load.seen} == set(home.refs)
    by_ref = {ref: expected[name, ref] for name, ref in zip(COLLECTIONS, home.refs, strict=True)}
    one, other = by_ref.values()
    assert max(abs(one[chip] - other[chip]) for chip in one) > 0.01
    for _, _, model, answer in load.seen:
        assert answer == pytest.approx(by_ref[model], abs=1e-4), model


def test_a_command_answers_with_the_model_that_made_the_collection(home: Home) -> None:
    assert satseek(home.data, "model", "activate", home.refs[1]).returncode == 0
    done = satseek(home.data, "search", TEXT, "-c", "first", "-k", "3", "--json")
    assert done.returncode == 0, done.stderr
    cosines = [hit["scores"]["cosine"] for hit in json.loads(done.stdout)["hits"]]
    assert len(cosines) == 3
    refused = satseek(home.data, "search", TEXT, "-c", "first", model=ref_of(home.bundles[1].card))
    assert refused.returncode == 5
    for part in (*home.refs, "satseek collection reembed first"):
        assert part in refused.stderr
