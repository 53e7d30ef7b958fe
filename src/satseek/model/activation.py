"""Turns the store's history of activations into the model in use, and back one step.

Does not know whether a version may be activated, nor whether it is still there.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pwd
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from satseek.errors import DamagedData
from satseek.formats import check_format
from satseek.model import durable
from satseek.model.naming import STARTER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HISTORY = ".activations.json"
"""In the store's folder; the leading dot keeps it apart from every model's name."""

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """One change of the model in use."""

    name: str
    """Model that came into use; ``starter`` is the shipped one."""
    version: str
    """Its version then; 12 hex digits."""
    action: Literal["activate", "rollback"]
    """Whether it was chosen, or went back to."""
    when: datetime
    """Time of it, UTC."""
    who: str
    """``user@machine``."""
    forced: bool = False
    """Whether it came into use without a passing gate."""
    note: str = ""
    """What else is worth knowing: the checks that failed, the versions that were skipped."""

    @property
    def ref(self) -> str:
        """What ``ModelStore.find`` takes: ``NAME@VERSION``, or ``starter``, whichever that is."""
        return STARTER if self.name == STARTER else f"{self.name}@{self.version}"


def here_and_now(
    ref: tuple[str, str],
    action: Literal["activate", "rollback"],
    *,
    forced: bool = False,
    note: str = "",
) -> Activation:
    """Note that this user, on this machine, now changes the model in use to name and version."""
    name, version = ref
    return Activation(
        name=name,
        version=version,
        action=action,
        when=datetime.now(UTC).replace(microsecond=0),
        who=f"{_user()}@{os.uname().nodename}",
        forced=forced,
        note=note,
    )


def read_history(path: Path) -> tuple[Activation, ...]:
    """Every activation and rollback, oldest first; empty where there was none.

    Raises:
        DamagedData: the file is no history; the message says what to do.
        FormatTooNew: a later release has written it.
    """
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        check_format(path, written["format"], _FORMAT)
        return tuple(_entry(entry) for entry in written["entries"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedData(
            f"{path}: expected the history of activations: {error}; restore it, or remove it and "
            "activate the model again"
        ) from error


def write_history(entries: Sequence[Activation], path: Path, *, by_way_of: Path) -> None:
    """Replace the history in one step, with the disk's word that it is there.

    Args:
        entries: All of it, oldest first.
        path: The history.
        by_way_of: File on the same disk that is written first; a crash may leave it behind.
    """
    written = [dataclasses.asdict(one) | {"when": one.when.isoformat()} for one in entries]
    text = json.dumps({"format": _FORMAT, "entries": written}, indent=2, ensure_ascii=False)
    durable.replace_text(path, text + "\n", by_way_of=by_way_of)


def standing(entries: Sequence[Activation]) -> list[Activation]:
    """What can be gone back to, oldest first; the last is the one in use.

    An activation goes on top; a rollback takes away what lies above the one it went back to.
    """
    stack: list[Activation] = []
    for entry in entries:
        if entry.action == "rollback":
            while stack and stack[-1].ref != entry.ref:
                stack.pop()
        if stack and stack[-1].ref == entry.ref:
            stack.pop()
        stack.append(entry)
    return stack


def earlier(now: Sequence[Activation]) -> list[tuple[str, str]]:
    """Name and version of what can be gone back to, nearest first.

    Before everything else ``starter`` was in use, whatever its version is today.
    """
    if not now:
        return []
    before = [entry for entry in reversed(now[:-1]) if entry.ref != now[-1].ref]
    keys = [(entry.name, entry.version) for entry in before]
    return keys if now[0].name == STARTER else [*keys, (STARTER, "")]


def _entry(written: Any) -> Activation:
    entry = Activation(**{**written, "when": datetime.fromisoformat(written["when"])})
    if entry.action not in ("activate", "rollback"):
        raise ValueError(f"expected activate or rollback, got {entry.action!r}")
    return entry


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        return str(os.getuid())
