"""Does the change between two dates stand out of season, light and sensor?

On the made-up county (truth known), on files of one scene written again (nothing changed), and on
real pairs of ../shared/data: mines that opened beside natural change, a flood, a tornado whose
imagery comes in two CRSs. Prints one JSON object; a part whose imagery is absent is empty.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import tempfile
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from PIL import Image
from rasterio.warp import Resampling, reproject, transform
from rises import rise_towards

from satseek.assemble import Assembly, Layout
from satseek.imagery.recipes import recipe_named
from satseek.monitor.change.background import (
    NORMAL_MAD,
    UPPER,
    UPPER_DEVIATIONS,
    percentiles,
)
from satseek.monitor.change.outlining import outline_cells
from satseek.monitor.change.pairing import NEIGHBOURS, pair_up
from satseek.monitor.change.patches import PatchRule, find_patches
from satseek.monitor.change.series import read_series, see
from satseek.monitor.change.shift import SHIFTS
from satseek.monitor.labels.files import preset
from satseek.monitor.labels.labelling import label_vectors
from satseek.search.demonstrating import CountyTruth, county_at
from satseek.search.directions import Examples, direct
from satseek.search.indexing import index_folder
from satseek.settings import Settings
from satseek.types import Filter, GridSpec, Query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from satseek.embed.embedder import Embedder
    from satseek.index.pinned import Pinned
    from satseek.monitor.change.pairing import Pairs
    from satseek.monitor.change.series import Occasion
    from satseek.types import Vectors

SHARED = Path(__file__).parents[3] / "shared" / "data"
COUNTY_PX = 8192
MOST = 0.5
"""Share of a cell that must have changed for it to count as changed."""
UNCHANGED = 0.02
"""Share of a cell below which nothing has changed: outlines of the truth are simplified."""
DIGITS = 3

Truth = np.ndarray


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--county", type=Path, help="where the made-up county is, or is made")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        made = parser.parse_args().county or home / "county"
        figures = {
            "county": county(made, home / "indexed"),
            "nothing_changed": nothing_changed(made, home / "again"),
            "mining_pairs": mining_pairs(home / "mining"),
            "flood_series": flood_series(home / "flood"),
            "tornado_pairs": tornado_pairs(home / "tornado"),
        }
    print(json.dumps(figures))


def county(made: Path, home: Path) -> dict[str, object]:
    """Find what changed in the made-up county, by kind of shift."""
    county_at(made, size=COUNTY_PX)
    truth = CountyTruth.read(made)
    grid = GridSpec(crs=None, chip_px=256, stride_px=256, pixel_size=None)
    with indexed(made / "scenes", home, grid) as (index, embedder):
        before, after = read_series(index).occasions
        words = label_vectors(preset("planning"), embedder=embedder).vectors
        found: dict[str, object] = {}
        changed: Truth | None = None
        for shift in SHIFTS:
            for weight, told in ((0.0, None), (NEIGHBOURS, None), (NEIGHBOURS, words)):
                pairs = pair_up(index, before, after, shift=shift, neighbours=weight, words=told)
                changed = _changed_shares(index, pairs, truth) if changed is None else changed
                along = "all directions" if told is None else "words"
                found[f"shift {shift}, neighbours {weight:.2g}, {along}"] = {
                    "auc": auc(pairs.deviations, changed >= MOST),
                    "average_precision": average_precision(pairs.deviations, changed >= MOST),
                    "recall_at_precision_0.7": recall_at(pairs.deviations, changed >= MOST, 0.7),
                    **found_by(pairs, changed, PatchRule()),
                }
        assert changed is not None
        pairs = pair_up(index, before, after, words=words)
        for seed in (99.9, 99.5, 99.0, 98.0, 95.0):
            rule = PatchRule(seed=seed, grow=PatchRule().grow)
            found[f"seed {seed:g}"] = found_by(pairs, changed, rule)
        found |= {
            "cells": len(pairs),
            "changed_cells": int((changed >= MOST).sum()),
            "laws": laws(pair_up(index, before, after, neighbours=0), changed),
        }
    return found


def laws(pairs: Pairs, changed: Truth) -> dict[str, object]:
    """Compare ways to estimate what unchanged cells do, by how many of them stand out.

    Of unchanged cells 1 % should be above 99; of changed ones as many as possible.
    """
    changes = pairs.changes.astype(np.float64)
    middle, three_quarters, upper = np.quantile(changes, [0.5, 0.75, UPPER])
    logs = np.log(changes)
    middle_log = np.median(logs)
    told = {
        "median and 80 %": (changes - middle) / (upper - middle) * UPPER_DEVIATIONS,
        "median and quartile": (changes - middle) / (three_quarters - middle) * 0.6745,
        "median and MAD of logarithm": (logs - middle_log)
        / (NORMAL_MAD * np.median(np.abs(logs - middle_log))),
        "mixture of two": (changes - mixture(changes)[0]) / mixture(changes)[1],
    }
    quiet, loud = changed < UNCHANGED, changed >= MOST
    found: dict[str, object] = {}
    for name, deviations in told.items():
        percent = percentiles(deviations.astype(np.float32))
        found[name] = {
            f"{kind}_above_{cut}": ratio((percent[own] > cut).sum(), own.sum())
            for kind, own in (("unchanged", quiet), ("changed", loud))
            for cut in (95, 99)
        }
    return found


def mixture(values: np.ndarray) -> tuple[float, float]:
    """Fit two normal laws by expectation and maximisation; gives the lower one."""
    middles = np.quantile(values, [0.4, 0.95])
    spreads, shares = np.full(2, values.std()), np.array([0.9, 0.1])
    for _ in range(200):
        heights = shares / spreads * np.exp(-(((values[:, None] - middles) / spreads) ** 2) / 2)
        belongs = heights / np.maximum(heights.sum(axis=1, keepdims=True), 1e-300)
        weights = belongs.sum(axis=0)
        shares, middles = weights / values.size, (belongs * values[:, None]).sum(axis=0) / weights
        around = ((values[:, None] - middles) ** 2 * belongs).sum(axis=0) / weights
        spreads = np.sqrt(np.maximum(around, 1e-4))
    lower = int(middles.argmin())
    return float(middles[lower]), float(spreads[lower])


def _changed_shares(index: Pinned, pairs: Pairs, truth: CountyTruth) -> Truth:
    """Share of each cell whose cover is another, at least: half of what the shares moved by."""
    shares = []
    for one, other in zip(
        index.chips(pairs.rows_before), index.chips(pairs.rows_after), strict=True
    ):
        was, is_now = truth.shares(one), truth.shares(other)
        names = was.keys() | is_now.keys()
        shares.append(sum(abs(was.get(name, 0) - is_now.get(name, 0)) for name in names) / 2)
    return np.array(shares)


def found_by(pairs: Pairs, changed: Truth, rule: PatchRule) -> dict[str, object]:
    """Count cells of patches: recall of those that changed, precision among all found.

    ``precision`` counts a cell that changed by less than half as wrong; ``precision_any`` counts
    it as right from a tenth on.
    """
    patches = find_patches(pairs.cells, pairs.percentiles, rule=rule)
    hits = np.zeros(len(pairs), dtype=np.bool_)
    for patch in patches:
        hits[list(patch.places)] = True
    return {
        "patches": len(patches),
        "cells": int(hits.sum()),
        "recall": ratio((hits & (changed >= MOST)).sum(), (changed >= MOST).sum()),
        "precision": ratio((hits & (changed >= MOST)).sum(), hits.sum()),
        "precision_any": ratio((hits & (changed >= 0.1)).sum(), hits.sum()),
        "area_ha": round(sum(patch.area_ha for patch in patches), 1),
    }


def nothing_changed(county_home: Path, home: Path) -> dict[str, object]:
    """Write one scene of the county again, otherwise, and count the patches that should not be."""
    home.mkdir()
    scenes = home / "scenes"
    scenes.mkdir()
    source = min((county_home / "scenes").glob("*nw_*.tif"))
    with rasterio.open(source) as raster:
        kept = {name: raster.profile[name] for name in ("crs", "transform", "width", "height")}
        pixels, valid = np.moveaxis(raster.read(), 0, 2), raster.dataset_mask() > 0
    looks = {"2024-01-01": pixels, **written_again(pixels)}
    names = dict(zip(looks, ("", *LOOKS), strict=True))
    for day, look in looks.items():
        write(scenes / f"{day}.tif", np.where(valid[..., None], look, 0), kept, nodata=0)
    found: dict[str, object] = {}
    grid = GridSpec(crs=None, chip_px=128, stride_px=128, pixel_size=None)
    with indexed(scenes, home, grid) as (index, embedder):
        first, *others = read_series(index).occasions
        words = label_vectors(preset("planning"), embedder=embedder).vectors
        for other in others:
            pairs = pair_up(index, first, other)
            by_words = pair_up(index, first, other, words=words)
            background = pairs.background
            assert background is not None
            found[names[other.name]] = {
                "patches": len(find_patches(pairs.cells, pairs.percentiles)),
                "patches_by_words": len(find_patches(by_words.cells, by_words.percentiles)),
                "highest_percentile": round(float(pairs.percentiles.max()), DIGITS),
                "median_change": round(float(np.median(pairs.changes)), DIGITS),
                "floor": round(background.floor, DIGITS),
            }
        found["cells"] = len(first)
    return found


LOOKS = ("the same", "JPEG 60", "a fifth brighter", "gamma 1.3", "another tint", "dry summer")


def written_again(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Show a scene as other sensors and another season would."""
    room = io.BytesIO()
    Image.fromarray(pixels).save(room, format="JPEG", quality=60)
    red, green, blue = (pixels[..., band].astype(np.float32) for band in range(3))
    leafy = np.clip((green - np.maximum(red, blue)) / 20, 0, 1)[..., None]
    dry = np.stack([red * 1.35 + 12, green * 1.1 + 6, blue * 0.9], axis=-1)
    looks = (
        pixels,
        np.asarray(Image.open(room)),
        pixels * 1.2,
        255 * (pixels / 255) ** 1.3,
        pixels * np.array([1.1, 1.0, 0.85]),
        pixels * (1 - leafy) + dry * leafy,
    )
    days = (f"2024-02-{day:02d}" for day in range(1, len(looks) + 1))
    return {
        day: np.clip(look, 1, 255).astype(np.uint8) for day, look in zip(days, looks, strict=True)
    }


