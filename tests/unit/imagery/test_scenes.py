from __future__ import annotations

import errno
import json
import os
import re
import shutil
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from PIL import Image

from satseek.errors import FolderNotFound, ImageTooLarge, UnreadableImage, UnsupportedRaster
from satseek.imagery import _open, scenes
from satseek.imagery._sources import open_source
from satseek.imagery.scenes import describe_scene, find_scenes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_images_are_found_in_order_and_nothing_else(tmp_path: Path) -> None:
    touch(tmp_path, "b.tif", "a/z.JPG", "a/空格 影像.png", "..hidden.tif", "logo.svg")
    touch(tmp_path, "b.tif.aux.xml", "b.json", "labels.csv", "README", "b.tfw")
    touch(tmp_path, "._b.tif", ".part.tif", "~b.tif", ".git/c.tif")
    found = [path.relative_to(tmp_path).as_posix() for path in find_scenes(tmp_path)]
    assert ["..hidden.tif", "a/z.JPG", "a/空格 影像.png", "b.tif", "logo.svg"] == found


def test_a_single_file_is_a_folder_of_one(tmp_path: Path) -> None:
    touch(tmp_path, "a.tif")
    assert [tmp_path / "a.tif"] == find_scenes(tmp_path / "a.tif")


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.tif", "out/b.tif")
    (tmp_path / "in/link.tif").symlink_to(tmp_path / "out/b.tif")
    (tmp_path / "in/folder").symlink_to(tmp_path / "out")
    (tmp_path / "in/same.tif").symlink_to(tmp_path / "in/a.tif")
    (tmp_path / "in/gone.tif").symlink_to(tmp_path / "nowhere.tif")
    os.mkfifo(tmp_path / "in/pipe.tif")
    assert ["a.tif", "same.tif"] == [path.name for path in find_scenes(tmp_path / "in")]


