"""Makes reports up, for tests: one of each kind of block, and images that are told apart."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import UnreadableImage
from satseek.export.ground_map import GroundMap
from satseek.monitor.reports.blocks import (
    Chart,
    Column,
    Entry,
    Facts,
    Image,
    Map,
    Mark,
    Pair,
    Pairs,
    Series,
    Shape,
    Table,
    Text,
)
from satseek.monitor.reports.report import (
    Headline,
    Provenance,
    Report,
    SceneUsed,
    Section,
    Threshold,
)

if TYPE_CHECKING:
    from satseek.monitor.reports.blocks import Block
    from satseek.types import GeoJSON, Pixels

NOON = datetime(2024, 6, 2, 12, 0, tzinfo=UTC)
LATER = datetime(2025, 1, 1, 7, 30, tzinfo=UTC)
VERMILION = (213, 94, 0)


def square(west: float, south: float, side: float) -> GeoJSON:
    east, north = west + side, south + side
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def plain_pixels(shade: int, edge: int = 32) -> Pixels:
    return np.full((edge, edge, 3), shade, np.uint8)


def pixels_image(pixels: Pixels, *, alt: str) -> Image:
    digest = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    return Image(identity=f"pixels:{digest}", alt=alt, read=lambda: pixels)


def gone_image() -> Image:
    def read() -> Pixels:
        raise UnreadableImage("the scene is gone")

    return Image(identity="gone", alt="a pit nobody can see any more", read=read)


def make_map(**changes: Any) -> Map:
    made = Map(
        title="Where it changed",
        alt="Two squares north of Halle.",
        shapes=(
            Shape(geometry=square(12.0, 51.5, 0.01), entry="mine", label="1"),
            Shape(geometry=square(12.05, 51.52, 0.0002), entry="mine", label="2"),
        ),
        legend=(Entry(key="mine", label="open-pit mine", colour=VERMILION),),
    )
    return replace(made, **changes)


def make_pair(number: int = 1, **changes: Any) -> Pair:
    made = Pair(
        title=f"No. {number}: forest → mine",
        before=pixels_image(plain_pixels(40), alt=f"No. {number} before"),
        after=pixels_image(plain_pixels(200), alt=f"No. {number} after"),
        before_caption="2024-05-03, scene May",
        after_caption="2024-06-02, scene June",
        facts=(("area", "4.20 ha"), ("empty", "")),
        mark=Mark(text="new", tone="warning"),
    )
    return replace(made, **changes)


def make_table(rows: int = 3) -> Table:
    return Table(
        caption="Areas by class",
        columns=(
            Column(name="class", weight=2.0),
            Column(name="area (ha)", kind="number", decimals=1),
            Column(name="share", kind="share"),
            Column(name="light"),
        ),
        rows=tuple(
            (f"class {at}", 1234.56 + at, 0.25, Mark(text="good", tone="good"))
            for at in range(rows)
        ),
        total=("all", 9999.0, None, None),
        note="Counted from the map.",
    )


def make_chart(**changes: Any) -> Chart:
    made = Chart(
        title="Area of mines",
        alt="Mines grow from 1 to 5 hectares.",
        kind="lines",
        places=("2024-05", "2024-06", "2024-07"),
        series=(
            Series(
                name="mine", values=(1.0, None, 5.0), low=(0.5, None, 4.0), high=(2.0, None, 6.0)
            ),
            Series(name="water", values=(3.0, 3.0, 3.0)),
        ),
        unit="ha",
    )
    return replace(made, **changes)


def class_map() -> GroundMap:
    values = np.zeros((4, 6), np.uint8)
    values[:, 3:] = 1
    values[0, 0] = 2
    return GroundMap(
        values=values,
        crs="EPSG:32633",
        transform=(100.0, 0.0, 300_000.0, 0.0, -100.0, 5_700_000.0),
        nodata=2.0,
        names=("forest", "mine", "water"),
    )


def every_block() -> tuple[Block, ...]:
    return (
        Text(paragraphs=("First.", "Second."), tone="plain"),
        Text(paragraphs=("Clouds hide half of it.",), tone="warning"),
        Facts(rows=(("collection", "county"), ("nothing", ""))),
        make_table(),
        make_map(),
        Pairs(pairs=(make_pair(),)),
        make_chart(),
    )


def make_report(*blocks: Block, **changes: Any) -> Report:
    made = Report(
        title="Mines of the county",
        subtitle="May to June 2024",
        next_step="Send somebody to no. 1 first.",
        provenance=Provenance(
            made_at=NOON,
            operator="a.tester",
            software="satseek 0",
            inputs_digest="ab" * 32,
            model="starter@0123456789ab",
            prompts=(("mine", "an open-pit mine; a quarry"),),
            thresholds=(Threshold(name="seed", value="99 %", origin="quantile of the background"),),
            scenes=(SceneUsed(id="June", date=NOON, digest="12:34:abc", role="after"),),
        ),
        sections=(Section(title="What was found", blocks=blocks or every_block()),),
        headlines=(Headline(name="places", value="2", note="of 40", tone="bad"),),
        actions=("Visit no. 1.", "Confirm no. 2."),
        limits=("Cells are 128 m wide.",),
    )
    return replace(made, **changes)
