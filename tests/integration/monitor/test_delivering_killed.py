"""Who tells is killed again and again, whoever is told fails: each alert arrives, and is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mortalposting import kill_often

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 24


def test_no_alert_is_lost_and_none_comes_under_another_key(tmp_path: Path) -> None:
    told = kill_often(tmp_path, seed=1, count=COUNT)
    assert told.kills > 2
    assert COUNT == len(told.findings) == len(told.alerts)
    assert told.findings == {one.finding for one in told.alerts}
    assert {"arrived"} == {one.state for one in told.alerts}
    assert {one.id for one in told.alerts} == set(told.receiver.taken)
    assert COUNT == len(told.letters)
    assert told.findings == {got.said["finding"]["id"] for got in told.receiver.got}
