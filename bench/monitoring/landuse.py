"""Is the land what the map says, at each date, and is what changed what really changed?

Made-up counties of several seeds, whose truth is known, are mapped into the eight classes of
planning practice by the shipped model: with labels decided for all dates together, and for each
date alone. Chips lie every half a chip, so that nine of them look at each cell; the patches that
chips beside each other alone find are told as well. A cell's truth is the class that covers most of
it. Beside it the same county is seen again in another light, where nothing has changed, and real
aerial images of ../shared/data/aerial19, which the model was not trained on, are mapped one by one
(empty where they are absent). Prints one JSON object; ``--counties FOLDER`` keeps counties and what
was made of them, and goes on from there.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio

from satseek.assemble import Assembly, Layout
from satseek.model.scores import share
from satseek.monitor.labels.files import preset
from satseek.monitor.labels.jointly import OVERLAPPING, Stickiness, decide, turned_shares
from satseek.monitor.labels.labelling import Label, label_vectors
from satseek.monitor.landuse.changes import find_changes
from satseek.monitor.landuse.deciding import blended, sights_of
from satseek.monitor.landuse.images import images_of
from satseek.monitor.landuse.landuse import Choices, land_use, read_ground
from satseek.search.demonstrating import CountyTruth, county_at
from satseek.search.indexing import index_folder
from satseek.settings import Settings
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from satseek.embed.embedder import Embedder
    from satseek.index.pinned import Pinned
    from satseek.monitor.labels.labelling import LabelSet, LabelVectors
    from satseek.monitor.landuse.landuse import LandUse

SHARED = Path(__file__).parents[3] / "shared" / "data" / "aerial19"
CHOSEN_ON = (0, 9, 12, 13, 14, 15, 16, 17, 18, 19)
"""Counties that the defaults were chosen on."""
SEEDS = (*CHOSEN_ON, 23, 24, 25, 26, 27)
"""None of them is a county that the shipped model was trained on."""
COUNTY_PX = 4096
CHIP_PX = 128
"""1,024 cells of 128 m."""
STRIDE_PX = CHIP_PX // 2
MOST = 0.5
"""Share of a cell that must have changed, or be of one class, to count as such."""
DIGITS = 3
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
STEEPNESSES = (0.5, 0.75, 1.0, 2.0)
TURN_STEEPNESSES = (0.0, 2.0, 4.0, 6.0)
TURN_EVENS = (0.15, 0.18, 0.2, 0.25)
LEAST_PERCENTILES = (0.0, 50.0, 80.0, 90.0, 95.0, 99.0, 99.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """A county that was mapped."""

    found: LandUse
    kept: np.ndarray
    """Places of the cells that both dates saw, of which all figures are."""
    classes: np.ndarray
    """Shape (dates, cells): as they were decided."""
    percentiles: np.ndarray
    """Shape (1, cells): of the change between both dates."""
    truth: np.ndarray
    """Shape (dates, cells): class that covers most of a cell; −1 outside."""
    largest: np.ndarray
    """Shape (dates, cells): its share."""
    changed: np.ndarray
    """Shape (cells,): share of the cell whose class is another at the second date, at least."""
    fits: np.ndarray
    """Shape (dates, cells, classes): shares of labels, of all chips that show a cell together."""


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", type=int, nargs="*", default=SEEDS)
    parser.add_argument("--counties", type=Path, help="where counties are, or are made")
    asked = parser.parse_args()
    seeds = tuple(asked.seeds)
    with tempfile.TemporaryDirectory() as folder:
        counties, beside, figures = [], [], {}
        for seed in seeds:
            print(f"county {seed} …", file=sys.stderr, flush=True)
            begun = time.perf_counter()
            home = (asked.counties or Path(folder)) / f"county-{seed}"
            county_at(home, seed=seed, size=COUNTY_PX)
            made = time.perf_counter()
            with indexed(home / "scenes", home) as (index, embedder):
                ready = time.perf_counter()
                counties.append(mapped(index, embedder, home))
                figures[f"seed {seed}"] = {
                    "seconds": {
                        "making": round(made - begun, 1),
                        "indexing": round(ready - made, 1),
                        "mapping": round(time.perf_counter() - ready, 1),
                    },
                    "by prompts": prompts(index, embedder, counties[-1]),
                }
            with indexed(home / "scenes", home, stride_px=CHIP_PX) as (index, embedder):
                beside.append(mapped(index, embedder, home))
            figures[f"seed {seed}"] |= told(counties[-1])
            figures[f"seed {seed}"]["patches by chips beside each other"] = patches(beside[-1])
        figures["all seeds"] = joined(counties)
        figures["patches"] = by_choice(seeds, counties)
        figures["patches by chips beside each other"] = by_choice(seeds, beside)
        quiet_home = (asked.counties or Path(folder)) / f"county-{seeds[0]}"
        figures["nothing changed"] = quiet(quiet_home, Path(folder))
        figures["aerial19"] = aerial(Path(folder))
    print(json.dumps(figures))


def by_choice(seeds: Sequence[int], counties: Sequence[County]) -> dict[str, object]:
    """Give the patches of counties that defaults were chosen on, and of the others."""
    known = [seed in CHOSEN_ON for seed in seeds]
    return {
        name: patches(*(one for one, its in zip(counties, known, strict=True) if its == chosen))
        for name, chosen in (("chosen on", True), ("others", False))
    }


def mapped(index: Pinned, embedder: Embedder, home: Path) -> County:
    """Map a county as ``satseek landuse`` does, and look its truth up."""
    found = land_use(index, labels=preset("planning"), embedder=embedder)
    kept = np.flatnonzero(found.seen.all(axis=0))
    truth, largest, parts = truths(index, found, CountyTruth.read(home), kept)
    looked = label_vectors(found.labels, embedder=embedder)
    return County(
        found=found,
        kept=kept,
        classes=found.classes[:, kept],
        percentiles=found.changes[1:, kept],
        truth=truth,
        largest=largest,
        changed=np.abs(parts[1] - parts[0]).sum(axis=1) / 2,
        fits=fits_of(index, found, looked, kept),
    )


def fits_of(index: Pinned, found: LandUse, looked: LabelVectors, kept: np.ndarray) -> np.ndarray:
    """Give the shares that labels are decided by, blended where chips overlap."""
    sights = sights_of(read_ground(index, found.choices).chips.table())
    if sights is None:
        return np.stack([looked.shares(index.vectors(rows)) for rows in found.rows[:, kept]])
    return share(blended(index, found.rows, looked, sights)[:, kept], looked.card)


def truths(
    index: Pinned, found: LandUse, county: CountyTruth, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the true class of each cell at each date, its share, and the shares of all classes."""
    names = list(PLANNING)
    assert tuple(names) == found.names
    parts = np.zeros((len(found.dates), kept.size, len(names)))
    for date, rows in enumerate(found.rows[:, kept]):
        for at, chip in enumerate(index.chips(rows)):
            for cover, part in county.shares(chip).items():
                parts[date, at, names.index(OF_COVER[cover])] += part
    best = np.where(parts.sum(axis=2) > 0, parts.argmax(axis=2), -1)
    return best, parts.max(axis=2), parts


