"""Hits and collections leave the server as whole files, for those who see them."""

from __future__ import annotations

import csv
import io
import os
import re
import sqlite3
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import pytest

from satseek.export.formats import FORMATS

if TYPE_CHECKING:
    from conftest import Desk

MAGIC = {
    "geojson": b'{"type": "FeatureCollection"',
    "geojsonseq": b"\x1e{",
    "gpkg": b"SQLite format 3\0",
    "shapefile": b"PK",
    "flatgeobuf": b"fgb",
    "geoparquet": b"PAR1",
    "csv": b"id,",
    "csv-excel": b"\xef\xbb\xbfid,",
    "xlsx": b"PK",
}


def _name(answer: httpx.Response) -> str:
    found = re.fullmatch(
        r"attachment; filename\*=UTF-8''(\S+)", answer.headers["content-disposition"]
    )
    assert found
    return unquote(found[1])


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_is_handed_out(name: str, desk: Desk) -> None:
    kind = FORMATS[name]
    if not kind.is_at_hand:
        pytest.skip("pyarrow, pyogrio or openpyxl is not on this machine: pip install satseek[gis]")
    chips = desk.reader.get("/v1/collections/small/export", params={"format": name})
    hits = desk.reader.post("/v1/search/export", params={"format": name}, json=_asked(k=3))
    for answer, stem in ((chips, "small"), (hits, "small-hits")):
        assert 200 == answer.status_code, answer.text
        assert answer.headers["content-type"].startswith(kind.media_type)
        assert f"{stem}{kind.suffixes[0]}" == _name(answer)
        assert answer.content.startswith(MAGIC[name])
        assert len(answer.content) == int(answer.headers["content-length"])
        assert "no-store" == answer.headers["cache-control"]
    assert [] == list((desk.home / "data" / "exports").iterdir())


def _asked(**more: Any) -> dict[str, Any]:
    return {"text": "a harbour", "collection": "small"} | more


def test_hits_are_those_of_the_search_and_say_how_they_were_found(desk: Desk) -> None:
    asked = _asked(k=4, bbox=[15.17, 52.3, 15.3, 52.4])
    shown = desk.reader.post("/v1/search", json=asked).json()["hits"]
    found = desk.reader.post("/v1/search/export", json=asked).json()
    assert [one["chip"] for one in shown] == [one["id"] for one in found["features"]]
    for one, feature in zip(shown, found["features"], strict=True):
        told = feature["properties"]
        assert one["scores"] == {name: told[name] for name in one["scores"]}
        assert (one["rank"], "small") == (told["rank"], told["collection"])
        assert one["footprint"] == feature["geometry"]
        # 1,280 m square in UTM, at a scale of 0.9996 near the middle of the zone
        assert told["area_ha"] == pytest.approx(163.84 / 0.9996**2, rel=1e-4)
    origin = found["origin"]
    assert ("a harbour", "4", "small") == (origin["text"], origin["k"], origin["collection"])
    assert "[15.17, 52.3, 15.3, 52.4]" == origin["bbox"]
    assert origin["model"].startswith("satseek-starter@")


def test_an_address_gives_the_same_hits(desk: Desk) -> None:
    fields = {"text": "a harbour", "collection": "small", "k": 4, "start": "2024-06-01"}
    posted = desk.reader.post("/v1/search/export", json=fields)
    got = desk.reader.get("/v1/search/export", params=fields)
    assert [one["id"] for one in posted.json()["features"]] == [
        one["id"] for one in got.json()["features"]
    ]


def test_chips_pass_the_filter_that_is_asked(desk: Desk) -> None:
    whole = desk.reader.get("/v1/collections/small/export").json()["features"]
    part = desk.reader.get(
        "/v1/collections/small/export", params={"start": "2024-06-01", "bbox": "15,52,15.25,53"}
    ).json()["features"]
    assert (12, 4) == (len(whole), len(part))
    assert {"2024-08-17 scene.tif"} == {one["properties"]["scene"] for one in part}


