"""Turns two graphs of a bundle, opened by some runtime, into an engine.

Does not know the runtime: it is handed two towers that open themselves when they are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from satseek.engines.rows import check_ids, check_tensor, no_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.types import Features, ModelCard, Tensor, TokenIds


class GraphTower(Protocol):
    """One graph and, once needed, what a runtime makes of it."""

    def open(self) -> Any:
        """Make it ready, once; raises DamagedData where it is not what the card says."""

    def features(self, rows: NDArray[Any]) -> Features:
        """Run it: (n, …) → (n, dim); raises OutOfMemory."""
        ...


class GraphEngine:
    """The towers of one bundle; each is opened when it is first needed, and then kept."""

    def __init__(self, card: ModelCard, *, image: GraphTower, text: GraphTower) -> None:
        """Take both towers; opens nothing yet."""
        self._card = card
        self._image = image
        self._text = text

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        return self._card

    def image_features(self, tensor: Tensor) -> Features:
        """Image tower: float32 (n, 3, size, size) → float32 (n, dim), not normalised.

        Raises:
            InvalidRequest: the tensor has another shape or type.
            DamagedData: the tower cannot be opened, or is not what the card says.
            OutOfMemory: memory is too short for so many rows.
        """
        check_tensor(tensor, self._card)
        self._image.open()
        return self._image.features(tensor) if len(tensor) else no_rows(self._card)

    def text_features(self, ids: TokenIds) -> Features:
        """Text tower: int64 (n, context_length) → float32 (n, dim), not normalised.

        Raises:
            InvalidRequest: the ids have another shape or type.
            DamagedData: the tower cannot be opened, or is not what the card says.
            OutOfMemory: memory is too short for so many rows.
        """
        check_ids(ids, self._card)
        self._text.open()
        return self._text.features(ids) if len(ids) else no_rows(self._card)
