"""satseek's own wheel → the pages, charts and configurations in it, as files of an archive.

Knows where they lie in the wheel (pyproject.toml puts them there), so that an archive has those of
exactly the release that it installs.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from satseek.errors import DamagedData

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.airgap.wheels import Wheel

INSIDE = "satseek/_shipped/"

AT_THE_TOP = ("install.sh", "Makefile", "README.md")
"""Of ``deploy/airgap``: what a person looks for first, where a person looks first."""


def unpack_shipped(own: Wheel, folder: Path) -> dict[str, Path]:
    """Unpack what satseek's wheel carries into a folder.

    Returns:
        The files by the name that they have in an archive.

    Raises:
        DamagedData: the wheel was built without them.
    """
    files = {}
    with zipfile.ZipFile(own.path) as wheel:
        for one in wheel.infolist():
            name = one.filename.removeprefix(INSIDE)
            if name == one.filename or one.is_dir():
                continue
            files[_placed(name)] = target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(wheel.read(one))
    if missing := [name for name in AT_THE_TOP if name not in files]:
        raise DamagedData(
            f"{own.path.name}: built without {missing[0]}; build it from a whole tree"
        )
    return files


def _placed(name: str) -> str:
    top, _, last = name.rpartition("/")
    return last if top == "deploy/airgap" and last in AT_THE_TOP else name
