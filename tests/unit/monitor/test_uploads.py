"""Files of parcels from outside: kept once they were read, and led nowhere by what they say."""

from __future__ import annotations

import io
import json
import sqlite3
import stat
import struct
import zipfile
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import Conflict, InvalidRequest, NotFound
from satseek.monitor.damage import uploads, uploads_reading
from satseek.monitor.damage.parcels_reading import Reading, read_parcels
from satseek.monitor.damage.uploads import Uploads

if TYPE_CHECKING:
    from pathlib import Path

SQUARE = [[15.0, 48.0], [15.004, 48.0], [15.004, 48.003], [15.0, 48.003], [15.0, 48.0]]
PARTS = (".shp", ".shx", ".dbf", ".prj")


def geojson(**properties: Any) -> bytes:
    told = {"policy": "P-1", "crop": "maize", **properties}
    geometry = {"type": "Polygon", "coordinates": [SQUARE]}
    feature = {"type": "Feature", "properties": told, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same parcel as GeoPackage and Shapefile, as GDAL writes them."""
    pyogrio = pytest.importorskip("pyogrio", reason="pip install 'satseek[gis]'")
    import numpy as np  # noqa: PLC0415
    import shapely  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("made")
    shapes = shapely.to_wkb(np.array([shapely.Polygon(SQUARE)]))
    for name in ("fields.gpkg", "fields.shp"):
        pyogrio.raw.write(
            folder / name,
            geometry=shapes,
            field_data=[np.array(["P-1"], dtype=object)],
            fields=["policy"],
            crs="EPSG:4326",
            geometry_type="Polygon",
        )
    return folder


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, one in files.items():
            archive.writestr(name, one)
    return content.getvalue()


def shapefile(made: Path, **more: bytes) -> dict[str, bytes]:
    files = {f"2025/fields{end}": (made / f"fields{end}").read_bytes() for end in PARTS}
    return files | more


def test_a_file_is_kept_and_told_of(tmp_path: Path) -> None:
    kept = Uploads(tmp_path).add(geojson(), name="C:\\my fields\\north.geojson", by="key:ada")
    assert (1, 1, "geojson", "north.geojson") == (kept.parcels, kept.policies, kept.form, kept.name)
    assert 9.9 == pytest.approx(kept.area_ha, abs=0.1)
    again = Uploads(tmp_path)
    assert [kept] == again.all()
    assert kept == again.get(f"upload:{kept.id}")
    assert ["P-1"] == [one.policy for one in read_parcels(again.path_of(kept.id)).parcels]
    again.remove(kept.id)
    with pytest.raises(NotFound):
        again.get(kept.id)
    assert [] == again.all()


@pytest.mark.parametrize("form", ["geopackage", "shapefile"])
def test_what_a_file_is_its_bytes_say(made: Path, tmp_path: Path, form: str) -> None:
    content = (made / "fields.gpkg").read_bytes()
    if form == "shapefile":
        litter = {"__MACOSX/._fields.shp": b"x", "2025/readme.txt": b"fields"}
        content = zipped(shapefile(made) | litter)
    kept = Uploads(tmp_path).add(content, name="fields.pdf", by="key:ada")
    assert (form, 1, 1) == (kept.form, kept.parcels, kept.policies)


def test_columns_say_what_they_are_told_to(tmp_path: Path) -> None:
    content = geojson(policy=None, contract="K-7", mu=150.0)
    reading = Reading(policy_column="contract", insured_column="mu", insured_unit="mu")
    store = Uploads(tmp_path)
    kept = store.get(store.add(content, name="a", by="x", reading=reading).id)
    assert reading == kept.reading
    (parcel,) = kept.reading.read(store.path_of(kept.id)).parcels
    assert ("K-7", 10.0) == (parcel.policy, pytest.approx(parcel.insured_ha))
    told = kept.told()
    assert ("contract", "mu", None) == (told["policy_column"], told["insured_unit"], told["crs"])


def test_a_file_that_was_sent_before_its_reading_was_kept_is_read_as_usual(tmp_path: Path) -> None:
    store = Uploads(tmp_path)
    kept = store.add(geojson(), name="a", by="x", reading=Reading(insured_unit="mu"))
    facts = store.folder / kept.id / "upload.json"
    told = json.loads(facts.read_text(encoding="utf-8"))
    del told["reading"]
    facts.write_text(json.dumps(told), encoding="utf-8")
    assert Reading() == store.get(kept.id).reading


def test_a_unit_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="expected one of ha, mu, acre, m2, came 'bigha'"):
        Reading(insured_unit="bigha")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"../fields.shp": b""}, "plain names"),
        ({"/etc/fields.shp": b""}, "plain names"),
        ({"a\\..\\fields.shp": b""}, "plain names"),
        ({"C:fields.shp": b""}, "plain names"),
        ({"fields.shp": b"", "fields.vrt": b"<OGRVRTDataSource/>"}, "Shapefile alone"),
        ({"a.shp": b"", "b.shp": b""}, "one Shapefile in the ZIP, came 2"),
        ({"readme.txt": b""}, "one Shapefile in the ZIP, came 0"),
        ({"fields.shp": b"", "fields.dbf": b""}, ".shx missing"),
        ({f"{at}.txt": b"" for at in range(65)}, "came 65 entries"),
        ({"fields.gpkg": b""}, "Shapefile alone"),
    ],
)
def test_archives_that_hold_anything_else_are_refused(
    tmp_path: Path, files: dict[str, bytes], said: str
) -> None:
    store = Uploads(tmp_path)
    with pytest.raises(InvalidRequest, match=said):
        store.add(zipped(files), name="a", by="x")
    assert [] == list(store.folder.iterdir())


def test_links_and_secrets_in_archives_are_refused(made: Path, tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        link = zipfile.ZipInfo("fields.shp")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InvalidRequest, match="link"):
        Uploads(tmp_path).add(content.getvalue(), name="a", by="x")
    plain = bytearray(zipped(shapefile(made)))
    at = plain.rindex(b"PK\x01\x02")
    flags = struct.unpack_from("<H", plain, at + 8)[0]
    struct.pack_into("<H", plain, at + 8, flags | 1)
    with pytest.raises(InvalidRequest, match="encrypted"):
        Uploads(tmp_path).add(bytes(plain), name="a", by="x")


def test_no_more_is_unpacked_than_is_allowed(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads_reading, "MAX_UNPACKED", 1 << 20)
    files = shapefile(made)
    files["2025/fields.dbf"] += bytes(4 << 20)
    bomb = bytearray(zipped(files))
    assert len(bomb) < 20_000
    at = bomb.rindex(b"PK\x01\x02", 0, bomb.rindex(b"fields.dbf"))
    struct.pack_into("<I", bomb, at + 24, 100)  # a lie about its size
    for content in (zipped(files), bytes(bomb)):
        with pytest.raises(InvalidRequest, match=r"at most 1048576 bytes|sound ZIP"):
            Uploads(tmp_path).add(content, name="a", by="x")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW fields_2 AS SELECT * FROM fields",
        "CREATE TABLE odd (a, b GENERATED ALWAYS AS (ogr_geocode(a)) VIRTUAL)",
    ],
)
def test_databases_that_reach_out_are_refused(made: Path, tmp_path: Path, statement: str) -> None:
    path = tmp_path / "odd.gpkg"
    path.write_bytes((made / "fields.gpkg").read_bytes())
    with closing(sqlite3.connect(path)) as db:
        db.create_function("ogr_geocode", 1, lambda a: a, deterministic=True)
        db.execute(statement)
        db.commit()
    with pytest.raises(InvalidRequest, match=r"expected (tables alone|plain columns)"):
        Uploads(tmp_path).add(path.read_bytes(), name="a", by="x")


def test_tables_that_something_else_stands_behind_are_refused(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "odd.gpkg"
    path.write_bytes((made / "fields.gpkg").read_bytes())
    virtual = "CREATE VIRTUAL TABLE spy USING \"VirtualOGR\"('/etc/passwd')"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("INSERT INTO sqlite_master VALUES ('table', 'spy', 'spy', 0, ?)", (virtual,))
        db.commit()
    with pytest.raises(InvalidRequest, match="'spy' by 'VirtualOGR'"):
        Uploads(tmp_path).add(path.read_bytes(), name="a", by="x")


@pytest.mark.parametrize(
    "content",
    [
        b"<OGRVRTDataSource><SrcDataSource>/vsicurl/http://x</SrcDataSource></OGRVRTDataSource>",
        b"/vsicurl/http://x/fields.gpkg",
        b"SQLite format 3\0" + bytes(200),
        b"SQLite format 3\0" + bytes(52) + b"GPKG" + bytes(200),
        b"PK\x03\x04 cut short",
        b'{"type": "FeatureCollection"}',
        b'{"features": [' * 3000,
        b"[1, 2]",
    ],
)
def test_anything_else_is_refused_and_nothing_is_left(tmp_path: Path, content: bytes) -> None:
    store = Uploads(tmp_path)
    with pytest.raises(InvalidRequest):
        store.add(content, name="a", by="x")
    assert [] == list(store.folder.iterdir())


def test_nobody_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST", 1)
    store = Uploads(tmp_path)
    store.add(geojson(), name="a", by="ada")
    with pytest.raises(Conflict, match="at most 1 uploads"):
        store.add(geojson(), name="b", by="ada")
    assert "ben" == store.add(geojson(), name="b", by="ben").by


@pytest.mark.parametrize("named", ["", "..", "../monitor", "upload:../x", "0" * 31, "Z" * 32])
def test_ids_lead_nowhere_else(tmp_path: Path, named: str) -> None:
    with pytest.raises(NotFound):
        Uploads(tmp_path).path_of(named)
