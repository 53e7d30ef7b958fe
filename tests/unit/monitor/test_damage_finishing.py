"""What is kept of an assessment, and what a later one takes back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from damagemaking import assessment, damage

from satseek.monitor.damage.finishing import Wanted, finish
from satseek.monitor.findings.finding import WITHDRAWN
from satseek.monitor.findings.keeping import Findings
from satseek.monitor.findings.pictures import Pictures

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.monitor.damage.assessment import ParcelDamage
    from satseek.monitor.damage.finishing import Done

TABLES = Wanted(visits=0, formats=("csv",), reports=())
UNTOLD = damage(0, None, "insufficient evidence", shown=())


@pytest.fixture
def findings(tmp_path: Path) -> Findings:
    return Findings(tmp_path / "monitor")


def keep(found: ParcelDamage, findings: Findings, tmp_path: Path) -> Done:
    return finish(
        assessment(found),
        TABLES,
        out=tmp_path / "out",
        collections={},
        findings=findings,
        pictures=Pictures(tmp_path / "pictures"),
        made_at=datetime(2025, 9, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("later", "flags", "news"),
    [(damage(0, 0.0, shown=()), (WITHDRAWN,), 1), (UNTOLD, (), 0)],
    ids=["dry again", "under a cloud"],
)
def test_only_what_is_seen_to_be_sound_takes_damage_back(
    findings: Findings, tmp_path: Path, later: ParcelDamage, flags: tuple[str, ...], news: int
) -> None:
    first = keep(damage(0, 0.9, "red", shown=()), findings, tmp_path)
    assert 1 == first.news
    again = keep(later, findings, tmp_path)
    (kept,) = findings.all()
    assert (first.findings, flags) == ((kept.id,), kept.flags)
    assert ((), news) == (again.findings, again.news)
