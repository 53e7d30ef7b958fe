"""Scenes of made-up counties and their ground truth become chips with labels and captions.

Knows no tower. The truth says what lies where; what counts as seen is decided in `captioning`.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from satseek.imagery.county import (
    Truth,
    make_county,
    read_manifest,
    read_truth,
    truth_objects,
    truth_shares,
)
from satseek.imagery.decode import decode_image
from satseek.imagery.ground import footprints
from satseek.train import captioning
from satseek.train.reading import Pool, is_held_out
from satseek.types import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from satseek.imagery.county import CountyManifest, SceneEntry
    from satseek.train.configuring import SourceConfig
    from satseek.types import GeoJSON, Pixels

CHIP_PX = 256
"""Edge of the chips that a county is searched in, pixels of one metre."""

_LARGER, _SMALLER = 1.5, 0.65
"""Chips are cut up to this much larger and smaller than `CHIP_PX`."""

_MEASURED = 0.97
"""Least share of measured pixels; scenes have slanting edges."""

_TRIES = 40
"""Places tried for a land cover before a scene is said to have none for it."""

_CAPTIONS = 4
"""Sentences a chip."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyChip:
    """One chip of a county and what the truth says of it."""

    pixels: Pixels
    """RGB, as cut."""
    shares: dict[str, float]
    """Land cover → share of the chip, largest first."""
    things: dict[str, int]
    """Kind of thing → number of them on the chip."""


def read_county_pool(source: SourceConfig, *, px: int, seed: int) -> Pool:
    """Cut ``source.chips`` chips from each county at random places and scales.

    Counties are the folders below ``source.path``; one for each of ``source.seeds`` is made
    there first where it is missing.

    Raises:
        FolderNotFound: No county lies there.
    """
    images, shares, things, names = [], [], [], []
    for folder in counties(source):
        _log.info("cutting %d chips from %s", source.chips, folder)
        rng = np.random.default_rng([seed, *folder.name.encode()])
        for i, chip in enumerate(cut(folder, count=source.chips, rng=rng)):
            images.append(_scaled(chip.pixels, px))
            shares.append(chip.shares)
            things.append(chip.things)
            names.append(f"{folder.name}/{i}")
    rng = np.random.default_rng(seed)
    seen = [captioning.certain(s, t) for s, t in zip(shares, things, strict=True)]
    labels = set(captioning.LABELS.values())
    also = {n for cover in captioning.LABELS for n in captioning.names(cover)} - labels
    return Pool(
        images=np.stack(images),
        present=tuple(_names(covers) for covers in seen),
        unsure=tuple(
            _names(captioning.unsure(s, c)) - _names(c) for s, c in zip(shares, seen, strict=True)
        ),
        captions=tuple(
            captioning.sentences(c, t, rng=rng, count=_CAPTIONS)
            for c, t in zip(seen, things, strict=True)
        ),
        labels=tuple(sorted(labels)),
        also=tuple(sorted(also)),
        held_out=np.array([is_held_out(name, source.holdout) for name in names]),
    )


def counties(source: SourceConfig) -> list[Path]:
    """Folders of the counties to train on, made where they are missing, sorted."""
    root = Path(source.path)
    for seed in source.seeds:
        folder = root / f"county-{seed}"
        if not (folder / "county.json").is_file():
            _log.info("making %s, %d pixels a side", folder, source.county_px)
            make_county(folder, seed=seed, width=source.county_px, height=source.county_px)
    found = sorted(file.parent for file in root.glob("*/county.json"))
    if source.seeds:
        wanted = {f"county-{seed}" for seed in source.seeds}
        found = [folder for folder in found if folder.name in wanted]
    return found or [root]


