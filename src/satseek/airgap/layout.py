"""The names that an archive's files have, and the sums that hold it together.

Does not know how files are packed. What is said here, ``deploy/airgap/install.sh`` says again in
its own language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.errors import DamagedData

if TYPE_CHECKING:
    from collections.abc import Mapping

SUMS = "SHA256SUMS"
"""Digest and name of every other file, as ``sha256sum -c`` reads it; what is signed."""

SIGNATURE = "SHA256SUMS.sig"
"""64 bytes of Ed25519 over ``SHA256SUMS``; only where the archive is signed."""

OUTSIDE_SUMS = frozenset({SUMS, SIGNATURE})

ABOUT = "bundle.json"
"""What the archive is, as `About`."""

INVENTORY = "sbom.cdx.json"
SIGNER = "signer.pub"
"""The public key that belongs to the signature, for the eye: it proves nothing, as whoever alters
an archive can put in a key as well."""

WHEELS, INSTALLER, MODELS, IMAGES = "wheels", "installer", "models", "images"

FORMAT = 1

_NAME = re.compile(r"[A-Za-z0-9_+@-][A-Za-z0-9._+@-]*(/[A-Za-z0-9_+@.-][A-Za-z0-9._+@-]*)*")
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an archive is."""

    version: str
    """Of satseek."""
    python: str
    """Such as 3.11."""
    platform: str
    """The newest tag of wheels in it, such as manylinux_2_28_x86_64."""
    extras: tuple[str, ...]
    """Of satseek, sorted."""
    models: Mapping[str, str]
    """File below ``models/`` by ``name@version``."""
    images: tuple[str, ...]
    """Files below ``images/``."""

    @property
    def folder(self) -> str:
        """The one folder that everything in the archive lies in."""
        return f"satseek-{self.version}-py{self.python}-{self.platform}"

    def written(self) -> dict[str, Any]:
        """As ``bundle.json`` has it; ``machine`` and ``glibc`` are what install.sh asks for."""
        glibc, machine = re.fullmatch(r"manylinux_(\d+_\d+)_(.+)", self.platform).groups()  # type: ignore[union-attr]
        return {
            "format": FORMAT,
            "name": "satseek",
            "version": self.version,
            "python": self.python,
            "platform": self.platform,
            "machine": machine,
            "glibc": glibc.replace("_", "."),
            "extras": list(self.extras),
            "models": dict(sorted(self.models.items())),
            "images": list(self.images),
        }


def read_about(written: Any, *, where: str) -> About:
    """Read what ``About.written`` wrote.

    Raises:
        DamagedData: it is anything else, or of a later format.
    """
    try:
        if written["format"] != FORMAT:
            raise DamagedData(
                f"{where}: expected an archive of format {FORMAT}, got {written['format']}; "
                "a later satseek reads it"
            )
        about = About(
            version=str(written["version"]),
            python=str(written["python"]),
            platform=str(written["platform"]),
            extras=tuple(map(str, written["extras"])),
            models={str(ref): str(file) for ref, file in written["models"].items()},
            images=tuple(map(str, written["images"])),
        )
        fits = about.written() == written
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DamagedData(f"{where}: expected what an archive is: {error!r}") from error
    if not fits:
        raise DamagedData(f"{where}: expected what an archive is, as it was written")
    return about


def sums_text(digests: Mapping[str, str]) -> str:
    """Write digests as ``sha256sum`` does, by name."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def parse_sums(text: str, *, where: str) -> dict[str, str]:
    """Read digests by name.

    Raises:
        DamagedData: a line that ``sums_text`` does not write, or a name that leads elsewhere.
    """
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or not is_inside(match[2]) or match[2] in OUTSIDE_SUMS:
            raise DamagedData(f"{where}: expected digest and name, found {line[:120]!r}")
        found[match[2]] = match[1]
    if sums_text(found) != text:
        raise DamagedData(f"{where}: expected every name once, in order")
    return found


def is_inside(name: str) -> bool:
    """Whether a name stays in its folder: plain characters, no step up, no root."""
    return _NAME.fullmatch(name) is not None and ".." not in name.split("/")
