"""How long does a report of many findings take, how large is it, and what memory does it need?

Findings with two kept images each (256 x 256, drawn by chance so that nothing compresses well),
written as HTML and as PDF; each in a process of its own, whose peak of resident memory is told.
Prints one JSON object.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from satseek.errors import CollectionNotFound
from satseek.monitor.findings.finding import Evidence, Finding
from satseek.monitor.findings.keeping import FindingFilter, Findings
from satseek.monitor.findings.pictures import Pictures
from satseek.monitor.findings.surrounding import frame_around
from satseek.monitor.reports.findings_writing import report_findings

COUNTS = (10, 100, 300)
FORMS = ("html", "pdf")
EDGE = 256
START = datetime(2024, 6, 2, 10, tzinfo=UTC)


def made_up(folder: Path, count: int) -> None:
    """Keep findings with images."""
    chance = np.random.default_rng(0)
    pictures = Pictures(folder)
    findings = [_finding(at, pictures, chance) for at in range(count)]
    with closing(Findings(folder)) as kept:
        kept.keep(findings)


def _finding(at: int, pictures: Pictures, chance: np.random.Generator) -> Finding:
    west, south, side = 12.0 + at % 20 * 0.01, 51.0 + at // 20 * 0.01, 0.004
    ring = [
        [west, south],
        [west + side, south],
        [west + side, south + side],
        [west, south + side],
        [west, south],
    ]
    footprint = {"type": "Polygon", "coordinates": [ring]}
    around = frame_around(footprint)
    assert around is not None
    evidence = tuple(
        Evidence(
            side=side_of,  # type: ignore[arg-type]
            chip_id=f"{side_of}/{at}",
            scene=side_of,
            datetime=START + timedelta(days=30 * late),
            picture=pictures.keep(chance.integers(0, 256, (EDGE, EDGE, 3), np.uint8)),
            bounds=around.bounds,
        )
        for late, side_of in enumerate(("before", "after"))
    )
    return Finding(
        id=f"{at:020x}",
        kind="watch",
        source="mines",
        collection="county",
        cells=(f"{at}_0",),
        label="mine",
        footprint=footprint,
        area_m2=100_000.0,
        first_seen=START,
        last_seen=START,
        urgency=float(-at),
        evidence=evidence,
    )


def one(folder: Path, form: str) -> dict[str, Any]:
    """Write one report, and tell what it took."""

    def gone(name: str) -> Any:
        raise CollectionNotFound(name)

    out = folder / f"report.{form}"
    began = time.perf_counter()
    with closing(Findings(folder)) as kept:
        told = report_findings(
            out,
            FindingFilter(),
            findings=kept,
            pictures=Pictures(folder),
            opened=gone,
            operator="bench",
            made_at=START,
        )
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "mb": round(told.bytes / 1e6, 2),
        "pages": told.pages,
        "images": told.images,
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def main() -> None:
    """Measure every size and form in a process of its own."""
    figures: dict[str, Any] = {}
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as room:
            made_up(Path(room), count)
            for form in FORMS:
                command = [sys.executable, __file__, room, form]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                figures[f"{count} findings, {form}"] = json.loads(done.stdout)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(one(Path(sys.argv[1]), sys.argv[2])))
    else:
        main()
