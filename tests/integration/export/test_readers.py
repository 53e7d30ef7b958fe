"""Unmodified readers read what is written, and find it where it is."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from featuring import DIM, ORIGIN, OVER_THE_ANTIMERIDIAN, TAKEN, hits, vector

from satseek.export.feature import Feature
from satseek.export.formats import write

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = "is not on this machine: pip install 'satseek[gis]' and the group test"

pytest.importorskip("pyogrio", reason=f"pyogrio {INSTALL}")
geopandas = pytest.importorskip("geopandas", reason=f"geopandas {INSTALL}")
openpyxl = pytest.importorskip("openpyxl", reason=f"openpyxl {INSTALL}")
parquet = pytest.importorskip("pyarrow.parquet", reason=f"pyarrow {INSTALL}")
stac_arrow = pytest.importorskip("stac_geoparquet.arrow", reason=f"stac-geoparquet {INSTALL}")
validator = pytest.importorskip("geoparquet_validator", reason=f"geoparquet-validator {INSTALL}")
pystac = pytest.importorskip("pystac", reason=f"pystac {INSTALL}")

CORNER = {  # of the first square: 116.3° E, 39.9° N; see the unit tests
    "EPSG:4326": (116.3, 39.9),
    "EPSG:4490": (116.3, 39.9),
    "EPSG:4527": (39_440_136.927, 4_418_660.236),
    "EPSG:4548": (440_136.927, 4_418_660.236),
}
GIS = {
    "gpkg": ".gpkg",
    "shapefile": ".shp.zip",
    "flatgeobuf": ".fgb",
    "geoparquet": ".parquet",
}
NOWHERE = Feature(id="nowhere", geometry=None, properties={"rank": 9})


def _ogrinfo(path: Path, *options: str) -> str:
    if shutil.which("ogrinfo") is None:
        pytest.skip("ogrinfo is not on this machine: apt-get install gdal-bin")
    command = ["ogrinfo", "-al", *options, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "ERROR" not in done.stderr
    return done.stdout


def _read(path: Path) -> Any:
    return geopandas.read_parquet(path) if path.suffix == ".parquet" else geopandas.read_file(path)


@pytest.mark.parametrize("crs", list(CORNER))
@pytest.mark.parametrize("name", list(GIS))
def test_geopandas_reads_every_gis_format_in_any_crs(name: str, crs: str, tmp_path: Path) -> None:
    path = tmp_path / f"油罐{GIS[name]}"
    assert 3 == write(hits(), path, crs=crs, origin=ORIGIN)
    found = _read(path).sort_values("rank").reset_index(drop=True)
    expected = "OGC:CRS84" if (name, crs) == ("geoparquet", "EPSG:4326") else crs
    assert expected == ":".join(found.crs.to_authority(min_confidence=20))
    assert [one.id for one in hits()] == found["id"].tolist()
    west, south = found.geometry[0].envelope.exterior.coords[0]
    x, y = CORNER[crs]
    assert (west, south) == (pytest.approx(x, abs=0.01), pytest.approx(y, abs=15))
    corners = np.array(found.geometry.explode().iloc[0].exterior.coords)
    assert np.hypot(*(corners - CORNER[crs]).T).min() < 0.01  # the corner itself, east first
    assert [99.5, 98.5, 97.5] == found["percentile"].tolist()


@pytest.mark.parametrize("name", ["gpkg", "shapefile", "flatgeobuf"])
def test_ogrinfo_reads_what_gdal_knows(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"hits{GIS[name]}"
    write(hits(), path, crs="EPSG:4490", origin=ORIGIN)
    told = _ogrinfo(path)
    assert "Feature Count: 3" in told
    assert "China Geodetic Coordinate System 2000" in told
    assert "城市 0.tif/12_0" in told
    assert "116.3 39.9" in told
    assert "39.9 116.3" not in told


def test_ogrinfo_reads_moments_layers_and_origin_of_a_geopackage(tmp_path: Path) -> None:
    path = tmp_path / "hits.gpkg"
    write([*hits(), NOWHERE], path, origin=ORIGIN)
    told = _ogrinfo(path)
    assert "Layer name: hits" in told
    assert "words=tanks 油罐" in told
    assert "datetime (DateTime) = 2024/05/01 10:20:30+00" in told
    assert "clear (Integer(Boolean)) = 1" in told
    assert "Feature Count: 4" in told


def test_ogrinfo_reads_geojson_and_its_sequences_and_csv(tmp_path: Path) -> None:
    over = Feature(id="over", geometry=OVER_THE_ANTIMERIDIAN, properties={})
    for name in ("a.geojson", "a.geojsons"):
        write([*hits(), over], tmp_path / name, origin=ORIGIN)
        told = _ogrinfo(tmp_path / name)
        assert "Feature Count: 4" in told
        assert "Extent: (-180.000000, 10.000000) - (180.000000, 39.910000)" in told
        assert "城市 0.tif/12_0" in told
    write(hits(), tmp_path / "a.csv", crs="EPSG:4527")
    told = _ogrinfo(tmp_path / "a.csv", "-oo", "GEOM_POSSIBLE_NAMES=wkt")
    assert "POLYGON ((39440136.9274816 4418660.2364782" in told


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490", "EPSG:4527"])
def test_geoparquet_keeps_every_rule_of_its_specification(crs: str, tmp_path: Path) -> None:
    path = tmp_path / "hits.parquet"
    over = Feature(id="over", geometry=OVER_THE_ANTIMERIDIAN, properties={}, vector=vector(9))
    features = [
        *hits(),
        *([] if crs == "EPSG:4527" else [over, replace(NOWHERE, vector=vector(8))]),
    ]
    write(features, path, crs=crs, origin=replace(ORIGIN, dim=DIM))
    report = validator.check(str(path))
    assert [] == validator.failed(report)
    assert "1.1.0" == report["version"]
    assert len([one for one in report["outcomes"] if one["status"] == "pass"]) >= 10


def test_vectors_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "hits.parquet"
    write(hits(5), path, origin=replace(ORIGIN, dim=DIM))
    column = parquet.read_table(path)["embedding"]
    assert f"fixed_size_list<element: float>[{DIM}]" == str(column.type)
    assert (np.stack([vector(at) for at in range(5)]) == np.stack(column.to_numpy())).all()


def test_rows_are_stac_items_and_say_what_made_their_vectors(tmp_path: Path) -> None:
    path = tmp_path / "hits.parquet"
    dated = hits(4)[1:]  # an Item has a date (STAC 1.1, Item Properties)
    write(dated, path, origin=replace(ORIGIN, dim=DIM))
    table = parquet.read_table(path)
    items = [pystac.Item.from_dict(one) for one in stac_arrow.stac_table_to_items(table)]
    assert [one.id for one in dated] == [one.id for one in items]
    second = items[0]
    assert ("county", TAKEN) == (second.collection_id, second.datetime)
    assert [116.32, 39.9, 116.33, 39.91] == second.bbox
    assert "./hits.parquet" == second.assets["embeddings"].href
    told = json.loads(table.schema.metadata[b"stac-geoparquet"])
    collection = pystac.Collection.from_dict(told["collections"]["county"])
    assert [[116.32, 39.9, 116.37, 39.91]] == collection.extent.spatial.bboxes
    assert {"emb:model", "emb:source-data"} <= {link.rel for link in collection.links}
    fields = told["collections"]["county"]
    assert ("chip", DIM, "float32") == tuple(
        fields[name] for name in ("emb:type", "emb:dimensions", "data_type")
    )
    layout = {"layout_type": "regular_grid", "chip_size": [256, 256], "stride": [128, 128]}
    assert layout == fields["emb:chip_layout"]


def test_a_workbook_has_hits_and_how_they_were_found(tmp_path: Path) -> None:
    path = tmp_path / "hits.xlsx"
    write([*hits(note="=1+1\x07"), NOWHERE], path, crs="EPSG:4527", origin=ORIGIN)
    book = openpyxl.load_workbook(path)
    assert ["hits", "how"] == book.sheetnames
    rows = list(book["hits"].iter_rows(values_only=True))
    columns = ["id", "rank", "collection", "datetime (UTC)", "percentile", "clear"]
    columns += ["eo:cloud_cover", "note", "lon", "lat", "x", "y"]
    assert columns == list(rows[0])
    assert ("城市 1.tif/12_1", 2, "county", TAKEN.replace(tzinfo=None), 98.5) == rows[2][:5]
    assert (116.305, 39.905) == rows[1][8:10]
    assert rows[1][10] == pytest.approx(39_440_568.845, abs=0.01)
    assert (None, None, None, None) == rows[4][8:]
    note = book["hits"].cell(row=2, column=8)
    assert ("=1+1", "s") == (note.value, note.data_type)  # a text, not a formula
    told = dict(book["how"].iter_rows(values_only=True))
    assert ("tanks 油罐", "county", "EPSG:4527") == (
        told["words"],
        told["collection"],
        told["crs of x and y"],
    )


def test_ten_thousand_features_are_written_some_at_a_time(tmp_path: Path) -> None:
    many = hits(1) * 10_001
    features = (replace(one, id=str(at)) for at, one in enumerate(many))
    assert 10_001 == write(features, tmp_path / "a.gpkg", origin=ORIGIN)
    assert "Feature Count: 10001" in _ogrinfo(tmp_path / "a.gpkg", "-so")
    assert 10_001 == write(iter(many), tmp_path / "a.parquet", origin=replace(ORIGIN, dim=DIM))
    assert 6 == parquet.ParquetFile(tmp_path / "a.parquet").num_row_groups
