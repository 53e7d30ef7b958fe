"""Turns pixels and texts into unit vectors with one engine and one tokenizer.

Does not know which runtime the engine is, nor what the vectors are compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from satseek.embed.caching import MemoryCache
from satseek.embed.recalling import VectorMemory, pixels_digest, text_digest
from satseek.errors import DamagedData, EmptyText
from satseek.model.preprocessing import preprocess, squared
from satseek.model.prompts import TEMPLATES, prompts
from satseek.model.tokenizer import canonicalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from satseek.engines.protocol import Engine
    from satseek.model.tokenizer import Tokenizer
    from satseek.types import Features, ModelCard, Pixels, Tensor, TokenIds, Vectors

T = TypeVar("T")

IMAGE_BATCH = 16
"""Images in one call of the engine: more gains nothing on a CPU and only costs memory."""

TEXT_BATCH = 32
"""Texts in one call of the engine; likewise."""

OWN_BYTES = 16 * 1024**2
"""Text vectors kept where no other memory is given: at 768 dimensions, 800 labels in five templates
fit (4,000 vectors of 3 KiB)."""


class Embedder:
    """Pixels and words to vectors of one model; safe to share between threads."""

    def __init__(
        self, engine: Engine, tokenizer: Tokenizer, *, memory: VectorMemory | None = None
    ) -> None:
        """Take an engine and the tokenizer of the same bundle.

        Args:
            engine: Runs the towers.
            tokenizer: Makes ids of texts.
            memory: Remembers the vectors of texts and images; None: a few thousand texts are
                remembered here, and images are always computed.
        """
        self._engine = engine
        self._tokenizer = tokenizer
        self._images = memory
        self._texts = memory or VectorMemory(MemoryCache(OWN_BYTES), card=engine.card)

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        return self._engine.card

    @property
    def engine(self) -> Engine:
        """What runs the towers."""
        return self._engine

    @property
    def tokenizer(self) -> Tokenizer:
        """What makes ids of texts."""
        return self._tokenizer

    @property
    def memory_key(self) -> str:
        """What tells the vectors of this embedder from those of others: model, and how it is run.

        See ``recalling.model_key``.
        """
        return self._texts.model

    def embed_images(self, images: Sequence[Pixels]) -> Vectors:
        """Unit vectors of images, in their order: (len(images), dim).

        Where a memory was given, images whose squares were seen before cost nothing.

        Raises:
            UnreadableImage: an image is not uint8 of shape (h, w, 3).
        """
        if self._images is None:
            return self.compute_images(images)
        size, how = self.card.image_size, self.card.preprocessing
        squares = [squared(image, size=size, how=how) for image in images]
        return self._images.recall(
            "image",
            [pixels_digest(square) for square in squares],
            lambda places: self.compute_images([squares[at] for at in places]),
            batch=IMAGE_BATCH,
        )

    def embed_tensor(self, tensor: Tensor) -> Vectors:
        """Unit vectors of preprocessed images, in one call of the engine: (n, dim)."""
        return unit_rows(self._engine.image_features(tensor))

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of texts, in their order: (len(texts), dim). Texts seen lately cost nothing.

        Raises:
            EmptyText: a text has no word once punctuation is gone.
        """
        return self._texts.recall(
            "text",
            [text_digest(self._tokenizer.canonical(text)) for text in texts],
            lambda places: self.compute_texts([texts[at] for at in places]),
            batch=TEXT_BATCH,
        )

    def compute_images(self, images: Sequence[Pixels]) -> Vectors:
        """Like ``embed_images``, by the tower itself, whatever is remembered."""
        size, how = self.card.image_size, self.card.preprocessing
        parts = (preprocess(part, size=size, how=how) for part in _parts(images, IMAGE_BATCH))
        return self._stacked(self.embed_tensor(part) for part in parts)

    def compute_texts(self, texts: Sequence[str]) -> Vectors:
        """Like ``embed_texts``, by the tower itself, whatever is remembered."""
        parts = (self._tokenizer.encode(part) for part in _parts(texts, TEXT_BATCH))
        return self._stacked(self.embed_ids(part) for part in parts)

    def embed_ids(self, ids: TokenIds) -> Vectors:
        """Unit vectors of texts tokenized and padded elsewhere, in their order: (n, dim)."""
        parts = (ids[at : at + TEXT_BATCH] for at in range(0, len(ids), TEXT_BATCH))
        return self._stacked(unit_rows(self._engine.text_features(part)) for part in parts)

    def label_vectors(
        self, labels: Sequence[str], *, templates: Sequence[str] = TEMPLATES
    ) -> Vectors:
        """One unit vector per label: the mean over its prompts, normalised: (len(labels), dim).

        Raises:
            EmptyText: a label has no word.
            InvalidRequest: no template, or one without exactly one ``{}``.
        """
        for label in labels:
            if not canonicalise(label):  # a template would lend it its own words
                raise EmptyText(f"expected a label with at least one word, got {label!r}")
        asked = [prompt for label in labels for prompt in prompts(label, templates=templates)]
        vectors = self.embed_texts(asked)
        return unit_rows(vectors.reshape(len(labels), len(templates), self.card.dim).mean(axis=1))

    def _stacked(self, parts: Iterable[Vectors]) -> Vectors:
        none = np.empty((0, self.card.dim), dtype=np.float32)
        return np.concatenate([none, *parts])


def unit_rows(features: Features) -> Vectors:
    """Divide every row by its Euclidean length.

    Raises:
        DamagedData: a row is zero or not finite, so that it has no direction.
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise DamagedData("expected finite features other than zero from the model, got neither")
    vectors: Vectors = np.divide(features, lengths, dtype=np.float32)
    return vectors


def _parts(whole: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
