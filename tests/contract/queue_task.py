"""A program that does the jobs of tests: it speaks as the one of our own tasks does, line by line.

Each try leaves a line in the folder that its parameters name, so that tests see what was begun.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

TICK_SECONDS = 0.05


def main() -> None:
    lines = sys.stdin.buffer
    asked = json.loads(lines.readline() or "null")
    while asked is not None:
        came: list[bytes] = []
        waiting = threading.Thread(target=lambda came=came: came.append(lines.readline()))
        waiting.daemon = True
        waiting.start()
        threading.Thread(target=_end_with, args=(waiting, came), daemon=True).start()
        _do(asked, Path(asked["parameters"]["folder"]))
        waiting.join()
        asked = json.loads(came[0] or "null")


def _end_with(waiting: threading.Thread, came: list[bytes]) -> None:
    """End with the worker: nothing comes from it any more."""
    waiting.join()
    if not came[0]:
        os._exit(70)


def _do(asked: dict[str, Any], folder: Path) -> None:
    how = asked["parameters"]
    job, attempt = asked["job"], asked["attempt"]
    with (folder / "begun").open("a", encoding="utf-8") as begun:
        begun.write(f"{how.get('name', job)} {attempt}\n")
    match how["do"]:
        case "work":
            sys.stderr.write("looking\n")
            sys.stderr.flush()
            for done in range(3):
                _tell(done=done + 1, total=3, note=f"scene {done}")
            _tell(result={"of": how.get("name", ""), "attempt": attempt})
        case "tick":
            while not (folder / "enough").exists():
                with (folder / "ticks").open("a", encoding="utf-8") as ticks:
                    ticks.write(f"{time.time()}\n")
                time.sleep(TICK_SECONDS)
            _tell(result={"attempt": attempt})
        case "busy":
            if attempt <= how["times"]:
                _tell(error=f"try {attempt}: somebody else writes", kind="CollectionLocked")
            else:
                _tell(result={"attempt": attempt})
        case "fail":
            _tell(error="no such scene", kind="FolderNotFound")
        case "die":
            os.kill(os.getpid(), 9)


def _tell(**said: Any) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
