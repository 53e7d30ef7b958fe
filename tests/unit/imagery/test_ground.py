from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from shapely.geometry import shape

from satseek.errors import InvalidRequest, UnsupportedRaster
from satseek.imagery.ground import (
    check_bounds,
    crs_name,
    footprints,
    parse_crs,
    to_ground,
    to_pixels,
)
from satseek.types import Window

CHIP = Window(column=0, row=0, width=256, height=256)
MARS = (
    'GEOGCS["Mars",DATUM["D_Mars",SPHEROID["Mars",3396190,169.8944472]],'
    'PRIMEM["Reference_Meridian",0],UNIT["degree",0.0174532925199433]]'
)


def outline(crs: str, transform: tuple[float, ...], window: Window = CHIP) -> Any:
    footprint = footprints(crs, transform, [window])[0]  # type: ignore[arg-type]
    assert footprint is not None
    return shape(footprint)


@pytest.mark.parametrize("text", ["EPSG:none", "EPSG:", "ESRI:none", "nonsense", ""])
def test_what_is_no_crs_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="not a CRS"):
        parse_crs(text)


def test_a_utm_chip_lies_where_it_should() -> None:
    # 500000 E is the central meridian of zone 33: 15 degrees east.
    found = outline("EPSG:32633", (10, 0, 500_000, 0, -10, 5_200_000))
    assert (15.0, 46.93) == pytest.approx(found.bounds[:2], abs=0.01)
    assert 4 == len(found.exterior.coords) - 1
    assert found.exterior.is_ccw


def test_degrees_stay_as_they_are() -> None:
    found = outline("EPSG:4326", (0.01, 0, 10, 0, -0.01, 50))
    assert (10, 47.44, 12.56, 50) == pytest.approx(found.bounds)


def test_a_chip_across_the_antimeridian_is_split() -> None:
    for crs, transform in (
        ("EPSG:4326", (0.0001, 0, 179.99, 0, -0.0001, -16.5)),
        ("EPSG:32660", (100, 0, 715_000, 0, -100, 5_200_000)),
    ):
        found = outline(crs, transform)
        assert "MultiPolygon" == found.geom_type
        assert 2 == len(found.geoms)
        assert -180 == found.bounds[0]
        assert 180 == found.bounds[2]
        assert all(part.bounds[2] - part.bounds[0] < 1 for part in found.geoms)
    assert 0.0156 + 0.01 == pytest.approx(
        sum(
            part.bounds[2] - part.bounds[0]
            for part in outline("EPSG:4326", (0.0001, 0, 179.99, 0, -0.0001, -16.5)).geoms
        )
    )


def test_longitudes_from_0_to_360_come_home() -> None:
    found = outline("EPSG:4326", (0.01, 0, 250, 0, -0.01, 10))
    assert (-110, -107.44) == pytest.approx((found.bounds[0], found.bounds[2]))


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3413", 90), ("EPSG:3031", -90)])
def test_a_chip_over_a_pole_reaches_it_all_around(crs: str, pole: int) -> None:
    found = outline(crs, (10, 0, -1280, 0, -10, 1280))
    assert found.is_valid
    assert (-180, 180) == (found.bounds[0], found.bounds[2])
    assert pole in (found.bounds[1], found.bounds[3])
    # 1280 m from the pole are 0.0115 degrees, the corners are at 0.0162.
    assert 360 * 0.0115 < found.area < 360 * 0.0168


def test_beside_the_pole_is_no_cap() -> None:
    found = outline("EPSG:3413", (10, 0, 2000, 0, -10, 1280))
    assert found.bounds[2] - found.bounds[0] < 180


def test_a_world_of_degrees_is_cut_at_its_edges() -> None:
    world = Window(column=0, row=0, width=361, height=181)
    found = outline("EPSG:4326", (1, 0, -180.5, 0, -1, 90.5), world)
    assert (-180, -90, 180, 90) == found.bounds


def test_a_full_disk_view_is_outlined_where_it_sees_the_earth() -> None:
    disk = (
        'PROJCS["GOES",GEOGCS["GRS80",DATUM["D",SPHEROID["GRS80",6378137,298.2572221]],'
        'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],'
        'PROJECTION["Geostationary_Satellite"],PARAMETER["central_meridian",-75],'
        'PARAMETER["satellite_height",35786023],UNIT["metre",1]]'
    )
    transform = (20_000, 0, -5_434_895, 0, -20_000, 5_434_895)
    middle = outline(disk, transform, Window(column=200, row=200, width=100, height=100))
    assert middle.contains(shape({"type": "Point", "coordinates": [-75, 1]}))
    corner = Window(column=0, row=0, width=20, height=20)
    assert [None] == footprints(disk, transform, [corner])
    edge = outline(disk, transform, Window(column=0, row=200, width=100, height=100))
    assert edge.is_valid


def test_without_crs_there_is_no_footprint() -> None:
    assert [None] == footprints(None, (1, 0, 0, 0, 1, 0), [CHIP])


def test_pixels_and_ground_are_inverse() -> None:
    transform = (8.66, -5.0, 5e5, -5.0, -8.66, 5.2e6)
    columns, rows = np.array([0.0, 10.5, -3.0]), np.array([7.0, 0.0, 99.25])
    back = to_pixels(transform, *to_ground(transform, columns, rows))
    np.testing.assert_allclose(back, (columns, rows), atol=1e-6)


def test_other_planets_are_refused() -> None:
    with pytest.raises(UnsupportedRaster, match=r"not on Earth, .* ellipsoid of 3396 km"):
        crs_name(parse_crs(MARS), transform=(1, 0, 0, 0, -1, 0), name="a.tif")


def test_a_transform_that_maps_nothing_is_refused() -> None:
    with pytest.raises(UnsupportedRaster, match="maps nothing"):
        crs_name(parse_crs("EPSG:32633"), transform=(1, 1, 0, 1, 1, 0), name="a.tif")


def test_metres_called_degrees_are_refused() -> None:
    with pytest.raises(UnsupportedRaster, match=r"a\.tif: bounds .* wrong CRS"):
        check_bounds(
            "EPSG:4326", transform=(5, 0, 485899, 0, -5, 5209246), width=9, height=9, name="a.tif"
        )