def told(county: County) -> dict[str, object]:
    """Give the figures of one county, decided together and apart."""
    apart = county.fits.argmax(axis=2)
    return {
        "cells": int(county.truth.shape[1]),
        "together": by_date(county, county.classes) | changes(county, county.classes),
        "apart": by_date(county, apart) | changes(county, apart),
        "patches": patches(county),
    }


def by_date(county: County, classes: np.ndarray) -> dict[str, object]:
    """Macro-F1 and accuracy at each date, of all cells and of those that are mostly one class."""
    told = {}
    for date, name in enumerate(county.found.dates):
        inside = county.truth[date] >= 0
        mostly = inside & (county.largest[date] >= MOST)
        scores = f1(county.truth[date][inside], classes[date][inside])
        told[name] = {
            "macro_f1": macro(scores),
            "accuracy": ratio((county.truth[date] == classes[date])[inside].sum(), inside.sum()),
            "macro_f1_mostly_one": macro(f1(county.truth[date][mostly], classes[date][mostly])),
            "f1": dict(zip(PLANNING, scores, strict=True)),
        }
    return told


def changes(county: County, classes: np.ndarray) -> dict[str, object]:
    """Recall and precision of cells whose class is said to be another.

    True are cells of which at least half changed its class; a cell that is said to have changed is
    wrong where less than half did, and clearly wrong where less than a tenth did.
    """
    said = classes[0] != classes[1]
    true = county.changed >= MOST
    return {
        "changed_cells": int(true.sum()),
        "said": int(said.sum()),
        "change_recall": ratio((said & true).sum(), true.sum()),
        "change_precision": ratio((said & true).sum(), said.sum()),
        "change_precision_any": ratio((said & (county.changed >= 0.1)).sum(), said.sum()),
    }


def patches(*counties: County) -> dict[str, object]:
    """The same of cells in patches, as the product tells them; of several counties together."""
    found, said, true, changed = 0, [], [], []
    for county in counties:
        told_changes = find_changes(county.found)
        hit = {cell for one in told_changes for cell in one.patch.cells}
        found += len(told_changes)
        said += [county.found.cells[at] in hit for at in county.kept.tolist()]
        true += (county.changed >= MOST).tolist()
        changed += (county.changed >= 0.1).tolist()
    hits, right, touched = (np.array(one, dtype=np.bool_) for one in (said, true, changed))
    return {
        "patches": found,
        "cells": int(hits.sum()),
        "recall": ratio((hits & right).sum(), right.sum()),
        "precision": ratio((hits & right).sum(), hits.sum()),
        "precision_any": ratio((hits & touched).sum(), hits.sum()),
        "f1": ratio(2 * (hits & right).sum(), hits.sum() + right.sum()),
    }


