"""How a Redis keeps what it is told → what has to be waited for before a job counts as accepted.

Does not know jobs. A Redis that would forget them is refused before the first one is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from satseek.errors import SatseekError, ServerUnreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

OLDEST = (6, 2)
"""Oldest Redis that RQ 3 takes jobs from with nothing lost between two commands (LMOVE)."""

WAITAOF_FROM = (7, 2)
"""Redis that can be asked to wait for its disk (redis.io/commands/waitaof)."""

DISK_MS = 3000
"""Longest wait for disk and replicas: with ``appendfsync everysec`` the disk takes a second."""


_UNTOLD = (
    "it does not say how it keeps jobs: it must have appendonly yes and maxmemory-policy noeviction"
)

_LATE = (
    "it writes to its disk once a second and cannot be waited for: what was accepted in the last "
    "second may be lost when it crashes; set appendfsync always, or take Redis 7.2"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """What has to be waited for after a change that somebody is told of."""

    disk: bool
    """True: for the append-only file (WAITAOF); False: it is on disk before Redis answers, or
    this Redis cannot tell."""
    replicas: int
    """For so many replicas."""
    doubt: str = ""
    """Why it may be lost all the same, on one line; empty: it is not."""

    def said(self) -> str:
        """Say it, on one line."""
        disk = "waited for" if self.disk else "written before it answers"
        replicas = f", {self.replicas} replicas waited for" if self.replicas else ""
        return self.doubt or f"its disk is {disk}{replicas}"

    def command(self) -> tuple[str | int, ...] | None:
        """Give the command that waits; None: there is nothing to wait for."""
        if self.disk:
            return ("WAITAOF", 1, self.replicas, DISK_MS)
        return ("WAIT", self.replicas, DISK_MS) if self.replicas else None

    def check(self, answer: Any) -> None:
        """Refuse what did not become safe in time.

        Raises:
            ServerUnreachable: the disk or a replica is too slow, or away.
        """
        disks, replicas = answer if self.disk else (1, answer)
        if disks < 1 or replicas < self.replicas:
            what = "its disk" if disks < 1 else f"{self.replicas} replicas ({replicas} answered)"
            raise ServerUnreachable(
                f"the queue's Redis did not get it to {what} within {DISK_MS} ms; it may be there "
                "all the same: look, or ask again with the same key"
            )


def lasting_of(client: Any, replicas: int) -> Lasting:
    """Ask a Redis how it keeps what it is told.

    Args:
        client: Of that Redis.
        replicas: How many replicas must have what was accepted.

    Raises:
        SatseekError: it keeps nothing, drops what it likes, or is too old.
    """
    version = _version(client.info("server").get("redis_version", ""))
    if version < OLDEST:
        raise SatseekError(
            f"the queue's Redis: expected version {_dotted(OLDEST)} or newer, or Valkey, "
            f"came {_dotted(version)}"
        )
    choices = _choices(client)
    if choices is None:
        return Lasting(disk=False, replicas=replicas, doubt=_UNTOLD)
    _refuse_forgetful(choices)
    if choices.get("appendfsync") == "always":
        return Lasting(disk=False, replicas=replicas)
    if version < WAITAOF_FROM:
        return Lasting(disk=False, replicas=replicas, doubt=_LATE)
    return Lasting(disk=True, replicas=replicas)


def _choices(client: Any) -> Mapping[str, str] | None:
    """Give the choices that decide whether jobs last; None: it is not allowed to ask."""
    from redis.exceptions import ResponseError  # noqa: PLC0415 (an extra)

    found: dict[str, str] = {}
    try:
        for name in ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy"):
            found |= client.config_get(name)
    except ResponseError:  # hosted ones refuse CONFIG
        return None
    return found


def _refuse_forgetful(choices: Mapping[str, str]) -> None:
    if choices.get("appendonly") != "yes":
        raise SatseekError(
            "the queue's Redis: expected one with an append-only file, came one that loses "
            "jobs when it ends; run CONFIG SET appendonly yes, and write it into redis.conf"
        )
    if choices.get("appendfsync") == "no":
        raise SatseekError(
            "the queue's Redis: expected one with appendfsync always, or everysec, came no: "
            "nobody knows when what it accepted is on its disk"
        )
    policy = choices.get("maxmemory-policy", "noeviction")
    if choices.get("maxmemory", "0") != "0" and policy != "noeviction":
        raise SatseekError(
            "the queue's Redis: expected one with maxmemory-policy noeviction, came "
            f"{policy}, which drops jobs when memory is short; give caches another Redis"
        )


def _version(text: str) -> tuple[int, ...]:
    numbers = text.split(".")[:2]
    return tuple(int(one) for one in numbers) if all(map(str.isdigit, numbers)) else OLDEST


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
