"""Turns calls of many threads into few calls of one engine, images and texts apart.

Does not know who asks, nor what for: how long somebody waits, it finds in their context. Which rows
share a call never shows in the features, beyond what the engine itself rounds otherwise for a row
alone (docs/concepts/batching.md).
"""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any

from satseek.embed.lining_up import Line
from satseek.embed.pacing import Pace
from satseek.embed.taking_turns import (
    LONGEST_RETRY_S,
    BatchObserver,
    SharedTower,
    TowerName,
    Unobserved,
)
from satseek.engines.halving import HalvingEngine
from satseek.engines.rows import check_ids, check_tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from satseek.engines.protocol import Engine
    from satseek.errors import Overloaded
    from satseek.types import Features, ModelCard, Tensor, TokenIds

__all__ = ["LONGEST_RETRY_S", "BatchObserver", "BatchingEngine", "TowerName", "Unobserved"]

TEXT_ROWS = 32
"""Texts in one call at most, where fewer images are: a text costs less, and memory hardly any."""

DRAIN_SECONDS = 30.0
"""Longest wait for what is in line when an engine is closed."""


class BatchingEngine:
    """An engine whose concurrent callers share calls; closed when nobody refers to it any more."""

    def __init__(
        self,
        engine: Engine,
        *,
        max_rows: int,
        max_delay_s: float,
        queue_rows: int,
        streams: int = 1,
        observer: BatchObserver | None = None,
    ) -> None:
        """Take over an engine; threads start with the first call.

        Args:
            engine: Computes; calls that are too large for memory are halved.
            max_rows: Images in one call at most, and texts where it is more than ``TEXT_ROWS``.
            max_delay_s: Longest wait for company while the engine is idle; 0: none.
            queue_rows: Images, and texts, that may wait; more are refused.
            streams: Calls of a tower at once; further ones only where a full batch waits.
            observer: Is told of batches and waiting rows.
        """
        halving = engine if isinstance(engine, HalvingEngine) else HalvingEngine(engine)
        self._engine = halving
        told = observer or Unobserved()

        def tower(name: TowerName, call: Callable[[Any], Features], most: int) -> SharedTower:
            line = Line(queue_rows)
            return SharedTower(
                name, call, line, Pace(most), delay_s=max_delay_s, lanes=streams, observer=told
            )

        self._images = tower("image", halving.image_features, max_rows)
        self._texts = tower("text", halving.text_features, max(max_rows, TEXT_ROWS))
        # Its threads know the towers only: when the last caller lets go of this, they end.
        self._finalizer = weakref.finalize(self, _stop, self._images, self._texts)

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        return self._engine.card

    def image_features(self, tensor: Tensor) -> Features:
        """Image tower: float32 (n, 3, size, size) → float32 (n, dim), not normalised.

        Raises:
            InvalidRequest: the tensor has another shape or type; refused before it is in line.
            Overloaded: too many images wait already, or the engine is closed.
            Abandoned, DeadlineExceeded: nobody waits any more; what had not begun is not computed.
        """
        check_tensor(tensor, self.card)
        return self._images.features(tensor) if len(tensor) else self._engine.image_features(tensor)

    def text_features(self, ids: TokenIds) -> Features:
        """Text tower: int64 (n, context_length) → float32 (n, dim), not normalised.

        Raises:
            InvalidRequest, Overloaded, Abandoned, DeadlineExceeded: as for images.
        """
        check_ids(ids, self.card)
        return self._texts.features(ids) if len(ids) else self._engine.text_features(ids)

    def waiting(self, tower: TowerName) -> int:
        """Rows in line."""
        return self._of(tower).waiting()

    def refusal(self, tower: TowerName) -> Overloaded | None:
        """What one more row would be refused with now; None: it would be taken."""
        return self._of(tower).refusal(1)

    def wait_s(self, tower: TowerName) -> float:
        """Foretell how long the rows in line take."""
        return self._of(tower).wait_s()

    def close(self) -> None:
        """Take nothing more, compute what is in line, and end the threads."""
        self._finalizer()
        deadline = time.monotonic() + DRAIN_SECONDS
        for tower in (self._images, self._texts):
            tower.join(deadline)

    def _of(self, tower: TowerName) -> SharedTower:
        return self._images if tower == "image" else self._texts


def _stop(*towers: SharedTower) -> None:
    for tower in towers:
        tower.stop()
