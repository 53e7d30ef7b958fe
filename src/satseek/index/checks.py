"""Vectors and numbers from outside → the same, or a refusal on one line.

Does not know where they come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidK, InvalidName, InvalidRequest, ModelMismatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from satseek.types import Chip, Vectors

MAX_K = 10_000
"""Hits a query may ask for; beyond it a list is an export, not an answer."""

MAX_NAME = 64
"""Characters of a collection's name: a folder name on every file system."""

UNIT_TOLERANCE = 1e-3
"""Allowed distance of a vector's length from one: half-precision engines stay within it."""

_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def check_k(k: int) -> None:
    """Refuse a number of hits outside 1–10,000.

    Raises:
        InvalidK: It is outside.
    """
    if not 1 <= k <= MAX_K:
        message = f"k: expected 1 to {MAX_K}, came {k}"
        raise InvalidK(message)


def check_name(name: str, what: str = "collection") -> None:
    """Refuse a name that is no safe folder name.

    Args:
        name: Of a collection, or another thing that people name.
        what: That thing.

    Raises:
        InvalidName: Empty, too long, a leading dot, or other characters than letters, digits, -_.
    """
    if (
        name
        and len(name) <= MAX_NAME
        and not name.startswith(".")
        and set(name) <= _NAME_CHARACTERS
    ):
        return
    message = (
        f"{what} name: expected 1 to {MAX_NAME} letters, digits or -_. without a leading dot, "
        f"came {name[: MAX_NAME + 1]!r}"
    )
    raise InvalidName(message)


def check_vectors(vectors: Vectors, *, dim: int) -> Vectors:
    """Give the vectors as float32 of exact unit length.

    Raises:
        ModelMismatch: Their length is not ``dim``.
        InvalidRequest: Not a batch, not finite, or not of unit length.
    """
    if vectors.ndim != 2:  # noqa: PLR2004 - a batch has two axes
        message = f"vectors: expected the shape (n, {dim}), came {vectors.shape}"
        raise InvalidRequest(message)
    if vectors.shape[1] != dim:
        message = f"vectors: expected {dim} numbers each, came {vectors.shape[1]}; another model?"
        raise ModelMismatch(message)
    values = np.ascontiguousarray(vectors, dtype=np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", values, values))
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= UNIT_TOLERANCE))
    if wrong.size:
        length = lengths[wrong[0]]
        message = f"vectors: expected finite ones of length 1, number {wrong[0]} has {length}"
        raise InvalidRequest(message)
    return np.asarray(values / lengths[:, None], dtype=np.float32)


def check_batch(chips: Sequence[Chip], vectors: Vectors, *, dim: int) -> Vectors:
    """Give the vectors of a batch to add, checked: one per chip, every id once, dates with a zone.

    Raises:
        ModelMismatch: Their length is not ``dim``.
        InvalidRequest: Counts differ, an id comes twice, or a date has no time zone.
    """
    checked = check_vectors(vectors, dim=dim)
    if len(chips) != len(checked):
        message = (
            f"expected one vector per chip, came {len(chips)} chips and {len(checked)} vectors"
        )
        raise InvalidRequest(message)
    check_ids(chips)
    for chip in chips:
        if chip.datetime is not None and chip.datetime.tzinfo is None:
            message = f"chip {chip.id!r}: expected a time with a zone, came {chip.datetime}"
            raise InvalidRequest(message)
    return checked


def check_ids(chips: Iterable[Chip]) -> None:
    """Refuse chips of which an id comes twice.

    Raises:
        InvalidRequest: One does.
    """
    seen: set[str] = set()
    for chip in chips:
        if chip.id in seen:
            message = f"expected every chip once, came {chip.id!r} twice in one batch"
            raise InvalidRequest(message)
        seen.add(chip.id)
