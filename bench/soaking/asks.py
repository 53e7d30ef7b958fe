"""Seeds → requests of every kind that clients send, and what a right answer to each looks like.

Knows the wire of each door, and nothing of when requests are sent.
"""

from __future__ import annotations

import base64
import io
import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from satseek.service.rpc.generated import satseek_pb2 as messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from soaking.lines import Answer

WORDS = ("harbour", "airport", "quarry", "forest", "river", "lake", "stadium", "bridge", "mine")
LABELS = ("water", "buildings", "a forest", "farmland")
K = 5
EDGE = b"satseekedge"
"""Between the parts of a form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One accepted answer, to be compared with the engine's own."""

    kind: str
    texts: tuple[str, ...] = ()
    """What was asked in words."""
    image: bytes = b""
    """What was asked by an image."""
    vectors: np.ndarray | None = None
    """What was answered; None: hits or labels were."""
    scores: dict[str, float] = field(default_factory=dict)
    """Cosine by chip, or by label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request."""

    kind: str
    content: bytes = b""
    """Of HTTP, whole."""
    rpc: tuple[str, Any] | None = None
    """Of gRPC instead: method, and its message or a list of them."""
    read: Callable[[Any], Sample | None] = lambda _: None
    """Answer → what can be compared; raises where it is no right answer."""
    right: frozenset[int] = frozenset({200})
    """Statuses of a right answer over HTTP."""
    vanishes: bool = False
    """True: the client goes away before its answer."""


