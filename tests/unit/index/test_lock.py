"""One writer of a folder, whatever becomes of it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from satseek.errors import CollectionLocked
from satseek.index.lock import WriterLock, is_any_held

if TYPE_CHECKING:
    from pathlib import Path

_TAKE = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
"""


def is_free(path: Path) -> bool:
    """Tell whether another process could take a lock."""
    asked = [sys.executable, "-I", "-S", "-c", _TAKE, str(path)]
    return subprocess.run(asked, check=False, capture_output=True).returncode == 0


def test_nobody_else_takes_it_until_it_is_let_go_of(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"
    lock = WriterLock(path)
    assert is_any_held()
    assert not is_free(path)
    with pytest.raises(CollectionLocked, match="this process"):
        WriterLock(path)
    lock.release()
    lock.release()
    assert not is_any_held()
    assert is_free(path)


def test_a_lock_that_could_not_be_signed_is_let_go_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_words: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "writer.lock"
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space"):
            WriterLock(path)
    assert not is_any_held()
    assert is_free(path)
    WriterLock(path).release()