def joined(counties: Sequence[County]) -> dict[str, object]:
    """Sweep what a change of label takes, over all counties."""
    table = {}
    for steepness, turn, even in product(STEEPNESSES, TURN_STEEPNESSES, TURN_EVENS):
        if turn or even == OVERLAPPING.turn_even:
            sticky = replace(OVERLAPPING, steepness=steepness, turn_steepness=turn, turn_even=even)
            table[named(sticky)] = over(counties, sticky)
    return {"usual": named(OVERLAPPING), "stickiness": table, "least percentile": cuts(counties)}


def named(sticky: Stickiness) -> str:
    """Name what a change of label takes."""
    turn = f"turn steepness {sticky.turn_steepness:g}, turn even {sticky.turn_even:g}"
    return f"steepness {sticky.steepness:g}, {turn}"


def cuts(counties: Sequence[County]) -> dict[str, object]:
    """Figures of cells whose class is said to be another, from a percentile of change on."""
    table = {}
    for least in LEAST_PERCENTILES:
        hits, said_all, true_all, any_all = 0, 0, 0, 0
        for county in counties:
            said = (county.classes[0] != county.classes[1]) & (county.percentiles[0] >= least)
            true = county.changed >= MOST
            hits, said_all = hits + int((said & true).sum()), said_all + int(said.sum())
            true_all += int(true.sum())
            any_all += int((said & (county.changed >= 0.1)).sum())
        table[f"{least:g}"] = {
            "recall": ratio(hits, true_all),
            "precision": ratio(hits, said_all),
            "precision_any": ratio(any_all, said_all),
        }
    return table


def over(counties: Sequence[County], sticky: Stickiness) -> dict[str, object]:
    """Figures of all counties together under one stickiness."""
    hits, said_all, true_all, macros = 0, 0, 0, []
    for county in counties:
        fits = county.fits.astype(np.float32)
        turned = turned_shares(np.log(fits))
        classes = decide(fits, county.percentiles, turned=turned, stickiness=sticky)
        said, true = classes[0] != classes[1], county.changed >= MOST
        hits += int((said & true).sum())
        said_all, true_all = said_all + int(said.sum()), true_all + int(true.sum())
        for date in range(2):
            inside = county.truth[date] >= 0
            macros.append(macro(f1(county.truth[date][inside], classes[date][inside])))
    return {
        "macro_f1_worst": min(macros),
        "macro_f1_mean": round(float(np.mean(macros)), DIGITS),
        "change_recall": ratio(hits, true_all),
        "change_precision": ratio(hits, said_all),
    }


def prompts(index: Pinned, embedder: Embedder, county: County) -> dict[str, object]:
    """Compare ways to make one label of several prompts, each date alone."""
    labels = county.found.labels
    looked = label_vectors(labels, embedder=embedder)
    vectors = [index.vectors(rows) for rows in county.found.rows[:, county.kept]]
    means = np.add.reduceat(looked.vectors, looked.starts, axis=0)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    first = first_prompts(labels)
    ways = {
        "best prompt": county.fits,
        "mean of prompts": np.stack([own @ means.T for own in vectors]),
        "first prompt": np.stack(
            [label_vectors(first, embedder=embedder).shares(own) for own in vectors]
        ),
    }
    return {
        name: [
            macro(f1(truth[truth >= 0], fits.argmax(axis=1)[truth >= 0]))
            for truth, fits in zip(county.truth, own, strict=True)
        ]
        for name, own in ways.items()
    }


def first_prompts(labels: LabelSet) -> LabelSet:
    """Leave each label its first prompt alone."""
    kept = (Label(name=one.name, prompts=one.prompts[:1]) for one in labels.labels)
    return replace(labels, labels=tuple(kept))


LOOKS: Mapping[str, tuple[tuple[float, float, float], float]] = {
    "2024-07-02": ((1.0, 1.0, 1.0), 1.3),
    "2024-08-02": ((1.1, 1.0, 0.85), 1.0),
    "2024-09-02": ((0.8, 0.8, 0.8), 1.0),
}
"""Gains of red, green and blue, and gamma, of the first date seen again."""


