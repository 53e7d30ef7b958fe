"""The same image or text gives the same vector through every door, whoever asks beside it.

What every door must equal is the embedder itself, asked for one input at a time. The servers keep
no vectors (``cache_bytes=0``), so that each answer is computed for the request that asks for it.

That this suite can fail is shown here, too: ``test_a_wrong_padding_is_noticed`` pads texts to the
longest of their batch, as ``padding=True`` does in public servers, and the same comparison that the
doors pass finds it.
"""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import starting

pytest.importorskip("grpc", reason="grpc is not on this machine: pip install 'satseek[grpc]'")
pytest.importorskip("openai", reason="openai is not on this machine: pip install openai")
pytest.importorskip("tritonclient", reason="tritonclient is not on this machine")

import grpc
import httpx
import numpy as np
import openai
from doors import (
    NO_IMAGES,
    TEXTS,
    WORDLESS,
    Direct,
    Door,
    ItemRefusedError,
    doors_of,
    image_files,
)
from serving import running_server
from tritonclient.utils import InferenceServerException

from satseek.embed.embedder import Embedder
from satseek.engines.choosing import Asked, choose_engines, open_engine
from satseek.errors import SatseekError
from satseek.model.bundle import starter_bundle
from satseek.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from satseek.model.bundle import Bundle
    from satseek.types import TokenIds, Vectors

TOLERANCE = 1e-6
"""Largest difference of a component between a batch and the same input alone. Alone it is none: the
same numbers are computed, and every door carries float32 bit by bit (JSON in 17 digits)."""

SHORT = tuple(text for text in TEXTS if len(text) <= 30)
"""Texts that leave most of the context to padding."""

CALLERS = 8
"""Requests at once."""

DOORS = (
    "REST",
    "REST base64",
    "REST form",
    "OpenAI",
    "OpenAI float",
    "OpenAI base64",
    "Open Inference binary",
    "Open Inference JSON",
    "Open Inference gzip",
    "Open Inference gRPC",
    "gRPC",
    "gRPC each",
    "SDK",
)

REFUSALS = (
    httpx.HTTPStatusError,
    openai.APIStatusError,
    InferenceServerException,
    grpc.RpcError,
    ItemRefusedError,
    SatseekError,
)
"""How the clients say that they were refused."""


