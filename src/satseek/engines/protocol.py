"""What every runtime must do with the two towers.

Does not know any runtime; ``tests/contract/test_engine.py`` says the same in code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from satseek.types import Features, ModelCard, Tensor, TokenIds


class Engine(Protocol):
    """Runs one model's towers; may be called from several threads at once.

    A row of features never depends on the rows beside it.
    """

    @property
    def card(self) -> ModelCard:
        """What the model is."""

    def image_features(self, tensor: Tensor) -> Features:
        """Image tower: (n, 3, size, size) → (n, dim), not normalised; n may be 0."""

    def text_features(self, ids: TokenIds) -> Features:
        """Text tower: (n, context_length) → (n, dim), not normalised; n may be 0."""
