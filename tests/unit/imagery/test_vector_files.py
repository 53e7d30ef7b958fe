"""Files that lead GDAL elsewhere are refused, whatever they are called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from satseek.errors import InvalidFilter, InvalidRequest
from satseek.imagery import vector_files
from satseek.imagery.outlines import read_outline
from satseek.imagery.vector_files import holds_its_shapes
from satseek.monitor.damage.parcels_reading import read_parcels

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pyogrio", reason="pyogrio is not on this machine: pip install 'satseek[gis]'")

SHP = b"\x00\x00\x27\x0a" + bytes(96)


def secret(folder: Path) -> Path:
    path = folder / "secret.geojson"
    ring = [[1, 1], [2, 1], [2, 2], [1, 1]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"policy": "secret"}, "geometry": shape}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


def catalogue(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text(
        '<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>'
        f"{secret(folder)}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )
    return path


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.fgb", "a.vrt", "a.kml"])
def test_a_catalogue_of_other_files_is_refused(name: str, tmp_path: Path) -> None:
    path = catalogue(tmp_path, name)

    with pytest.raises(InvalidRequest, match="came another kind of file"):
        read_parcels(path)
    with pytest.raises(InvalidFilter, match="came another kind of file"):
        read_outline(path)


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ({"p.shp": SHP, "p.shx": SHP, "p.dbf": b"", "p.shp.xml": b"<x/>"}, True),
        ({"a/p.shp": SHP, "__MACOSX/a/._p.shp": b"x"}, True),
        ({"p.shp": b"<OGRVRTDataSource/>"}, False),
        ({"p.shp": SHP, "p.vrt": b"<OGRVRTDataSource/>"}, False),
        ({"p.shp": SHP, "p.xml": b"<OGRVRTDataSource/>"}, False),
        ({"p.dbf": b""}, False),
        ({}, False),
    ],
)
def test_an_archive_holds_shapes_alone(
    entries: dict[str, bytes], wanted: object, tmp_path: Path
) -> None:
    path = tmp_path / "p.zip"
    with ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)

    assert wanted is holds_its_shapes(path)


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_files, "MAX_UNPACKED", 1 << 20)
    for size, wanted in ((1 << 19, True), (1 << 21, False)):
        path = tmp_path / f"{size}.zip"
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            archive.writestr("p.shp", SHP + bytes(size))
        assert wanted is holds_its_shapes(path)


def test_what_is_cut_or_gone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 cut")
    (tmp_path / "folder").mkdir()

    assert not any(holds_its_shapes(tmp_path / one) for one in ("cut.zip", "folder", "gone"))
