"""One Milvus Lite for all tests of a process, and empty collections in it."""

from __future__ import annotations

import atexit
import itertools
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from contract.indexes import MILVUS_MISSING, spec

from satseek.index.milvus.making import create_milvus, drop_milvus
from satseek.index.milvus.pointing import Address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.index.milvus.index import MilvusIndex

MISSING = MILVUS_MISSING

_numbers = itertools.count()


@cache
def lite() -> str:
    """Path of the file that the process' Milvus Lite keeps everything in."""
    folder = tempfile.TemporaryDirectory()  # until the process ends, as the server does
    atexit.register(folder.cleanup)
    return str(Path(folder.name) / "lite.db")


def address(name: str | None = None) -> Address:
    """Give an address that no collection lives at yet."""
    return Address(uri=lite(), collection=name or f"test-{next(_numbers)}")


@contextmanager
def made(dim: int, engine: str = "auto") -> Iterator[MilvusIndex]:
    """Lend an empty collection in a Milvus Lite."""
    where = address()
    with create_milvus(where, spec(dim), engine=engine) as index:
        yield index
    drop_milvus(where)
