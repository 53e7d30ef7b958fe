"""Turns one process that has everything imported into many runs of the real command.

Half of what a short run or a small server takes is the import of its libraries. Here each run is a
fork of a process that has done that: it has its own arguments, environment, folder and files, is as
mortal as a process of its own, and ends with the same code. What ``command`` gives is put before
the words that would stand behind ``satseek``; what is started so stands for the run: what is sent
to it comes to the run, and when it is killed the run is. Tests that look at a process from outside
(its memory, children, limits) take ``PLAIN``.

Run as a program with a path this file is the process that forks; ``start.py`` beside it is what
stands for a run.
"""

from __future__ import annotations

import array
import atexit
import io
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

PLAIN = (sys.executable, "-m", "satseek")
"""Starts a process that knows nothing yet."""

PATIENCE_S = 120


class _Parent:
    """The process that forks, started when first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def path(self) -> str:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="starting-")
            path = f"{self._folder.name}/socket"
            environment = {key: it for key, it in os.environ.items() if not key.startswith("SATS")}
            self._process = subprocess.Popen(
                [sys.executable, __file__, path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=environment,
                cwd=self._folder.name,
            )
            assert self._process.stdout is not None
            with self._process.stdout as said:
                assert b"ready\n" == said.readline()
            atexit.register(self.close)
        return f"{self._folder.name}/socket"

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=PATIENCE_S)
        if self._folder is not None:
            self._folder.cleanup()


_PARENT = _Parent()


def command() -> tuple[str, ...]:
    """Give what is put before the words that would stand behind ``satseek``."""
    start = Path(__file__).with_name("start.py")
    return (sys.executable, "-I", "-S", str(start), _PARENT.path())


def _serve(path: str) -> None:
    _import_all()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    watched = selectors.DefaultSelector()
    watched.register(listener, selectors.EVENT_READ, None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    runs: dict[int, tuple[socket.socket, int]] = {}
    while True:
        for key, _ in watched.select():
            if key.data is None:
                _begin(listener, watched, runs)
            else:
                _follow(key.fileobj, key.data, watched, runs)


def _begin(
    listener: socket.socket,
    watched: selectors.BaseSelector,
    runs: dict[int, tuple[socket.socket, int]],
) -> None:
    there, _ = listener.accept()
    asked, files = _asked(there)
    pid = os.fork()
    if pid == 0:
        _become(asked, files)
        _run()
    for file in files:
        os.close(file)
    there.sendall(pid.to_bytes(4, "big"))
    ended = os.pidfd_open(pid)
    runs[pid] = there, ended
    watched.register(there, selectors.EVENT_READ, pid)
    watched.register(ended, selectors.EVENT_READ, pid)


def _follow(
    what: object,
    pid: int,
    watched: selectors.BaseSelector,
    runs: dict[int, tuple[socket.socket, int]],
) -> None:
    """Tell how a run ended; end one whose stand-in was killed."""
    if pid not in runs:  # both came at once
        return
    there, ended = runs[pid]
    if what is there:
        os.kill(pid, signal.SIGKILL)
        watched.unregister(there)
        return
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):
        there.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
    for one in (there, ended):
        with suppress(KeyError, ValueError):
            watched.unregister(one)
    there.close()
    os.close(ended)
    del runs[pid]


def _asked(there: socket.socket) -> tuple[dict[str, object], list[int]]:
    """Receive arguments, folder, environment and the three standard files."""
    begun, ancillary, _, _ = there.recvmsg(4, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    files = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            files.frombytes(content)
    left, parts = int.from_bytes(begun, "big"), []
    while left:
        parts.append(there.recv(min(left, 65_536)))
        left -= len(parts[-1])
    return json.loads(b"".join(parts)), files.tolist()


def _become(asked: dict[str, object], files: list[int]) -> None:
    """Make this fork look like a process of its own."""
    for standard, file in enumerate(files):
        os.dup2(file, standard)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    atexit.unregister(_PARENT.close)
    words, environment = asked["words"], asked["environment"]
    assert isinstance(words, list)
    assert isinstance(environment, dict)
    os.chdir(str(asked["folder"]))
    os.environ.clear()
    os.environ.update(environment)
    import satseek.__main__  # noqa: PLC0415

    sys.argv = [str(satseek.__main__.__file__), *words]
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)))
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(file, "w", closefd=False)),
            encoding="utf-8",
            errors=errors,
            line_buffering=file == 2 or os.isatty(file),  # as Python itself has it
        )
        for file, errors in ((1, "strict"), (2, "backslashreplace"))
    )


def _run() -> None:
    """Run the command and end as ``python -m satseek`` would; never returns.

    What was started before the fork, as threads of libraries, is not there to be ended.
    """
    from satseek.cli import main  # noqa: PLC0415

    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as Python itself has it
        sys.excepthook(*sys.exc_info())
        code = 1
    if not isinstance(code, int | None):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code or 0)


def _import_all() -> None:
    """Import what commands and servers import, and start nothing."""
    from satseek.assemble import asking  # noqa: F401, PLC0415
    from satseek.cli.application import root_command  # noqa: PLC0415
    from satseek.search import explaining, indexing, tuning  # noqa: F401, PLC0415
    from satseek.web import mounting, serving  # noqa: F401, PLC0415

    root_command().list_commands(None)  # makes all of them


if __name__ == "__main__":
    _serve(sys.argv[1])
