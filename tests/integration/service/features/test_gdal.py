"""GDAL's OAPIF driver, unmodified, reads what OGC API Features tells."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from standarddoors import Doors

if shutil.which("ogrinfo") is None:
    pytest.skip(
        "GDAL's programs are not on this machine: apt-get install gdal-bin",
        allow_module_level=True,
    )


def _run(doors: Doors, program: str, *words: str) -> str:
    environment = os.environ | {"GDAL_HTTP_HEADERS": doors.header}
    done = subprocess.run(
        [program, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "ERROR" not in done.stderr, done.stderr
    return done.stdout


def _features(text: str) -> list[str]:
    return re.findall(r"^  id \(String\) = (.+)$", text, flags=re.MULTILINE)


def test_it_lists_the_collections(doors: Doors) -> None:
    shown = _run(doors, "ogrinfo", f"OAPIF:{doors.url}/ogc")
    names = ("archive", "archive.chips", "archive.search", "county", "county.chips")
    assert [*names, "county.search"] == re.findall(r"^\d+: (\S+)", shown, flags=re.MULTILINE)


@pytest.mark.parametrize("page", [1, 5, 100])
def test_it_reads_every_feature_page_by_page(doors: Doors, page: int) -> None:
    shown = _run(
        doors,
        "ogrinfo",
        f"OAPIF:{doors.url}/ogc",
        "archive.chips",
        *("-oo", f"PAGE_SIZE={page}", "-oo", f"INITIAL_REQUEST_PAGE_SIZE={page}"),
    )
    found = _features(shown)
    assert (56, 56) == (len(found), len(set(found)))
    assert 'GEOGCRS["WGS 84"' in shown
    for field in ("datetime: DateTime", "valid_fraction: Real", "level: Integer"):
        assert field in shown


def test_it_filters_by_a_box(doors: Doors) -> None:
    (place,) = doors.client.get(
        "/ogc/collections/archive/items",
        params={"filter": "id = '1/made, 04'"},
    ).json()["features"]
    ring = place["geometry"]["coordinates"][0]
    west, south = (min(point[axis] for point in ring) + 0.001 for axis in (0, 1))
    east, north = (max(point[axis] for point in ring) - 0.001 for axis in (0, 1))
    box = ("-spat", *map(str, (west, south, east, north)))
    shown = _run(doors, "ogrinfo", f"OAPIF:{doors.url}/ogc", "archive", *box)
    assert ["1/made, 04"] == _features(shown)


def test_what_words_find_is_a_layer(doors: Doors) -> None:
    address = f"OAPIF:{doors.url}/ogc/collections/county.search?q=a%20harbour&k=5"
    shown = _run(doors, "ogrinfo", "-al", address)
    hits = doors.client.get(
        "/v1/search", params={"text": "a harbour", "collection": "county", "k": 5}
    ).json()["hits"]
    assert [one["chip"] for one in hits] == _features(shown)
    assert ["1", "2", "3", "4", "5"] == re.findall(r"rank \(Integer\) = (\d)", shown)


def test_it_converts_a_collection(doors: Doors, tmp_path: Path) -> None:
    target = tmp_path / "county.gpkg"
    source = f"OAPIF:{doors.url}/ogc/collections/county.chips"
    _run(doors, "ogr2ogr", "-f", "GPKG", str(target), source)
    assert 12 == len(_features(_run(doors, "ogrinfo", "-al", str(target))))
