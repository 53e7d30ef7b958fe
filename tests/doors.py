"""Every door that vectors come through, as one small adapter each, and inputs to send through them.

A door turns texts, or image files, into vectors. Add a door: write a class with ``texts`` and
``images`` and name it in ``doors_of``.
"""

from __future__ import annotations

import base64
import io
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import httpx
import numpy as np
import openai
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from oddwords import ODD
from PIL import Image
from rasterio import Affine
from rasterio.io import MemoryFile

import satseek
from satseek.imagery.decode import decode_image
from satseek.service.rpc.generated import satseek_pb2 as messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from satseek.embed.embedder import Embedder
    from satseek.types import Vectors

MODEL = "satseek"
SECONDS = 60

LONGEST = 1000
"""Letters that the service's doors take."""

TEXTS = (*(text for text in ODD if len(text) <= LONGEST), "harbour boats " * 70, "x" * LONGEST)
"""Odd ones; some become more than 64 tokens."""

WORDLESS = ("", "   ", "!?.", "\n")
"""No word is left of them."""

NO_IMAGES = (b"", b"not an image", b"\x89PNG\r\n\x1a\n cut short", b"<svg/>")
"""No image is in them."""


class ItemRefusedError(Exception):
    """An item of a stream was answered with an error."""


class Door(Protocol):
    """A way to vectors."""

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, asked in one request."""

    def images(self, files: Sequence[bytes]) -> Vectors:
        """Vectors of image files, asked in one request."""


@dataclass
class Direct:
    """The embedder itself, without a server: what every other door must equal."""

    embedder: Embedder

    def texts(self, texts: Sequence[str]) -> Vectors:
        return self.embedder.embed_texts(texts)

    def images(self, files: Sequence[bytes]) -> Vectors:
        pixels = [decode_image(one, name="image", max_pixels=10**8).pixels for one in files]
        return self.embedder.embed_images(pixels)


@dataclass
class Rest:
    """``POST /v1/embed``."""

    client: httpx.Client
    encoding: str = "float"

    def texts(self, texts: Sequence[str]) -> Vectors:
        return self._ask("texts", texts)

    def images(self, files: Sequence[bytes]) -> Vectors:
        return self._ask("images", [base64.b64encode(one).decode() for one in files])

    def _ask(self, name: str, asked: Sequence[str]) -> Vectors:
        body = {name: list(asked), "encoding": self.encoding}
        answer = self.client.post("/v1/embed", json=body)
        answer.raise_for_status()
        vectors = answer.json()[name]
        if self.encoding == "base64":
            vectors = [np.frombuffer(base64.b64decode(one), "<f4") for one in vectors]
        return np.array(vectors, np.float32)


@dataclass
class Form(Rest):
    """The same, with files in a form."""

    def images(self, files: Sequence[bytes]) -> Vectors:
        parts = [("image", ("file", one)) for one in files]
        answer = self.client.post("/v1/embed", files=parts)
        answer.raise_for_status()
        return np.array(answer.json()["images"], np.float32)


@dataclass
class OpenAI:
    """The openai client, as published."""

    client: openai.OpenAI
    encoding: str | None = None

    def texts(self, texts: Sequence[str]) -> Vectors:
        return self._ask(texts)

    def images(self, files: Sequence[bytes]) -> Vectors:
        return self._ask(
            [f"data:image/any;base64,{base64.b64encode(one).decode()}" for one in files]
        )

    def _ask(self, asked: Sequence[str]) -> Vectors:
        more: Any = {"encoding_format": self.encoding} if self.encoding else {}
        answer = self.client.embeddings.create(model=MODEL, input=list(asked), **more)
        assert list(range(len(asked))) == [one.index for one in answer.data]
        vectors: list[Any] = [one.embedding for one in answer.data]
        if self.encoding == "base64":  # asked for so, the client leaves it to whoever asked
            vectors = [np.frombuffer(base64.b64decode(one), "<f4") for one in vectors]
        return np.array(vectors, np.float32)


@dataclass
class OpenInference:
    """tritonclient, as published, over HTTP or gRPC."""

    address: str
    client: ModuleType = over_http
    asking: dict[str, Any] = field(default_factory=dict)
    binary: bool = True

    def texts(self, texts: Sequence[str]) -> Vectors:
        encoded = np.array([one.encode() for one in texts], dtype=object)
        return self._ask("text", "text_vectors", encoded)

    def images(self, files: Sequence[bytes]) -> Vectors:
        return self._ask("image", "image_vectors", np.array(list(files), dtype=object))

    def _ask(self, name: str, output: str, elements: np.ndarray) -> Vectors:
        given = self.client.InferInput(name, [len(elements)], "BYTES")
        over_json = self.client is over_http and not self.binary
        if over_json:
            if name == "image":  # JSON holds no bytes
                elements = np.array([base64.b64encode(one) for one in elements], dtype=object)
            given.set_data_from_numpy(elements, binary_data=False)
        else:
            given.set_data_from_numpy(elements)
        more = {"binary_data": False} if over_json else {}
        wanted = [self.client.InferRequestedOutput(output, **more)]
        with self.client.InferenceServerClient(self.address) as client:
            answer = client.infer(MODEL, [given], outputs=wanted, **self.asking)
        return answer.as_numpy(output)


@dataclass
class Rpc:
    """``satseek.v1`` over gRPC: one call for all, or one item of a stream after the other."""

    channel: grpc.Channel
    method: str = "Embed"

    def texts(self, texts: Sequence[str]) -> Vectors:
        return self._ask([messages.Item(text=text) for text in texts])

    def images(self, files: Sequence[bytes]) -> Vectors:
        return self._ask([messages.Item(image=file) for file in files])

    def _ask(self, items: Sequence[messages.Item]) -> Vectors:
        path, request = f"/satseek.v1.Satseek/{self.method}", f"{self.method}Request"
        coded = {
            "request_serializer": getattr(messages, request).SerializeToString,
            "response_deserializer": getattr(messages, f"{self.method}Response").FromString,
        }
        if self.method == "Embed":
            call = self.channel.unary_unary(path, **coded)
            vectors = list(call(messages.EmbedRequest(items=items), timeout=SECONDS).vectors)
        else:
            each = self.channel.stream_stream(path, **coded)
            sent = (messages.EmbedEachRequest(item=item) for item in items)
            answers = list(each(sent, timeout=SECONDS))
            if any(one.HasField("error") for one in answers):
                raise ItemRefusedError
            vectors = [one.vector for one in answers]
        return np.array([one.values for one in vectors], np.float32)


@dataclass
class Sdk:
    """Our own client."""

    client: satseek.Client

    def texts(self, texts: Sequence[str]) -> Vectors:
        return self.client.embed_texts(texts).vectors

    def images(self, files: Sequence[bytes]) -> Vectors:
        return self.client.embed_images(list(files)).vectors


@contextmanager
def doors_of(url: str, rpc: str) -> Iterator[dict[str, Door]]:
    """Open every door of a server: its address over HTTP, and over gRPC."""
    plain, ours = url.removeprefix("http://"), f"{url}/v1"
    packed = {"request_compression_algorithm": "gzip"}
    with (
        httpx.Client(base_url=url, timeout=SECONDS) as rest,
        openai.OpenAI(base_url=ours, api_key="none", max_retries=0) as client,
        grpc.insecure_channel(rpc) as channel,
        satseek.Client(url) as sdk,
    ):
        yield {
            "REST": Rest(rest),
            "REST base64": Rest(rest, "base64"),
            "REST form": Form(rest),
            "OpenAI": OpenAI(client),
            "OpenAI float": OpenAI(client, "float"),
            "OpenAI base64": OpenAI(client, "base64"),
            "Open Inference binary": OpenInference(plain),
            "Open Inference JSON": OpenInference(plain, binary=False),
            "Open Inference gzip": OpenInference(plain, asking=packed),
            "Open Inference gRPC": OpenInference(rpc, over_grpc),
            "gRPC": Rpc(channel),
            "gRPC each": Rpc(channel, "EmbedEach"),
            "SDK": Sdk(sdk),
        }


def image_files() -> dict[str, bytes]:
    """Write one small image of every kind that people send."""
    rng = np.random.default_rng(3)
    samples = rng.integers(0, 255, (9, 12, 3)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    picture = Image.fromarray(samples)
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: a quarter turn (Exif 2.3, 4.6.4)
    return {
        "JPEG": _file(picture, "JPEG", quality=90),
        "PNG": _file(picture, "PNG"),
        "GeoTIFF": _geotiff(samples),
        "CMYK": _file(picture.convert("CMYK"), "JPEG"),
        "palette": _file(picture.quantize(16), "PNG"),
        "transparent": _file(picture.convert("RGBA"), "PNG"),
        "grey": _file(picture.convert("L"), "PNG"),
        "turned": _file(picture, "JPEG", exif=turned),
        "one pixel": _file(picture.crop((0, 0, 1, 1)), "PNG"),
    }


def _file(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _geotiff(samples: np.ndarray) -> bytes:
    height, width, bands = samples.shape
    how = {"driver": "GTiff", "dtype": "uint8", "photometric": "RGB", "crs": "EPSG:32633"}
    size = {"width": width, "height": height, "count": bands}
    with MemoryFile() as memory:
        place = Affine(10, 0, 512_000, 0, -10, 5_799_680)
        with memory.open(**how, **size, transform=place) as raster:
            raster.write(samples.transpose(2, 0, 1))
        return memory.read()
