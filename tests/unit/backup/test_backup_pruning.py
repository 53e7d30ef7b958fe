"""Which backups are kept: the newest, and the last ones of days, weeks and months."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from satseek.backup.manifests import Backup, backup_of, backup_text
from satseek.backup.pruning import Keeping, chosen
from satseek.errors import DamagedData, FormatTooNew, InvalidRequest

NEWEST = datetime(2026, 3, 4, 20, tzinfo=UTC)  # a Wednesday


def backup(started: datetime) -> Backup:
    return Backup(
        id=f"{started:%m-%d %H}",
        started=started,
        finished=started,
        satseek="0.2.0",
        host="here",
        files=1,
        bytes=1,
        bytes_added=1,
        collections=(),
        left_out=(),
        listing=("0" * 64,),
    )


HALF_DAYS = [backup(NEWEST - timedelta(hours=12 * at)) for at in range(80)]


@pytest.mark.parametrize(
    ("keeping", "expected"),
    [
        (Keeping(last=2), ["03-04 20", "03-04 08"]),
        (Keeping(daily=3), ["03-04 20", "03-03 20", "03-02 20"]),
        (Keeping(weekly=3), ["03-04 20", "03-01 20", "02-22 20"]),
        (Keeping(monthly=9), ["03-04 20", "02-28 20", "01-31 20"]),
        (Keeping(last=1, monthly=2), ["03-04 20", "02-28 20"]),
        (Keeping(last=1000), [one.id for one in HALF_DAYS]),
        (Keeping(), [one.id for one in HALF_DAYS]),
    ],
)
def test_the_union_of_what_is_asked_for_is_kept(keeping: Keeping, expected: list[str]) -> None:
    kept = chosen(HALF_DAYS, keeping)
    assert expected == [one.id for one in HALF_DAYS if one.id in kept]


def test_a_day_without_a_backup_does_not_count() -> None:
    seldom = [backup(NEWEST - timedelta(days=10 * at)) for at in range(5)]
    assert {one.id for one in seldom[:3]} == chosen(seldom, Keeping(daily=3))
    assert set() == chosen([], Keeping(daily=3))


def test_nobody_can_ask_for_none() -> None:
    with pytest.raises(InvalidRequest, match="keep one backup at least"):
        chosen(HALF_DAYS, Keeping(last=0))


def test_a_backup_s_file_says_itself_whether_it_is_whole() -> None:
    text = backup_text(HALF_DAYS[0])
    assert HALF_DAYS[0] == backup_of(text, "a.json")
    for damaged in (text.replace("here", "hers"), text[:-9], "[]", "{}", ""):
        with pytest.raises(DamagedData, match=r"a\.json"):
            backup_of(damaged, "a.json")
    with pytest.raises(FormatTooNew, match="newer satseek"):
        backup_of(text.replace('"format": 1', '"format": 2'), "a.json")
