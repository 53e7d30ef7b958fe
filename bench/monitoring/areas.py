"""Do the intervals of estimated areas hold the truth, and are the areas better than the map's?

Fifty made-up counties, each mapped into the eight classes of planning practice by the shipped
model, with all its mistakes. Of each map samples are drawn and judged by the county's truth, cells
by what covers most of them and points by what lies there. Counted is how often the interval of a
class holds its true area (wanted: 95 of 100), for both kinds of interval, and how far off the
areas counted from the map and those estimated are. Beside it 2,000 samples of the map of Olofsson
et al. (2014), whose truth is taken to be their table 8. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.assemble import Assembly, Layout
from satseek.imagery.county import COVERS
from satseek.imagery.county.light import Sun, light
from satseek.imagery.county.painting import paint
from satseek.imagery.county.plan import draw_plan
from satseek.imagery.county.sensing import quarters, sense
from satseek.imagery.county.texture import Textures
from satseek.imagery.county.writing import CRS, ORIGIN_M, write_scene
from satseek.imagery.ground import between
from satseek.monitor.areas.estimating import Judged, Stratum, estimate_areas
from satseek.monitor.areas.planning import allocate
from satseek.monitor.labels.files import find_labels
from satseek.monitor.landuse.landuse import land_use
from satseek.monitor.landuse.sampling import sampling_frame
from satseek.monitor.samples.drawing import SamplingFrame, draw
from satseek.search.indexing import index_folder
from satseek.settings import Settings
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from satseek.monitor.areas.estimating import AreaEstimates
    from satseek.monitor.areas.intervals import Interval
    from satseek.monitor.samples.drawing import Place, Unit
    from satseek.types import GeoJSON

SEEDS = 50
COUNTY_PX = 768
CHIP_PX = 64
"""144 cells of 64 m a county: small enough for fifty of them."""
SIZES = (48, 72)
LEAST = 6
"""Places of each stratum at least, of samples as small as these."""
INTERVALS: tuple[Interval, ...] = ("wald", "wilson")
UNITS: tuple[Unit, ...] = ("cell", "point")
PLANNING = {
    "residential": ("dense_housing", "sparse_housing"),
    "industry and mining": ("industrial", "storage_tanks", "quarry", "solar_farm", "mine"),
    "transport": ("road", "interchange", "bridge", "airport", "harbour", "parking"),
    "farmland": ("farmland",),
    "forest": ("forest",),
    "grassland": ("meadow",),
    "water": ("river", "lake", "sea", "flooded_fields"),
    "unused land": ("beach", "bare_land"),
}
OF_COVER = {cover: name for name, covers in PLANNING.items() for cover in covers}
CLASSES = tuple(PLANNING)
SEEN = datetime(2025, 8, 27, 10, 14, 5, tzinfo=UTC)
SUN = Sun(azimuth_deg=158, elevation_deg=46)
PAPER = ((66, 0, 5, 4), (0, 55, 8, 12), (1, 0, 153, 11), (2, 1, 9, 313))
PAPER_PIXELS = (200_000, 150_000, 3_200_000, 6_450_000)
PAPER_SAMPLES = 2_000


class Tally:
    """How often intervals held the truth, and how far off figures were."""

    def __init__(self) -> None:
        self.held: dict[str, list[bool]] = defaultdict(list)
        self.off: dict[str, list[float]] = defaultdict(list)
        self.width: dict[str, list[float]] = defaultdict(list)

    def add(self, found: AreaEstimates, truth: Mapping[str, float]) -> None:
        """Compare estimates with the true areas in m² of the classes that there are."""
        whole = sum(truth.values())
        for label, true in truth.items():
            if not true:  # an interval holds nothing easily
                continue
            known = found.of(label)
            area = known.area_m2
            slack = 1e-9 * whole
            self.held[found.interval].append(area.low - slack <= true <= area.high + slack)
            self.width[found.interval].append((area.high - area.low) / whole)
            self.off["estimated"].append(abs(area.value - true) / whole)
            if known.mapped_m2 is not None:
                self.off["map"].append(abs(known.mapped_m2 - true) / whole)

    def figures(self) -> dict[str, Any]:
        """Tell shares and means."""
        return {
            "held": {name: round(float(np.mean(all_)), 4) for name, all_ in self.held.items()},
            "of": {name: len(all_) for name, all_ in self.held.items()},
            "mean_off": {name: round(float(np.mean(all_)), 5) for name, all_ in self.off.items()},
            "mean_width": {n: round(float(np.mean(all_)), 5) for n, all_ in self.width.items()},
        }


def main() -> None:
    """Print all figures."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    right = []
    with tempfile.TemporaryDirectory() as room:
        home = Path(room)
        parts = Assembly(Settings(data_dir=home / "data", model="starter"))
        for seed in range(SEEDS):
            frame, covers = _mapped(parts, home / str(seed), seed)
            right.append(_county(frame, covers, seed, tallies))
            print(f"county {seed}: {right[-1]:.3f} right", file=sys.stderr, flush=True)
        parts.close()
    figures = {name: tally.figures() for name, tally in tallies.items()}
    print(
        json.dumps(
            {
                "counties": SEEDS,
                "cells": (COUNTY_PX // CHIP_PX) ** 2,
                "overall_accuracy": round(float(np.mean(right)), 3),
                "samples": figures,
                "paper": _paper(),
            }
        )
    )


def _mapped(parts: Assembly, folder: Path, seed: int) -> tuple[SamplingFrame, NDArray[np.int64]]:
    """Map a county; also gives the number of the planning class of each of its pixels."""
    plan, textures = draw_plan(seed, COUNTY_PX, COUNTY_PX), Textures.drawn(seed)
    canvas = paint(plan, textures, 1, SUN, lambda: None)
    lit = light(canvas, SUN)
    for name, window in quarters(COUNTY_PX, COUNTY_PX):
        write_scene(folder, sense(lit, name, window, seed, 1), SEEN, seed)
    grid = GridSpec(crs=None, chip_px=CHIP_PX, stride_px=CHIP_PX, pixel_size=None)
    county = f"county{seed}"
    with parts.writer(county, Layout(grid=grid)) as target:
        index_folder(
            folder / "scenes", collection=target, embedder=parts.embedder, batch=parts.batch
        )
    matched = parts.matched(county)
    with matched.pinned() as index:
        labels = find_labels("planning", folder=folder)
        found = land_use(index, labels=labels, embedder=matched.model.embedder)
        frame = sampling_frame(found, index=index, date=found.dates[-1])
    numbers = np.array([CLASSES.index(OF_COVER[name]) for name in COVERS])
    return frame, numbers[canvas.cover]


def _county(
    frame: SamplingFrame, classes: NDArray[np.int64], seed: int, tallies: Mapping[str, Tally]
) -> float:
    """Draw samples of each kind and size; returns the map's true overall accuracy."""
    boxes = [_box(one) for one in frame.footprints]
    shares = np.array([_shares(classes, box) for box in boxes])
    most = shares.argmax(axis=1)
    truth = {
        "cell": np.bincount(most, weights=frame.areas_m2, minlength=len(CLASSES)),
        "point": frame.areas_m2 @ shares,
    }
    dominant = dict(zip(frame.cells, (CLASSES[at] for at in most), strict=True))
    for unit in UNITS:
        strata = frame.counted(unit=unit)
        true = dict(zip(CLASSES, truth[unit].tolist(), strict=True))
        for size in SIZES:
            sizes = allocate(strata, max(size, 2 * len(strata)), least=LEAST)
            places = draw(frame, sizes, seed=seed, unit=unit)
            judged = [
                Judged(
                    stratum=one.stratum,
                    mapped=one.mapped,
                    reference=dominant[one.cell] if unit == "cell" else _at(classes, one),
                )
                for one in places
            ]
            for interval in INTERVALS:
                found = estimate_areas(
                    strata, judged, mapped_m2=frame.mapped_m2(), labels=CLASSES, interval=interval
                )
                tallies[f"{size} {unit}s"].add(found, true)
    agrees = [dominant[cell] == said for cell, said in zip(frame.cells, frame.mapped, strict=True)]
    return float(np.average(agrees, weights=frame.areas_m2))


def _shares(classes: NDArray[np.int64], box: tuple[int, int, int, int]) -> NDArray[np.float64]:
    left, top, right, bottom = box
    part = classes[top:bottom, left:right].ravel()
    return np.bincount(part, minlength=len(CLASSES)) / part.size


def _box(footprint: GeoJSON | None) -> tuple[int, int, int, int]:
    """Pixels of a cell: left, top, right, bottom."""
    assert footprint is not None
    ring = np.array(footprint["coordinates"][0])
    columns, rows = _pixels(ring[:, 0], ring[:, 1])
    edges = (columns.min(), rows.min(), columns.max(), rows.max())
    left, top, right, bottom = (int(np.clip(round(float(e)), 0, COUNTY_PX)) for e in edges)
    return left, top, right, bottom


def _at(classes: NDArray[np.int64], place: Place) -> str:
    assert place.point is not None
    columns, rows = _pixels(np.array([place.point[0]]), np.array([place.point[1]]))
    row, column = (int(np.clip(one[0], 0, COUNTY_PX - 1)) for one in (rows, columns))
    return CLASSES[classes[row, column]]


def _pixels(
    lons: NDArray[np.float64], lats: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    east, north = between("EPSG:4326", CRS, lons, lats)
    return np.asarray(east) - ORIGIN_M[0], ORIGIN_M[1] - np.asarray(north)


def _paper() -> dict[str, Any]:
    """Draw samples of 640 from the map of the paper, taken to err as its table 8 says."""
    rng, tally = np.random.default_rng(0), Tally()
    names = [f"class {at}" for at in range(len(PAPER))]
    strata = [
        Stratum(name=name, area_m2=float(pixels))
        for name, pixels in zip(names, PAPER_PIXELS, strict=True)
    ]
    chances = np.array(PAPER) / np.array(PAPER).sum(axis=1, keepdims=True)
    true = dict(zip(names, (np.array(PAPER_PIXELS) @ chances).tolist(), strict=True))
    for _ in range(PAPER_SAMPLES):
        judged = [
            Judged(stratum=names[row], mapped=names[row], reference=names[column])
            for row, counts in enumerate(PAPER)
            for column, count in enumerate(rng.multinomial(sum(counts), chances[row]))
            for _ in range(count)
        ]
        for interval in INTERVALS:
            tally.add(estimate_areas(strata, judged, interval=interval), true)
    return tally.figures()


if __name__ == "__main__":
    main()
