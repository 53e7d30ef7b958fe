"""Turns weight files into the digest that names their source, and checks it where one is stated.

Does not know what is in them.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from satseek.errors import UnreadableCheckpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SUMS = "SHA256SUMS"
"""What ``sha256sum *.safetensors > SHA256SUMS`` leaves beside the files."""

_BLOCK_BYTES = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


def digest_of(files: Sequence[Path]) -> str:
    """SHA-256 of the weight files: of the file, where there is one, as hubs list it.

    Of several, that of ``sha256sum``'s own lines, sorted by name. Every file is compared with what
    is stated about it: in ``SHA256SUMS``, by the Hugging Face cache or by its local downloads.

    Raises:
        UnreadableCheckpoint: a file is not what is stated about it.
    """
    found = {path.name: _checked(path) for path in files}
    if len(found) == 1:
        return next(iter(found.values()))
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(found.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _checked(path: Path) -> str:
    digest = _sha256(path)
    for where, stated in _stated(path):
        if stated != digest:
            raise UnreadableCheckpoint(
                f"{path}: altered since it was published, fetch it again: its SHA-256 is "
                f"{digest[:12]}…, {where} states {stated[:12]}…"
            )
    return digest


def _stated(path: Path) -> list[tuple[str, str]]:
    """Every SHA-256 that somebody states about a file, and who."""
    stated = []
    sums = path.parent / SUMS
    if sums.is_file():
        pairs = [line.split(maxsplit=1) for line in sums.read_text("utf-8", "replace").splitlines()]
        stated += [(SUMS, one[0]) for one in pairs if one[1:] == [path.name]]
        stated += [(SUMS, one[0]) for one in pairs if one[1:] == [f"*{path.name}"]]
    # huggingface_hub: snapshots/<revision>/<name> links to blobs/<etag>, for large files SHA-256.
    blob = path.resolve()
    if path.is_symlink() and _SHA256.fullmatch(blob.name):
        stated.append(("its hub", blob.name))
    # The same after a download to a folder: second line of <name>.metadata.
    note = path.parent / ".cache" / "huggingface" / "download" / f"{path.name}.metadata"
    if note.is_file():
        lines = note.read_text("utf-8", "replace").splitlines()
        stated += [("its hub", etag) for etag in lines[1:2] if _SHA256.fullmatch(etag)]
    return stated


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
