"""Stands for one run of the command that another process forks: see ``starting.py``.

Takes the socket of that process and the words behind ``satseek``; imports next to nothing.
"""

import array
import json
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def _main() -> None:
    there = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    there.connect(sys.argv[1])
    folder = os.getcwd()  # noqa: PTH109 - pathlib takes as long to import as all of this
    asked = {"words": sys.argv[2:], "folder": folder, "environment": dict(os.environ)}
    content = json.dumps(asked).encode()
    files = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # until it is known where they go
    there.sendmsg([len(content).to_bytes(4, "big")], files)
    there.sendall(content)
    pid = int.from_bytes(there.recv(4), "big")
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: os.kill(pid, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    for file in (0, 1, 2):  # who reads what it prints is to see the end when the run closes it
        os.dup2(os.open(os.devnull, os.O_RDWR), file)
    code = int.from_bytes(there.recv(4), "big", signed=True)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


_main()
