"""The end of a log, seen twice → what is new."""

from __future__ import annotations

import pytest

from satseek.cli.waiting import logged_since


@pytest.mark.parametrize(
    ("seen", "now", "expected"),
    [
        ("", "", ""),
        ("", "a\nb", "a\nb"),
        ("a\nb", "a\nb", ""),
        ("a\nb", "a\nb\nc", "c"),
        ("a\nb\nc", "b\nc\nd\ne", "d\ne"),
        ("a\nb", "c\nd", "c\nd"),
        ("a\na", "a\na\na", "a"),
        ("a\nb", "", ""),
    ],
)
def test_only_new_lines_are_told(seen: str, now: str, expected: str) -> None:
    assert expected == logged_since(seen, now)
