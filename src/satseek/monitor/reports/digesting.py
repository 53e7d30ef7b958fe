"""A report, or what went into one → a SHA-256 that stands for it.

Knows no file: the digest is of what is said, so that HTML and PDF of one report carry the same one.
When a report was made, and by which command, does not count.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.monitor.reports.blocks import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.monitor.reports.report import Report

_UNCOUNTED = {"Provenance": {"made_at", "command"}, "Scene": {"path", "assets", "hosts"}}
"""Fields that may differ between two reports that say the same: when and by which
command it was made, and where scenes lie, whose content their digest tells."""


def digest_of_report(report: Report) -> str:
    """Give 64 hexadecimal digits for all that a report says, images included by their identity."""
    return _digest(report)


def digest_of_inputs(*parts: Any) -> str:
    """Give 64 hexadecimal digits for what went into a report.

    Args:
        parts: Nouns (dataclasses), mappings, sequences, arrays, dates, texts and numbers; the same
            ones in the same order give the same digest.

    Raises:
        TypeError: a part is something else.
    """
    return _digest(parts)


def _digest(value: Any) -> str:
    sha = hashlib.sha256()
    for piece in _pieces(value):
        sha.update(piece)
    return sha.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    """Write a value so that different ones never look alike, a piece at a time."""
    match value:
        case None | bool() | int() | float() | str():
            yield json.dumps(value, ensure_ascii=True).encode() + b","
        case datetime():
            yield json.dumps(["date", value.isoformat()]).encode() + b","
        case np.ndarray():
            yield json.dumps(["array", value.dtype.str, list(value.shape)]).encode()
            yield np.ascontiguousarray(value).tobytes()
        case np.generic():
            yield from _pieces(value.item())
        case Image():
            yield from _pieces(["image", value.identity, value.alt])
        case Mapping():
            yield b"{"
            for name in sorted(value, key=str):
                yield from _pieces(str(name))
                yield from _pieces(value[name])
            yield b"}"
        case list() | tuple():
            yield b"["
            for one in value:
                yield from _pieces(one)
            yield b"]"
        case _:
            yield from _noun(value)


def _noun(value: Any) -> Iterator[bytes]:
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"no digest for {type(value).__name__}")
    name = type(value).__name__
    yield json.dumps(["noun", name]).encode()
    for one in dataclasses.fields(value):
        if one.name not in _UNCOUNTED.get(name, ()):
            yield from _pieces(one.name)
            yield from _pieces(getattr(value, one.name))
