"""This machine, or the container in it → memory, room on disks, memory of GPUs, as of now.

Does not know who asks. What cannot be read has no figure: nothing here is guessed.
"""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path("/")
"""Where the kernel's own files lie below."""

GPU_SECONDS = 5.0
"""How long the GPUs' tool is waited for: it answers in a tenth of a second, or hangs."""

FOLDERS = ("models", "collections", "monitor", "jobs")
"""Of the data folder: those that may lie on a volume of their own."""

_GPU_QUERY = ("--query-gpu=index,memory.used,memory.total", "--format=csv,noheader,nounits")

_V1_FILES = ("total_cache", "total_shmem")
"""What cgroup v1 calls the pages of files of a container, and those of them in memory alone."""

_UNLIMITED = 1 << 60
"""From here on a limit is none: cgroup v1 writes the largest number of pages for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much there is of something, and how much of it is taken."""

    used_bytes: int
    """Taken."""
    bytes: int
    """There is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a process may use, and how much of it is gone."""

    memory: Room | None = None
    """Memory of the container where it is limited, else of the machine; None: not to be read."""
    disks: Mapping[str, Room] = field(default_factory=dict)
    """File systems by what lies there: ``data``, and folders of it on others. What only root may
    still write counts as taken."""
    gpus: Mapping[str, Room] = field(default_factory=dict)
    """Memory of GPUs by their number; empty: none, or no ``nvidia-smi``."""


def look(data_dir: Path) -> Machine:
    """Read all of it; takes a tenth of a second where there are GPUs."""
    return Machine(memory=memory(), disks=disks(data_dir), gpus=gpus())


def memory(root: Path = ROOT) -> Room | None:
    """Read how much memory the container may take, or the machine has; None: not to be read.

    Pages of files do not count as taken, however lately they were read, as vectors that are mapped
    are all the time: the kernel lets go of them before it kills anybody. Only those in memory alone
    (``/tmp`` and ``/dev/shm`` on tmpfs), which it counts among them, stay.
    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
    """
    groups = root / "sys/fs/cgroup"
    for limit, now, files, kept in (
        ("memory.max", "memory.current", "file", "shmem"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", *_V1_FILES),
    ):
        with suppress(OSError, ValueError, KeyError):
            most = int((groups / limit).read_text(encoding="ascii"))  # "max": no number
            if most < _UNLIMITED:
                taken = int((groups / now).read_text(encoding="ascii"))
                stat = _fields((groups / limit).with_name("memory.stat"))
                return Room(used_bytes=max(0, taken - stat[files] + stat.get(kept, 0)), bytes=most)
    with suppress(OSError, ValueError, KeyError):
        found = _fields(root / "proc/meminfo")
        total, free = found["MemTotal"] * 1024, found["MemAvailable"] * 1024
        return Room(used_bytes=total - free, bytes=total)
    return None


def disks(data_dir: Path) -> dict[str, Room]:
    """Read how much room the file systems of the data folder have."""
    found: dict[str, Room] = {}
    with suppress(OSError):
        device = data_dir.stat().st_dev
        found["data"] = _room(data_dir)
        for name in FOLDERS:
            with suppress(OSError):
                if (data_dir / name).stat().st_dev != device:
                    found[name] = _room(data_dir / name)
    return found


def gpus() -> dict[str, Room]:
    """Ask ``nvidia-smi`` for the memory of each GPU; nothing where it is not there or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    try:
        told = subprocess.run(  # noqa: S603 - what stands on the PATH under this name
            [program, *_GPU_QUERY], capture_output=True, text=True, timeout=GPU_SECONDS, check=True
        ).stdout
        rows = [[one.strip() for one in line.split(",")] for line in told.splitlines()]
        return {
            gpu: Room(used_bytes=int(used) << 20, bytes=int(there) << 20)
            for gpu, used, there in rows
        }
    except (OSError, subprocess.SubprocessError, ValueError):  # "[N/A]" of a part of a GPU, too
        return {}


def _room(folder: Path) -> Room:
    there = shutil.disk_usage(folder)  # free: of what others than root may write
    return Room(used_bytes=there.total - there.free, bytes=there.total)


def _fields(path: Path) -> dict[str, int]:
    """Read lines of a name and a number."""
    lines = path.read_text(encoding="ascii").splitlines()
    return {words[0].rstrip(":"): int(words[1]) for words in map(str.split, lines)}
