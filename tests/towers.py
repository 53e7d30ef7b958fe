"""A small engine and tokenizer for tests that need vectors but no model.

The towers are honest functions of their input: mean colours and word pieces through a fixed matrix.
"""

from __future__ import annotations

import string
import threading
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer as Pieces
from tokenizers import models, pre_tokenizers

from satseek.model.tokenizer import Tokenizer
from satseek.types import ModelCard

if TYPE_CHECKING:
    from satseek.types import Features, Tensor, TokenIds

DIM = 8
SIZE = 16

CARD = ModelCard(
    name="colours",
    version="0123456789ab",
    dim=DIM,
    image_size=SIZE,
    context_length=64,
    logit_scale=2.0,
    logit_bias=-3.0,
    precision="float32",
)


class ColourEngine:
    """Features from mean colours and from token counts; counts its calls."""

    def __init__(self, card: ModelCard = CARD) -> None:
        self._card = card
        rng = np.random.default_rng(7)
        self._colours = rng.standard_normal((3, DIM)).astype(np.float32)
        self._tokens = rng.standard_normal((512, DIM)).astype(np.float32)
        self._lock = threading.Lock()
        self.image_batches: list[int] = []
        self.text_batches: list[int] = []

    @property
    def card(self) -> ModelCard:
        return self._card

    def image_features(self, tensor: Tensor) -> Features:
        with self._lock:
            self.image_batches.append(len(tensor))
        return np.asarray((tensor.mean(axis=(2, 3)) + 2) @ self._colours, dtype=np.float32)

    def text_features(self, ids: TokenIds) -> Features:
        with self._lock:
            self.text_batches.append(len(ids))
        return np.asarray(self._tokens[ids % 512].sum(axis=1), dtype=np.float32)


def make_pieces() -> Pieces:
    """A Unigram tokenizer of a few words and all letters, the same in every run; ``</s>`` is 1."""
    words = ("a", "satellite", "image", "of", "harbour", "river", "forest", "bridge")
    words = (*words, "seen", "from", "above", "field", "airport")
    whole = [(f"▁{word}", -2.0 - number / 10) for number, word in enumerate(words)]
    letters = [(letter, -8.0) for letter in f"▁{string.ascii_lowercase}{string.digits}"]
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0)]
    pieces = Pieces(models.Unigram([*special, *whole, *letters], unk_id=2))
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()
    return pieces


def make_tokenizer() -> Tokenizer:
    return Tokenizer(make_pieces(), context_length=CARD.context_length)
