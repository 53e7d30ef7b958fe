"""Turns what a caller hands over into rows that a tower takes, or into a refusal.

Does not know any runtime: every engine asks here before its own runtime sees a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from satseek.types import Features, ModelCard, Tensor, TokenIds


def check_tensor(tensor: Tensor, card: ModelCard) -> None:
    """Refuse what is not float32 (n, 3, size, size) of the card.

    Raises:
        InvalidRequest: the tensor has another shape or type.
    """
    _check(tensor, np.dtype(np.float32), (3, card.image_size, card.image_size))


def check_ids(ids: TokenIds, card: ModelCard) -> None:
    """Refuse what is not int64 (n, context_length) of the card.

    Raises:
        InvalidRequest: the ids have another shape or type.
    """
    _check(ids, np.dtype(np.int64), (card.context_length,))


def check_threads(threads: int | None) -> None:
    """Refuse a number of threads below 1; None means the runtime's own choice.

    Raises:
        InvalidRequest: there would be no thread.
    """
    if threads is not None and threads < 1:
        raise InvalidRequest(f"expected at least 1 thread, got {threads}")


def no_rows(card: ModelCard) -> Features:
    """Features of nothing: (0, dim)."""
    return np.empty((0, card.dim), dtype=np.float32)


def one_line(error: BaseException) -> str:
    """What a runtime said, on one line."""
    return " ".join(str(error).split())


def mentions(error: BaseException, signs: Sequence[str]) -> bool:
    """Whether a runtime's message holds one of the signs, in whatever case."""
    said = str(error).lower()
    return any(sign.lower() in said for sign in signs)


def _check(rows: NDArray[Any], dtype: np.dtype[Any], row: tuple[int, ...]) -> None:
    if rows.dtype != dtype or rows.shape[1:] != row:
        raise InvalidRequest(f"expected {dtype} rows of shape {row}, got {rows.dtype} {rows.shape}")
