"""Tensors as the Open Inference Protocol carries them → texts, image files and arrays, and back.

Does not know which door they came through: a door hands over raw bytes or a list of elements.
Layout of raw bytes: little-endian, row-major; BYTES elements behind their length in four bytes
(github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import DTypeLike, NDArray

MAX_ROWS = 2048
"""Rows of one tensor: OpenAI's own limit for one request (API reference, embeddings)."""

DTYPES: Mapping[str, DTypeLike] = {"FP16": "<f2", "FP32": "<f4", "INT32": "<i4", "INT64": "<i8"}
"""Numbers that are taken, little-endian."""

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """A tensor that a model takes or gives."""

    name: str
    """Its name."""
    datatypes: tuple[str, ...]
    """The protocol's names; the first is the one that metadata tells."""
    shape: tuple[int, ...]
    """-1: any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A tensor as it came."""

    name: str
    """Which input."""
    datatype: str
    """The protocol's name of the type."""
    shape: tuple[int, ...]
    """As the client states it."""
    raw: bytes | memoryview | None = None
    """Raw bytes; None: elements came one by one."""
    listed: Sequence[Any] | None = None
    """Elements, flat or nested; None: raw bytes came."""


def texts_of(given: Given, spec: TensorSpec) -> list[str]:
    """Read texts in UTF-8.

    Raises:
        InvalidRequest: another type or shape, or bytes that are no UTF-8.
    """
    try:
        return [one if isinstance(one, str) else one.decode("utf-8") for one in _items(given, spec)]
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{given.name}: expected texts in UTF-8: {error}") from error


def elements_of(given: Given, spec: TensorSpec) -> list[bytes | str]:
    """Read the elements of a BYTES tensor: bytes, or text where they came as JSON.

    Raises:
        InvalidRequest: another type or shape, or lengths that do not add up.
    """
    return list(_items(given, spec))


def numbers_of(given: Given, spec: TensorSpec) -> NDArray[Any]:
    """Read numbers, in the first of the types that the input takes.

    Raises:
        InvalidRequest: another type or shape, or elements that are no numbers.
    """
    _check(given, spec)
    count = math.prod(given.shape)
    dtype = np.dtype(DTYPES[given.datatype])
    if given.raw is not None:
        if len(given.raw) != count * dtype.itemsize:
            raise InvalidRequest(
                f"{given.name}: expected {count * dtype.itemsize} bytes for {given.datatype} "
                f"{_shown(given.shape)}, came {len(given.raw)}"
            )
        flat = np.frombuffer(given.raw, dtype=dtype)
    else:
        flat = _from_list(given, dtype, count)
    return flat.reshape(given.shape).astype(DTYPES[spec.datatypes[0]], copy=False)


def split_bytes(raw: bytes | memoryview, *, name: str) -> list[bytes]:
    """Cut raw bytes into the elements of a BYTES tensor.

    Raises:
        InvalidRequest: they end within a length or an element, or are too many.
    """
    found: list[bytes] = []
    at, view = 0, memoryview(raw)
    while at < len(view):
        if len(found) == MAX_ROWS or at + _LENGTH.size > len(view):
            raise InvalidRequest(
                f"{name}: expected at most {MAX_ROWS} elements, each behind its length in 4 bytes"
            )
        (length,) = _LENGTH.unpack_from(view, at)
        at += _LENGTH.size
        if at + length > len(view):
            raise InvalidRequest(f"{name}: an element of {length} bytes is cut short")
        found.append(bytes(view[at : at + length]))
        at += length
    return found


def join_bytes(elements: Sequence[bytes]) -> bytes:
    """Put elements of a BYTES tensor behind one another, each after its length."""
    return b"".join(_LENGTH.pack(len(one)) + one for one in elements)


def _items(given: Given, spec: TensorSpec) -> Sequence[Any]:
    """Elements of a BYTES tensor of shape (n,) or (n, 1)."""
    _check(given, spec)
    if given.raw is not None:
        found: Sequence[Any] = split_bytes(given.raw, name=given.name)
    else:
        found = [_flat(one) for one in given.listed or ()]
        if not all(isinstance(one, str | bytes) for one in found):
            raise InvalidRequest(f"{given.name}: expected texts as elements of BYTES")
    if len(found) != math.prod(given.shape):
        raise InvalidRequest(
            f"{given.name}: shape {_shown(given.shape)} takes {math.prod(given.shape)} elements, "
            f"came {len(found)}"
        )
    return found


def _flat(element: Any) -> Any:
    """``[x]`` → ``x``: a batch of one element each may come nested."""
    return element[0] if isinstance(element, list) and len(element) == 1 else element


def _from_list(given: Given, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    try:
        listed = np.asarray(given.listed)
    except ValueError as error:  # rows of different lengths
        raise InvalidRequest(f"{given.name}: expected rows of one length: {error}") from error
    kinds = "iu" if dtype.kind == "i" else "iuf"
    if listed.dtype.kind not in kinds or listed.size != count:
        raise InvalidRequest(
            f"{given.name}: expected {count} numbers for {given.datatype} {_shown(given.shape)}, "
            f"came {listed.size} elements of another number or kind"
        )
    with np.errstate(over="ignore"):  # becomes infinite, which is refused later
        return listed.reshape(-1).astype(dtype)


def _check(given: Given, spec: TensorSpec) -> None:
    """Refuse another type, another shape, or too many rows."""
    if given.datatype not in spec.datatypes:
        wanted = " or ".join(spec.datatypes)
        raise InvalidRequest(f"{given.name}: expected datatype {wanted}, came {given.datatype!r}")
    shape = given.shape
    if spec.datatypes == ("BYTES",) and shape[1:] == (1,):
        shape = shape[:1]
    fits = len(shape) == len(spec.shape) and all(
        wanted in (-1, came) for wanted, came in zip(spec.shape, shape, strict=True)
    )
    if not fits or not 1 <= shape[0] <= MAX_ROWS:
        raise InvalidRequest(
            f"{given.name}: expected shape {_shown(spec.shape)} with 1 to {MAX_ROWS} rows, "
            f"came {_shown(given.shape)}"
        )


def _shown(shape: Sequence[int]) -> str:
    return "[" + ",".join(str(edge) for edge in shape[:8]) + "]"
