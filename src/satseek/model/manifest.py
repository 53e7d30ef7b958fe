"""Turns a bundle's files into a ``manifest.json`` of sizes and SHA-256 digests, and checks it.

Does not know what the files mean.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.errors import DamagedData
from satseek.formats import check_format

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST = "manifest.json"

MAX_BYTES = 1 << 20
"""A manifest larger than 1 MiB is none of ours: a bundle has about ten files."""

_FORMAT = 1
_HEX_DIGITS = 64
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDigest:
    """One file of a bundle."""

    bytes: int
    """Its size."""
    sha256: str
    """Of its bytes, 64 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a version consists of."""

    model: str
    """``name@version``."""
    files: Mapping[str, FileDigest]
    """By plain file name, sorted; the manifest itself is not among them."""

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files.values())


def take_manifest(folder: Path, *, model: str) -> Manifest:
    """Read every file of a flat folder and note its size and digest.

    Raises:
        DamagedData: the folder holds something other than plain files.
    """
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name == MANIFEST:
            continue
        if path.is_symlink() or not path.is_file() or not is_plain_file_name(path.name):
            raise DamagedData(f"{path}: expected plain files in a bundle, without links or folders")
        files[path.name] = digest_of(path)
    return Manifest(model=model, files=files)


def digest_of(path: Path) -> FileDigest:
    """Size and SHA-256 of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return FileDigest(bytes=size, sha256=digest.hexdigest())


def manifest_text(manifest: Manifest) -> str:
    """Write a manifest as JSON; the same manifest always gives the same text."""
    files = {
        name: {"bytes": file.bytes, "sha256": file.sha256}
        for name, file in sorted(manifest.files.items())
    }
    return json.dumps({"format": _FORMAT, "model": manifest.model, "files": files}, indent=2) + "\n"


def parse_manifest(text: str, *, where: str) -> Manifest:
    """Read a manifest's JSON.

    Args:
        text: As ``manifest_text`` wrote it, to the byte.
        where: File named in the error.

    Raises:
        DamagedData: it is anything else.
        FormatTooNew: a later release has written it.
    """
    try:
        written: Any = json.loads(text)
        check_format(where, written["format"], _FORMAT)
        files = {
            str(name): FileDigest(bytes=int(file["bytes"]), sha256=str(file["sha256"]))
            for name, file in written["files"].items()
        }
        manifest = Manifest(model=str(written["model"]), files=files)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedData(f"{where}: expected a manifest: {error}") from error
    fits = all(
        file.bytes >= 0 and len(file.sha256) == _HEX_DIGITS and is_plain_file_name(name)
        for name, file in files.items()
    )
    if not fits or manifest_text(manifest) != text:
        raise DamagedData(f"{where}: expected a manifest as it was written, found another text")
    return manifest


def is_plain_file_name(name: str) -> bool:
    """Whether a name stays inside its folder and is no manifest: no slash, no leading dot."""
    return (
        name.isascii()
        and name.isprintable()
        and not name.startswith(".")
        and not set(name) & set('/\\:"')
        and 0 < len(name) <= _HEX_DIGITS
        and name != MANIFEST
    )


def read_manifest(folder: Path) -> Manifest | None:
    """Read ``manifest.json``; None where there is none.

    Raises:
        DamagedData: it is no manifest.
    """
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedData(f"{path}: expected a manifest: {error}") from error
    return parse_manifest(text, where=str(path))
