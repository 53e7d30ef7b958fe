from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from satseek.errors import FolderNotFound, InvalidRequest
from satseek.export.feature import Feature
from satseek.export.formats import write
from satseek.monitor.damage.parcels_reading import ParcelColumns, read_parcels, to_degrees

if TYPE_CHECKING:
    from pathlib import Path

RING = [[15.0, 48.0], [15.001, 48.0], [15.001, 48.001], [15.0, 48.001], [15.0, 48.0]]
SQUARE = {"type": "Polygon", "coordinates": [RING]}
ROW = {"Policy_ID": "P-1", "crop": "maize", "insured_area": 12.5, "Village": "Nord"}

GIS = ("p.gpkg", "p.shp.zip", "p.parquet", "p.fgb")


def feature() -> Feature:
    return Feature(id="1", geometry=SQUARE, properties=ROW)


@pytest.mark.parametrize(
    ("name", "crs"),
    [
        ("p.geojson", "EPSG:4326"),
        *((name, crs) for name in GIS for crs in ("EPSG:4326", "EPSG:32633")),
    ],
)
def test_every_usual_format_gives_the_same_parcel(tmp_path: Path, name: str, crs: str) -> None:
    pytest.importorskip("pyogrio", reason="pip install 'satseek[gis]'")
    path = tmp_path / name
    write([feature()], path, crs=crs)
    (parcel,) = read_parcels(path, columns=ParcelColumns(insured_unit_ha=1 / 15)).parcels
    assert ("P-1", "maize", "Nord") == (parcel.policy, parcel.crop, parcel.district)
    assert pytest.approx(12.5 / 15) == parcel.insured_ha
    truth = shapely.from_geojson(json.dumps(SQUARE))
    assert parcel.shape.intersection(truth).area / truth.area > 0.99999


def test_columns_are_found_by_name_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.geojson"
    write([Feature(id="1", geometry=SQUARE, properties={"Nr": 7, "was": "oats"})], path)
    (parcel,) = read_parcels(path, columns=ParcelColumns(policy="nr", crop="WAS")).parcels
    assert ("7", "oats") == (parcel.policy, parcel.crop)
    with pytest.raises(InvalidRequest, match=r"no column 'crop_kind'; there are: .*Nr, was"):
        read_parcels(path, columns=ParcelColumns(crop="crop_kind"))


def test_geojson_of_old_names_its_crs(tmp_path: Path) -> None:
    path = tmp_path / "old.geojson"
    ring = [[500_000, 5_400_000], [500_100, 5_400_000], [500_100, 5_400_100], [500_000, 5_400_000]]
    content = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}},
        "features": [
            {
                "type": "Feature",
                "properties": {},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        ],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    (parcel,) = read_parcels(path).parcels
    assert pytest.approx((15.0, 48.75), abs=0.01) == parcel.shape.centroid.coords[0]
    assert pytest.approx(0.5, rel=0.002) == parcel.area_ha


def test_a_feature_without_place_or_fields_is_told_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "p.geojson"
    features = [
        {"type": "Feature", "properties": None, "geometry": None},
        {"type": "Feature", "properties": {"policy": "P"}, "geometry": SQUARE},
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found = read_parcels(path)
    assert ["P"] == [one.policy for one in found.parcels]
    assert [(1, "left out")] == [(one.row, one.kind) for one in found.problems]


def test_what_is_no_file_of_parcels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderNotFound, match="no such file of parcels"):
        read_parcels(tmp_path / "gone.gpkg")
    broken = tmp_path / "broken.geojson"
    broken.write_text('{"type": "FeatureCollection"', encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"broken\.geojson: expected a GeoJSON"):
        read_parcels(broken)
    bare = tmp_path / "bare.geojson"
    bare.write_text(json.dumps(SQUARE), encoding="utf-8")
    with pytest.raises(InvalidRequest, match="expected a GeoJSON FeatureCollection"):
        read_parcels(bare)


def test_coordinates_that_are_none_of_the_crs_are_refused() -> None:
    shapes = np.array([shapely.box(1e12, 1e12, 2e12, 2e12)], dtype=object)
    with pytest.raises(InvalidRequest, match="none of EPSG:32633"):
        to_degrees(shapes, "EPSG:32633")


def a_row(**members: object) -> dict[str, object]:
    ring = [[1, 1], [1.01, 1], [1.01, 1.01], [1, 1.01], [1, 1]]
    usual: dict[str, object] = {
        "type": "Feature",
        "properties": {"policy": "a"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    return usual | members


@pytest.mark.parametrize(
    "members",
    [
        {"features": [a_row(properties="abc")]},
        {"features": [a_row(properties=["abc"])]},
        {"features": [a_row()], "crs": {"properties": "x"}},
        {"features": [a_row()], "crs": 4326},
        {"features": [None]},
    ],
)
def test_json_of_another_shape_is_told(members: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "p.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection"} | members))

    with pytest.raises(InvalidRequest, match="expected a GeoJSON FeatureCollection"):
        read_parcels(path)


def test_a_crs_that_is_named_by_its_name_alone_counts(tmp_path: Path) -> None:
    ring = [[500_000, 5_400_000], [500_100, 5_400_000], [500_100, 5_400_100], [500_000, 5_400_000]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    content = {"type": "FeatureCollection", "crs": "EPSG:32633"}
    path = tmp_path / "p.geojson"
    path.write_text(json.dumps(content | {"features": [a_row(geometry=shape)]}))

    (found,) = read_parcels(path).parcels

    assert 0.5 == pytest.approx(found.area_ha, rel=1e-3)


@pytest.mark.parametrize(
    "about",
    [
        "no json",
        json.dumps({}),
        json.dumps({"primary_column": "geometry", "columns": {}}),
        json.dumps({"primary_column": "gone", "columns": {"gone": {}}}),
        json.dumps([]),
    ],
)
def test_parquet_without_outlines_is_told(about: str, tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pip install 'satseek[gis]'")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "p.parquet"
    table = arrow.table({"geometry": [b"\x01cut"], "policy": ["a"]})
    parquet.write_table(table.replace_schema_metadata({"geo": about}), path)
    with pytest.raises(InvalidRequest, match="expected GeoParquet"):
        read_parcels(path)
    path.write_bytes(b"PAR1 cut")
    with pytest.raises(InvalidRequest, match="expected GeoParquet"):
        read_parcels(path)
