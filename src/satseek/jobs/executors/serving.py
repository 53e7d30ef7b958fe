"""Partitions on standard input → what came of them on standard output, one line each.

Before the first comes an empty line: it has started. Does not know who asks; but it ends when they
do: its standard input is closed then. What else is printed belongs to the log.
"""

from __future__ import annotations

import json
import os
import threading
from queue import SimpleQueue

from satseek.jobs.executors.telling import answer
from satseek.logs import set_up_logging

LEFT_ALONE = 70
"""Exit code where whoever asks died (EX_SOFTWARE of sysexits.h)."""


def main() -> None:
    """Do every partition on standard input, until that is closed."""
    asks, tells = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(asks, lines), daemon=True).start()
    os.write(tells, b"\n")
    while True:
        text = lines.get()
        set_up_logging(json.loads(text)["partition"]["settings"]["log_level"])
        left = memoryview(answer(text).encode() + b"\n")
        while left:
            left = left[os.write(tells, left) :]


def _listen(asks: int, lines: SimpleQueue[str]) -> None:
    with os.fdopen(asks, encoding="utf-8") as file:
        for line in file:
            lines.put(line)
    os._exit(LEFT_ALONE)


if __name__ == "__main__":
    main()