def cut(folder: Path, *, count: int, rng: np.random.Generator) -> Iterator[CountyChip]:
    """Cut chips from a county's scenes, every land cover about equally often.

    Args:
        folder: A county's folder.
        count: Chips; fewer come where a scene has no place for a rare land cover.
        rng: What chance follows from.
    """
    manifest = read_manifest(folder)
    per_scene = [count // len(manifest.scenes)] * len(manifest.scenes)
    for i in range(count - sum(per_scene)):
        per_scene[i] += 1
    truths = {day: read_truth(folder / path) for day, path in manifest.truth.items()}
    for scene, share in zip(manifest.scenes, per_scene, strict=True):
        path = folder / scene.path
        pixels = decode_image(
            path.read_bytes(),
            name=str(path),
            max_pixels=scene.width * scene.height,
            edge=None,
        ).pixels
        yield from _cut_scene(pixels, scene, manifest, truths[scene.acquired[:10]], share, rng)


def _cut_scene(  # noqa: PLR0917 -- private, called once
    pixels: Pixels,
    scene: SceneEntry,
    manifest: CountyManifest,
    truth: Truth,
    count: int,
    rng: np.random.Generator,
) -> Iterator[CountyChip]:
    places = _places(truth, scene, manifest)
    covers = sorted(captioning.LABELS.keys() & places)
    for turn in range(count):
        cover = covers[turn % len(covers)]
        drawn = (_try(pixels, scene, manifest, truth, places[cover], rng) for _ in range(_TRIES))
        right = (c for c in drawn if c is not None and cover in captioning.certain(c.shares, {}))
        chip = next(right, None)
        if chip is not None:
            yield chip


def _try(  # noqa: PLR0917 -- private, called once
    pixels: Pixels,
    scene: SceneEntry,
    manifest: CountyManifest,
    truth: Truth,
    bounds: NDArray[np.float64],
    rng: np.random.Generator,
) -> CountyChip | None:
    """Cut one chip over a patch of land; None where it leaves the scene or its measured part."""
    window = _window(bounds, scene, rng)
    footprint = _footprint(window, scene, manifest) if window else None
    if window is None or footprint is None:
        return None
    part = pixels[window.row :, window.column :][: window.height, : window.width]
    if part.any(2).mean() < _MEASURED:
        return None
    return CountyChip(
        pixels=part.copy(),
        shares=captioning.known(truth_shares(truth, footprint)),
        things=truth_objects(truth, footprint),
    )


def _places(
    truth: Truth, scene: SceneEntry, manifest: CountyManifest
) -> dict[str, NDArray[np.float64]]:
    """Bounds (n, 4) in pixels of a scene of every patch of each land cover that lies on it."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for cover, shape in zip(truth.covers, truth.cover_tree.geometries, strict=True):
        west, south, east, north = shape.bounds
        left, top = _pixel(west, north, scene, manifest)
        right, bottom = _pixel(east, south, scene, manifest)
        left, top = max(left, 0.0), max(top, 0.0)
        right, bottom = min(right, float(scene.width)), min(bottom, float(scene.height))
        if left < right and top < bottom:
            found.setdefault(cover, []).append((left, top, right, bottom))
    return {cover: np.array(bounds) for cover, bounds in found.items()}


def _pixel(
    east: float, north: float, scene: SceneEntry, manifest: CountyManifest
) -> tuple[float, float]:
    column = (east - manifest.origin_m[0]) / manifest.pixel_size_m - scene.left
    row = (manifest.origin_m[1] - north) / manifest.pixel_size_m - scene.top
    return column, row


def _window(
    bounds: NDArray[np.float64], scene: SceneEntry, rng: np.random.Generator
) -> Window | None:
    """Draw a window over one patch of land; None where it leaves the scene."""
    areas = (bounds[:, 2] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 1])
    left, top, right, bottom = bounds[rng.choice(len(bounds), p=areas / areas.sum())]
    side = round(CHIP_PX * math.exp(rng.uniform(math.log(_SMALLER), math.log(_LARGER))))
    column = round(rng.uniform(left, right) - rng.uniform(0.2, 0.8) * side)
    row = round(rng.uniform(top, bottom) - rng.uniform(0.2, 0.8) * side)
    if min(column, row) < 0 or column + side > scene.width or row + side > scene.height:
        return None
    return Window(column=column, row=row, width=side, height=side)


def _footprint(window: Window, scene: SceneEntry, manifest: CountyManifest) -> GeoJSON | None:
    size = manifest.pixel_size_m
    west = manifest.origin_m[0] + scene.left * size
    north = manifest.origin_m[1] - scene.top * size
    return footprints(manifest.crs, (size, 0.0, west, 0.0, -size, north), [window])[0]


def _scaled(pixels: Pixels, px: int) -> NDArray[np.uint8]:
    image = Image.fromarray(pixels).resize((px, px), Image.Resampling.BICUBIC)
    return np.asarray(image, np.uint8).transpose(2, 0, 1)


def _names(covers: list[str]) -> frozenset[str]:
    return frozenset().union(*(captioning.names(cover) for cover in covers))
