"""What a person says of the machine on the other side → what wheels must fit.

Knows no wheel.
"""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

OLDEST_PYTHON = (3, 11)
"""As pyproject.toml has it."""

GLIBC = (2, 28)
"""Of Debian 10 and RHEL 8: what today's wheels of NumPy, ONNX Runtime and rasterio ask."""

LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
"""Older names of the same tags (PEP 600)."""

PATCHES = ("0", "99")
"""A marker may ask for a patch of Python, as redis does: what any of them needs is taken along."""

_PLATFORM = re.compile(r"manylinux_(\d+)_(\d+)_([a-z0-9_]+)")
_PYTHON = re.compile(r"3\.\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The machines that an archive is for."""

    python: str
    """Such as ``3.11``; any patch of it."""
    glibc: tuple[int, int]
    """The oldest C library that is served, such as (2, 28)."""
    machine: str
    """As ``uname -m`` says it: x86_64, aarch64."""

    @property
    def platform(self) -> str:
        """The newest tag of wheels that fits."""
        return f"manylinux_{self.glibc[0]}_{self.glibc[1]}_{self.machine}"

    @property
    def platforms(self) -> tuple[str, ...]:
        """Every tag of wheels that fits, the newest first; pip does not infer older ones."""
        tags = []
        for minor in range(self.glibc[1], 4, -1):
            tags.append(f"manylinux_{self.glibc[0]}_{minor}_{self.machine}")
            if legacy := LEGACY.get((self.glibc[0], minor)):
                tags.append(f"{legacy}_{self.machine}")
        return tuple(tags)

    @property
    def environments(self) -> tuple[Mapping[str, str], ...]:
        """What markers of requirements (PEP 508) are asked with; one that says yes is enough."""
        fixed = {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_version": self.python,
            "sys_platform": "linux",
        }
        full = [f"{self.python}.{patch}" for patch in PATCHES]
        return tuple(
            {**fixed, "python_full_version": one, "implementation_version": one} for one in full
        )


def target_of(python: str | None = None, platform_tag: str | None = None) -> Target:
    """Say which machines are meant; what is not said is as here, with an older C library.

    Raises:
        InvalidRequest: a Python that satseek does not run on, or no Linux with glibc.
    """
    python = python or f"{sys.version_info.major}.{sys.version_info.minor}"
    if not _PYTHON.fullmatch(python) or _numbers(python) < OLDEST_PYTHON:
        raise InvalidRequest(f"--python: expected 3.11 or later, without a patch, got {python!r}")
    tag = platform_tag or f"manylinux_{GLIBC[0]}_{GLIBC[1]}_{platform.machine()}"
    if not (found := _PLATFORM.fullmatch(tag)):
        raise InvalidRequest(
            f"--platform: expected glibc and machine, as manylinux_2_28_x86_64, got {tag!r}"
        )
    return Target(python=python, glibc=(int(found[1]), int(found[2])), machine=found[3])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
