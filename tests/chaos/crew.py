"""Programs that are started again whenever they die, as a service manager does, and their victims.

Finds every process that came of them through ``/proc``, whoever its parent is by now.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK = "CHAOS_MARK"
"""Variable that every process of a crew inherits."""
STOP_SECONDS = 30.0
"""How long a program has to end when it is asked to."""
GONE_SECONDS = 15.0
"""How long what a program has started may outlive it."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process that lives."""

    pid: int
    born: str
    """When it began, in the kernel's clock: numbers are used again, pairs are not."""
    parent: int
    line: str
    """Its command line, or its name where it has none."""


@dataclass(slots=True)
class _Member:
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    again: bool
    running: subprocess.Popen[bytes] | None = None
    starts: int = 0


@dataclass(slots=True)
class Crew:
    """Programs by name."""

    folder: Path
    """Where what they say is written, a file each."""
    mark: str = field(default_factory=lambda: f"{os.getpid()}-{time.monotonic_ns()}")
    """Told to all of them, and by them to all that they start."""
    _members: dict[str, _Member] = field(default_factory=dict)
    _seen: set[tuple[int, str]] = field(default_factory=set)

    def hire(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        again: bool = True,
    ) -> None:
        """Start a program; and again whenever it has died, unless it is to be done once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        marked = {**environment, MARK: self.mark}
        self._members[name] = _Member(command, marked, self.folder / f"{name}.log", again)
        self.tend()

    def tend(self) -> None:
        """Start what has died."""
        for member in self._members.values():
            dead = member.running is None or member.running.poll() is not None
            if dead and (member.again or not member.starts):
                member.starts += 1
                with member.log.open("ab") as log:
                    member.running = subprocess.Popen(
                        member.command, stdout=log, stderr=log, env=member.environment
                    )

    @property
    def names(self) -> list[str]:
        """All programs."""
        return list(self._members)

    def pid(self, name: str) -> int | None:
        """Process id of a program; None: it is dead."""
        running = self._members[name].running
        return None if running is None or running.poll() is not None else running.pid

    def code(self, name: str) -> int | None:
        """How a program has ended; None: it lives."""
        running = self._members[name].running
        assert running is not None
        return running.poll()

    def said(self, name: str) -> str:
        """What a program has written."""
        return self._members[name].log.read_text(encoding="utf-8", errors="replace")

    def processes(self) -> list[Process]:
        """Everything that lives of what the programs and their children have started."""
        everyone = _everyone()
        ours = {one.running.pid for one in self._members.values() if one.running}
        found: dict[int, Process] = {}
        grown = True
        while grown:  # until no child of ours is missing
            fresh = {
                pid: one
                for pid, one in everyone.items()
                if pid not in found
                and (
                    pid in ours
                    or one.parent in found
                    or (pid, one.born) in self._seen
                    or self._is_marked(pid)
                )
            }
            found |= fresh
            grown = bool(fresh)
        self._seen |= {(pid, one.born) for pid, one in found.items()}
        return list(found.values())

    def dismiss(self) -> list[str]:
        """End all programs; returns what would not end by itself, as command lines."""
        self.processes()
        for member in self._members.values():
            if member.running is not None and member.running.poll() is None:
                member.running.terminate()
        stubborn = []
        for name, member in self._members.items():
            try:
                assert member.running is not None
                member.running.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                stubborn.append(f"{name} did not end when it was asked to")
        deadline = time.monotonic() + GONE_SECONDS
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        stubborn += [f"left behind: {one.line}" for one in left]
        for one in left:
            with suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
        for member in self._members.values():
            assert member.running is not None
            member.running.wait(STOP_SECONDS)
        return stubborn

    def _is_marked(self, pid: int) -> bool:
        try:
            return f"{MARK}={self.mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:  # it has ended meanwhile, or is another's
            return False


def _everyone() -> dict[int, Process]:
    """All processes of this machine but those that wait to be buried."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            # the name stands in brackets and may hold any letter; fields: proc_pid_stat(5)
            name, _, rest = (folder / "stat").read_text(errors="replace").rpartition(")")
            state, parent, *fields = rest.split()
            if state in "ZX":
                continue
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            pid = int(folder.name)
            found[pid] = Process(pid, fields[17], int(parent), line.strip() or name)
    return found
