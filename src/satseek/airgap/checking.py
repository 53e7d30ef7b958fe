"""A file that was carried over → whether it is what was made, and by whom; and what it is.

Does not install: ``install.sh`` does, and asks the same questions before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.airgap.keys import fingerprint_of, is_signed
from satseek.airgap.layout import ABOUT, SIGNATURE, About, read_about
from satseek.airgap.packing import check, read_small
from satseek.errors import DamagedData, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from satseek.airgap.packing import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """An archive that is what was made."""

    about: About
    """What it is."""
    files: Mapping[str, int]
    """Bytes by name."""
    signer: str | None
    """Fingerprint of the key that it was held against; None: nobody's signature was asked for."""


def verify_archive(archive: Path, *, key: Path | None, progress: Progress) -> Sound:
    """Read an archive whole; where a public key is given, its owner must have signed it.

    Raises:
        NotFound: there is no such file, or no such key.
        DamagedData: not as it was made, not signed, or by another; or the key is none.
        DependencyMissing: a key was given, and there is no cryptography (extra auth).
    """
    # a key that does not serve is told now, not when gigabytes are read
    signer = fingerprint_of(key) if key else None
    checked = check(archive, progress=progress)
    if key is not None:
        _check_signature(archive, checked.sums, checked.signature, key)
    return Sound(
        about=show_archive(archive),
        files=checked.files,
        signer=signer,
    )


def show_archive(archive: Path) -> About:
    """Tell what an archive says that it is; nothing is checked, and little is read.

    Raises:
        NotFound: there is no such file.
        DamagedData: it is no archive of ours, or of a later format.
    """
    where = f"{archive}: {ABOUT}"
    try:
        return read_about(json.loads(read_small(archive, ABOUT)), where=where)
    except ValueError as error:
        raise DamagedData(f"{where}: {error}") from error


def claims_signature(archive: Path) -> bool:
    """Whether there is a signature in an archive, whosever it is."""
    try:
        read_small(archive, SIGNATURE)
    except DamagedData:
        return False
    return True


def require_a_choice(*, key: Path | None, unsigned: bool) -> None:
    """Refuse to guess whether a signature is to be asked for.

    Raises:
        InvalidRequest: neither was said, or both.
    """
    if (key is None) != unsigned:
        raise InvalidRequest(
            "expected --key with the public key of who made the archive, or --unsigned to hold it "
            "against its own sums alone"
        )


def _check_signature(archive: Path, sums: bytes, signature: bytes | None, key: Path) -> None:
    if signature is None:
        raise DamagedData(f"{archive}: expected a signature of {key}, found none")
    if not is_signed(sums, signature, key):
        raise DamagedData(f"{archive}: its signature is not that of {key}")