def mining_pairs(home: Path) -> dict[str, object]:
    """Tell mines that opened from natural and other human change, at 180 sites of 48 px."""
    source = SHARED / "mining_pairs"
    if not source.is_dir():
        return {}
    (home / "scenes").mkdir(parents=True)
    with (source / "pairs.csv").open(encoding="utf-8") as file:
        sites = list(csv.DictReader(file))
    for site in sites:
        for when, day in (("before", site["before_end"]), ("after", site["after_start"])):
            _write_site(home / "scenes" / f"{site['id']}--{day}--{when}.tif", source, site, when)
    grid = GridSpec(crs=None, chip_px=48, stride_px=48, pixel_size=None)
    with indexed(home / "scenes", home, grid, recipe="fixed16") as (index, embedder):
        pairs = pair_up(index, *_before_and_after(index, "--before", "--after"))
        chips = index.chips(pairs.rows_before)
        kinds = {site["id"]: site["category"] for site in sites}
        named = np.array([kinds[chip.scene_id.split("--")[0]] for chip in chips])
        mine = direction(
            embedder, "a gold mine", "an open-pit mine", "a mine in the forest with ponds"
        )
        rises = rise_towards(index, pairs, mine)
        opened = named == "mining_emergence"
        found: dict[str, object] = {"sites": len(pairs)}
        for against in sorted(set(named) - {"mining_emergence"}):
            among = opened | (named == against)
            found[f"against {against}"] = {
                "sites": int(among.sum()),
                "auc_change": auc(pairs.deviations[among], opened[among]),
                "auc_rise_towards_mine": auc(rises.deviations[0][among], opened[among]),
                "auc_cosine_after": auc(
                    (pairs.vectors_after(index) @ mine[0])[among], opened[among]
                ),
            }
    return found


