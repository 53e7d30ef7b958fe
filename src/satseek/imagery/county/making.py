"""Turns a seed into a county's folder: scenes at two dates, their truth, a manifest.

It does not know what is drawn; it runs the steps in order and keeps memory bounded.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from satseek.errors import InvalidConfig
from satseek.imagery.county.inventory import COVERS, GENERATOR_VERSION, PIXEL_SIZE_M
from satseek.imagery.county.light import Sun, light
from satseek.imagery.county.painting import STEPS, paint
from satseek.imagery.county.plan import Plan, draw_plan
from satseek.imagery.county.sensing import quarters, sense
from satseek.imagery.county.texture import Textures
from satseek.imagery.county.truth import write_truth
from satseek.imagery.county.writing import (
    CRS,
    ORIGIN_M,
    CountyManifest,
    SceneEntry,
    write_manifest,
    write_scene,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ACQUIRED: Final = (
    datetime(2024, 6, 2, 10, 12, 41, tzinfo=UTC),
    datetime(2025, 8, 27, 10, 14, 5, tzinfo=UTC),
)
"""First scene of each date: before and after the changes."""
_SUNS: Final = (
    Sun(azimuth_deg=150, elevation_deg=55),
    Sun(azimuth_deg=158, elevation_deg=46),
)
"""Late morning in June and in August at 49 degrees north, roughly."""
_BETWEEN_SCENES: Final = timedelta(seconds=17)
_SMALLEST_PX: Final = 768
_LARGEST_PX: Final = 16_384


def make_county(
    folder: Path,
    *,
    seed: int = 0,
    width: int = 8192,
    height: int = 8192,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> CountyManifest:
    """Make a county's imagery and truth in a folder.

    Args:
        folder: Where `scenes/`, `truth/` and `county.json` are written; made if missing.
        seed: Same seed, same pixels; other seeds give other counties of the same kind.
        width: County width in pixels of one metre, 768 to 16384.
        height: County height in pixels of one metre, 768 to 16384.
        on_progress: Called with a stage, the steps done and all steps.

    Raises:
        InvalidConfig: a size or a seed out of range.
    """
    if not (_SMALLEST_PX <= min(width, height) <= max(width, height) <= _LARGEST_PX):
        raise InvalidConfig(
            f"expected a county of {_SMALLEST_PX} to {_LARGEST_PX} pixels a side, "
            f"got {width} x {height}"
        )
    if seed < 0:
        raise InvalidConfig(f"expected a seed of 0 or more, got {seed}")
    progress = _Progress(on_progress)
    plan, textures = draw_plan(seed, width, height), Textures.drawn(seed)
    scenes: list[SceneEntry] = []
    covers: set[str] = set()
    for date in range(len(ACQUIRED)):
        written, seen = _make_date(folder, plan, textures, date, progress)
        scenes.extend(written)
        covers |= seen
    days = tuple(f"{moment:%Y-%m-%d}" for moment in ACQUIRED)
    manifest = CountyManifest(
        seed=seed,
        generator_version=GENERATOR_VERSION,
        crs=CRS,
        pixel_size_m=PIXEL_SIZE_M,
        width=width,
        height=height,
        origin_m=ORIGIN_M,
        dates=days,
        scenes=tuple(scenes),
        truth={day: f"truth/{day}.geojson" for day in days},
        covers=tuple(cover for cover in COVERS if cover in covers),
    )
    write_manifest(folder, manifest)
    return manifest


class _Progress:
    """Counts steps for whoever watches."""

    def __init__(self, report: Callable[[str, int, int], None] | None) -> None:
        self._report = report
        self._done = 0
        self._all = len(ACQUIRED) * (STEPS + 2 + len(quarters(1024, 1024)))

    def step(self, stage: str) -> None:
        self._done += 1
        if self._report is not None:
            self._report(stage, self._done, self._all)


def _make_date(
    folder: Path, plan: Plan, textures: Textures, date: int, progress: _Progress
) -> tuple[list[SceneEntry], set[str]]:
    """Paint, light, write: everything of one date, freed before the next."""
    acquired = ACQUIRED[date]
    day = f"{acquired:%Y-%m-%d}"
    canvas = paint(plan, textures, date, _SUNS[date], lambda: progress.step(f"painting {day}"))
    write_truth(folder / "truth" / f"{day}.geojson", canvas, day)
    progress.step(f"truth {day}")
    covers = {COVERS[code] for code in np.unique(canvas.cover).tolist()}
    lit = light(canvas, _SUNS[date])
    del canvas
    progress.step(f"light {day}")
    scenes = []
    for number, (name, window) in enumerate(quarters(plan.frame.width, plan.frame.height)):
        sighting = sense(lit, name, window, plan.seed, date)
        moment = acquired + number * _BETWEEN_SCENES
        scenes.append(write_scene(folder, sighting, moment, plan.seed))
        progress.step(f"scenes {day}")
    return scenes, covers
