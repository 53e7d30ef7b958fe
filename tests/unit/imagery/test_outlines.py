"""Outlines in any CRS and form → GeoJSON on WGS 84."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely

from satseek.errors import InvalidFilter
from satseek.imagery.outlines import outline, read_outline

if TYPE_CHECKING:
    from pathlib import Path

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
UTM = "POLYGON((500000 5800000, 510000 5800000, 510000 5810000, 500000 5810000, 500000 5800000))"


def _bounds(area: Any) -> list[float]:
    return list(shapely.from_geojson(json.dumps(area)).bounds)


def test_geojson_in_degrees_is_left_as_it_is() -> None:
    assert outline(SQUARE) is SQUARE
    assert outline(SQUARE, crs="EPSG:4326") is SQUARE
    assert SQUARE == outline(json.dumps(SQUARE))


def test_wkt_is_read() -> None:
    assert [0, 0, 1, 1] == _bounds(outline("POLYGON((0 0, 1 0, 1 1, 0 1, 0 0))"))


@pytest.mark.parametrize(
    ("area", "crs"),
    [
        (UTM, "EPSG:32633"),
        (UTM, "32633"),
        (UTM, "urn:ogc:def:crs:EPSG::32633"),
        (f"SRID=32633;{UTM}", None),
        (json.loads(shapely.to_geojson(shapely.from_wkt(UTM))) | {
            "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}}, None),
    ],
)  # fmt: skip
def test_metres_become_degrees(area: Any, crs: str | None) -> None:
    west, south, east, north = _bounds(outline(area, crs=crs))
    # zone 33 has its central meridian at 15°; a degree of latitude has 111.3 km here
    assert 15.0 == pytest.approx(west, abs=1e-9)
    assert 52.3500 == pytest.approx(south, abs=1e-3)
    assert 15.1471 == pytest.approx(east, abs=1e-3)
    assert 52.4398 == pytest.approx(north, abs=1e-3)


def test_edges_bend_as_they_lie_on_the_ground() -> None:
    """A straight edge of metres is none of degrees: its middle lies where the projection says."""
    wide = (
        "POLYGON((300000 5800000, 700000 5800000, 700000 5900000, 300000 5900000, 300000 5800000))"
    )
    ring = np.array(outline(wide, crs="EPSG:32633")["coordinates"][0])
    middle = ring[np.abs(ring[:, 0] - 15) < 1e-6][:, 1].min()
    corner = ring[np.argmin(ring[:, 0] + ring[:, 1])][1]
    assert middle > corner + 0.02


def test_the_antimeridian_is_cut() -> None:
    across = (
        "POLYGON((100000 1000000, 900000 1000000, 900000 1100000, 100000 1100000, 100000 1000000))"
    )
    shape = shapely.from_geojson(json.dumps(outline(across, crs="EPSG:32601")))
    assert "MultiPolygon" == shape.geom_type
    assert shape.area < 10


def test_chinese_coordinates_are_known() -> None:
    area = "POLYGON((39500000 3400000, 39510000 3400000, 39510000 3410000, 39500000 3400000))"
    west, south, *_ = _bounds(outline(area, crs="EPSG:4527"))  # CGCS2000, zone 39: 117° E
    assert [117.0, 30.72] == pytest.approx([west, south], abs=0.01)


@pytest.mark.parametrize(
    ("area", "crs"),
    [
        ("a field", None),
        ("{", None),
        ("POLYGON((0 0, 1", None),
        (SQUARE, "EPSG:99999999"),
        (SQUARE, "EPSG:0"),
        (SQUARE, "/etc/passwd"),
        (SQUARE, "http://example.org/crs"),
        (SQUARE, "+proj=utm"),
        (SQUARE, "IAU_2015:49910"),
        (SQUARE, "EPSG:5773"),  # heights alone
        ({"type": "Polygon"}, "EPSG:32633"),
        ("POLYGON((1e300 0, 2e300 0, 2e300 1e300, 1e300 0))", "EPSG:32633"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(area: Any, crs: str | None) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        outline(area, crs=crs)
    assert "\n" not in str(refusal.value)


def test_text_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text(json.dumps(SQUARE), encoding="utf-8-sig")
    (tmp_path / "a.wkt").write_text(UTM, encoding="utf-8")
    assert SQUARE == read_outline(tmp_path / "a.geojson")
    assert 15.0 == pytest.approx(_bounds(read_outline(tmp_path / "a.wkt", crs="EPSG:32633"))[0])


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".fgb"])
def test_files_of_a_gis_are_read(suffix: str, tmp_path: Path) -> None:
    why = "geopandas is not on this machine: pip install 'satseek[gis]'"
    geopandas = pytest.importorskip("geopandas", reason=why)
    path = tmp_path / f"area{suffix}"
    frame = geopandas.GeoDataFrame(geometry=[shapely.from_wkt(UTM)], crs="EPSG:32633")
    frame.to_file(path)
    assert 15.0 == pytest.approx(_bounds(read_outline(path))[0])


def test_files_without_a_polygon_are_refused(tmp_path: Path) -> None:
    (tmp_path / "none.gpkg").write_bytes(b"SQLite format 3\0 cut")
    for name in ("none.gpkg", "missing.gpkg", "missing"):
        with pytest.raises(InvalidFilter, match=name):
            read_outline(tmp_path / name)
