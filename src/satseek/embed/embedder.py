"""Turns pixels and texts into unit vectors with one engine and one tokenizer.

Does not know which runtime the engine is, nor what the vectors are compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from satseek.embed.caching import VectorCache
from satseek.errors import DamagedData, EmptyText
from satseek.model.preprocessing import preprocess
from satseek.model.prompts import TEMPLATES, prompts
from satseek.model.tokenizer import canonicalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from satseek.engines.protocol import Engine
    from satseek.model.tokenizer import Tokenizer
    from satseek.types import Features, ModelCard, Pixels, Tensor, Vectors

T = TypeVar("T")

IMAGE_BATCH = 16
"""Images in one call of the engine: more gains nothing on a CPU and only costs memory."""

TEXT_BATCH = 32
"""Texts in one call of the engine; likewise."""

CACHED_TEXTS = 4096
"""Text vectors kept: 12 MiB at 768 dimensions; 800 labels in five templates fit."""


class Embedder:
    """Pixels and words to vectors of one model; safe to share between threads."""

    def __init__(self, engine: Engine, tokenizer: Tokenizer) -> None:
        """Take an engine and the tokenizer of the same bundle."""
        self._engine = engine
        self._tokenizer = tokenizer
        self._texts = VectorCache(CACHED_TEXTS)

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

    def embed_images(self, images: Sequence[Pixels]) -> Vectors:
        """Unit vectors of images, in their order: (len(images), dim).

        Raises:
            UnreadableImage: an image is not uint8 of shape (h, w, 3).
        """
        size, how = self.card.image_size, self.card.preprocessing
        parts = (preprocess(part, size=size, how=how) for part in _parts(images, IMAGE_BATCH))
        return self._stacked(self.embed_tensor(part) for part in parts)

    def embed_tensor(self, tensor: Tensor) -> Vectors:
        """Unit vectors of preprocessed images, in one call of the engine: (n, dim)."""
        return unit_rows(self._engine.image_features(tensor))

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of texts, in their order: (len(texts), dim). Texts seen lately cost nothing.

        Raises:
            EmptyText: a text has no word once punctuation is gone.
        """
        version = self.card.version
        known = {text: self._texts.get((version, text)) for text in texts}
        missing = [text for text, vector in known.items() if vector is None]
        for part in _parts(missing, TEXT_BATCH):
            vectors = unit_rows(self._engine.text_features(self._tokenizer.encode(part)))
            for text, vector in zip(part, vectors, strict=True):
                known[text] = self._texts.put((version, text), vector)
        return self._stacked(np.asarray(known[text])[None] for text in texts)

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
