"""The number of the format that a collection in a Milvus carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from milvusing import MISSING, made

from satseek.errors import FormatTooNew
from satseek.index.milvus import book, layout
from satseek.index.milvus.book import Book
from satseek.index.milvus.connecting import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("pymilvus", reason=MISSING)
pytest.importorskip("milvus_lite", reason=MISSING)


@pytest.fixture
def opened() -> Iterator[Book]:
    with made(8) as index:
        connection = Connection(index.address)
        yield Book(connection, layout.names_of(index.address.collection)[1])
        connection.close()


def test_a_later_one_is_refused(opened: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    told = opened.told()
    with monkeypatch.context() as later:
        later.setattr(book, "FORMAT", book.FORMAT + 1)
        opened.tell(told)
        assert told == opened.told()
    with pytest.raises(FormatTooNew, match="in Milvus: written by a newer satseek"):
        opened.told()