def _write_site(path: Path, source: Path, site: dict[str, str], when: str) -> None:
    bands = np.load(source / site[when])  # (48, 48, 6): B2 B3 B4 B8 B11 B12
    lon, lat = float(site["longitude"]), float(site["latitude"])
    crs = f"EPSG:{32600 if lat >= 0 else 32700}"[:-2] + f"{int((lon + 180) // 6) + 1:02d}"
    (x,), (y,) = transform("EPSG:4326", crs, [lon], [lat])
    half = 10.0 * bands.shape[0] / 2
    left, top = round(x / 10) * 10 - half, round(y / 10) * 10 + half
    kept = {
        "crs": crs,
        "transform": rasterio.Affine(10, 0, left, 0, -10, top),
        "width": bands.shape[1],
        "height": bands.shape[0],
    }
    write(path, bands[..., [2, 1, 0]].clip(1).astype(np.uint16), kept, nodata=0)


def flood_series(home: Path) -> dict[str, object]:
    """Compare successive dates of a scene of 39 x 32 pixels, flooded as a whole on the last one.

    The change mask marks every pixel, so that no ranking of cells can be measured: what is told is
    how far a cell moves from each date to the next, and how much nearer it comes to the words.
    """
    source = SHARED / "flood_series"
    if not source.is_dir():
        return {}
    home.mkdir()
    found: dict[str, object] = {}
    grid = GridSpec(crs=None, chip_px=16, stride_px=4, pixel_size=None)
    with indexed(source / "S2", home, grid) as (index, embedder):
        flooded = direction(embedder, "flooded fields")
        for one, other in pairwise(read_series(index).occasions):
            pairs = pair_up(index, one, other, shift="none", neighbours=0)
            rises = rise_towards(index, pairs, flooded)
            usual = pair_up(index, one, other)
            found[f"{one.name} to {other.name}"] = {
                "cells": len(pairs),
                "marked": round(float(shares_of(source, other.name, pairs.cells).mean()), DIGITS),
                "median_change": round(float(np.median(pairs.changes)), DIGITS),
                "median_rise_towards_flood": round(float(np.median(rises.steps)), DIGITS),
                "patches": len(find_patches(usual.cells, usual.percentiles)),
            }
    return found


