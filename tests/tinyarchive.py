"""Archives as ``satseek bundle make`` writes them, of a satseek that only says its version.

What packs, sums and signs them is the product's own; only the wheels are made here, so that each
installation takes a second.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import wheelhouse

from satseek.airgap.keys import sign
from satseek.airgap.layout import About, sums_text
from satseek.airgap.packing import digest_files, pack
from satseek.airgap.target import target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
SHIPPED = ("install.sh", "Makefile", "README.md")

PROGRAM = """\
import os, sys, time
if sys.argv[1:] == ["--version"]:
    while os.path.exists(os.environ.get("TINY_WAITS_FOR", "")):
        time.sleep(0.02)
    print("satseek {version}")
if "TINY_TELLS" in os.environ:
    with open(os.environ["TINY_TELLS"], "a") as told:
        print("{version}", *sys.argv[1:], file=told)
"""
"""Waits as long as the file is there that ``TINY_WAITS_FOR`` names, so that it can be killed, and
writes what it is asked behind the file that ``TINY_TELLS`` names."""


def tiny_archive(
    folder: Path,
    *,
    version: str = "9.1.0",
    key: Path | None = None,
    instead: Mapping[str, bytes] | None = None,
    machine: str | None = None,
    python: str | None = None,
) -> Path:
    """Write an archive into a fresh folder.

    Args:
        folder: Made here.
        version: Of the satseek in it.
        key: Private key; None: not signed.
        instead: Content of files by name, in place of or beside what belongs there.
        machine: In place of this one.
        python: In place of this one's.
    """
    here = target_of(python)
    platform = here.platform.replace(here.machine, machine or here.machine)
    about = About(
        version=version, python=here.python, platform=platform, extras=(), models={}, images=()
    )
    (folder / "parts").mkdir(parents=True)
    wheel = tiny_wheel(folder / "parts", version)
    (pip,) = wheelhouse.installed().glob("pip-*.whl")
    files = {name: ROOT / "deploy" / "airgap" / name for name in SHIPPED}
    files |= {f"wheels/{wheel.name}": wheel, f"installer/{pip.name}": pip}
    for unit in (ROOT / "deploy" / "systemd").glob("*.service"):
        files[f"deploy/systemd/{unit.name}"] = unit
    written = {"bundle.json": json.dumps(about.written(), indent=2).encode() + b"\n"}
    for name, content in {**written, **(instead or {})}.items():
        files[name] = path = folder / "parts" / name.replace("/", "_")
        path.write_bytes(content)
    sums = sums_text(digest_files(files, progress=_nobody)).encode()
    outside = {"SHA256SUMS": sums} | ({"SHA256SUMS.sig": sign(sums, key)[0]} if key else {})
    for name, content in outside.items():
        files[name] = path = folder / "parts" / name
        path.write_bytes(content)
    archive = folder / "satseek.tar"
    pack(archive, files, folder=about.folder, progress=_nobody)
    return archive


def tiny_wheel(
    folder: Path,
    version: str,
    *,
    name: str = "satseek",
    metadata: str = "",
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a wheel of one module and one command, and of further files by name."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    told = f"{name}-{version}.dist-info"
    contents = {
        f"{name}/__init__.py": "",
        f"{name}/run.py": PROGRAM.replace("{version}", version),
        **(files or {}),
        f"{told}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        f"{told}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{told}/entry_points.txt": f"[console_scripts]\n{name} = {name}.run:main\n",
        f"{told}/RECORD": "",
    }
    contents[f"{name}/run.py"] = f"def main():\n{_indented(contents[f'{name}/run.py'])}"
    record = f"{told}/RECORD"
    contents[record] = "".join(
        f"{inside},,\n" if inside == record else f"{inside},sha256={_digest(text)},{len(text)}\n"
        for inside, text in contents.items()
    )
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, text in contents.items():
            wheel.writestr(zipfile.ZipInfo(inside, (1980, 1, 1, 0, 0, 0)), text)
    return path


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def _nobody(_note: str, _done: int, _total: int) -> None:
    """Nobody watches."""