@dataclass
class House:
    """A server, its doors, and what they must equal."""

    client: httpx.Client
    doors: dict[str, Door]
    direct: Direct
    bundle: Bundle
    seen: dict[str | bytes, Vectors] = field(default_factory=dict)

    def reference(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, each embedded alone."""
        return np.concatenate([self._one(text, self.direct.texts) for text in texts])

    def image_reference(self, files: Sequence[bytes]) -> Vectors:
        return np.concatenate([self._one(file, self.direct.images) for file in files])

    def _one(self, asked: Any, embed: Callable[[list[Any]], Vectors]) -> Vectors:
        if asked not in self.seen:
            self.seen[asked] = embed([asked])
        return self.seen[asked]


@pytest.fixture(scope="module", params=["float", "int8"])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("doors")
    bundle = starter_bundle() if request.param == "float" else _int8(folder)
    data = folder / "data"
    data.mkdir()
    with running_server(data, model=str(bundle.folder), cache_bytes="0", grpc_port="0") as server:
        rpc = re.search(r"gRPC on (\S+:\d+)", server.lines())
        assert rpc
        with doors_of(server.url, rpc[1]) as doors, httpx.Client(base_url=server.url) as client:
            assert set(DOORS) == set(doors)
            yield House(client, doors, Direct(_embedder(bundle, Tokenizer)), bundle)


@pytest.mark.parametrize("name", DOORS)
def test_texts_alone_are_the_embedders_own_bit_by_bit(house: House, name: str) -> None:
    door = house.doors[name]

    found = np.concatenate([door.texts([text]) for text in TEXTS])

    np.testing.assert_array_equal(house.reference(TEXTS), found)


@pytest.mark.parametrize("name", DOORS)
def test_images_alone_are_the_embedders_own_bit_by_bit(house: House, name: str) -> None:
    door, files = house.doors[name], image_files()

    found = np.concatenate([door.images([file]) for file in files.values()])

    expected = house.image_reference(list(files.values()))
    differing = [kind for kind, a, b in zip(files, expected, found, strict=True) if (a != b).any()]
    assert [] == differing


def test_the_command_line_gives_the_same_vectors(house: House, tmp_path: Path) -> None:
    texts = [text for text in TEXTS if "\0" not in text]  # no argument of a program can hold it
    files, out = image_files(), tmp_path / "vectors.npy"
    command = [*starting.command(), "--data-dir", str(tmp_path / "data")]
    command += ["--model", str(house.bundle.folder), "embed", "--out", str(out)]
    for number, content in enumerate(files.values()):
        (tmp_path / str(number)).write_bytes(content)
        command += ["--image", str(tmp_path / str(number))]

    subprocess.run([*command, "--", *texts], check=True, capture_output=True)

    expected = [house.reference(texts), house.image_reference(list(files.values()))]
    np.testing.assert_allclose(np.concatenate(expected), np.load(out), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", DOORS)
def test_a_batch_changes_no_vector(house: House, name: str) -> None:
    files = list(image_files().values())

    assert set() == differing(house.doors[name], house)
    np.testing.assert_allclose(
        house.image_reference(files), house.doors[name].images(files), rtol=0, atol=TOLERANCE
    )


@pytest.mark.parametrize("name", DOORS)
def test_those_who_ask_at_the_same_time_change_no_vector(house: House, name: str) -> None:
    door, files = house.doors[name], list(image_files().values())

    with ThreadPoolExecutor(CALLERS) as pool:
        texts = pool.map(lambda text: door.texts([text]), TEXTS)
        images = pool.map(lambda file: door.images([file]), files)
        found = np.concatenate([*texts, *images])

    expected = np.concatenate([house.reference(TEXTS), house.image_reference(files)])
    np.testing.assert_allclose(expected, found, rtol=0, atol=TOLERANCE)


def test_all_doors_at_once_change_no_vector(house: House) -> None:
    expected = house.reference(TEXTS[:12])

    with ThreadPoolExecutor(CALLERS) as pool:
        found = list(pool.map(lambda door: door.texts(TEXTS[:12]), list(house.doors.values()) * 2))

    for vectors in found:
        np.testing.assert_allclose(expected, vectors, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", DOORS)
def test_what_has_no_word_or_no_image_is_refused(house: House, name: str) -> None:
    door = house.doors[name]

    for text in WORDLESS:
        with pytest.raises(REFUSALS):
            door.texts(["a harbour", text])
    for file in NO_IMAGES:
        with pytest.raises(REFUSALS):
            door.images([file])


def test_similarity_compares_the_same_vectors(house: House) -> None:
    texts = ["a harbour", "DENSE forest!", "river " * 90]

    for kind, file in image_files().items():
        asked = {"text": "\n".join(texts)}
        sent = {"image": (kind, file)}
        answer = house.client.post("/v1/similarity", files=sent, data=asked, timeout=60)
        found = [one["scores"]["cosine"] for one in answer.json()["texts"]]

        expected = house.direct.images([file]) @ house.direct.texts(texts).T
        np.testing.assert_allclose(expected[0], found, rtol=0, atol=TOLERANCE)


def test_a_wrong_padding_is_noticed(house: House) -> None:
    wrong = _embedder(house.bundle, _LongestOfTheBatch)

    assert set() == differing(house.direct, house)
    assert len(SHORT) - 1 <= len(differing(Direct(wrong), house))  # all but the longest


def differing(door: Door, house: House) -> set[str]:
    """Return the texts whose vector in a batch is not the one that each has alone.

    Batches of short texts alone, too: beside one that fills the context, padding to the longest is
    padding to the context length.
    """
    found = set()
    for batch in (_fresh(TEXTS), _fresh(SHORT)):
        off = np.abs(house.reference(batch) - door.texts(batch)).max(axis=1) > TOLERANCE
        found |= {text for text, is_off in zip(batch, off, strict=True) if is_off}
    return found


def _fresh(texts: Sequence[str]) -> list[str]:
    """Write texts so that nobody has seen them, while their words stay odd."""
    return [f"{text[:900]} among {len(texts)}" for text in texts]


class _LongestOfTheBatch(Tokenizer):
    """Pads to the longest of a batch; what is left is zeros."""

    def encode(self, texts: Sequence[str]) -> TokenIds:
        ids = super().encode(texts)
        ids[:, max(self.count(text) for text in texts) :] = 0
        return ids


def _embedder(bundle: Bundle, kind: type[Tokenizer]) -> Embedder:
    asked = Asked(engine="onnxruntime", device="cpu", precision="float32", threads=None)
    engine = open_engine(bundle, choose_engines(bundle.card, asked, folder=bundle.folder).single)
    return Embedder(engine, kind.from_bundle(bundle))


def _int8(folder: Path) -> Bundle:
    pytest.importorskip(
        "onnx", reason="onnx is not on this machine: pip install 'satseek[quantize]'"
    )
    from int8maker import make_int8  # noqa: PLC0415 (needs onnx)

    room = folder / "int8"
    room.mkdir()
    return make_int8(starter_bundle(), room)
