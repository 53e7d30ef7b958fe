"""Texts and arrays from clients → refused, unless they are what a model's towers take.

Does not know which door they came through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.service.messages import MAX_TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.types import ModelCard, Tensor, TokenIds


def check_texts(texts: Sequence[str]) -> None:
    """Go on only with texts that a model may read to their end, or cut after its context length.

    Raises:
        InvalidRequest: there is none, or one is longer than any door takes.
    """
    if not texts:
        raise InvalidRequest("expected at least one text, came none")
    longest = max(len(text) for text in texts)
    if longest > MAX_TEXT:
        raise InvalidRequest(f"expected texts of at most {MAX_TEXT} letters, came {longest}")


def check_tensor(tensor: Tensor, card: ModelCard) -> None:
    """Go on only with float32 of shape (n, 3, size, size), n at least 1, all finite.

    Raises:
        InvalidRequest: it is otherwise.
    """
    size = card.image_size
    if tensor.dtype != np.float32 or tensor.ndim != 4 or tensor.shape[1:] != (3, size, size):  # noqa: PLR2004 (n, 3, h, w)
        raise InvalidRequest(
            f"expected float32 (n, 3, {size}, {size}), came {tensor.dtype} {tensor.shape}"
        )
    if not len(tensor):
        raise InvalidRequest("expected at least one image, came none")
    if not np.isfinite(tensor).all():
        raise InvalidRequest("expected finite numbers of preprocessed pixels, came others")


def check_ids(ids: TokenIds, card: ModelCard, *, vocabulary: int) -> None:
    """Go on only with int64 of shape (n, context length), n at least 1, ids of the vocabulary.

    Raises:
        InvalidRequest: it is otherwise.
    """
    length = card.context_length
    if ids.dtype != np.int64 or ids.ndim != 2 or ids.shape[1] != length:  # noqa: PLR2004 (n, length)
        raise InvalidRequest(
            f"expected int64 (n, {length}), padded as the model was trained, "
            f"came {ids.dtype} {ids.shape}"
        )
    if not len(ids):
        raise InvalidRequest("expected at least one text, came none")
    if ids.min() < 0 or ids.max() >= vocabulary:
        raise InvalidRequest(
            f"expected token ids from 0 to {vocabulary - 1}, came {ids.min()} to {ids.max()}"
        )
