"""A small engine and tokenizer for tests that need vectors but no model.

The towers are honest functions of their input: mean colours and word pieces through a fixed matrix.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer as Pieces
from tokenizers import models, pre_tokenizers, trainers

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
    """A Unigram tokenizer trained on the spot; ``</s>`` has id 1."""
    pieces = Pieces(models.Unigram())
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200,
        special_tokens=["<pad>", "</s>", "<unk>"],
        unk_token="<unk>",  # noqa: S106 - a piece, not a password
        show_progress=False,
    )
    words = "a satellite image of harbour river forest bridge seen from above field airport"
    pieces.train_from_iterator([words] * 10, trainer)
    return pieces


def make_tokenizer() -> Tokenizer:
    return Tokenizer(make_pieces(), context_length=CARD.context_length)
