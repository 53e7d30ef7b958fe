"""Turns tensors and token ids into features through ONNX Runtime, on the CPU.

Does not know where a bundle came from, nor what becomes of features.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from satseek.errors import DamagedData, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.model.bundle import Bundle
    from satseek.types import Features, ModelCard, Tensor, TokenIds

_QUIET = 3  # onnxruntime's severity for errors alone: its warnings are about graphs, not for users


class OnnxEngine:
    """The towers of one bundle; each is opened when it is first needed, and then kept.

    Safe to call from several threads: ONNX Runtime's sessions are, and opening is locked.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        """Take a bundle; opens nothing yet.

        Args:
            bundle: whose towers are run.
            threads: cores used by one call; None leaves it to ONNX Runtime (every physical core).

        Raises:
            InvalidRequest: ``threads`` is below 1.
        """
        if threads is not None and threads < 1:
            raise InvalidRequest(f"expected at least 1 thread, got {threads}")
        self._card = bundle.card
        options = _options(threads)
        size, length = bundle.card.image_size, bundle.card.context_length
        self._image = _Tower(
            bundle.image_tower, "pixel_values", (3, size, size), bundle.card.dim, options=options
        )
        self._text = _Tower(
            bundle.text_tower, "input_ids", (length,), bundle.card.dim, options=options
        )

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        return self._card

    def image_features(self, tensor: Tensor) -> Features:
        """Image tower: float32 (n, 3, size, size) → float32 (n, dim), not normalised.

        Raises:
            InvalidRequest: the tensor has another shape or type.
            DamagedData: the tower cannot be opened, or is not what the card says.
        """
        return self._image.features(tensor, np.dtype(np.float32))

    def text_features(self, ids: TokenIds) -> Features:
        """Text tower: int64 (n, context_length) → float32 (n, dim), not normalised.

        Raises:
            InvalidRequest: the ids have another shape or type.
            DamagedData: the tower cannot be opened, or is not what the card says.
        """
        return self._text.features(ids, np.dtype(np.int64))


class _Tower:
    """One ONNX file and, once needed, its session."""

    def __init__(
        self,
        path: Path,
        entry: str,
        row: tuple[int, ...],
        dim: int,
        *,
        options: onnxruntime.SessionOptions,
    ) -> None:
        self._path = path
        self._entry = entry
        self._row = row
        self._dim = dim
        self._options = options
        self._lock = threading.Lock()
        self._session: Any = None

    def features(self, rows: NDArray[Any], dtype: np.dtype[Any]) -> Features:
        if rows.dtype != dtype or rows.shape[1:] != self._row:
            raise InvalidRequest(
                f"expected {dtype} rows of shape {self._row}, got {rows.dtype} {rows.shape}"
            )
        session = self._opened()
        if not len(rows):
            return np.empty((0, self._dim), dtype=np.float32)
        features: Features = session.run(["features"], {self._entry: rows})[0]
        return features

    def _opened(self) -> Any:
        if self._session is None:
            with self._lock:
                if self._session is None:
                    session = _open(self._path, self._options)
                    self._check(session)
                    self._session = session
        return self._session

    def _check(self, session: Any) -> None:
        """Refuse a tower whose ends are not those of the card, before it costs a run."""
        taken = [(entry.name, tuple(entry.shape[1:])) for entry in session.get_inputs()]
        if taken != [(self._entry, self._row)]:
            raise DamagedData(f"{self._path}: expected {self._entry} {self._row}, got {taken}")
        given = [(end.name, tuple(end.shape[1:])) for end in session.get_outputs()]
        if given != [("features", (self._dim,))]:
            raise DamagedData(f"{self._path}: expected features ({self._dim},), got {given}")


def _options(threads: int | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0  # 0: ONNX Runtime's own choice
    options.inter_op_num_threads = 1  # a tower is one chain of operators
    options.log_severity_level = _QUIET
    # Waiting threads sleep: spinning they took a third of the CPU time of a machine that also
    # reads and resizes (10.2 against 6.8 ms a chip; starter, two threads, loaded machine).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _open(path: Path, options: onnxruntime.SessionOptions) -> Any:
    open_session: Callable[..., Any] = onnxruntime.InferenceSession
    try:
        return open_session(str(path), sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base but this one
        reason = " ".join(str(error).split())
        raise DamagedData(f"{path}: expected an ONNX tower: {reason}") from error
