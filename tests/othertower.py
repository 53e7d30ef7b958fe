"""Another small engine than that of ``towers``: other features, and another number of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from towers import CARD, ColourEngine

if TYPE_CHECKING:
    from satseek.types import Features, ModelCard, Tensor, TokenIds

DIM = 12
OTHER = replace(CARD, name="corners", version="ba9876543210", dim=DIM)
TWIN = replace(CARD, name="twin", version="777777777777")


class CornerEngine:
    """Features from the mean colours of the four corners and from token counts."""

    def __init__(self) -> None:
        self._tokens = np.random.default_rng(8).standard_normal((512, DIM)).astype(np.float32)

    @property
    def card(self) -> ModelCard:
        return OTHER

    def image_features(self, tensor: Tensor) -> Features:
        half = tensor.shape[2] // 2
        parts = (tensor[:, :, rows, columns] for rows, columns in _corners(half))
        return np.concatenate([part.mean(axis=(2, 3)) + 1.5 for part in parts], axis=1)

    def text_features(self, ids: TokenIds) -> Features:
        return np.asarray(self._tokens[ids % 512].sum(axis=1), dtype=np.float32)


class TwinEngine(ColourEngine):
    """The engine of ``towers`` under another name."""

    @property
    def card(self) -> ModelCard:
        return TWIN


def _corners(half: int) -> list[tuple[slice, slice]]:
    halves = (slice(0, half), slice(half, None))
    return [(rows, columns) for rows in halves for columns in halves]
