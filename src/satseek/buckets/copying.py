"""An object ⇄ a file of this machine, whole or not at all.

Knows the store's client, and nobody else does. Endpoint and credentials come from the ``AWS_…``
variables, as the client reads them; nothing here sees them.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from satseek.buckets.addressing import address_of
from satseek.errors import (
    NO_ROOM,
    DependencyMissing,
    DiskFull,
    FolderNotFound,
    SatseekError,
    ServerUnreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from obstore.store import S3Store

    from satseek.buckets.addressing import Address

    Progress = Callable[[int, int], None]
    """Bytes done, bytes in all."""

BLOCK_BYTES = 16 * 1024**2
"""Read or written by one request: memory and time of each stay small however long the file is."""

PARTS_AT_ONCE = 4
"""Of a file that is written: 64 MiB in memory."""

ANSWER_SECONDS = 60
"""Longest wait for one request; a block takes that on 2 Mbit/s."""

TRIES = 3
"""How often a request that failed is made again."""

_VARIABLES = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL"


def fetch(named: str, file: Path, *, progress: Progress | None = None) -> None:
    """Copy an object to a file, which is there only once all of it is.

    Raises:
        InvalidRequest: no address.
        FolderNotFound: there is no such object.
        ServerUnreachable: the store does not answer, or broke off.
        DiskFull: there is no room for it.
        SatseekError: the store refuses.
        DependencyMissing: without the extra.
    """
    address = address_of(named)
    partial = file.with_name(f".{file.name}.partial")
    try:
        with _store_errors(address), disk_errors(file), partial.open("wb") as target:
            for block, done, total in _blocks(_opened(address), address):
                target.write(block)
                if progress:
                    progress(done, total)
            target.flush()
            os.fsync(target.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def put(file: Path, named: str) -> None:
    """Copy a file to an object, which is there, or another one is, only once all of it is.

    Raises:
        As ``fetch``; FolderNotFound where there is no such bucket.
    """
    address = address_of(named)
    with _store_errors(address):
        _opened(address).put(
            address.key, file, chunk_size=BLOCK_BYTES, max_concurrency=PARTS_AT_ONCE
        )


def exists(named: str) -> bool:
    """Tell whether there is such an object; raises what ``fetch`` raises."""
    address = address_of(named)
    try:
        with _store_errors(address):
            _opened(address).head(address.key)
    except FolderNotFound:
        return False
    return True


def _blocks(store: S3Store, address: Address) -> Iterator[tuple[Any, int, int]]:
    """Give an object block by block, all of the same edition, with bytes done and in all."""
    head = store.head(address.key)
    total, tag = head["size"], head["e_tag"]
    for start in range(0, total, BLOCK_BYTES):
        end = min(start + BLOCK_BYTES, total)
        options: dict[str, Any] = {"range": (start, end)}
        if tag:
            options["if_match"] = tag
        block = store.get(address.key, options=options).bytes()  # type: ignore[arg-type]
        if len(block) != end - start:
            raise ServerUnreachable(
                f"{address}: expected {end - start} bytes, came {len(block)}; try again"
            )
        yield block, end, total


def check_client(address: Address) -> None:
    """Refuse before hours of work what cannot be written at their end.

    Raises:
        DependencyMissing: without the extra.
    """
    _opened(address)


def _opened(address: Address) -> S3Store:
    try:
        from obstore.store import S3Store  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise DependencyMissing(
            f"{address}: needs the package obstore: pip install 'satseek[s3]'"
        ) from error
    return S3Store(
        address.bucket,
        # without TLS where the endpoint says so, and only there
        client_options={"timeout": timedelta(seconds=ANSWER_SECONDS), "allow_http": True},
        retry_config={"max_retries": TRIES, "retry_timeout": timedelta(seconds=ANSWER_SECONDS)},
    )


@contextmanager
def _store_errors(address: Address) -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        from obstore import exceptions  # noqa: PLC0415 - an extra
    except ImportError:
        yield  # whoever opens the store says so
        return
    refused = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
    try:
        yield
    except FileNotFoundError as error:
        raise FolderNotFound(f"{address}: there is no such object or bucket") from error
    except refused as error:
        raise SatseekError(
            f"{address}: the store refuses it; are {_VARIABLES} those of its owner?"
        ) from error
    except exceptions.PreconditionError as error:
        raise ServerUnreachable(
            f"{address}: it was replaced while it was read, try again"
        ) from error
    except exceptions.BaseError as error:
        line = " ".join(str(error).split())[:300]
        raise ServerUnreachable(
            f"{address}: the store does not answer as it should: {line}"
        ) from error


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the file system's errors into ours, naming the file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull(
                f"{path.parent}: no room for {path.name}; free some, try again"
            ) from error
        raise SatseekError(f"{path}: cannot be written: {error.strerror or error}") from error
