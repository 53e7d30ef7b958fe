"""On a made-up county seen four times, the mine is told once, and the quarry never."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING

from counties import copied_home, indexed_county, seen_county
from watchmaking import parts_in, run

from satseek.monitor.opening import opened_findings
from satseek.monitor.watch.watch import OperatingPoint, Watch, WatchedConcept

if TYPE_CHECKING:
    from pathlib import Path

WATCH = Watch(
    name="mines",
    collection="county",
    concept=WatchedConcept(label="mine", prompts=("a mine",), negatives=("a quarry",)),
    since=date(2024, 6, 2),
    operating_point=OperatingPoint(value=0.98, grow_quantile=0.95),
)


def test_the_opened_mine_is_told_once_at_the_date_it_appears(tmp_path: Path) -> None:
    county, home = seen_county(), copied_home(indexed_county(), tmp_path / "home")
    with parts_in(home) as parts:
        done = run(parts, WATCH)
        with closing(opened_findings(parts.settings)) as findings:
            alerts = list(findings.all())
        with parts.reader("county").pinned() as index:
            chips = {chip.cell: chip for chip in index.chips(range(len(index)))}
    assert county.days == done.days
    (alert,) = alerts
    assert (alert.id,) == done.alerts
    assert alert.first_seen is not None
    assert ("2024-07-04", 2) == (alert.first_seen.date().isoformat(), alert.seen)
    covers = [county.shares("2024-08-05", chips[cell].footprint or {}) for cell in alert.cells]
    assert max(cover.get("mine", 0) for cover in covers) > 0.5
    assert all(cover.get("mine", 0) > 0.05 for cover in covers)
    assert not any(cover.get("quarry", 0) > 0.2 for cover in covers)
    assert all(one.picture for one in alert.evidence)
    assert ["before", "after", "after"] == [one.side for one in alert.evidence]
