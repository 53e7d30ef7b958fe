"""Files under names → one plain tar, of which nothing is left to choice, and back for checking.

Does not know what the files are. The sums come first and the signature behind them, so that an
archive can be checked while it is read once; then what it is, then all others by name. Headers
follow from name and size: the same files always give the same archive.
"""

from __future__ import annotations

import hashlib
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.airgap.layout import (
    ABOUT,
    OUTSIDE_SUMS,
    SIGNATURE,
    SUMS,
    is_inside,
    parse_sums,
)
from satseek.errors import DamagedData, NotFound
from satseek.model import durable
from satseek.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    Progress = Callable[[str, int, int], None]
    """The file at work, bytes done, bytes in all."""

MTIME = 315_532_800
"""1980-01-01 UTC: tar warns of files from 1970."""

MAX_SUMS_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 20
_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An archive that was read from its first byte to its last."""

    folder: str
    """The one that all files lie in."""
    files: Mapping[str, int]
    """Bytes by name, without those of the folder."""
    sums: bytes
    """``SHA256SUMS`` as it stands there."""
    signature: bytes | None
    """None: not signed."""


def digest_files(files: Mapping[str, Path], *, progress: Progress) -> dict[str, str]:
    """SHA-256 of each file, 64 hex digits, by name."""
    total, done, digests = sum(path.stat().st_size for path in files.values()), 0, {}
    for name, path in sorted(files.items()):
        progress(name, done, total)
        with path.open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
        done += path.stat().st_size
    progress("", done, total)
    return digests


def pack(
    archive: Path,
    files: Mapping[str, Path],
    *,
    folder: str,
    progress: Progress,
) -> str:
    """Write files to an archive that appears as a whole or not at all.

    Args:
        archive: Replaced where it is there.
        files: By the name that they have in the archive; ``SHA256SUMS`` is among them, and says
            what the bytes of the others have to be.
        folder: What stands before every name.
        progress: Told of every file.

    Returns:
        SHA-256 of the archive, 64 hex digits.

    Raises:
        DiskFull: there is no room; nothing is left.
        DamagedData: a file is not what the sums say any more; nothing is left.
    """
    sums = parse_sums(files[SUMS].read_text(encoding="utf-8"), where=SUMS)
    total, done = sum(path.stat().st_size for path in files.values()), 0
    durable.check_room(archive.parent, total)
    partial = archive.with_name(f".{archive.name}.partial")
    try:
        with durable.room_named(archive.parent), partial.open("wb") as target:
            counted = _Digested(target)
            for name, path in sorted(files.items(), key=lambda item: _rank(item[0])):
                progress(name, done, total)
                size, digest = _append(counted, f"{folder}/{name}", path)
                if name not in OUTSIDE_SUMS and digest != sums.get(name):
                    raise DamagedData(f"{path}: changed while it was packed; make the archive anew")
                done += size
            counted.write(bytes(2 * _BLOCK))
        sync(partial)
        partial.replace(archive)
        sync(archive.parent)
    finally:
        partial.unlink(missing_ok=True)
    return counted.digest.hexdigest()


def check(archive: Path, *, progress: Progress) -> Checked:
    """Read an archive whole and hold every file against the sums, and the sums against the files.

    Raises:
        NotFound: there is no such file.
        DamagedData: truncated, altered, with a file too many or too few, or no archive of ours.
    """
    with _opened(archive) as members:
        folder, sums_text = _first(archive, members)
        sums = parse_sums(sums_text.decode("utf-8", "replace"), where=f"{archive}: {SUMS}")
        total, done, ends = archive.stat().st_size, 0, 0
        found, signature = {SUMS: len(sums_text)}, None
        for member in iter(members.next, None):
            name = _name(archive, folder, member)
            progress(name, done, total)
            if name in found or (name not in sums and name != SIGNATURE):
                raise DamagedData(f"{archive}: {name} is not in {SUMS}, or there twice")
            digest, signature = _digest(members, member, name, signature)
            if name in sums and digest != sums[name]:
                raise DamagedData(f"{archive}: the bytes of {name} are not those of {SUMS}")
            found[name] = member.size
            done = ends = member.offset_data + member.size
    if missing := sorted(sums.keys() - found.keys()):
        raise DamagedData(f"{archive}: {len(missing)} files of {SUMS} are missing: {missing[0]}")
    if archive.stat().st_size != ends + -ends % _BLOCK + 2 * _BLOCK:
        raise DamagedData(f"{archive}: expected nothing behind its last file; copy it again")
    return Checked(folder=folder, files=found, sums=sums_text, signature=signature)


def read_small(archive: Path, name: str) -> bytes:
    """Read one small file near the beginning of an archive, without checking anything.

    Raises:
        NotFound: there is no such file.
        DamagedData: no archive of ours.
    """
    with _opened(archive) as members:
        for member in iter(members.next, None):
            if member.name.partition("/")[2] == name and member.size <= MAX_SUMS_BYTES:
                return _content(members, member)
            if member.name.partition("/")[2] not in {*OUTSIDE_SUMS, ABOUT}:
                break
    raise DamagedData(f"{archive}: expected a file of `satseek bundle make`, without {name}")


class _Digested:
    """What is written, digested."""

    def __init__(self, target: BinaryIO) -> None:
        self._target, self.digest = target, hashlib.sha256()

    def write(self, block: bytes) -> None:
        self._target.write(block)
        self.digest.update(block)


def _rank(name: str) -> tuple[int, str]:
    first = [SUMS, SIGNATURE, ABOUT]
    return (first.index(name) if name in first else len(first), name)


def _append(target: _Digested, name: str, path: Path) -> tuple[int, str]:
    """Write one file behind its header; its bytes and their digest, as they were written."""
    member = tarfile.TarInfo(name)
    member.size, member.mtime = path.stat().st_size, MTIME
    member.mode = 0o755 if name.endswith(".sh") else 0o644
    target.write(member.tobuf(tarfile.GNU_FORMAT, "ascii", "strict"))
    written, digest = 0, hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK_BYTES):
            target.write(block)
            digest.update(block)
            written += len(block)
    if written != member.size:
        raise DamagedData(f"{path}: changed while it was packed; make the archive anew")
    target.write(bytes(-written % _BLOCK))
    return written, digest.hexdigest()


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    if not archive.is_file():
        raise NotFound(f"{archive}: expected an archive, found no such file")
    try:
        with tarfile.open(archive, "r:") as members:
            yield members
    except tarfile.TarError as error:
        raise DamagedData(f"{archive}: {error}; copy it again") from error


def _first(archive: Path, members: tarfile.TarFile) -> tuple[str, bytes]:
    member = members.next()
    folder, _, name = (member.name if member else "").partition("/")
    if member is None or name != SUMS or not is_inside(folder) or member.size > MAX_SUMS_BYTES:
        raise DamagedData(f"{archive}: expected a file of `satseek bundle make`")
    return folder, _content(members, member)


def _name(archive: Path, folder: str, member: tarfile.TarInfo) -> str:
    top, _, name = member.name.partition("/")
    if top != folder or not is_inside(name) or not member.isreg():
        raise DamagedData(f"{archive}: expected files below {folder}, found {member.name!r}")
    return name


def _digest(
    members: tarfile.TarFile, member: tarfile.TarInfo, name: str, signature: bytes | None
) -> tuple[str, bytes | None]:
    """The digest of a file, and the signature where it is that."""
    if name == SIGNATURE:
        return "", _content(members, member)
    digest, left, file = hashlib.sha256(), member.size, members.extractfile(member)
    assert file is not None
    while left:
        block = file.read(min(left, _CHUNK_BYTES))
        if not block:
            raise tarfile.ReadError("unexpected end of data")
        digest.update(block)
        left -= len(block)
    return digest.hexdigest(), signature


def _content(members: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = members.extractfile(member) if member.isreg() else None
    content = file.read() if file else b""
    if len(content) != member.size:
        raise tarfile.ReadError("unexpected end of data")
    return content
