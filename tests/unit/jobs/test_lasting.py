"""What has to be waited for before a job counts as accepted, and which Redis is refused."""

from __future__ import annotations

import pytest

from satseek.errors import SatseekError, ServerUnreachable
from satseek.jobs.rqueue.lasting import DISK_MS, Lasting, lasting_of

SOUND = {"appendonly": "yes", "appendfsync": "always", "maxmemory": "0"}


class Answers:
    """Stands for a Redis of any version, of which one alone is on a machine."""

    def __init__(self, version: str, **choices: str) -> None:
        self._version = version
        self._choices = SOUND | choices

    def info(self, section: str) -> dict[str, str]:
        return {"redis_version": self._version} if section == "server" else {}

    def config_get(self, name: str) -> dict[str, str]:
        return {name: self._choices[name]} if name in self._choices else {}


@pytest.mark.parametrize(
    ("disk", "replicas", "command"),
    [
        (True, 0, ("WAITAOF", 1, 0, DISK_MS)),
        (True, 2, ("WAITAOF", 1, 2, DISK_MS)),
        (False, 2, ("WAIT", 2, DISK_MS)),
        (False, 0, None),
    ],
)
def test_what_is_waited_for(
    disk: bool,  # noqa: FBT001
    replicas: int,
    command: tuple[object, ...] | None,
) -> None:
    assert command == Lasting(disk=disk, replicas=replicas).command()


@pytest.mark.parametrize(
    ("lasting", "answer", "missing"),
    [
        (Lasting(disk=True, replicas=0), [0, 0], "its disk"),
        (Lasting(disk=True, replicas=1), [1, 0], "1 replicas"),
        (Lasting(disk=False, replicas=2), 1, "2 replicas"),
    ],
)
def test_what_is_not_safe_in_time_is_not_accepted(
    lasting: Lasting, answer: object, missing: str
) -> None:
    with pytest.raises(ServerUnreachable, match=missing):
        lasting.check(answer)


@pytest.mark.parametrize(
    ("lasting", "answer"),
    [
        (Lasting(disk=True, replicas=0), [1, 0]),
        (Lasting(disk=True, replicas=1), [1, 3]),
        (Lasting(disk=False, replicas=2), 2),
    ],
)
def test_what_is_safe_is_accepted(lasting: Lasting, answer: object) -> None:
    lasting.check(answer)


@pytest.mark.parametrize(
    ("version", "fsync", "disk"),
    [
        ("7.0.15", "always", False),
        ("7.0.15", "everysec", False),
        ("7.2.0", "everysec", True),
        ("7.2.4", "always", False),
        ("255.255.255", "everysec", True),
    ],
)
def test_the_disk_is_waited_for_where_redis_can_and_must(
    version: str,
    fsync: str,
    disk: bool,  # noqa: FBT001
) -> None:
    found = lasting_of(Answers(version, appendfsync=fsync), replicas=1)
    assert (disk, 1) == (found.disk, found.replicas)
    assert (not disk and fsync != "always") == ("once a second" in found.said())


@pytest.mark.parametrize(
    ("version", "choices", "said"),
    [
        ("6.0.16", {}, "6.2 or newer"),
        ("5.0", {}, "6.2 or newer"),
        ("7.2.0", {"appendonly": "no"}, "append-only file"),
        ("7.2.0", {"appendfsync": "no"}, "came no"),
        ("7.2.0", {"maxmemory": "1000", "maxmemory-policy": "volatile-lru"}, "volatile-lru"),
    ],
)
def test_a_redis_that_forgets_is_refused(version: str, choices: dict[str, str], said: str) -> None:
    with pytest.raises(SatseekError, match=said):
        lasting_of(Answers(version, **choices), replicas=0)


def test_memory_that_is_bounded_is_fine_where_nothing_is_dropped() -> None:
    choices = {"maxmemory": "1000", "maxmemory-policy": "noeviction"}
    assert not lasting_of(Answers("7.2.0", **choices), replicas=0).disk
