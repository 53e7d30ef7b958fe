"""How long do people and sources wait where very many findings are kept?

So many findings of a watch are kept, a thousand at a time, as large runs do; then one more by
itself, one seen again, pages of the newest and of the most urgent, those of a small area, counts,
the next one for somebody, a decision, and all of them again for `verify`. Prints one JSON object:
milliseconds (median of twenty), bytes of one finding on the disk, findings kept a second.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satseek.monitor.findings.finding import Evidence, Finding, finding_id
from satseek.monitor.findings.keeping import FindingFilter, Findings
from satseek.monitor.findings.reviewing import confirm, next_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from satseek.types import GeoJSON

ROUNDS = 20
A_RUN = 1_000
"""Findings kept at once."""
WHEN = datetime(2024, 7, 4, 10, 12, tzinfo=UTC)
CORNERS = 24
"""Of a footprint: a patch of a dozen cells."""


def footprint(lon: float, lat: float) -> GeoJSON:
    """A round patch of about a kilometre."""
    turns = np.linspace(0, 2 * np.pi, CORNERS + 1)
    ring = np.stack([lon + 0.005 * np.cos(turns), lat + 0.005 * np.sin(turns)], axis=1)
    ring[-1] = ring[0]
    return {"type": "Polygon", "coordinates": [ring.round(7).tolist()]}


def made_up(count: int) -> Iterator[Finding]:
    """Findings spread over a continent."""
    chance = np.random.default_rng(0)
    for at in range(count):
        cell = f"{at % 3000}_{at // 3000}"
        lon, lat = chance.uniform(70, 130), chance.uniform(20, 50)
        yield Finding(
            id=finding_id(
                kind="watch", source="mines", anchor=cell, label="mine", first_seen=WHEN
            ),
            kind="watch",
            source="mines",
            collection="province",
            cells=tuple(f"{cell}_{one}" for one in range(12)),
            label="mine",
            scores={"percentile": float(chance.uniform(99, 100))},
            footprint=footprint(lon, lat),
            area_m2=785_000.0,
            first_seen=WHEN,
            last_seen=WHEN,
            urgency=float(chance.uniform(0, 100)),
            evidence=(
                Evidence(
                    side="after", chip_id=f"july/{cell}", scene="july", datetime=WHEN,
                    picture="a" * 64,
                ),
            ),
            properties={"district": "north", "permit": None},
        )  # fmt: skip


def median_ms(act: Callable[[], object]) -> float:
    """Milliseconds of one of ``ROUNDS``."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        act()
        taken.append((time.perf_counter() - begun) * 1000)
    return round(statistics.median(taken), 2)


def measured(findings: Findings, count: int) -> dict[str, object]:
    """Keep, look, decide."""
    begun = time.perf_counter()
    source = made_up(count)
    while run := list(islice(source, A_RUN)):
        findings.keep(run)
    seconds = time.perf_counter() - begun
    (size,) = (path.stat().st_size for path in findings.folder.glob("*.sqlite"))
    more = iter(made_up(count + 2 * ROUNDS))
    known = [next(more) for _ in range(ROUNDS)]
    fresh = [one for at, one in enumerate(more) if at >= count - ROUNDS]
    seen, new = iter(known), iter(fresh)
    small = FindingFilter(area={
        "type": "Polygon", "coordinates": [[[100, 30], [101, 30], [101, 31], [100, 31], [100, 30]]]
    })  # fmt: skip
    told: dict[str, object] = {
        "findings": count,
        "kept_per_second": round(count / seconds),
        "bytes_each": round(size / count),
        "keep_one_ms": median_ms(lambda: findings.keep([next(new)])),
        "see_again_ms": median_ms(lambda: findings.keep([replace(next(seen), seen=2)])),
        "newest_page_ms": median_ms(findings.page),
        "urgent_page_ms": median_ms(lambda: findings.page(order="urgent")),
        "new_urgent_page_ms": median_ms(
            lambda: findings.page(FindingFilter(states=("new",)), order="urgent")
        ),
        "in_area": sum(findings.counts(small).values()),
        "area_page_ms": median_ms(lambda: findings.page(small)),
        "counts_ms": median_ms(findings.counts),
    }

    def decide() -> None:
        found = next_for("lin", findings)
        assert found is not None
        confirm(found.id, findings, who="lin")

    told["next_and_confirm_ms"] = median_ms(decide)
    begun = time.perf_counter()
    damages = findings.verify()
    told["verify_seconds"] = round(time.perf_counter() - begun, 1)
    told["verify_says"] = len(damages)  # the one picture that all name is none
    return told


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=100_000, help="kept before it is measured")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Findings(Path(folder))) as findings,
    ):
        print(json.dumps(measured(findings, asked.findings), indent=1))


if __name__ == "__main__":
    main()
