"""What may pass is tried again, after pauses that grow; what cannot pass is not."""

from __future__ import annotations

import pytest

from satseek.jobs.retrying import FIRST_SECONDS, LONGEST_SECONDS, SPREAD, delay, may_pass


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        ("Overloaded", None, True),
        ("OutOfMemory", None, True),
        ("ServerUnreachable", None, True),
        ("DirectoryUnreachable", None, True),
        ("HubUnreachable", None, True),
        ("CollectionLocked", None, True),
        ("DiskFull", None, True),
        ("DiskFull", 8, True),
        ("", -9, True),
        ("", -11, True),
        ("", 1, False),
        ("", 0, False),
        ("", None, False),
        ("Conflict", None, False),
        ("ModelMismatch", None, False),
        ("NotFound", None, False),
        ("ModelNotFound", None, False),
        ("DependencyMissing", None, False),
        ("UnreadableImage", None, False),
        ("DamagedData", -9, False),
        ("NoSuchError", 1, False),
        ("annotations", 1, False),
    ],
)
def test_only_what_may_pass_is_tried_again(kind: str, code: int | None, *, expected: bool) -> None:
    assert expected is may_pass(kind, code)


def test_pauses_grow_to_a_limit_and_are_spread() -> None:
    for attempt, expected in ((1, FIRST_SECONDS), (2, 8.0), (3, 32.0), (4, 128.0)):
        pauses = [delay(attempt) for _ in range(200)]
        assert expected * (1 - SPREAD) <= min(pauses)
        assert max(pauses) <= expected * (1 + SPREAD)
        assert len(set(pauses)) > 100
    for attempt in (5, 6, 1000, 10**6):
        assert delay(attempt) <= LONGEST_SECONDS * (1 + SPREAD)
        assert delay(attempt) >= LONGEST_SECONDS * (1 - SPREAD)
