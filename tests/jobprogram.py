"""Tasks that sleep, fail, print and crash: what ``python -m satseek.jobs`` is to the real ones.

Run as a program it obeys as that does; workers of tests are given ``PROGRAM``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek import errors
from satseek.jobs.obeying import obey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.jobs.asking import OnProgress
    from satseek.jobs.obeying import Asked

PROGRAM = (sys.executable, __file__)

_WORN = "worn"
_kept: list[object] = []


def do(asked: Asked, on_progress: OnProgress) -> Mapping[str, Any]:  # noqa: C901, PLR0912 - a list
    """Do what the parameters say, in this order; returns who did it."""
    asks = dict(asked.parameters)
    if "marks" in asks:  # how often, by whom
        with Path(asks["marks"]).open("a") as file:
            file.write(f"{asked.job} {asked.attempt} {os.getpid()}\n")
    for text in asks.get("prints", ()):
        sys.stdout.write(text)
    for text in asks.get("says", ()):
        os.write(2, text.encode())
    for descriptor in asks.get("starts_a_program_on", ()):
        subprocess.run(["sh", "-c", f"echo from a program >&{descriptor}"], check=True)
    if "starts" in asks:
        started = subprocess.Popen(["sleep", "300"])
        Path(asks["starts"]).write_text(str(started.pid))
        _kept.append(started)
    if asks.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for at in range(asks.get("steps", 0)):
        on_progress(at + 1, asks["steps"], f"step {at + 1}")
    if "exists_until" in asks:  # works as long as the file is there
        while Path(asks["exists_until"]).exists():
            time.sleep(0.01)
    time.sleep(asks.get("sleeps", 0))
    if asked.attempt <= asks.get("bad_tries", 10**6):
        if "signal" in asks:
            os.kill(os.getpid(), asks["signal"])
        if "exits" in asks:
            os._exit(asks["exits"])
        if "raises" in asks:
            raise getattr(errors, asks["raises"])(asks.get("message", "as asked"))
        if "breaks" in asks:
            raise RuntimeError(asks["breaks"])
    if asks.get("wears"):
        _kept.append(_WORN)
    if "holds_bytes" in asks:
        _kept.append(b"x" * asks["holds_bytes"])
    return {
        "pid": os.getpid(),
        "attempt": asked.attempt,
        "text": asks.get("echoes", ""),
        "settings": asked.settings.model_dump(mode="json"),
    }


if __name__ == "__main__":
    obey(do, is_worn=lambda: _WORN in _kept)
