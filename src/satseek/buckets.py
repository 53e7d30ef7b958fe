"""``s3://BUCKET/KEY`` ⇄ a file of this machine, whole or not at all.

Does not know what is in the file. Endpoint and credentials come from the ``AWS_…`` variables, as
the store's own client reads them; nothing here sees them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.errors import (
    DependencyMissing,
    DiskFull,
    FolderNotFound,
    InvalidRequest,
    SatseekError,
    ServerUnreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from obstore.store import S3Store

    Progress = Callable[[int, int], None]
    """Bytes done, bytes in all."""

SCHEME = "s3://"

BLOCK_BYTES = 16 * 1024**2
"""Read or written by one request: memory and time of each stay small however long the file is."""

PARTS_AT_ONCE = 4
"""Of a file that is written: 64 MiB in memory."""

ANSWER_SECONDS = 60
"""Longest wait for one request; a block takes that on 2 Mbit/s."""

TRIES = 3
"""How often a request that failed is made again."""

MAX_KEY = 1024
"""Bytes of an object's key, docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""

OBJECTS = "objects"
"""Folder of files that are to become objects."""

LEFT_SECONDS = 24 * 3600
"""A copy of this age is nobody's any more."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")

_VARIABLES = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where an object lies."""

    bucket: str
    """Name of the bucket."""
    key: str
    """Name of the object in it."""

    def __str__(self) -> str:
        """Write it as people do."""
        return f"{SCHEME}{self.bucket}/{self.key}"

    def beside(self, ending: str) -> Address:
        """Give the address of the object whose name has an ending more."""
        return Address(bucket=self.bucket, key=self.key + ending)


def is_object(named: str) -> bool:
    """Tell whether something that is named lies in an object store."""
    return named.startswith(SCHEME)


def address_of(named: str) -> Address:
    """Read an address.

    Raises:
        InvalidRequest: it is none.
    """
    bucket, _, key = named.removeprefix(SCHEME).partition("/")
    odd = not key or key.endswith("/") or not key.isprintable() or len(key.encode()) > MAX_KEY
    parts = key.split("/")
    if not is_object(named) or not _BUCKET.fullmatch(bucket) or odd or {".", "..", ""} & {*parts}:
        raise InvalidRequest(f"expected {SCHEME}BUCKET/KEY, came {named[:200]!a}")
    return Address(bucket=bucket, key=key)


def file_name(named: str) -> str:
    """Name the file that an object would be.

    Raises:
        InvalidRequest: no address.
    """
    return address_of(named).key.rpartition("/")[2]


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
        with _store_errors(address), _disk_errors(file), partial.open("wb") as target:
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


@contextmanager
def fetched(
    named: str, *, folder: Path, endings: tuple[str, ...] = (), progress: Progress | None = None
) -> Iterator[Path]:
    """Lend what is named as a file: itself, or a copy of an object that is gone afterwards.

    Args:
        named: Path, or address of an object.
        folder: Where the copy may lie meanwhile; made where it is missing.
        endings: Of names of objects that lie beside it where they are there, such as ``.sha256``.
        progress: Told the bytes that are there.

    Raises:
        As ``fetch``.
    """
    if not is_object(named):
        yield Path(named)
        return
    address = address_of(named)
    with _room(folder) as room:
        file = room / file_name(named)
        fetch(named, file, progress=progress)
        for ending in endings:
            if exists(beside := str(address.beside(ending))):
                fetch(beside, file.with_name(file.name + ending))
        yield file


@contextmanager
def written(named: str, *, folder: Path) -> Iterator[Path]:
    """Lend a path to write to: itself, or one whose file becomes an object at the end.

    So do files whose names are that of the first and an ending more, after it. Nothing is copied
    where the writer fails, or has written nothing.

    Args:
        named: Path, or address of an object.
        folder: Where the file may lie meanwhile; made where it is missing.

    Raises:
        As ``put``.
    """
    if not is_object(named):
        yield Path(named)
        return
    address = address_of(named)
    _opened(address)
    with _room(folder) as room:
        file = room / file_name(named)
        yield file
        for one in sorted(room.iterdir()):
            if one.name.startswith(file.name):
                put(one, str(address.beside(one.name.removeprefix(file.name))))


def standing_in(named: str, *, folder: Path) -> Path:
    """Give the file that is written for what is named: itself, or one that ``deliver`` copies.

    The latter is the same each time, so that what was killed while it wrote can go on.

    Args:
        named: Path, or address of an object.
        folder: Where the file for an object may lie meanwhile.
    """
    if not is_object(named):
        return Path(named).absolute()
    address = address_of(named)
    _opened(address)  # what is missing is said before hours of work
    room = folder / OBJECTS / hashlib.sha256(named.encode()).hexdigest()[:16]
    with _disk_errors(room):
        room.mkdir(parents=True, exist_ok=True)
    return room / file_name(named)


def deliver(file: Path, named: str) -> None:
    """Make the object of a file that stood in for it, which is gone then; a path is there already.

    Raises:
        As ``put``; the file is still there, and the message says where.
    """
    if not is_object(named):
        return
    try:
        put(file, named)
    except SatseekError as error:
        raise type(error)(f"{error}; what was made lies in {file}") from error
    shutil.rmtree(file.parent)


@contextmanager
def _room(folder: Path) -> Iterator[Path]:
    with _disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _forget_rooms(folder)
        room = tempfile.TemporaryDirectory(prefix=".object-", dir=folder)
    with room as name:
        yield Path(name)


def _forget_rooms(folder: Path) -> None:
    """Take away what a process left here that was killed in the middle."""
    long_ago = time.time() - LEFT_SECONDS
    for room in folder.glob(".object-*"):
        with suppress(OSError):  # another one is just as quick
            if room.stat().st_mtime < long_ago:
                shutil.rmtree(room)


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
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise DiskFull(
                f"{path.parent}: no room for {path.name}; free some, try again"
            ) from error
        raise SatseekError(f"{path}: cannot be written: {error.strerror or error}") from error
