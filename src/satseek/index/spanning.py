"""Several files → one range of addresses, as if they were one file.

Does not know what is in them. The pages belong to the kernel's cache: processes share them.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_MAP_FIXED = 0x10
"""Of ``mmap(2)`` on Linux and macOS; Python's module does not name it."""


def spanned(files: Sequence[tuple[Path, int]]) -> NDArray[np.uint8] | None:
    """Map the first bytes of files behind one another, read-only.

    Args:
        files: Each with its bytes, which must be there; all but the last in whole pages.

    Returns:
        All bytes; None where a file but the last does not end with a page. The map lives as long
        as somebody holds it, also after the files have lost their names.

    Raises:
        OSError: A file cannot be mapped.
    """
    if not files or any(size % mmap.PAGESIZE for _, size in files[:-1]):
        return None
    # an anonymous map keeps the place; it lets go of what is mapped over it, too
    place = mmap.mmap(
        -1,
        sum(size for _, size in files),
        flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
        prot=mmap.PROT_READ,
    )
    whole = np.frombuffer(place, dtype=np.uint8)
    address = whole.ctypes.data
    for path, size in files:
        with path.open("rb") as file:
            _map_over(address, size, file.fileno(), path)
        address += size
    return whole


def _map_over(address: int, size: int, descriptor: int, path: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
    )
    shared = mmap.MAP_SHARED | _MAP_FIXED
    if libc.mmap(address, size, mmap.PROT_READ, shared, descriptor, 0) != address:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