def test_a_crs_is_taken_with_any_code_or_refused_in_one_line(desk: Desk) -> None:
    asked = {"format": "csv", "crs": "EPSG:25833"}
    rows = desk.reader.get("/v1/collections/small/export", params=asked).text
    first = next(csv.DictReader(io.StringIO(rows)))
    assert 512_000 <= float(first["x"]) <= 513_280
    for crs, reason in (
        ("EPSG:4526", "crs: EPSG:4526 is made for longitudes 112.5 to 115.5"),
        ("nonsense", "not a CRS: 'nonsense'"),
        ("EPSG:4978", "expected a geographic or projected one"),
    ):
        asked = {"format": "csv", "crs": crs}
        refused = desk.reader.get("/v1/collections/small/export", params=asked)
        assert 422 == refused.status_code
        assert reason in refused.json()["detail"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"format": "dwg"}, "format: Input should be"),
        ({"format": "geojson", "crs": "EPSG:4490"}, "always in degrees on WGS 84"),
        ({"format": "gpkg", "vectors": "true"}, "holds no vectors"),
        ({"bbox": "1,2"}, "bbox.2: Field required"),
        ({"formt": "csv"}, "formt: Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    asked: dict[str, str], reason: str, desk: Desk
) -> None:
    refused = desk.reader.get("/v1/collections/small/export", params=asked)
    assert 422 == refused.status_code
    assert reason in refused.json()["detail"]


def test_vectors_go_with_the_chips(desk: Desk) -> None:
    parquet = pytest.importorskip(
        "pyarrow.parquet", reason="pyarrow is not on this machine: pip install 'satseek[gis]'"
    )
    asked = {"format": "geoparquet", "vectors": "true"}
    chips = desk.reader.get("/v1/collections/small/export", params=asked)
    hits = desk.reader.post("/v1/search/export", params=asked, json=_asked(k=3))
    every = parquet.read_table(io.BytesIO(chips.content)).to_pylist()
    known = {one["id"]: one["embedding"] for one in every}
    assert 12 == len(known)
    for one in parquet.read_table(io.BytesIO(hits.content)).to_pylist():
        assert known[one["id"]] == one["embedding"]


def test_a_collection_that_somebody_does_not_see_is_not_there(desk: Desk) -> None:
    for client in (desk.reader, desk.guest):
        refused = client.get("/v1/collections/secret/export")
        nothing = client.get("/v1/collections/nowhere/export")
        assert 404 == refused.status_code == nothing.status_code
        assert refused.json()["detail"] == nothing.json()["detail"].replace("nowhere", "secret")
        found = client.post("/v1/search/export", json=_asked(collection="secret"))
        assert 404 == found.status_code
    assert 200 == desk.operator.get("/v1/collections/secret/export").status_code


def test_nobody_exports_without_a_key_but_formats_are_told(desk: Desk) -> None:
    url = desk.server.url
    assert 401 == httpx.get(f"{url}/v1/collections/small/export").status_code
    assert 401 == httpx.post(f"{url}/v1/search/export", json=_asked()).status_code
    told = httpx.get(f"{url}/v1/formats").json()["formats"]
    assert list(FORMATS) == [one["name"] for one in told]


def test_a_collection_without_georeference_is_written_without_places(desk: Desk) -> None:
    found = desk.admin.get("/v1/collections/secret/export").json()
    assert 3 == len(found["features"])
    assert {None} == {one["geometry"] for one in found["features"]}
    assert {None} == {one["properties"]["area_ha"] for one in found["features"]}
    assert "bbox" not in found


def test_files_are_what_they_say(desk: Desk) -> None:
    asked = {"format": "gpkg", "crs": "EPSG:4490"}
    answer = desk.reader.get("/v1/collections/small/export", params=asked)
    db = sqlite3.connect(":memory:")
    db.deserialize(answer.content)
    assert [("chips", 4490)] == db.execute(
        "SELECT table_name, srs_id FROM gpkg_contents"
    ).fetchall()
    db.close()
    answer = desk.reader.get("/v1/collections/small/export", params={"format": "shapefile"})
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert {"small.shp", "small.dbf", "small.shx", "small.prj", "small.cpg"} < set(names)


def test_what_a_killed_server_left_behind_is_swept_away(desk: Desk) -> None:
    left = desk.home / "data" / "exports" / "left"
    left.mkdir(parents=True, exist_ok=True)
    (left / "half.gpkg").write_bytes(b"half")
    os.utime(left, (0, 0))
    assert 200 == desk.reader.get("/v1/collections/small/export").status_code
    assert not left.exists()