class Asks:
    """The mix."""

    def __init__(self, host: str, *, thumbnails: dict[str, bytes], seed: int = 1) -> None:
        """Ask a server; its thumbnails are known by their paths."""
        self._host = host
        self._rng = random.Random(seed)
        self._samples = np.random.default_rng(seed)
        self._thumbnails = thumbnails
        self._pool = [self._image(192, "JPEG") for _ in range(32)]
        self._pool += [self._image(256, "PNG") for _ in range(4)]  # beyond 64 KB
        self._count = 0
        self._kinds = (
            (8, self._search_text),
            (4, self._search_image),
            (3, self._classify),
            (4, self._embed_texts),
            (4, self._embed_images),
            (2, self._thumbnail),
            (3, self._openai),
            (3, self._rpc_search),
            (2, self._rpc_stream),
            (1, self._vanish),
            (1, self._garbage),
        )
        self._weights = [weight for weight, _ in self._kinds]

    def next(self, name: str) -> Ask:
        """Return a request; the server's log calls it ``name``."""
        ((_, make),) = self._rng.choices(self._kinds, self._weights)
        return make(name)

    def texts(self, count: int) -> tuple[str, ...]:
        """Return texts, half of which were never asked before."""
        return tuple(self._text() for _ in range(count))

    def _text(self) -> str:
        self._count += 1
        one, other = self._rng.choices(WORDS, k=2)
        return f"a {one} by the {other}" + (f" {self._count}" if self._rng.random() < 0.5 else "")

    def picture(self) -> bytes:
        """Return an image file; every second one was never sent before."""
        if self._rng.random() < 0.5:
            return self._rng.choice(self._pool)
        return self._image(48, "PNG")

    def _image(self, edge: int, kind: str) -> bytes:
        pixels = self._samples.integers(0, 255, (edge, edge, 3), dtype=np.uint8)
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, kind)
        return content.getvalue()

    def _search_text(self, name: str) -> Ask:
        text = self._text()
        body = {"text": text, "k": K}
        return Ask(
            kind="search text",
            content=self._post("/v1/search", body, name),
            read=lambda one: _hits(one, "search text", texts=(text,)),
        )

    def _search_image(self, name: str) -> Ask:
        image = self.picture()
        return Ask(
            kind="search image",
            content=self._form("/v1/search", {"k": str(K)}, image, name),
            read=lambda one: _hits(one, "search image", image=image),
        )

    def _classify(self, name: str) -> Ask:
        image = self.picture()
        fields = {"labels": "\n".join(LABELS)}
        return Ask(
            kind="classify",
            content=self._form("/v1/classify", fields, image, name),
            read=lambda one: _labels(one, image),
        )

    def _embed_texts(self, name: str) -> Ask:
        texts = self.texts(self._rng.randint(1, 8))
        body = {"texts": texts, "encoding": "base64"}
        return Ask(
            kind="embed texts",
            content=self._post("/v1/embed", body, name),
            read=lambda one: Sample(
                kind="embed texts", texts=texts, vectors=_vectors(json.loads(one.body)["texts"])
            ),
        )

    def _embed_images(self, name: str) -> Ask:
        image = self.picture()
        body = {"images": [base64.b64encode(image).decode()], "encoding": "base64"}
        return Ask(
            kind="embed images",
            content=self._post("/v1/embed", body, name),
            read=lambda one: Sample(
                kind="embed images", image=image, vectors=_vectors(json.loads(one.body)["images"])
            ),
        )

    def _openai(self, name: str) -> Ask:
        texts = self.texts(2)
        body = {"model": "satseek", "input": texts, "encoding_format": "base64"}
        return Ask(
            kind="OpenAI embeddings",
            content=self._post("/v1/embeddings", body, name),
            read=lambda one: Sample(
                kind="OpenAI embeddings",
                texts=texts,
                vectors=_vectors([each["embedding"] for each in json.loads(one.body)["data"]]),
            ),
        )

    def _thumbnail(self, name: str) -> Ask:
        path = self._rng.choice(sorted(self._thumbnails))

        def read(one: Answer) -> None:
            if one.body != self._thumbnails[path]:
                raise ValueError("another thumbnail than before")

        return Ask(kind="thumbnail", content=self._get(path, name), read=read)

    def _rpc_search(self, name: str) -> Ask:  # noqa: ARG002 (named by the metadata)
        text = self._text()
        return Ask(
            kind="gRPC Search",
            rpc=("Search", messages.SearchRequest(text=text, k=K)),
            read=lambda one: Sample(
                kind="gRPC Search",
                texts=(text,),
                scores={hit.chip: hit.scores["cosine"] for hit in one.hits},
            ),
        )

    def _rpc_stream(self, name: str) -> Ask:  # noqa: ARG002
        texts = self.texts(self._rng.randint(1, 12))
        items = [messages.Item(text=text) for text in texts]
        return Ask(
            kind="gRPC EmbedStream",
            rpc=("EmbedStream", [messages.EmbedStreamRequest(item=item) for item in items]),
            read=lambda one: Sample(
                kind="gRPC EmbedStream",
                texts=texts,
                vectors=np.array([each.values for each in one.vectors], np.float32),
            ),
        )

    def _vanish(self, name: str) -> Ask:
        whole = self._form("/v1/classify", {"labels": "a\nb"}, self.picture(), name)
        part = self._rng.choice((1.0, 0.5))
        return Ask(kind="vanish", content=whole[: int(part * len(whole))], vanishes=True)

    def _garbage(self, name: str) -> Ask:
        image = bytearray(self.picture())
        cut = self._rng.randint(8, 60)
        torn = bytes(image[:cut]) + self._rng.randbytes(200)
        return Ask(
            kind="garbage image",
            content=self._form("/v1/classify", {"labels": "a\nb"}, torn, name),
            right=frozenset({413, 415, 422}),
        )

    def _get(self, path: str, name: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nhost: {self._host}\r\nx-request-id: {name}\r\n\r\n".encode()

    def _post(self, path: str, body: dict[str, Any], name: str) -> bytes:
        return self._posted(path, json.dumps(body).encode(), "application/json", name)

    def _form(self, path: str, fields: dict[str, str], image: bytes, name: str) -> bytes:
        begin = b"--" + EDGE + b"\r\ncontent-disposition: form-data; name="
        parts = [begin + f'"{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields.items()]
        parts.append(begin + b'"image"; filename="image"\r\n\r\n' + image + b"\r\n")
        body = b"".join(parts) + b"--" + EDGE + b"--\r\n"
        return self._posted(path, body, f"multipart/form-data; boundary={EDGE.decode()}", name)

    def _posted(self, path: str, body: bytes, media: str, name: str) -> bytes:
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {self._host}\r\nx-request-id: {name}\r\n"
            f"content-type: {media}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _hits(answer: Answer, kind: str, **asked: Any) -> Sample:
    hits = json.loads(answer.body)["hits"]
    if len(hits) != K:
        raise ValueError(f"expected {K} hits, came {len(hits)}")
    return Sample(kind=kind, scores={hit["chip"]: hit["scores"]["cosine"] for hit in hits}, **asked)


def _labels(answer: Answer, image: bytes) -> Sample:
    labels = json.loads(answer.body)["labels"]
    scores = {one["label"]: one["scores"]["cosine"] for one in labels if one["label"] in LABELS}
    if set(scores) != set(LABELS):
        raise ValueError(f"expected {LABELS}, came {sorted(scores)}")
    return Sample(kind="classify", image=image, scores=scores)


def _vectors(coded: list[str]) -> np.ndarray:
    return np.stack([np.frombuffer(base64.b64decode(one), "<f4") for one in coded])
