from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(__file__).parent / "indexing_process.py"


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a verb of ``indexing_process.py`` in a process of its own."""

    def run_verb(verb: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPT), verb, *map(str, arguments)]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)

    return run_verb


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start a verb of ``indexing_process.py`` and wait for its first line."""

    def start_verb(verb: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(SCRIPT), verb, *map(str, arguments)]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        return started

    return start_verb
