"""Areas agree with what is known of the ellipsoid, at any latitude, in any projection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from rasterio.warp import transform

from satseek.errors import InvalidRequest
from satseek.export.areas import areas_ha, raster_area_by_class
from satseek.export.ground_map import GroundMap

if TYPE_CHECKING:
    from numpy.typing import NDArray

EARTH_HA = 51_006_562_172.4
"""Surface of the ellipsoid of WGS 84: 510,065,621.724 km² (NIMA TR8350.2, table 3.3, derived)."""

EXACT = 1e-9


def _cell(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _area(geometry: dict[str, Any] | None) -> float:
    return float(areas_ha([geometry])[0])


def _map(crs: str, place: tuple[float, ...], values: NDArray[np.uint8], **more: Any) -> GroundMap:
    names = more.pop("names", ("a", "b"))
    return GroundMap(values=values, crs=crs, transform=place, nodata=255, names=names)


def test_the_whole_earth_is_the_ellipsoid() -> None:
    assert _area(_cell(-180, -90, 180, 90)) == pytest.approx(EARTH_HA, rel=EXACT)


@pytest.mark.parametrize(
    ("south", "square_kilometres"),
    [  # geodesic polygons of 8,000 points, by Karney's GeographicLib in PROJ 9.5
        (0, 12_308.463893975),
        (30, 10_642.393438883),
        (45, 8_686.494956670),
        (60, 6_123.140878746),
        (80, 2_058.274854328),
        (89, 108.866681636),
        (-1, 12_308.463893975),
        (-90, 108.866681636),
    ],
)
def test_a_degree_by_a_degree_has_its_area(south: float, square_kilometres: float) -> None:
    found = _area(_cell(10, south, 11, south + 1))
    assert found == pytest.approx(square_kilometres * 100, rel=EXACT)


def test_cells_add_up_to_the_zone_that_they_make() -> None:
    cells = [_cell(west, 40, west + 1, 41) for west in range(-180, 180)]
    assert areas_ha(cells).sum() == pytest.approx(_area(_cell(-180, 40, 180, 41)), rel=EXACT)


def test_a_cut_at_the_antimeridian_changes_no_area() -> None:
    whole = _cell(179, 10, 181, 12)
    halves = [_cell(179, 10, 180, 12), _cell(-180, 10, -179, 12)]
    split = {"type": "MultiPolygon", "coordinates": [one["coordinates"] for one in halves]}
    assert _area(split) == pytest.approx(_area(whole), rel=EXACT)


def test_a_hole_counts_for_nothing_and_the_sense_of_a_ring_does_not_matter() -> None:
    outer, hole = _cell(0, 0, 3, 3), _cell(1, 1, 2, 2)
    rings = [outer["coordinates"][0], hole["coordinates"][0]]
    with_hole = {"type": "Polygon", "coordinates": rings}
    turned = {"type": "Polygon", "coordinates": [ring[::-1] for ring in rings]}
    assert _area(with_hole) == pytest.approx(_area(outer) - _area(hole), rel=EXACT)
    assert _area(turned) == pytest.approx(_area(with_hole), rel=EXACT)


def test_what_has_no_inside_has_no_area() -> None:
    found = areas_ha([{"type": "Point", "coordinates": [1, 2]}, None, _cell(0, 0, 1, 1)])
    assert found[0] == 0
    assert np.isnan(found[1])
    assert found[2] > 0
    assert areas_ha([]).shape == (0,)


@pytest.mark.parametrize(
    ("easting", "hectares"),
    [(500_000, 10_007.9966), (300_000, 9_998.6589), (700_000, 9_997.6771)],
)
def test_a_square_of_ten_kilometres_has_the_area_that_it_has_on_the_ground(
    easting: float, hectares: float
) -> None:
    """In UTM it measures 10,000 ha everywhere; geodesic polygons of 4,000 points say otherwise."""
    xs = [easting, easting + 10_000, easting + 10_000, easting, easting]
    ys = [5_800_000, 5_800_000, 5_810_000, 5_810_000, 5_800_000]
    ring = np.column_stack(transform("EPSG:32633", "EPSG:4326", xs, ys)).tolist()
    assert _area({"type": "Polygon", "coordinates": [ring]}) == pytest.approx(hectares, rel=1e-6)
    values = np.zeros((100, 100), np.uint8)
    found = raster_area_by_class(_map("EPSG:32633", (100, 0, easting, 0, -100, 5_810_000), values))
    assert found["a"] == pytest.approx(hectares, rel=1e-6)


def test_classes_of_a_map_are_measured_apart() -> None:
    values = np.zeros((20, 10), np.uint8)
    values[:, 4:] = 1
    values[:, 9] = 255
    found = raster_area_by_class(_map("EPSG:4326", (0.1, 0, 20, 0, -0.1, 52), values))
    assert {"a", "b"} == set(found)
    assert found["a"] == pytest.approx(_area(_cell(20, 50, 20.4, 52)), rel=EXACT)
    assert found["b"] == pytest.approx(_area(_cell(20.4, 50, 20.9, 52)), rel=EXACT)


def test_a_class_without_pixels_has_none_and_one_without_a_name_is_told() -> None:
    values = np.full((2, 2), 7, np.uint8)
    found = raster_area_by_class(_map("EPSG:4326", (1, 0, 0, 0, -1, 1), values))
    assert 0.0 == found["a"] == found["b"]
    assert found["class 7"] == pytest.approx(_area(_cell(0, -1, 2, 1)), rel=EXACT)


@pytest.mark.parametrize(
    ("crs", "place", "shape", "hectares"),
    [
        ("EPSG:4326", (10, 0, -180, 0, -10, 90), (18, 36), EARTH_HA),
        # 2,000 by 2,000 km around the north pole: 80,000 points in Lambert's azimuthal projection
        ("EPSG:3413", (100_000, 0, -1e6, 0, -100_000, 1e6), (20, 20), 421_602_430.4),
        # 500 by 300 km over the antimeridian: a geodesic polygon of 80,000 points
        ("EPSG:32660", (10_000, 0, 400_000, 0, -10_000, 300_000), (30, 50), 14_995_920.843),
    ],
)
def test_maps_over_poles_and_antimeridian_are_measured(
    crs: str, place: tuple[float, ...], shape: tuple[int, int], hectares: float
) -> None:
    found = raster_area_by_class(_map(crs, place, np.zeros(shape, np.uint8)))
    assert found["a"] == pytest.approx(hectares, rel=2e-6)


def test_blocks_of_a_large_map_add_up_to_the_whole() -> None:
    small = _map(
        "EPSG:32633", (2_000, 0, 300_000, 0, -2_000, 6_000_000), np.zeros((150, 150), "u1")
    )
    values = np.zeros((3_000, 3_000), np.uint8)
    large = _map("EPSG:32633", (100, 0, 300_000, 0, -100, 6_000_000), values)
    whole, parts = raster_area_by_class(small)["a"], raster_area_by_class(large)["a"]
    assert parts == pytest.approx(whole, rel=1e-7)


def test_scores_have_no_classes_to_measure() -> None:
    scores = GroundMap(
        values=np.zeros((2, 2), np.float32),
        crs="EPSG:4326",
        transform=(1, 0, 0, 0, -1, 1),
        nodata=float("nan"),
    )
    with pytest.raises(InvalidRequest, match="expected a class map"):
        raster_area_by_class(scores)


def test_a_map_beyond_what_its_crs_shows_is_refused() -> None:
    ground = _map("EPSG:32633", (1e7, 0, 1e8, 0, -1e7, 1e8), np.zeros((20, 20), np.uint8))
    with pytest.raises(InvalidRequest, match="beyond what EPSG:32633 shows"):
        raster_area_by_class(ground)