def tornado_pairs(home: Path) -> dict[str, object]:
    """Bring imagery of two CRSs onto one grid and compare it; no truth is known."""
    source = SHARED / "tornado_pairs"
    if not source.is_dir():
        return {}
    home.mkdir()
    scenes = home / "scenes"
    for when in ("pre", "post"):
        (scenes / when).mkdir(parents=True)
        for path in (source / when).glob("*.tif"):
            shutil.copy(path, scenes / when / path.name)
    found: dict[str, object] = {}
    grid = GridSpec(crs="EPSG:32615", chip_px=128, stride_px=128, pixel_size=0.6)
    with indexed(scenes, home, grid) as (index, embedder):
        pairs = pair_up(index, *_before_and_after(index, "pre/", "post/"))
        wreck = direction(embedder, "destroyed houses", "debris and bare ground")
        rises = rise_towards(index, pairs, wreck)
        patches = find_patches(pairs.cells, pairs.percentiles)
        usual = pairs.background
        both = np.corrcoef(pairs.deviations, rises.deviations[0])[0, 1]
        found |= {
            "cells_on_both_dates": len(pairs),
            "patches": len(patches),
            "area_ha": round(sum(patch.area_ha for patch in patches), 1),
            "floor": None if usual is None else round(usual.floor, DIGITS),
            "middle": None if usual is None else round(usual.middle, DIGITS),
            "spread": None if usual is None else round(usual.spread, DIGITS),
            "share_above_99": ratio((pairs.percentiles > 99).sum(), len(pairs)),
            "rise_towards_debris_above_99": ratio((rises.percentiles[0] > 99).sum(), len(pairs)),
            "correlation_of_change_and_rise": round(float(both), DIGITS),
        }
    return found


