"""Makes findings up, for tests: a row of mines along the equator, one a degree."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from satseek.monitor.findings.finding import Evidence, Finding, finding_id

if TYPE_CHECKING:
    from satseek.types import GeoJSON

JUNE = datetime(2024, 6, 2, 10, 30, tzinfo=UTC)
JULY = datetime(2024, 7, 4, 10, 30, tzinfo=UTC)
AUGUST = datetime(2024, 8, 5, 10, 30, tzinfo=UTC)


def square(lon: float, lat: float = 0.0, side: float = 0.01) -> GeoJSON:
    """A footprint whose south-west corner is given."""
    east, north = lon + side, lat + side
    ring = [[lon, lat], [east, lat], [east, north], [lon, north], [lon, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


def make_finding(at: int = 0, **changes: Any) -> Finding:
    """The finding of one cell of a watch, its footprint at as many degrees east."""
    cell = f"{at}_0"
    one = Finding(
        id="",
        kind="watch",
        source="mines",
        collection="county",
        cells=(cell,),
        label="mine",
        before="forest",
        after="mine",
        scores={"percentile": 99.5},
        footprint=square(float(at)),
        area_m2=1_230_000.0,
        first_seen=JULY,
        last_seen=JULY,
        urgency=float(at),
        evidence=(
            Evidence(side="before", chip_id=f"june/{cell}", scene="june", datetime=JUNE),
            Evidence(side="after", chip_id=f"july/{cell}", scene="july", datetime=JULY),
        ),
        properties={"permit": None, "district": "north"},
    )
    made = replace(one, **changes)
    named = finding_id(
        kind=made.kind,
        source=made.source,
        anchor=cell,
        label=made.label,
        first_seen=made.first_seen,
    )
    return made if made.id else replace(made, id=named)
