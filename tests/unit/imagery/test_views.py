"""Where the pixels of a map lie: by formulas that everybody has, and by PROJ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satseek.errors import NotFound
from satseek.imagery.ground import between, to_ground
from satseek.imagery.tiles import HALF, Tile, tile_at, zoom_of
from satseek.imagery.views import View
from satseek.types import Window


def test_zoom_0_is_the_earth() -> None:
    west, south, east, north = Tile(z=0, x=0, y=0).bbox()
    assert (-180, 180) == (west, east)
    assert (south, north) == pytest.approx((-85.05112877980659, 85.05112877980659))
    assert (-HALF, -HALF, HALF, HALF) == pytest.approx(Tile(z=0, x=0, y=0).view().bounds())


@given(st.floats(-180, 179.999), st.floats(-85, 85), st.integers(0, 24))
def test_a_place_lies_in_its_tile(longitude: float, latitude: float, zoom: int) -> None:
    west, south, east, north = tile_at(longitude, latitude, zoom).bbox()
    assert west - 1e-9 <= longitude <= east + 1e-9
    assert south - 1e-9 <= latitude <= north + 1e-9


def test_a_tile_is_the_one_that_everybody_knows() -> None:
    """Berlin's Fernsehturm at zoom 14: worked out by hand from the formulas of slippy maps."""
    assert Tile(z=14, x=8802, y=5373) == tile_at(13.4094, 52.5208, 14)


@pytest.mark.parametrize(
    ("z", "x", "y"), [(-1, 0, 0), (25, 0, 0), (3, 8, 0), (3, 0, 8), (0, 0, -1)]
)
def test_what_is_no_tile_is_refused(z: int, x: int, y: int) -> None:
    with pytest.raises(NotFound, match=r"^no tile"):
        Tile(z=z, x=x, y=y)


@pytest.mark.parametrize(
    ("pixel_m", "latitude", "zoom"),
    [(156_544, 0, 0), (156_543, 0, 1), (10, 0, 14), (10, 60, 13), (0.3, 52, 19), (1e-6, 0, 24)],
)
def test_zoom_is_the_first_that_is_fine_enough(pixel_m: float, latitude: float, zoom: int) -> None:
    assert zoom == zoom_of(pixel_m, latitude=latitude)


@pytest.mark.parametrize(
    ("place", "zoom", "crs"),
    [
        ((15.2, 52.3), 14, "EPSG:32633"),
        ((15.2, 52.3), 8, "EPSG:32633"),
        ((-60.0, -10.0), 10, "EPSG:32720"),
        ((30.0, 79.0), 9, "EPSG:3995"),
        ((110.0, 30.0), 12, "EPSG:4490"),
        ((0.0, 0.0), 0, "EPSG:4326"),
    ],
)
def test_positions_are_within_a_twentieth_of_a_pixel(
    place: tuple[float, float], zoom: int, crs: str
) -> None:
    view = tile_at(*place, zoom).view()
    columns, rows = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    there = between(view.crs, crs, *to_ground(view.transform, columns.ravel(), rows.ravel()))
    found = view.positions(crs)
    back = between(crs, view.crs, found[0].ravel(), found[1].ravel())
    pixel = view.transform[0]
    wanted = between(crs, view.crs, *there)
    assert np.abs(back[0] - wanted[0]).max() / pixel < 0.05
    assert np.abs(back[1] - wanted[1]).max() / pixel < 0.05


def test_a_part_lies_where_it_was() -> None:
    view = tile_at(15.2, 52.3, 12).view()
    part = view.part(Window(column=10, row=20, width=30, height=40))
    whole, cut = view.positions("EPSG:3857"), part.positions("EPSG:3857")
    for axis in (0, 1):
        assert cut[axis] == pytest.approx(whole[axis][20:60, 10:40])


def test_there_is_no_place_behind_the_horizon() -> None:
    disk = "+proj=geos +h=35785831 +lon_0=0 +a=6378137 +b=6356752.3 +units=m"
    view = View(crs="EPSG:4326", transform=(1, 0, -180, 0, -1, 90), width=360, height=180)
    xs, ys = view.positions(disk)
    assert (180, 360) == xs.shape == ys.shape
    seen = np.isfinite(xs) & np.isfinite(ys)
    assert [True, False] == [bool(seen[90, 180]), bool(seen[90, 0])]
