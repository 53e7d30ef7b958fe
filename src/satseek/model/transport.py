"""Turns a version into one file that can be carried to another machine, and back.

Does not know the store. The file is a plain tar with nothing left to choice: ``manifest.json``
first, then its files by name, every header and padding byte determined by the manifest. So one
version always gives the same file, any flipped bit is found, and there is no room for links,
folders, paths or compressed bombs.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import DamagedData, FolderNotFound, ModelNotFound
from satseek.model import durable
from satseek.model.manifest import (
    MANIFEST,
    MAX_BYTES,
    FileDigest,
    Manifest,
    manifest_text,
    parse_manifest,
)
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    Progress = Callable[[int, int], None]
    """Bytes done, bytes in all."""

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A version as one file."""

    file: Path
    """The file; its digest lies beside it in ``FILE.sha256``, for ``sha256sum -c``."""
    bytes: int
    """Its size."""
    sha256: str
    """Of the whole file, 64 hex digits."""


def write_carried(
    folder: Path, manifest: Manifest, file: Path, *, progress: Progress | None = None
) -> Carried:
    """Write a bundle's folder to one file, and its digest beside it.

    Raises:
        DamagedData: a file is not what the manifest says.
        DiskFull: there is no room.
        FolderNotFound: there is no folder to write into.
    """
    if not file.parent.is_dir():
        raise FolderNotFound(f"{file.parent}: expected a folder to write {file.name} into")
    durable.check_room(file.parent, carried_bytes(manifest))
    partial = file.with_name(f".{file.name}.partial")
    try:
        with durable.room_named(file.parent):
            with partial.open("wb") as target:
                digest = _write(folder, manifest, _Counted(target, manifest, progress))
            sync(partial)
            beside = _beside(file)
            beside.unlink(missing_ok=True)  # never beside a file that it is not the digest of
            partial.replace(file)
            durable.replace_text(beside, f"{digest}  {file.name}\n", by_way_of=partial)
    finally:
        partial.unlink(missing_ok=True)
    return Carried(file=file, bytes=file.stat().st_size, sha256=digest)


def read_carried(file: Path, into: Path, *, progress: Progress | None = None) -> Manifest:
    """Unpack a carried file into an empty folder, checking every byte.

    Raises:
        ModelNotFound: there is no such file.
        DamagedData: it is no carried bundle, or not as it was written.
        DiskFull: there is no room for what it holds.
    """
    if not file.is_file():
        raise ModelNotFound(f"{file}: expected a bundle's file, found none")
    with file.open("rb") as stream:
        source = _Source(stream, file, progress)
        manifest = _first(source)
        size, expected = os.fstat(stream.fileno()).st_size, carried_bytes(manifest)
        if size != expected:
            raise source.damaged(f"expected {expected} bytes, found {size}; copy it again")
        durable.check_room(into, manifest.bytes)
        source.total = expected
        with durable.room_named(into):
            for name, wanted in sorted(manifest.files.items()):
                _unpack(source, into / name, wanted)
        if source.exactly(len(_END)) != _END:
            raise source.damaged("expected its end to be empty")
    _check_beside(file, source.sha256)
    return manifest


def carried_bytes(manifest: Manifest) -> int:
    """Size of the file that a manifest's version becomes."""
    sizes = [len(manifest_text(manifest).encode()), *(one.bytes for one in manifest.files.values())]
    return sum(_BLOCK + size + _padding(size) for size in sizes) + len(_END)


class _Counted:
    """What is written, counted and digested."""

    def __init__(self, target: BinaryIO, manifest: Manifest, progress: Progress | None) -> None:
        self._target, self._progress = target, progress
        self._total, self._done = carried_bytes(manifest), 0
        self.digest = hashlib.sha256()

    def write(self, block: bytes) -> None:
        self._target.write(block)
        self.digest.update(block)
        self._done += len(block)
        if self._progress:
            self._progress(self._done, self._total)