def quiet(home: Path, folder: Path) -> dict[str, object]:
    """See the first date again in other light: whatever is said to change is wrong."""
    scenes = folder / "again" / "scenes"
    scenes.mkdir(parents=True)
    for path in sorted((home / "scenes").glob("*_2024-06-02.tif")):
        shutil.copy(path, scenes / path.name)
        with rasterio.open(path) as raster:
            pixels, profile = raster.read(), raster.profile
            valid = raster.dataset_mask() > 0
        profile |= {"driver": "GTiff", "compress": "deflate", "photometric": "rgb"}
        for day, (gains, gamma) in LOOKS.items():
            name = path.name.replace("2024-06-02", day)
            look = 255 * (pixels / 255) ** gamma * np.array(gains)[:, None, None]
            shown = np.where(valid, np.clip(look, 1, 255), 0).astype(np.uint8)
            with rasterio.open(scenes / name, "w", **profile) as raster:
                raster.write(shown)
    with indexed(scenes, folder / "again") as (index, embedder):
        found = land_use(
            index, labels=preset("planning"), embedder=embedder, choices=Choices(by="day")
        )
        looked = label_vectors(found.labels, embedder=embedder)
        apart = np.stack([looked.shares(index.vectors(rows)).argmax(axis=1) for rows in found.rows])
        return {
            "cells": len(found.cells),
            "changed_together": [int(one.sum()) for one in found.changed()[1:]],
            "changed_apart": [int((one != apart[0]).sum()) for one in apart[1:]],
            "patches": len(told_changes := find_changes(found)),
            "told_together": [
                sum(len(one.patch.cells) for one in told_changes if one.date == date)
                for date in range(1, len(found.dates))
            ],
        }


AERIAL = {
    "airport": "transport", "beach": "unused land", "bridge": "transport",
    "desert": "unused land", "farmland": "farmland", "forest": "forest",
    "industrial area": "industry and mining", "meadow": "grassland", "parking lot": "transport",
    "pond": "water", "port": "transport", "railway station": "transport",
    "residential area": "residential", "river": "water", "viaduct": "transport",
}  # fmt: skip
"""Classes of aerial19 that are one of planning's; commercial areas, mountains and parks are not."""


def aerial(folder: Path) -> dict[str, object]:
    """Say of real images what most of each is."""
    if not SHARED.is_dir():
        return {}
    with (SHARED / "labels.csv").open(encoding="utf-8") as file:
        wanted = {row["path"]: row["label"] for row in csv.DictReader(file)}
    scenes = folder / "aerial" / "scenes"
    scenes.mkdir(parents=True)
    for name, label in wanted.items():
        if label in AERIAL:
            shutil.copy(SHARED / name, scenes / name)
    with indexed(scenes, folder / "aerial", chip_px=400, stride_px=400) as (index, embedder):
        looked = label_vectors(preset("planning"), embedder=embedder)
        images = images_of(index, looked)
    names = list(PLANNING)
    truth = np.array([names.index(AERIAL[wanted[one.image]]) for one in images])
    said = np.array([names.index(one.land_use) for one in images])
    by_label = {
        label: ratio(
            sum(AERIAL[label] == one.land_use for one in images if wanted[one.image] == label),
            sum(wanted[one.image] == label for one in images),
        )
        for label in AERIAL
    }
    return {
        "images": len(images),
        "accuracy": ratio((truth == said).sum(), len(images)),
        "macro_f1": macro(f1(truth, said)),
        "right_by_label": by_label,
    }


@contextmanager
def indexed(
    scenes: Path, home: Path, *, chip_px: int = CHIP_PX, stride_px: int = STRIDE_PX
) -> Iterator[tuple[Pinned, Embedder]]:
    """Index a folder with the starter model and lend what came of it."""
    parts = Assembly(Settings(data_dir=home / "data", model="starter"))
    grid = GridSpec(crs=None, chip_px=chip_px, stride_px=stride_px, pixel_size=None)
    try:
        with parts.writer(f"bench{chip_px}s{stride_px}", Layout(grid=grid)) as collection:
            index_folder(scenes, collection=collection, embedder=parts.embedder, batch=parts.batch)
            with collection.pinned() as index:
                yield index, parts.embedder
    finally:
        parts.close()


def f1(truth: np.ndarray, said: np.ndarray) -> list[float | None]:
    """F1 of each class; None of one that neither has."""
    scores: list[float | None] = []
    for label in range(len(PLANNING)):
        both = ((truth == label) & (said == label)).sum()
        scores.append(ratio(2 * both, (truth == label).sum() + (said == label).sum()))
    return scores


def macro(scores: Sequence[float | None]) -> float:
    """Mean over the classes that there are."""
    return round(float(np.mean([one for one in scores if one is not None])), DIGITS)


def ratio(part: float, whole: float) -> float | None:
    """Give a share; None of nothing."""
    return round(float(part / whole), DIGITS) if whole else None


if __name__ == "__main__":
    main()
