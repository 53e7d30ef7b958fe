"""An address → a collection in a Milvus: made, opened, or dropped with all that it holds.

Does not know what is put into it.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.errors import CollectionExists, CollectionNotFound
from satseek.index.milvus import layout
from satseek.index.milvus.book import Book
from satseek.index.milvus.connecting import Connection
from satseek.index.milvus.engines import engine_named
from satseek.index.milvus.index import MilvusIndex
from satseek.index.milvus.pointing import LITE, pointer_identity, read_address
from satseek.index.milvus.states import Told

if TYPE_CHECKING:
    from satseek.index.milvus.pointing import Address
    from satseek.index.spec import CollectionSpec


def create_milvus(address: Address, spec: CollectionSpec, *, engine: str = "auto") -> MilvusIndex:
    """Make an empty collection in a Milvus.

    Args:
        address: Checked; see ``check_address``.
        spec: What the collection is.
        engine: Index of its vectors, or ``auto``; see ``engines.ENGINES``.

    Raises:
        CollectionExists: There is one already.
        InvalidRequest: No such engine there.
        ServerUnreachable, PermissionDenied, DependencyMissing: as ``Connection``.
    """
    connection = Connection(address)
    try:
        chosen = engine_named(engine, lite=connection.is_lite)
        chips, book = layout.names_of(address.collection)
        _clear_way(connection, address, chips, book)
        kind: layout.VectorKind = "float32" if connection.is_lite else "float16"
        milvus = connection.milvus
        _make(
            connection,
            chips,
            layout.chip_schema(milvus, dim=spec.dim, kind=kind),
            layout.chip_indexes(milvus, chosen, lite=connection.is_lite),
        )
        _make(connection, book, layout.book_schema(milvus), layout.book_indexes(milvus))
        told = Told(spec=spec, born=secrets.token_hex(16), engine=chosen.name, vectors=kind)
        Book(connection, book).tell(told)
        return MilvusIndex(address=address, connection=connection, told=told)
    except BaseException:
        connection.close()
        raise


def open_milvus(address: Address) -> MilvusIndex:
    """Open a collection that lives in a Milvus.

    Raises:
        CollectionNotFound: There is none of that name.
        ServerUnreachable, PermissionDenied, DependencyMissing: as ``Connection``.
    """
    if address.uri.endswith(LITE) and not Path(address.uri).exists():  # connecting would make it
        raise _none_there(address)
    connection = Connection(address)
    try:
        told = _loaded(connection, address)
        return MilvusIndex(address=address, connection=connection, told=told)
    except BaseException:
        connection.close()
        raise


def open_attached(folder: Path, *, token: str) -> MilvusIndex:
    """Open the collection that a folder says lives in a Milvus; raises as ``open_milvus``."""
    identity = pointer_identity(folder)
    opened = open_milvus(read_address(folder, token=token))
    opened.attached(folder, identity)
    return opened


def drop_milvus(address: Address) -> None:
    """Remove a collection from a Milvus, with all that it holds.

    Raises:
        ServerUnreachable, PermissionDenied, DependencyMissing: as ``Connection``.
    """
    connection = Connection(address)
    try:
        _, book = names = layout.names_of(address.collection)
        for name in (book, names[0]):  # without its book there is no collection
            connection.call("drop_collection", collection_name=name)
    finally:
        connection.close()


def _none_there(address: Address) -> CollectionNotFound:
    return CollectionNotFound(
        f"Milvus at {address.uri} holds no collection {address.collection!r}; bring one there with "
        "`satseek collection push`"
    )


def _loaded(connection: Connection, address: Address) -> Told:
    """Have a collection loaded, so that it can be asked; gives what it is."""
    _, book = names = layout.names_of(address.collection)
    for name in names:
        if not connection.call("has_collection", collection_name=name):
            raise _none_there(address)
        connection.call("load_collection", collection_name=name)
    return Book(connection, book).told()


def _clear_way(connection: Connection, address: Address, chips: str, book: str) -> None:
    """Refuse where there is a collection; drop what a killed maker left."""
    if _is_there(connection, book):
        raise CollectionExists(
            f"Milvus at {address.uri}: there is a collection {address.collection!r} already"
        )
    for name in (book, chips):
        connection.call("drop_collection", collection_name=name)


def _is_there(connection: Connection, book: str) -> bool:
    """Tell whether a collection was made to its end: its book says what it is."""
    if not connection.call("has_collection", collection_name=book):
        return False
    connection.call("load_collection", collection_name=book)
    try:
        Book(connection, book).told()
    except CollectionNotFound:
        return False
    return True


def _make(connection: Connection, name: str, schema: Any, indexes: Any) -> None:
    connection.call(
        "create_collection",
        collection_name=name,
        schema=schema,
        consistency_level="Strong",
    )
    # of an empty collection there is nothing to wait for
    connection.call("create_index", collection_name=name, index_params=indexes, sync=False)
    connection.call("load_collection", collection_name=name)
