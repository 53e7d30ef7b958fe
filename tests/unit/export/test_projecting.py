"""Shapes stay sound on the globe, and lie where they should in any CRS, east first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from featuring import BEIJING, OVER_THE_ANTIMERIDIAN, square

from satseek.errors import InvalidRequest
from satseek.export.feature import Feature
from satseek.export.projecting import (
    Extent,
    as_multi,
    box_of,
    check_crs,
    middles,
    project,
    shapes_of,
)


def _shapes(*geometries: dict[str, Any] | None) -> np.ndarray:
    return shapes_of([Feature(id=str(at), geometry=one) for at, one in enumerate(geometries)])


def _clockwise(west: float, south: float) -> dict[str, Any]:
    ring = square(west, south)["coordinates"][0]
    return {"type": "Polygon", "coordinates": [ring[::-1]]}


def test_rings_run_counterclockwise() -> None:
    (shape,) = _shapes(_clockwise(10, 20))
    assert shape.exterior.is_ccw


def test_what_runs_beyond_the_antimeridian_is_cut_there() -> None:
    (shape,) = _shapes(square(179, 10, 2))
    assert (-180.0, 10.0, 180.0, 12.0) == shape.bounds
    assert 2 == len(shape.geoms)
    assert shape.area == pytest.approx(4)


def test_what_is_no_geometry_is_refused_and_none_stays_none() -> None:
    assert [None] == _shapes(None).tolist()
    with pytest.raises(InvalidRequest, match="no GeoJSON geometry"):
        _shapes({"type": "Polygon", "coordinates": "here"})


@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [  # 116.3° E, 39.9° N by pyproj's PROJ 9.5, which is not the one that is tested
        ("EPSG:4490", 116.3, 39.9),
        ("EPSG:4527", 39_440_136.927, 4_418_660.236),  # zone 39, its number in front
        ("EPSG:4548", 440_136.927, 4_418_660.236),  # the same zone, without
        ("EPSG:32650", 440_160.873, 4_416_892.772),
        ("EPSG:3857", 12_946_456.788, 4_851_421.175),
    ],
)
def test_known_points_lie_where_they_should_east_first(crs: str, x: float, y: float) -> None:
    (shape,) = project(_shapes(square(*BEIJING)), check_crs(crs))
    west, south = shape.exterior.coords[0]
    assert (west, south) == (pytest.approx(x, abs=0.01), pytest.approx(y, abs=0.01))


def test_halves_at_the_antimeridian_stay_halves_in_degrees() -> None:
    (shape,) = project(_shapes(OVER_THE_ANTIMERIDIAN), "EPSG:4490")
    assert [(179.9, 180.0), (-180.0, -179.9)] == [
        (part.bounds[0], part.bounds[2]) for part in shape.geoms
    ]


def test_long_edges_bend_when_they_are_projected() -> None:
    (shape,) = project(_shapes(square(114, 39, 6)), "EPSG:4527")
    assert len(shape.exterior.coords) > 400


@pytest.mark.parametrize("crs", ["EPSG:4526", "EPSG:32633"])
def test_a_zone_on_the_other_side_of_the_earth_is_refused(crs: str) -> None:
    pytest.importorskip(
        "pyproj", reason="pyproj is not on this machine: pip install 'satseek[gis]'"
    )
    with pytest.raises(InvalidRequest, match=f"crs: {crs} is made for longitudes"):
        project(_shapes(square(-70, -40)), crs)


def test_a_zone_is_taken_a_little_beyond_its_border_and_over_the_antimeridian() -> None:
    project(_shapes(square(119.5, 40)), "EPSG:4527")
    project(_shapes(square(-179.9, 40)), "EPSG:32660")


def test_a_pole_is_refused_where_a_crs_does_not_show_it() -> None:
    with pytest.raises(InvalidRequest, match="EPSG:3031 shows nothing"):
        project(_shapes(square(0, -80), square(0, 89.99)), "EPSG:3031")


@pytest.mark.parametrize("text", ["EPSG:4978", "EPSG:5773", "nonsense", "EPSG:99999999", ""])
def test_what_is_no_map_crs_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        check_crs(text)


def test_names_of_the_default_are_the_default() -> None:
    assert ["EPSG:4326"] * 2 == [check_crs(one) for one in ("EPSG:4326", "OGC:CRS84")]


def test_polygons_become_one_kind_only_where_there_is_no_other() -> None:
    shapes, kind = as_multi(_shapes(square(0, 0), OVER_THE_ANTIMERIDIAN, None))
    assert ["MultiPolygon", "MultiPolygon"] == [one.geom_type for one in shapes[:2]]
    assert "MultiPolygon" == kind
    point = {"type": "Point", "coordinates": [1, 2]}
    assert "Unknown" == as_multi(_shapes(square(0, 0), point))[1]


def test_a_middle_lies_inside() -> None:
    bent = {
        "type": "Polygon",
        "coordinates": [[[0, 0], [3, 0], [3, 3], [2, 3], [2, 1], [0, 1], [0, 0]]],
    }
    shapes = _shapes(square(0, 0, 2), bent, OVER_THE_ANTIMERIDIAN, None)
    found = middles(shapes)
    assert [1.0, 1.0] == found[0].tolist()
    assert shapes[1].contains(shapely.Point(found[1]))
    assert abs(found[2, 0]) == pytest.approx(179.95)
    assert np.isnan(found[3]).all()


def test_a_box_over_the_antimeridian_has_its_west_in_the_east() -> None:
    (shape,) = _shapes(OVER_THE_ANTIMERIDIAN)
    assert (179.9, 10.0, -179.9, 10.1) == box_of(shape)
    assert (10.0, 20.0, 10.01, 20.01) == box_of(_shapes(square(10, 20))[0])


def test_an_extent_grows_and_leaves_the_widest_gap_outside() -> None:
    extent = Extent()
    assert extent.box() is None
    extent.add(_shapes(square(-120, -5), None))
    extent.add(_shapes(square(130, 40)))
    assert (-120.0, -5.0, 130.01, 40.01) == extent.box()
    extent.add(_shapes(OVER_THE_ANTIMERIDIAN))
    assert (130.0, -5.0, -119.99, 40.01) == extent.box()
    extent.add(_shapes(square(-180, -90, 180), square(0, -90, 180)))
    assert (-180.0, -90.0, 180.0, 90.0) == extent.box()