def test_a_folder_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "a.tif", "locked/b.tif")
    scan = os.scandir  # file permissions would not stop a superuser

    def denied(folder: str) -> Any:
        if str(folder).endswith("locked"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", denied)
    with caplog.at_level("WARNING", logger="satseek.imagery.scenes"):
        assert [tmp_path / "a.tif"] == find_scenes(tmp_path)
    (record,) = caplog.records
    assert ("satseek.imagery.scenes", "WARNING") == (record.name, record.levelname)
    assert f"path={tmp_path / 'locked'} reason=Permission denied" in record.getMessage()


def test_a_file_that_cannot_be_asked_is_found_and_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.tif")
    find, missing = os.stat, PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def denied(path: Any, **options: Any) -> os.stat_result:
        if str(path).endswith("a.tif"):
            raise missing
        return find(path, **options)

    monkeypatch.setattr(os, "stat", denied)
    assert [tmp_path / "a.tif"] == find_scenes(tmp_path)


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(FolderNotFound, match="no folder or file at"):
        find_scenes(tmp_path / "nowhere")


def test_a_geotiff_is_described_from_its_header(make_raster: Any, noise: NDArray[Any]) -> None:
    tags = {"TIFFTAG_DATETIME": "2020:05:06 07:08:09"}
    path = make_raster("below/a.tif", noise, nodata=0, tags=tags)
    scene = describe_scene(path, root=path.parent.parent)
    assert "below/a.tif" == scene.id
    assert (700, 600, 3, "uint8") == (scene.width, scene.height, scene.bands, scene.dtype)
    assert "EPSG:32633" == scene.crs
    assert (10.0, 0.0, 5e5, 0.0, -10.0, 5.2e6) == scene.transform
    assert 0 == scene.nodata
    assert datetime(2020, 5, 6, 7, 8, 9, tzinfo=UTC) == scene.datetime


def test_the_digest_changes_with_the_file(make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster("a.tif", noise)
    before = describe_scene(path, root=path.parent).digest
    assert before == describe_scene(path, root=path.parent).digest
    os.utime(path, ns=(0, 1))
    assert before != describe_scene(path, root=path.parent).digest


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
@pytest.mark.parametrize("item", ["a.json", "other.json"])
def test_the_digest_changes_with_the_item_beside(
    make_raster: Any, noise: NDArray[Any], name: str, item: str
) -> None:
    path = make_raster("a.tif", noise).with_name(name)
    Image.new("RGB", (30, 20)).save(path.with_name("a.png"))

    def digest(moment: str | None) -> str:
        if moment is not None:
            content = {
                "type": "Feature",
                "stac_version": "1.0.0",
                "properties": {"datetime": moment},
                "assets": {"visual": {"href": f"./{name}"}},
            }
            path.with_name(item).write_text(json.dumps(content))
        assert path in find_scenes(path.parent)
        scene = describe_scene(path, root=path.parent)
        assert moment == (scene.datetime and scene.datetime.isoformat())
        return scene.digest

    moments = [None, "2020-05-06T00:00:00+00:00", "2021-05-06T00:00:00+00:00"]
    digests = [digest(moment) for moment in moments]
    assert 3 == len(set(digests))
    assert digests[-1] == digest(moments[-1])


def test_a_photo_is_described_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = "2019:02:03 04:05:06"
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    scene = describe_scene(tmp_path / "a.jpg", root=tmp_path)
    assert (20, 30) == (scene.width, scene.height)
    assert scene.crs is None
    assert datetime(2019, 2, 3, 4, 5, 6, tzinfo=UTC) == scene.datetime


def test_a_transform_without_crs_is_a_plain_image(make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster("a.tif", noise, crs=None)
    assert describe_scene(path, root=path.parent).crs is None


def test_without_any_georeference_no_warning_leaks(make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster("a.tif", noise, crs=None, transform=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert describe_scene(path, root=path.parent).crs is None


def test_side_files_surprise_nobody(tmp_path: Path, make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster("a.tif", noise, crs=None, transform=None)
    (tmp_path / "a.tfw").write_text("10\n0\n0\n-10\n500000\n5200000\n")
    (tmp_path / "a.tif.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:32633</SRS><GeoTransform>5e5,10,0,5e6,0,-10</GeoTransform></PAMDataset>"
    )
    scene = describe_scene(path, root=tmp_path)
    assert (None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)) == (scene.crs, scene.transform)


def test_ground_control_points_are_turned_north(make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster("a.tif", noise, crs=None, transform=None)
    corners = [(0, 0, 15, 47), (0, 700, 15.07, 47), (600, 0, 15, 46.94), (600, 700, 15.07, 46.94)]
    points = [rasterio.control.GroundControlPoint(r, c, x, y) for r, c, x, y in corners]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "r+") as file:
            file.gcps = (points, "EPSG:4326")
    scene = describe_scene(path, root=path.parent)
    assert "EPSG:4326" == scene.crs
    assert (15.0, 47.0) == pytest.approx((scene.transform[2], scene.transform[5]), abs=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.tif", b"", "empty file"),
        ("a.tif", b"<html>no such file</html>", "not an image of a known format"),
        ("a.jpg", b"words", "not an image of a known format"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image of a known format"),
        ("a.tif", b"II*\x00\x08\x00\x00\x00", "a.tif"),
        ("a.tif", b"<VRTDataset><SRS>EPSG:4326</SRS></VRTDataset>", "not an image"),
    ],
)
def test_what_is_no_image_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableImage, match=reason) as caught:
        describe_scene(tmp_path / name, root=tmp_path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="gone"):
        describe_scene(tmp_path / "gone.tif", root=tmp_path)


def test_a_file_cut_short_is_refused_before_reading(make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster("a.tif", noise)
    path = path.with_name("cog.tif")  # its directory comes first
    rasterio.shutil.copy(path.with_name("a.tif"), path, driver="COG", blocksize=256)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableImage, match="cut short"):
        describe_scene(path, root=path.parent)


def test_a_name_with_a_newline_stays_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a\nb\x1b.tif"
    path.write_bytes(b"")
    with pytest.raises(UnreadableImage, match=r"a\\nb\\x1b\.tif"):
        describe_scene(path, root=tmp_path)


def test_band_names_that_are_not_utf8_are_refused(make_raster: Any, noise: NDArray[Any]) -> None:
    named = make_raster("a.tif", noise, names=("x_ber", "", ""))
    named.write_bytes(named.read_bytes().replace(b"x_ber", "über".encode("latin-1") + b"x"))
    with pytest.raises(UnreadableImage, match=r"a\.tif: .*utf-8"), open_source(named):
        pass


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("a.tif", "_check_length"),
        ("a.tif", "acquisition_date"),
        ("a.tif", "_digest"),
        ("a.png", "acquisition_date"),
        ("a.png", "_digest"),
    ],
)
@pytest.mark.parametrize("gone", ["file", "folder"])
def test_what_is_deleted_while_it_is_described_is_refused(
    make_raster: Any,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    step: str,
    gone: str,
) -> None:
    path = make_raster("below/a.tif", np.ones((3, 40, 40), np.uint8)).with_name(name)
    Image.new("RGB", (30, 20)).save(path.with_name("a.png"))
    then = getattr(scenes, step)

    def delete_first(*values: Any, **named: Any) -> Any:
        path.unlink()
        if gone == "folder":
            shutil.rmtree(path.parent)
        return then(*values, **named)

    monkeypatch.setattr(scenes, step, delete_first)
    with pytest.raises(UnreadableImage, match=re.escape(str(path))):
        describe_scene(path, root=path.parent)


def test_complex_samples_are_refused(make_raster: Any) -> None:
    path = make_raster("a.tif", np.ones((1, 9, 9), np.complex64))
    with pytest.raises(UnsupportedRaster, match="complex"):
        describe_scene(path, root=path.parent)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "a.png")
    with pytest.raises(ImageTooLarge):
        describe_scene(tmp_path / "a.png", root=tmp_path)


def test_a_raster_in_one_huge_block_is_refused(
    make_raster: Any, noise: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_raster("a.tif", noise, tiled=True, blockxsize=1024, blockysize=1024)
    monkeypatch.setattr(_open, "MAX_BLOCK_BYTES", 1_000_000)
    with pytest.raises(ImageTooLarge, match="1024 x 1024 pixels, 3 MiB"):
        describe_scene(path, root=path.parent)
