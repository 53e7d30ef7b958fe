"""Makes API keys with the real command, for tests that go through the real server."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import starting

if TYPE_CHECKING:
    from pathlib import Path


def satseek(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the real command."""
    command = [*starting.command(), "--data-dir", str(data), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def make_key(data: Path, name: str, *options: str) -> str:
    """Make a key; returns its text."""
    done = satseek(data, "key", "create", name, *options)
    assert 0 == done.returncode, done.stderr
    return done.stdout.strip()


def bearer(key: str) -> dict[str, str]:
    """Headers that show a key."""
    return {"authorization": f"Bearer {key}"}
