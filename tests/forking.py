"""Turns one process that has torch and transformers open into many runs of the real command.

Each run is a fork, and as mortal as a process of its own: it can be killed, and starved of room,
without the seconds that opening the libraries takes. Run as a program this file is that process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PATIENCE_S = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run left."""

    returncode: int
    """Below zero: the signal that killed it."""
    stdout: str
    """What it printed."""
    stderr: str
    """What it said."""


class Forks:
    """A process with everything open, asked to fork."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Start it; ``folder`` takes what runs print."""
        self._folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(environment),
        )
        assert self._line() == "ready"

    def run(self, *words: str, cwd: Path, room: int | None = None, kill_at: str = "") -> Run:
        """Run ``satseek`` with these words.

        Args:
            words: As they are typed behind it.
            cwd: Where.
            room: Bytes beyond which no file may grow.
            kill_at: Beginning of the line at which it is killed; empty: it is left alone.
        """
        self._count += 1
        out, err = (self._folder / f"{self._count}.{name}" for name in ("out", "err"))
        asked = {"words": words, "cwd": str(cwd), "room": room, "out": str(out), "err": str(err)}
        print(json.dumps(asked), file=self._pipe(self._process.stdin), flush=True)
        pid = int(self._line())
        if kill_at:
            _await(err, kill_at)
            os.kill(pid, 9)
        code = int(self._line())
        return Run(returncode=code, stdout=out.read_text(), stderr=err.read_text())

    def close(self) -> None:
        """End it."""
        self._process.kill()  # it holds nothing, and libraries' threads may keep it from ending
        self._process.wait(timeout=60)
        self._pipe(self._process.stdin).close()
        self._pipe(self._process.stdout).close()

    def _line(self) -> str:
        return self._pipe(self._process.stdout).readline().strip()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


def _await(file: Path, step: str) -> None:
    begun = time.monotonic()
    while not any(line.startswith(step) for line in _lines(file)):
        assert time.monotonic() - begun < PATIENCE_S, f"{step} was never said"
        time.sleep(0.001)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.is_file() else []


def _serve() -> None:
    from satseek.checkpoints import county, importing, openclip, siglip, writing  # noqa: F401, PLC0415
    from satseek.cli import main  # noqa: PLC0415
    from satseek.cli.application import root_command  # noqa: PLC0415
    from satseek.engines import onnxruntime  # noqa: F401, PLC0415

    root_command().list_commands(None)  # makes all of them
    _tell("ready")
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(asked)
            try:
                main()
            except SystemExit as ended:
                sys.stdout.flush()
                # Threads that libraries started before the fork are not there to be joined.
                os._exit(ended.code if isinstance(ended.code, int) else 1)
            raise AssertionError("the command ends by itself")
        _tell(pid)
        _, status = os.waitpid(pid, 0)
        _tell(os.waitstatus_to_exitcode(status))


def _tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _become(asked: dict[str, object]) -> None:
    """Make this fork look like a process of its own."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for descriptor, name in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
        mode = os.O_RDONLY if descriptor == 0 else flags
        os.dup2(os.open(str(name), mode, 0o644), descriptor)
    os.chdir(str(asked["cwd"]))
    if isinstance(room := asked["room"], int):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    words = asked["words"]
    assert isinstance(words, list)
    sys.argv = ["satseek", *words]


if __name__ == "__main__":
    _serve()
