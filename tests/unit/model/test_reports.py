from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from satseek.errors import DamagedData
from satseek.model.bundle import starter_bundle
from satseek.model.reports import REPORT, GateCheck, GateReport, is_whole, read_report, write_report

if TYPE_CHECKING:
    from pathlib import Path


def _report(*checks: GateCheck) -> GateReport:
    return GateReport(
        kind="parity",
        model="random@0123456789ab",
        reference="transformers 5",
        checks=checks,
        images=8,
        texts=8,
        machine="x86_64",
        date="2026-01-01",
    )


def _check(value: float, rule: str = "at least") -> GateCheck:
    return GateCheck(name="cosine", value=value, threshold=0.9, rule=rule)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "rule", "passed"),
    [
        (0.95, "at least", True),
        (0.9, "at least", True),
        (0.89, "at least", False),
        (0.89, "at most", True),
        (0.91, "at most", False),
        (float("nan"), "at least", False),
        (float("nan"), "at most", False),
        (float("inf"), "at least", False),
    ],
)
def test_a_check_passes_on_its_side_alone(*, value: float, rule: str, passed: bool) -> None:
    assert passed == _check(value, rule).passed


def test_one_failure_or_no_check_fails_the_report() -> None:
    assert _report(_check(0.95)).passed
    assert not _report(_check(0.95), _check(0.5)).passed
    assert not _report().passed


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = _report(_check(0.95), _check(0.5))
    write_report(report, tmp_path)
    assert report == read_report(tmp_path)
    assert [REPORT] == [path.name for path in tmp_path.iterdir()]


def test_a_written_verdict_is_not_believed(tmp_path: Path) -> None:
    write_report(_report(_check(0.5)), tmp_path)
    written = json.loads((tmp_path / REPORT).read_text(encoding="utf-8"))
    (tmp_path / REPORT).write_text(json.dumps(written | {"passed": True}), encoding="utf-8")
    report = read_report(tmp_path)
    assert report is not None
    assert not report.passed


def test_a_report_answers_for_every_bit_of_its_own(tmp_path: Path) -> None:
    report = replace(_report(_check(0.1 + 0.2), _check(float("nan"))), details={"layers": ("ä", 1)})
    write_report(report, tmp_path)
    assert is_whole(tmp_path)
    whole = (tmp_path / REPORT).read_bytes()
    for at in range(8 * len(whole)):
        content = bytearray(whole)
        content[at // 8] ^= 1 << at % 8
        (tmp_path / REPORT).write_bytes(content)
        assert not is_whole(tmp_path), at
    (tmp_path / REPORT).unlink()
    assert not is_whole(tmp_path)


def test_no_file_is_no_report(tmp_path: Path) -> None:
    assert read_report(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"checks": [1]}', '{"checks": [], "odd": 1}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / REPORT).write_text(text, encoding="utf-8")
    with pytest.raises(DamagedData, match=REPORT):
        read_report(tmp_path)


def test_the_shipped_model_carries_its_own_passing_report() -> None:
    bundle = starter_bundle()
    report = read_report(bundle.folder)
    assert report is not None
    assert report.passed
    assert report.model == f"{bundle.card.name}@{bundle.card.version}"
