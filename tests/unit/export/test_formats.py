"""Every format is found by its name, refuses what it cannot hold, and is written whole."""

from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import pytest
from featuring import DIM, ORIGIN, OVER_THE_ANTIMERIDIAN, hits

from satseek.errors import DependencyMissing, FolderNotFound, InvalidRequest
from satseek.export import formats
from satseek.export.feature import Feature
from satseek.export.formats import FORMATS, format_named, format_of, write
from satseek.service.exporting_asking import FormatName

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = Feature(id="nowhere", geometry=None, properties={"rank": 9})
WITH_VECTORS = replace(ORIGIN, dim=DIM)


def test_names_of_the_interface_are_the_formats() -> None:
    assert list(FORMATS) == list(get_args(FormatName))


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_suffix_leads_to_its_format(name: str, tmp_path: Path) -> None:
    for suffix in FORMATS[name].suffixes:
        expected = "csv" if name == "csv-excel" else name
        assert expected == format_of(tmp_path / f"a{suffix.upper()}").name


def test_what_is_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"a\.dwg: expected a name that ends in one of"):
        format_of(tmp_path / "a.dwg")
    with pytest.raises(InvalidRequest, match=r"name it a\.shp\.zip"):
        format_of(tmp_path / "a.shp")
    with pytest.raises(InvalidRequest, match="format: expected one of geojson"):
        format_named("dwg")


@pytest.mark.parametrize("name", [one.name for one in FORMATS.values() if not one.takes_vectors])
def test_vectors_are_refused_where_they_do_not_fit(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="holds no vectors; these do: geojson, geojsonseq"):
        write(hits(), tmp_path / "a", format=name, origin=WITH_VECTORS)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["geojson", "geojsonseq"])
def test_geojson_is_refused_in_another_crs(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="always in degrees on WGS 84"):
        write(hits(), tmp_path / "a", format=name, crs="EPSG:4490")


def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda _name: None)
    with pytest.raises(DependencyMissing, match=r"needs pyarrow: pip install 'satseek\[gis\]'"):
        write(hits(), tmp_path / "a.gpkg")
    assert 3 == write(hits(), tmp_path / "a.geojson")


@pytest.mark.parametrize("name", list(FORMATS))
def test_nothing_at_all_can_be_written(name: str, tmp_path: Path) -> None:
    if not FORMATS[name].is_at_hand:
        pytest.skip("pyarrow, pyogrio or openpyxl is not on this machine: pip install satseek[gis]")
    assert 0 == write([], tmp_path / "none", format=name, origin=ORIGIN)
    assert ["none"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_failure_on_the_way_leaves_the_file_as_it_was(name: str, tmp_path: Path) -> None:
    if not FORMATS[name].is_at_hand:
        pytest.skip("pyarrow, pyogrio or openpyxl is not on this machine: pip install satseek[gis]")
    path = tmp_path / "kept"
    path.write_text("before", encoding="utf-8")

    def broken() -> list[Feature]:
        yield from hits(3)
        yield Feature(id="x", geometry={"type": "Polygon", "coordinates": "none"})

    with pytest.raises(InvalidRequest, match="no GeoJSON geometry"):
        write(broken(), path, format=name, origin=ORIGIN)
    assert "before" == path.read_text(encoding="utf-8")
    assert ["kept"] == [one.name for one in tmp_path.iterdir()]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderNotFound, match="no such folder"):
        write(hits(), tmp_path / "none" / "a.geojson")


def test_geojson_is_as_its_standard_says(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    over = Feature(id="over", geometry=OVER_THE_ANTIMERIDIAN, properties={})
    assert 5 == write([*hits(), over, NOWHERE], path, origin=ORIGIN)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert ["城市 0.tif/12_0", "over", "nowhere"] == [
        content["features"][at]["id"] for at in (0, 3, 4)
    ]
    assert [116.3, 39.9, 116.31, 39.91] == content["features"][0]["bbox"]
    assert [179.9, 10.0, -179.9, 10.1] == content["features"][3]["bbox"]
    assert content["features"][4]["geometry"] is None
    assert "bbox" not in content["features"][4]
    assert [116.3, 10.0, -179.9, 39.91] == content["bbox"]
    assert ("hits", "county", "tanks 油罐") == (
        content["name"],
        content["origin"]["collection"],
        content["origin"]["words"],
    )
    second = content["features"][1]["properties"]
    assert ("2024-05-01T10:20:30Z", 98.5, False, None) == (
        second["datetime"],
        second["percentile"],
        second["clear"],
        second["eo:cloud_cover"],
    )
    assert "crs" not in content  # which RFC 7946 did away with


def test_a_text_sequence_is_a_record_a_feature(tmp_path: Path) -> None:
    path = tmp_path / "a.geojsons"
    write(hits(), path, origin=WITH_VECTORS)
    records = path.read_text(encoding="utf-8").split("\x1e")
    assert "" == records[0]
    features = [json.loads(one) for one in records[1:]]
    assert [one.id for one in hits()] == [one["id"] for one in features]
    assert features[0]["properties"]["embedding"] == pytest.approx(hits()[0].vector, abs=1e-6)


def test_csv_has_a_point_and_a_shape(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write([*hits(note="=1+1"), NOWHERE], path, crs="EPSG:4527")
    assert path.read_bytes().startswith(b"id,rank,collection,")
    rows = _read(path, "utf-8")
    assert ["城市 0.tif/12_0", "1", "", "99.5", "true", "0", "=1+1"] == list(rows[0].values())[
        :1
    ] + [
        rows[0][name]
        for name in ("rank", "datetime", "percentile", "clear", "eo:cloud_cover", "note")
    ]
    assert ("116.3050000", "39.9050000") == (rows[0]["lon"], rows[0]["lat"])
    assert float(rows[0]["x"]) == pytest.approx(39_440_568.845, abs=0.01)
    assert rows[0]["wkt"].startswith("POLYGON ((39440136.9274816 4418660.2364782,")
    assert ("", "", "") == (rows[3]["lon"], rows[3]["x"], rows[3]["wkt"])


def test_csv_for_excel_is_marked_and_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    features = [
        Feature(id="=cmd|' /C calc'!A0", geometry=None, properties={"n": -3.5, "t": "@SUM(A1)"})
    ]
    write(features, path, format="csv-excel")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfid,")
    (row,) = _read(path, "utf-8-sig")
    assert ("'=cmd|' /C calc'!A0", "-3.5", "'@SUM(A1)") == (row["id"], row["n"], row["t"])


def test_a_shapefile_is_one_zip_with_its_encoding_and_its_names(tmp_path: Path) -> None:
    pytest.importorskip(
        "pyogrio", reason="pyogrio is not on this machine: pip install satseek[gis]"
    )
    path = tmp_path / "油罐.shp.zip"
    write(hits(percentile_of_all=1.0), path, origin=ORIGIN)
    with zipfile.ZipFile(path) as archive:
        assert [
            "about.txt",
            *(f"油罐.{end}" for end in ("cpg", "dbf", "prj", "shp", "shx")),
        ] == sorted(archive.namelist())
        assert "UTF-8" == archive.read("油罐.cpg").decode()
        about = archive.read("about.txt").decode()
    assert "words: tanks 油罐" in about
    assert "percenti_1 = percentile_of_all" in about


def _read(path: Path, encoding: str) -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))
