"""The satseek that runs → its wheel.

Knows two ways of being installed: from a source tree that is edited, which is built anew, and from
a wheel, which is put together again of its files, each as its record has it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import shutil
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from satseek.airgap.pip import run_pip
from satseek.errors import DamagedData

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "satseek"

OF_THE_INSTALLER = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"})
"""What an installer adds to the metadata that came with a wheel."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest moment that a zip file knows: the same files give the same wheel."""


def own_wheel(into: Path) -> Path:
    """Write the wheel of the satseek that runs.

    Raises:
        DamagedData: a file of the installation is not what was installed.
        HubUnreachable: a source tree was to be built, and what builds it cannot be fetched.
    """
    own = distribution(NAME)
    tree = _edited_tree(own)
    if tree is None:
        return repacked(own, into)
    room = into / ".building"
    shutil.rmtree(room, ignore_errors=True)
    run_pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(room), str(tree))
    (built,) = room.glob("*.whl")
    wheel = built.replace(into / built.name)
    room.rmdir()
    return wheel


def repacked(installed: Distribution, into: Path) -> Path:
    """Put a pure wheel together again of the files that were installed from it.

    Raises:
        DamagedData: a file is missing or was changed, or the installation has no record.
    """
    told = installed.read_text("WHEEL") or ""
    tags = [line.partition(": ")[2] for line in told.splitlines() if line.startswith("Tag: ")]
    if len(tags) != 1:
        raise DamagedData(f"{NAME}: expected an installation of a wheel, found no WHEEL of one tag")
    name = f"{installed.name.replace('-', '_')}-{installed.version}"
    path = into / f"{name}-{tags[0]}.whl"
    partial = path.with_suffix(".partial")
    rows = []
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as wheel:
        for inside, content in sorted(_files(installed)):
            rows.append((inside, f"sha256={_digest(content)}", len(content)))
            _add(wheel, inside, content)
        record = f"{name}.dist-info/RECORD"
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([*rows, (record, "", "")])
        _add(wheel, record, text.getvalue().encode())
    return partial.replace(path)


def _edited_tree(installed: Distribution) -> Path | None:
    """The source tree of an editable installation; None for any other."""
    told = json.loads(installed.read_text("direct_url.json") or "{}")
    if not told.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlparse(told["url"]).path))


def _files(installed: Distribution) -> Iterator[tuple[str, bytes]]:
    """Every file that came in the wheel, its path inside and its bytes."""
    for one in installed.files or ():
        inside = one.as_posix()
        if inside.startswith("..") or "__pycache__" in one.parts:
            continue
        if one.parent.name.endswith(".dist-info") and one.name in OF_THE_INSTALLER:
            continue
        path = Path(str(one.locate()))
        content = path.read_bytes() if path.is_file() else b""
        if one.hash is None or _digest(content) != one.hash.value:
            raise DamagedData(f"{path}: expected the file that was installed; install {NAME} anew")
        yield inside, content


def _digest(content: bytes) -> str:
    """As a wheel's record has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def _add(wheel: zipfile.ZipFile, inside: str, content: bytes) -> None:
    member = zipfile.ZipInfo(inside, EPOCH)
    member.external_attr = 0o644 << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    wheel.writestr(member, content)
