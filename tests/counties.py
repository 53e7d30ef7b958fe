"""A small made-up county seen at several dates, with what is true of every place at each of them.

The county itself knows two states of the land: before and after its mine was opened, its suburb
built and its fields flooded. Here either is seen at several dates, each with a sensor's own haze,
tint and grain, so that a series has dates between which nothing happened. Painting and indexing
take most of the time and are done once a session, also where several processes run its tests; each
county lies in a folder of its own that nobody changes.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from rasterio.warp import transform_bounds, transform_geom

from satseek.assemble import Assembly, Layout
from satseek.imagery.county.inventory import CODES, COVERS
from satseek.imagery.county.light import Sun, light
from satseek.imagery.county.painting import paint
from satseek.imagery.county.plan import draw_plan
from satseek.imagery.county.sensing import Sighting, quarters, sense
from satseek.imagery.county.texture import Textures
from satseek.imagery.county.truth import write_truth
from satseek.imagery.county.writing import CRS, ORIGIN_M, write_scene
from satseek.search.indexing import index_folder
from satseek.settings import Settings
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from satseek.imagery.county.canvas import Canvas
    from satseek.imagery.county.plan import Plan
    from satseek.types import GeoJSON

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels (metres) from the county's north-west corner."""

CHANGED = ("mine", "dense_housing", "flooded_fields")
"""What a place can have become between the two states; ``dense_housing`` also stands before."""

_SUNS = (Sun(azimuth_deg=150, elevation_deg=55), Sun(azimuth_deg=158, elevation_deg=46))
"""As the generator has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One date at which the county is seen."""

    day: str
    """Such as ``2024-06-02``."""
    state: int
    """0: before the changes; 1: after."""
    clouds: tuple[Box, ...] = ()
    """Where nothing was measured."""