class _Source:
    """What is read, counted and digested."""

    def __init__(self, stream: BinaryIO, file: Path, progress: Progress | None) -> None:
        self._stream, self._file, self._progress = stream, file, progress
        self._digest, self._done, self.total = hashlib.sha256(), 0, 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def exactly(self, count: int) -> bytes:
        block = self._stream.read(count)
        if len(block) != count:
            raise self.damaged(f"ends after {self._done + len(block)} bytes; copy it again")
        self._digest.update(block)
        self._done += count
        if self._progress and self.total:
            self._progress(self._done, self.total)
        return block

    def chunks(self, count: int) -> Iterator[bytes]:
        while count:
            block = self.exactly(min(count, _CHUNK_BYTES))
            count -= len(block)
            yield block

    def damaged(self, what: str) -> DamagedData:
        return DamagedData(f"{self._file}: {what}")


def _write(folder: Path, manifest: Manifest, target: _Counted) -> str:
    text = manifest_text(manifest).encode()
    target.write(_header(MANIFEST, len(text)))
    target.write(text + bytes(_padding(len(text))))
    for name, wanted in sorted(manifest.files.items()):
        target.write(_header(name, wanted.bytes))
        digest, size = hashlib.sha256(), 0
        with (folder / name).open("rb") as file:
            while block := file.read(_CHUNK_BYTES):
                digest.update(block)
                size += len(block)
                target.write(block)
        if FileDigest(bytes=size, sha256=digest.hexdigest()) != wanted:
            raise DamagedData(f"{folder / name}: its bytes are not those of {MANIFEST}")
        target.write(bytes(_padding(size)))
    target.write(_END)
    return target.digest.hexdigest()


def _first(source: _Source) -> Manifest:
    """The manifest at the file's beginning; everything else is held against it."""
    header = source.exactly(_BLOCK)
    told = _told(header)
    if told is None or told.name != MANIFEST or not 0 < told.size <= MAX_BYTES:
        raise source.damaged("expected a file made by `satseek model export-bundle`")
    _check_header(source, header, MANIFEST, told.size)
    text = source.exactly(told.size)
    _check_padding(source, told.size)
    try:
        return parse_manifest(text.decode("utf-8"), where=MANIFEST)
    except (UnicodeDecodeError, DamagedData) as error:
        raise source.damaged(str(error)) from error


def _unpack(source: _Source, path: Path, wanted: FileDigest) -> None:
    _check_header(source, source.exactly(_BLOCK), path.name, wanted.bytes)
    digest = hashlib.sha256()
    with path.open("xb") as target:
        for block in source.chunks(wanted.bytes):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != wanted.sha256:
        raise source.damaged(f"the bytes of {path.name} are not those of its {MANIFEST}")
    _check_padding(source, wanted.bytes)


def _header(name: str, size: int) -> bytes:
    """The one header that a file of this name and size has (GNU tar: sizes beyond 8 GiB too)."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")


def _told(header: bytes) -> tarfile.TarInfo | None:
    """What a header says; None where it is none."""
    try:
        return tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return None


def _check_header(source: _Source, header: bytes, name: str, size: int) -> None:
    if header == _header(name, size):
        return
    told = _told(header)
    found = "no header" if told is None else f"{told.name!r} of {told.size} bytes"
    if told is not None and not told.isreg():
        found += ", a link or another thing that is no file"
    raise source.damaged(f"expected {name} of {size} bytes, found {found}")


def _padding(size: int) -> int:
    """Zero bytes that fill up the last block."""
    return -size % _BLOCK


def _check_padding(source: _Source, size: int) -> None:
    if any(source.exactly(_padding(size))):
        raise source.damaged("expected nothing between two files")


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _check_beside(file: Path, sha256: str) -> None:
    """Where the digest was carried along, hold the file against it."""
    beside = _beside(file)
    if not beside.is_file():
        return
    words = beside.read_text(encoding="utf-8", errors="replace").split()
    if not words or words[0].lower() != sha256:
        raise DamagedData(f"{file}: expected the digest in {beside.name}, its own is {sha256}")
