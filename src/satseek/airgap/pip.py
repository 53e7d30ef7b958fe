"""Arguments → a run of the pip beside this Python: the only file that starts it.

Where wheels come from is pip's own affair: its configuration and variables hold.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

from satseek.errors import DependencyMissing, HubUnreachable, NotFound

NOTHING_FITS = ("No matching distribution found", "Could not find a version")
"""How pip says that the registry was asked and has none."""

COMMON = ("--no-input", "--disable-pip-version-check", "--progress-bar=off")


def run_pip(verb: str, *arguments: str) -> None:
    """Run a verb of pip to its end.

    Raises:
        DependencyMissing: this environment has no pip.
        NotFound: what was asked for is in no registry, or not for those machines.
        HubUnreachable: anything else that pip fails at, in its own words.
    """
    if find_spec("pip") is None:
        raise DependencyMissing(f"pip is missing beside {sys.executable}: python -m ensurepip")
    command = [sys.executable, "-m", "pip", verb, *COMMON, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise _told(done.stderr or done.stdout)


def _told(text: str) -> NotFound | HubUnreachable:
    errors = [line.strip() for line in text.splitlines() if line.startswith("ERROR: ")]
    said = [line.removeprefix("ERROR: ") for line in errors] or text.strip().splitlines()[-1:]
    if any(words in text for words in NOTHING_FITS):
        return NotFound(f"pip: {said[-1]}")
    return HubUnreachable(f"pip: {'; '.join(said) or 'failed without a word'}; try again")