def _before_and_after(index: Pinned, before: str, after: str) -> list[Occasion]:
    """Read two occasions by a part of their scenes' ids."""
    ids = [scene for (scene,) in index.db.execute("SELECT id FROM scenes")]
    return [
        see(index, name=part, where=Filter(scene_ids=tuple(one for one in ids if part in one)))
        for part in (before, after)
    ]


def direction(embedder: Embedder, *prompts: str) -> Vectors:
    """Give the direction of words."""
    none = np.empty((0, embedder.card.dim), dtype=np.float32)
    examples = Examples(liked=none, disliked=none)
    return direct(
        Query(prompts=prompts), examples=examples, background=lambda: none, embedder=embedder
    ).vector


def shares_of(source: Path, date: str, cells: tuple[str, ...]) -> Truth:
    """Share of each cell that the change mask of a date marks; without a mask none."""
    mask = source / "changes" / f"{date}.tif"
    if not mask.is_file():
        return np.zeros(len(cells))
    found = []
    with rasterio.open(mask) as raster:
        marks = (raster.read(1) > 0).astype(np.float32)
        for outline in outline_cells(cells):
            bounds = outline.bounds
            square = np.zeros((16, 16), dtype=np.float32)
            reproject(
                marks,
                square,
                src_transform=raster.transform,
                src_crs=raster.crs,
                dst_transform=rasterio.transform.from_bounds(*bounds, 16, 16),
                dst_crs="EPSG:4326",
                resampling=Resampling.average,
            )
            found.append(float(square.mean()))
    return np.array(found)


@contextmanager
def indexed(
    scenes: Path, home: Path, grid: GridSpec, *, recipe: str = "auto"
) -> Iterator[tuple[Pinned, Embedder]]:
    """Index a folder with the starter model and lend what came of it."""
    parts = Assembly(Settings(data_dir=home / "data", model="starter"))
    layout = Layout(grid=grid, recipe=recipe_named(recipe))
    try:
        with parts.writer("bench", layout) as collection:
            index_folder(scenes, collection=collection, embedder=parts.embedder, batch=parts.batch)
            with collection.pinned() as index:
                yield index, parts.embedder
    finally:
        parts.close()


def write(path: Path, pixels: np.ndarray, kept: dict[str, object], *, nodata: int) -> None:
    """Write a scene."""
    profile = {"driver": "GTiff", "dtype": pixels.dtype.name, "count": pixels.shape[2]}
    with rasterio.open(path, "w", nodata=nodata, **profile, **kept) as raster:
        raster.write(np.moveaxis(pixels, 2, 0))


def auc(scores: np.ndarray, truth: Truth) -> float | None:
    """Chance that something true scores higher than something false; ties count half."""
    yes, no = scores[truth], scores[~truth]
    if not yes.size or not no.size:
        return None
    above = (yes[:, None] > no).mean() + (yes[:, None] == no).mean() / 2
    return round(float(above), DIGITS)


def average_precision(scores: np.ndarray, truth: Truth) -> float | None:
    """Give the average precision of a ranking."""
    places = np.flatnonzero(truth[np.argsort(-scores, kind="stable")]) + 1
    if not places.size:
        return None
    return round(float((np.arange(1, places.size + 1) / places).mean()), DIGITS)


def recall_at(scores: np.ndarray, truth: Truth, precision: float) -> float:
    """Give the largest recall at which a cut of the ranking is as precise."""
    hits = np.cumsum(truth[np.argsort(-scores, kind="stable")])
    enough = hits / np.arange(1, truth.size + 1) >= precision
    return round(float(hits[enough].max(initial=0) / truth.sum()), DIGITS)


def ratio(part: float, whole: float) -> float | None:
    """Give a share; None of nothing."""
    return round(float(part / whole), DIGITS) if whole else None


if __name__ == "__main__":
    main()
