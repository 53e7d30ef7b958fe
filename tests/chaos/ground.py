"""Makes the ground that everything here is done on: scenes of 5,000 small chips, a tiny model.

Knows torch through ``modelmaker``, so a test that uses it skips where torch is missing.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio import Affine

TESTS = Path(__file__).parents[1]
CHIP_PX = 32
"""Edge of a chip: what the tiny model takes, so that nothing is resized."""
PIXEL_M = 5.0
EAST, NORTH = 512_000.0, 5_799_680.0
"""A corner of the lattice of chips in EPSG:32633."""
CITY = "city"
"""The folder whose scenes take several commits: 4 scenes of 26 × 25 chips."""
QUARTERS = tuple(f"quarter-{number}" for number in range(8))
"""Folders that are indexed in one commit: 2 scenes of 15 × 10 chips each."""
BROKEN = QUARTERS[3]
"""The folder with a file that is no scene, to be refused."""
RUIN = "ruin"
"""The folder that holds nothing but a file that is no scene."""
CHIPS = {CITY: 4 * 26 * 25} | dict.fromkeys(QUARTERS, 2 * 15 * 10)
"""Chips of each folder: 5,000 in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What is indexed, and with which model."""

    scenes: Path
    """Folder of the folders."""
    model: Path
    """Bundle of the model."""

    def settings(self, data: Path) -> dict[str, str]:
        """Settings of every program, by name."""
        return {
            "data_dir": str(data),
            "model": str(self.model),
            "reference_roots": str(self.scenes),
            "threads": "1",
        }


def make_ground(folder: Path) -> Ground:
    """Make scenes and model; the same whenever it is made."""
    scenes = folder / "scenes"
    chance = np.random.default_rng(7)
    for number in range(4):
        _write_scene(scenes / CITY / f"{number}.tif", (26, 25), number, chance)
    for at, name in enumerate(QUARTERS):
        for number in range(2):
            place = 10 + 2 * at + number
            _write_scene(scenes / name / f"{number}.tif", (15, 10), place, chance)
    (scenes / RUIN).mkdir()
    for name in (BROKEN, RUIN):
        (scenes / name / "broken.tif").write_bytes(b"II*\0 cut short")
    _make_model(folder / "model")
    return ground_in(folder)


def ground_in(folder: Path) -> Ground:
    """Find the ground that was made in a folder."""
    return Ground(scenes=folder / "scenes", model=folder / "model" / "bundle")


def environment(settings: dict[str, str], **more: str) -> dict[str, str]:
    """Everything a program inherits: nothing that was set for the tests themselves."""
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("SATSEEK_")}
    asked = {f"SATSEEK_{name.upper()}": it for name, it in settings.items()}
    own = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default", "PYTHONPATH": str(TESTS)}
    # one core for each of many processes; nothing of pytest's is for them
    return inherited | asked | own | more


def satseek(*words: str) -> list[str]:
    """The command line of a command."""
    return [sys.executable, "-m", "satseek", *words]


def hurried(*words: str) -> list[str]:
    """The same with short pauses; see ``hurried.py``."""
    return [sys.executable, "-m", "chaos.hurried", *words]


def _write_scene(
    path: Path, cells: tuple[int, int], place: int, chance: np.random.Generator
) -> None:
    """Write one scene of so many columns and rows of chips, each a colour of its own with noise."""
    columns, rows = cells
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = chance.integers(0, 215, (3, rows * 2, columns * 2))
    blocks = colours.repeat(CHIP_PX // 2, 1).repeat(CHIP_PX // 2, 2)
    samples = (blocks + chance.integers(0, 40, blocks.shape)).astype(np.uint8)
    # scenes lie side by side, none on another's chips
    west = EAST + place * 64 * CHIP_PX * PIXEL_M
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=samples.shape[2],
        height=samples.shape[1],
        count=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=Affine(PIXEL_M, 0, west, 0, -PIXEL_M, NORTH),
        photometric="RGB",
    ) as raster:
        raster.write(samples)


def _make_model(folder: Path) -> None:
    import modelmaker  # noqa: PLC0415 - slow to load

    shape = modelmaker.Shape(width=128, inner=128, layers=1, heads=2, image_size=CHIP_PX)
    modelmaker.make_bundle(folder, shape, precision="float32")
