"""What a worker made of a partition ⇄ one file, which is there as a whole or not at all.

Does not know pixels, models, nor who merges. A file is written under the name of its try, waited
for until the disk has it, and renamed: whoever sees it sees all of it. Each piece has a checksum of
its own, and the same work makes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import DamagedData, NoValidPixels
from satseek.index.checks import check_batch
from satseek.index.halves import to_halves
from satseek.index.records import chip_from, chip_values
from satseek.index.schema import storage_errors
from satseek.index.segments import BYTES_PER_NUMBER, stored_bytes
from satseek.syncing import sync
from satseek.types import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from satseek.index.halves import Halves
    from satseek.types import Chip, Vectors

SUFFIX = ".partition"
"""End of a finished file's name."""

_MAGIC = "satseek-partition 1"
_TRIES = ".try-"


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceResult:
    """What came of one piece: successive candidates of one scene."""

    key: str
    """Names the piece, and changes with whatever changes its chips or vectors."""
    chips: tuple[Chip, ...] = ()
    """May be none."""
    vectors: Vectors
    """float32, shape (len(chips), dim), unit rows."""
    skipped: int = 0
    """Candidates passed over, as too little of them is valid."""
    recipe: str = ""
    """Label of the recipe that was used."""
    refusal: Refusal | None = None
    """Why its scene cannot be used; None: it can."""
    begun: bool = True
    """Whether pixels were being read when it was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPiece:
    """A piece as a file says that it holds it."""

    path: Path
    """The file."""
    key: str
    """See ``PieceResult``."""
    chips: int
    """How many."""
    skipped: int
    """See ``PieceResult``."""
    recipe: str
    """See ``PieceResult``."""
    refusal: Refusal | None
    """See ``PieceResult``."""
    begun: bool
    """See ``PieceResult``."""
    dim: int
    """Numbers in a vector."""
    at: int
    """Where its bytes begin."""
    length: int
    """How many they are."""
    sha256: str
    """Of these bytes."""

    @property
    def is_settled(self) -> bool:
        """Tell whether reading the piece again would say the same, whatever a disk was up to."""
        return self.refusal is None or self.refusal.kind == NoValidPixels.__name__

    def load(self) -> tuple[list[Chip], Halves]:
        """Read chips and vectors.

        Raises:
            DamagedData: They are not what was written; the file was removed, so that the same work
                done again makes it anew.
        """
        content = stored_bytes(self.path, at=self.at, length=self.length)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            self.path.unlink(missing_ok=True)
            raise DamagedData(
                f"{self.path}: the partition is not what was written, so it was removed; do the "
                "same again, and it alone is embedded anew"
            )
        split = len(content) - self.chips * self.dim * BYTES_PER_NUMBER
        halves = np.frombuffer(content, dtype=np.float16, offset=split).reshape(-1, self.dim)
        return [chip_from(values) for values in json.loads(content[:split])], halves


def partition_path(folder: Path, name: str) -> Path:
    """Name the finished file of a partition."""
    return folder / f"{name}{SUFFIX}"


def write_partition(path: Path, results: Sequence[PieceResult], *, dim: int) -> None:
    """Write what came of a partition; durable and visible when it returns, nothing of it before.

    Args:
        path: Where; one that is there is replaced, by the same bytes if the work was the same.
        results: Of its pieces, in order.
        dim: Numbers in a vector.

    Raises:
        InvalidRequest, ModelMismatch: As ``Index.add``.
        DiskFull: There is no room.
    """
    heads: list[dict[str, Any]] = []
    parts: list[bytes] = []
    at = 0
    for result in results:
        content = _content(result, dim=dim)
        heads.append(_head(result) | {"at": at, "length": len(content), "sha256": _sha(content)})
        parts.append(content)
        at += len(content)
    head = json.dumps({"dim": dim, "pieces": heads}).encode()
    lines = f"{_MAGIC} {_sha(head)} {len(head)}\n".encode() + head + b"\n"
    with storage_errors(path):
        _put(path, b"".join([lines, *parts]))


def read_partition(path: Path) -> list[StoredPiece]:
    """List the pieces that a file holds; none where it is missing, cut off or no such file."""
    try:
        with path.open("rb") as file:
            first = file.readline(200)
            magic, sha, length = first.decode("ascii").rsplit(" ", 2)
            head = file.read(int(length))
            size = os.fstat(file.fileno()).st_size
    except (FileNotFoundError, ValueError):
        return []
    if magic != _MAGIC or _sha(head) != sha:
        return []
    told = json.loads(head)
    begins = len(first) + len(head) + 1
    pieces = [_stored(one, path, dim=told["dim"], begins=begins) for one in told["pieces"]]
    whole = all(piece.at + piece.length <= size for piece in pieces)
    return pieces if whole else []


def stored_pieces(folder: Path) -> dict[str, StoredPiece]:
    """List the pieces in all finished files of a folder, by key; none where there is no folder."""
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    return {piece.key: piece for path in paths for piece in read_partition(path)}


def clear_tries(folder: Path) -> None:
    """Remove what tries that were given up have left in a folder; nobody may be at work there."""
    for path in folder.glob(f"{_TRIES}*"):
        path.unlink(missing_ok=True)


def _put(path: Path, content: bytes) -> None:
    trying = path.with_name(f"{_TRIES}{path.stem}-{secrets.token_hex(8)}")
    try:
        with trying.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        trying.replace(path)
    finally:
        trying.unlink(missing_ok=True)
    sync(path.parent)


def _content(result: PieceResult, *, dim: int) -> bytes:
    """Lay chips and vectors out as they are stored: as JSON, and as a collection's segments."""
    vectors = check_batch(result.chips, result.vectors, dim=dim)
    chips = json.dumps([chip_values(chip) for chip in result.chips])
    return chips.encode() + to_halves(vectors).tobytes()


def _head(result: PieceResult) -> dict[str, Any]:
    refused = result.refusal
    return {
        "key": result.key,
        "chips": len(result.chips),
        "skipped": result.skipped,
        "recipe": result.recipe,
        "refusal": None if refused is None else [refused.path, refused.reason, refused.kind],
        "begun": result.begun,
    }


def _stored(told: Mapping[str, Any], path: Path, *, dim: int, begins: int) -> StoredPiece:
    refusal = None
    if told["refusal"] is not None:
        name, reason, kind = told["refusal"]
        refusal = Refusal(path=name, reason=reason, kind=kind)
    return StoredPiece(
        path=path,
        key=told["key"],
        chips=told["chips"],
        skipped=told["skipped"],
        recipe=told["recipe"],
        refusal=refusal,
        begun=told["begun"],
        dim=dim,
        at=begins + told["at"],
        length=told["length"],
        sha256=told["sha256"],
    )


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