SERIES = (
    Look(day="2024-05-03", state=0),
    Look(day="2024-06-02", state=0),
    Look(day="2024-07-04", state=1),
    Look(day="2024-08-05", state=1),
)
"""Two dates before the changes and two after: nothing happens from the first to the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCounty:
    """A county on disk: ``scenes/`` and ``truth/<day>.geojson``, as the generator writes them."""

    folder: Path
    """Read only: other tests use it, too."""
    size: int
    """Rows and columns; a pixel is a metre."""
    looks: tuple[Look, ...]
    """Earliest first."""
    covers: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    """Code of the land cover of each pixel before and after, see ``COVERS``."""

    @property
    def days(self) -> tuple[str, ...]:
        return tuple(look.day for look in self.looks)

    @property
    def scenes(self) -> Path:
        """The folder to index."""
        return self.folder / "scenes"

    def truth_file(self, day: str) -> Path:
        """Outlines of the truth, for ``read_truth``."""
        return self.folder / "truth" / f"{day}.geojson"

    def cover_at(self, day: str) -> NDArray[np.uint8]:
        """Codes of a day."""
        return self.covers[next(look.state for look in self.looks if look.day == day)]

    def box_of(self, footprint: GeoJSON) -> Box:
        """Pixels of a cell, as far as it lies in the county; cells of the grid are squares here."""
        places = np.array(footprint["coordinates"][0])
        west, south, east, north = transform_bounds(
            "EPSG:4326", CRS, *places.min(axis=0), *places.max(axis=0)
        )
        edges = west - ORIGIN_M[0], ORIGIN_M[1] - north, east - ORIGIN_M[0], ORIGIN_M[1] - south
        left, top, right, bottom = (int(np.clip(round(edge), 0, self.size)) for edge in edges)
        return left, top, right, bottom

    def shares(self, day: str, footprint: GeoJSON) -> dict[str, float]:
        """Share of a cell by land cover, largest first; empty outside the county."""
        left, top, right, bottom = self.box_of(footprint)
        part = self.cover_at(day)[top:bottom, left:right]
        counts = np.bincount(part.ravel(), minlength=len(COVERS))
        ranked = np.argsort(-counts, kind="stable")
        return {COVERS[code]: float(counts[code] / part.size) for code in ranked if counts[code]}

    def changed(self, footprint: GeoJSON) -> float:
        """Share of a cell whose land cover is another after than before, 0–1."""
        left, top, right, bottom = self.box_of(footprint)
        before, after = (cover[top:bottom, left:right] for cover in self.covers)
        return float((before != after).mean()) if before.size else 0.0

    def box_around(self, cover: str, *, state: int = 1) -> Box:
        """The box around all of a land cover, to lay an AOI, a permit or a parcel there."""
        rows, columns = np.nonzero(self.covers[state] == CODES[cover])
        return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1

    def polygon(self, box: Box) -> GeoJSON:
        """A box as GeoJSON on WGS 84."""
        left, top, right, bottom = box
        west, east = ORIGIN_M[0] + left, ORIGIN_M[0] + right
        north, south = ORIGIN_M[1] - top, ORIGIN_M[1] - bottom
        ring = [(west, north), (west, south), (east, south), (east, north), (west, north)]
        found: GeoJSON = transform_geom(
            CRS, "EPSG:4326", {"type": "Polygon", "coordinates": [ring]}
        )
        return found


@cache
def seen_county(*, seed: int = 0, size: int = 1024, looks: tuple[Look, ...] = SERIES) -> SeenCounty:
    """Make a county's scenes, and keep them until the session's last process ends.

    Args:
        seed: Of the land.
        size: Rows and columns, 768 or more.
        looks: When it is seen and what hides it; looks of one state share their painting.
    """
    name = sha256(repr((seed, size, looks)).encode()).hexdigest()[:16]
    folder = _made_once(f"seen-{name}", lambda to: _make(to, seed, size, looks))
    before, after = (np.load(folder / f"covers-{state}.npy") for state in (0, 1))
    return SeenCounty(folder=folder, size=size, looks=looks, covers=(before, after))


def _make(folder: Path, seed: int, size: int, looks: tuple[Look, ...]) -> None:
    for number, look in enumerate(looks):
        canvas, lit = _painted(seed, size, look.state)
        write_truth(folder / "truth" / f"{look.day}.geojson", canvas, look.day)
        for quarter, (name, window) in enumerate(quarters(size, size)):
            # the sensor's own numbers for each date; the second number only dims the later state
            seen = sense(lit, name, window, seed * 1000 + number, look.state)
            moment = datetime.fromisoformat(f"{look.day}T10:12:{quarter:02d}").replace(tzinfo=UTC)
            write_scene(folder, _hidden(seen, look.clouds), moment, seed)
    for state in (0, 1):
        np.save(folder / f"covers-{state}.npy", _painted(seed, size, state)[0].cover)


@cache
def indexed_county(
    *,
    seed: int = 0,
    size: int = 1024,
    looks: tuple[Look, ...] = SERIES,
    chip_px: int = 128,
    stride_px: int = 128,
) -> Path:
    """Index a county with the shipped model into the collection ``county`` of a data folder.

    Returns:
        A data folder that is not to be changed: ``copied_home`` gives one of the test's own.
    """
    county = seen_county(seed=seed, size=size, looks=looks)
    grid = GridSpec(crs=None, chip_px=chip_px, stride_px=stride_px, pixel_size=None)

    def make(home: Path) -> None:
        with (
            closing(Assembly(Settings(data_dir=home, model="starter"))) as parts,
            parts.writer("county", Layout(grid=grid)) as collection,
        ):
            index_folder(
                county.scenes, collection=collection, embedder=parts.embedder, batch=parts.batch
            )

    return _made_once(f"indexed-{county.folder.name}-{chip_px}-{stride_px}", make)


def copied_home(home: Path, to: Path) -> Path:
    """Copy an indexed county for a test that changes it."""
    return shutil.copytree(home, to, dirs_exist_ok=True)


def _made_once(name: str, make: Callable[[Path], None]) -> Path:
    """Give a folder of the session's, made by whichever process needs it first."""
    folder = _session() / name
    with _locked(_session() / f"{name}.lock"):
        if not folder.is_dir():
            draft = folder.with_name(f"{name}.part")
            shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
            draft.mkdir()
            make(draft)
            draft.rename(folder)
    return folder


@cache
def _session() -> Path:
    """The folder of all processes that run this session's tests; gone when the last one ends."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"counties-{run}"
    folder.mkdir(exist_ok=True)
    here = os.open(folder / "here", os.O_RDWR | os.O_CREAT)
    fcntl.flock(here, fcntl.LOCK_SH)

    def leave() -> None:
        try:
            fcntl.flock(here, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another one is still here
            return
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(leave)
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@cache
def _plan(seed: int, size: int) -> tuple[Plan, Textures]:
    return draw_plan(seed, size, size), Textures.drawn(seed)


@cache
def _painted(seed: int, size: int, state: int) -> tuple[Canvas, NDArray[np.uint8]]:
    plan, textures = _plan(seed, size)
    canvas = paint(plan, textures, state, _SUNS[state], lambda: None)
    return canvas, light(canvas, _SUNS[state])


def _hidden(seen: Sighting, clouds: tuple[Box, ...]) -> Sighting:
    """Take away what clouds hide, as a mask of clouds does."""
    pixels, valid = seen.pixels.copy(), seen.valid.copy()
    for left, top, right, bottom in clouds:
        rows = slice(max(top - seen.window.top, 0), max(bottom - seen.window.top, 0))
        columns = slice(max(left - seen.window.left, 0), max(right - seen.window.left, 0))
        valid[rows, columns] = False
        pixels[rows, columns] = 0
    return Sighting(name=seen.name, window=seen.window, pixels=pixels, valid=valid)
