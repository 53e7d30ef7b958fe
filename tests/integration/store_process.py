"""Does one thing to a store of models, and kills itself before its n-th step on the disk.

A step is whatever the kernel is asked to change or to make durable: opening a file to write, what
comes between that and the first byte, making, renaming and removing, fsync.

``python store_process.py STORE N VERB [WORD …]`` prints its steps if N was beyond the last.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path
from typing import Any

from versionmaker import make_version, report_of

from satseek.model.reproving import replace_report
from satseek.model.store import ModelStore

_CHANGES = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir"})


class Reaper:
    """Counts steps, and kills its own process before the one that it was told."""

    def __init__(self, last: int) -> None:
        self._last, self.steps = last, 0
        self._fsync, self._open = os.fsync, io.open

    def watch(self) -> None:
        sys.addaudithook(self._hear)
        os.fsync = self._sync
        io.open = self._opened

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in _CHANGES:
            self._step()

    def _sync(self, descriptor: Any) -> None:
        self._step()
        self._fsync(descriptor)

    def _opened(self, *arguments: Any, **options: Any) -> Any:
        file = self._open(*arguments, **options)
        if file.writable():
            self._step()  # an existing file is cut to nothing now
        return file

    def _step(self) -> None:
        if self.steps == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps += 1


def act(store: ModelStore, verb: str, words: list[str]) -> None:
    """Do what the words say."""
    match verb:
        case "add":
            with store.staging() as folder:
                make_version(folder, int(words[0]))
                store.add(folder)
        case "activate":
            store.activate(words[0])
        case "rollback":
            store.rollback()
        case "remove":
            store.remove(words[0])
        case "import":
            store.import_bundle(Path(words[0]))
        case "export":
            store.export_bundle(words[0], Path(words[1]))
        case "prove":
            replace_report(store, store.find(words[0]), report_of(words[0], 0.999))
        case _:
            raise ValueError(verb)


def main() -> None:
    """Read the command line."""
    folder, last, verb, *words = sys.argv[1:]
    reaper = Reaper(int(last))
    reaper.watch()
    act(ModelStore(Path(folder)), verb, words)
    sys.stdout.write(str(reaper.steps))


if __name__ == "__main__":
    main()
