"""Maps through the real server: what GDAL's own drivers make of them, and what clients are told."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import httpx
import numpy as np
import pytest
import rasterio
import serving
from keymaking import bearer, make_key
from PIL import Image

from satseek.imagery.tiles import HALF, tile_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SCENE = "2024-08-17 scene.tif"
"""The middle one of three."""

INSIDE = (15.232, 52.335)
"""Over the middle scene."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("tiles")
    serving.index(home / "data", serving.make_scenes(home / "scenes"), "small")
    (home / "plain").mkdir()
    serving.png(home / "plain" / "photo.png", width=300, height=300)
    serving.index(home / "data", home / "plain", "plain")
    return home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[serving.Server]:
    with serving.running_server(home / "data") as server:
        yield server


@pytest.fixture(scope="module")
def http(server: serving.Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/v1/collections", timeout=60) as client:
        yield client


def _gdal(program: str, *words: str, at: Path) -> str:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not on this machine: apt-get install gdal-bin")
    done = subprocess.run([program, *words], cwd=at, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def _xyz(address: str, *, zoom: int, bands: int = 4) -> str:
    """Describe tiles to GDAL's WMS driver."""
    for ours, theirs in {"{z}": "${z}", "{x}": "${x}", "{y}": "${y}"}.items():
        address = address.replace(ours, theirs)
    return (
        f'<GDAL_WMS><Service name="TMS"><ServerUrl>{escape(address)}</ServerUrl></Service>'
        f"<DataWindow><UpperLeftX>-{HALF}</UpperLeftX><UpperLeftY>{HALF}</UpperLeftY>"
        f"<LowerRightX>{HALF}</LowerRightX><LowerRightY>-{HALF}</LowerRightY>"
        f"<TileLevel>{zoom}</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY>"
        "<YOrigin>top</YOrigin></DataWindow><Projection>EPSG:3857</Projection>"
        f"<BlockSizeX>256</BlockSizeX><BlockSizeY>256</BlockSizeY><BandsCount>{bands}</BandsCount>"
        "</GDAL_WMS>"
    )


def _over(scene: Path, source: str, at: Path) -> NDArray[np.int64]:
    """Have GDAL fetch what lies over a scene, on the scene's own pixels."""
    with rasterio.open(scene) as raster:
        box = [str(edge) for edge in raster.bounds]
        crs, size = raster.crs.to_string(), str(abs(raster.transform.e))
    words = ["-q", "-overwrite", "-t_srs", crs, "-te", *box, "-tr", size, size, "-r", "near"]
    _gdal("gdalwarp", *words, source, "got.tif", at=at)
    with rasterio.open(at / "got.tif") as raster:
        assert raster.read(4).min() == 255
        return raster.read((1, 2, 3)).astype(np.int64)


def _apart(got: NDArray[np.int64], wanted: NDArray[np.int64], down: int, across: int) -> float:
    """Mean difference, once one of them is moved by so many pixels."""
    middle = slice(20, -20)
    moved = np.roll(got, (down, across), (1, 2))
    return float(np.abs(moved[:, middle, middle] - wanted[:, middle, middle]).mean())


def _lies_right(got: NDArray[np.int64], scene: Path, *, most: float = 8) -> None:
    with rasterio.open(scene) as raster:
        wanted = raster.read().astype(np.int64)
    steps = range(-2, 3)
    apart = {
        (down, across): _apart(got, wanted, down, across) for down in steps for across in steps
    }
    assert (0, 0) == min(apart, key=lambda at: apart[at])
    assert apart[0, 0] < most  # grey levels: tiles of another grid cannot keep all of the noise


@pytest.mark.parametrize(("suffix", "most"), [("png", 8), ("webp", 12)])
def test_gdal_reads_the_tiles_where_they_belong(
    http: httpx.Client, home: Path, tmp_path: Path, suffix: str, most: float
) -> None:
    told = http.get("/small/scenes/tilejson.json").raise_for_status().json()
    address = told["tiles"][0].replace(".png?", f".{suffix}?")
    source = _xyz(address, zoom=told["maxzoom"] + 1)
    got = _over(home / "scenes" / SCENE, source, tmp_path)
    _lies_right(got, home / "scenes" / SCENE, most=most)


def test_gdal_reads_the_wmts_where_it_belongs(
    server: serving.Server, home: Path, tmp_path: Path
) -> None:
    address = f"{server.url}/v1/collections/small/wmts/1.0.0/WMTSCapabilities.xml"
    told = json.loads(_gdal("gdalinfo", "-json", f"WMTS:{address}", at=tmp_path))
    assert [4, "Byte"] == [len(told["bands"]), told["bands"][0]["type"]]
    assert 3857 == told["stac"]["proj:epsg"]
    got = _over(home / "scenes" / SCENE, f"WMTS:{address},layer=scenes", tmp_path)
    _lies_right(got, home / "scenes" / SCENE)


def test_gdal_finds_each_map_of_the_wmts(server: serving.Server, tmp_path: Path) -> None:
    address = f"{server.url}/v1/collections/small/wmts?text=a%20harbour&label=harbour&label=forest"
    told = json.loads(_gdal("gdalinfo", "-json", f"WMTS:{address}", at=tmp_path))
    found = told["metadata"]["SUBDATASETS"]
    assert ["scenes", "heat", "classes"] == [
        found[f"SUBDATASET_{at}_NAME"].rpartition("layer=")[2].partition(",")[0] for at in (1, 2, 3)
    ]


def test_gdal_reads_a_class_map_where_its_cells_lie(
    http: httpx.Client, home: Path, tmp_path: Path
) -> None:
    asked = [("label", "harbour"), ("label", "forest"), ("distractor", "")]
    told = http.get("/small/classes/tilejson.json", params=asked).raise_for_status().json()
    source = _xyz(told["tiles"][0], zoom=told["maxzoom"])
    got = _over_cells(home / "scenes" / SCENE, source, tmp_path)
    chips = http.get("/small/chips").raise_for_status().json()["chips"]
    own = {chip["cell"]: chip["chip"] for chip in chips if chip["scene"] == SCENE}
    colours = {one["label"]: one["colour"][1:7] for one in told["satseek:legend"]}
    for cell, chip in own.items():
        i, j = (int(part) for part in cell.rpartition("_x")[2].split("y"))
        body = {"collection": "small", "chip": chip, "labels": ["harbour", "forest"]}
        answer = httpx.post(
            str(http.base_url).replace("collections/", "classify"),
            json=body | {"distractors": []},
            timeout=60,
        )
        best = answer.raise_for_status().json()["best"]
        column = i * 256 - (512_000 + 2560) // 5 + 128
        row = 5_799_680 // 5 - (j + 1) * 256 + 128
        assert colours[best] == bytes(got[:, row, column].astype(np.uint8).tolist()).hex()


def _over_cells(scene: Path, source: str, at: Path) -> NDArray[np.int64]:
    with rasterio.open(scene) as raster:
        box, crs = [str(edge) for edge in raster.bounds], raster.crs.to_string()
    words = ["-q", "-t_srs", crs, "-te", *box, "-tr", "5", "5", "-r", "near"]
    _gdal("gdalwarp", *words, source, "cells.tif", at=at)
    with rasterio.open(at / "cells.tif") as raster:
        return raster.read((1, 2, 3)).astype(np.int64)


def test_tilejson_is_what_its_specification_says(http: httpx.Client) -> None:
    """Members and types of TileJSON 3.0.0, sections 3.1 to 3.17."""
    for path in ("scenes/tilejson.json", "heat/tilejson.json?text=a+harbour"):
        told = http.get(f"/small/{path}").raise_for_status().json()
        assert "3.0.0" == told["tilejson"]
        assert "xyz" == told["scheme"]
        assert [] == told["vector_layers"]
        assert 0 <= told["minzoom"] <= told["maxzoom"] <= 30
        west, south, east, north = told["bounds"]
        assert -180 <= west < east <= 180
        assert -90 <= south < north <= 90
        longitude, latitude, zoom = told["center"]
        assert west <= longitude <= east
        assert south <= latitude <= north
        assert told["minzoom"] <= zoom <= told["maxzoom"]
        assert all(told["tiles"][0].startswith("http") for _ in told["tiles"])
        assert all(part in told["tiles"][0] for part in ("{z}", "{x}", "{y}"))
        assert isinstance(told.get("legend", ""), str)


def test_capabilities_name_the_grid_by_its_numbers(http: httpx.Client) -> None:
    answer = http.get("/small/wmts/1.0.0/WMTSCapabilities.xml")
    assert "application/xml" == answer.headers["content-type"]
    root = ET.fromstring(answer.text)  # noqa: S314 (our own)
    names = {"w": "http://www.opengis.net/wmts/1.0", "o": "http://www.opengis.net/ows/1.1"}
    matrices = root.findall(".//w:TileMatrix", names)
    assert ["0", "1"] == [one.findtext("o:Identifier", "", names) for one in matrices[:2]]
    assert 559082264.0287178 == float(matrices[0].findtext("w:ScaleDenominator", "0", names))
    assert ["1", "2"] == [one.findtext("w:MatrixWidth", "", names) for one in matrices[:2]]
    refused = http.get("/small/wmts", params={"REQUEST": "GetTile"})
    assert [422, "expected GetCapabilities: tiles have the addresses given there"] == [
        refused.status_code,
        refused.json()["detail"],
    ]


def _tile(zoom: int = 14) -> str:
    tile = tile_at(*INSIDE, zoom)
    return f"{tile.z}/{tile.x}/{tile.y}"


def _shades(answer: httpx.Response) -> NDArray[np.uint8]:
    answer.raise_for_status()
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


@pytest.mark.parametrize(
    ("end", "accept", "media_type", "edge"),
    [
        (".png", "*/*", "image/png", 256),
        ("@2x.png", "image/webp", "image/png", 512),
        (".webp", "*/*", "image/webp", 256),
        (".jpg", "*/*", "image/jpeg", 256),
        (".jpeg", "*/*", "image/jpeg", 256),
        ("", "image/webp,*/*;q=0.1", "image/webp", 256),
        ("@2x", "image/jpeg", "image/jpeg", 512),
        ("", "text/html", "image/png", 256),
    ],
)
def test_format_and_size_are_those_asked_for(
    http: httpx.Client, end: str, accept: str, media_type: str, edge: int
) -> None:
    answer = http.get(f"/small/scenes/tiles/{_tile()}{end}", headers={"accept": accept})
    assert media_type == answer.headers["content-type"]
    assert (edge, edge, 4) == _shades(answer).shape


def test_an_empty_tile_is_clear(http: httpx.Client) -> None:
    for path in (
        "scenes/tiles/5/0/0.png",
        "heat/5/0/0.png?text=sea",
        "classes/5/0/0.png?label=sea",
    ):
        assert not _shades(http.get(f"/small/{path}")).any()


def test_a_tile_is_asked_again_only_where_it_has_changed(http: httpx.Client) -> None:
    for path in (f"scenes/tiles/{_tile()}.png?", f"heat/{_tile()}.png?text=a+harbour&"):
        first = http.get(f"/small/{path}").raise_for_status()
        assert "private, max-age=60" == first.headers["cache-control"]
        again = http.get(f"/small/{path}", headers={"if-none-match": first.headers["etag"]})
        assert [304, b""] == [again.status_code, again.content]
        told = http.get("/small/scenes/tilejson.json").json()["satseek:generation"]
        for generation, seconds in ((told, 86_400), (told + 1, 60)):
            answer = http.get(f"/small/{path}generation={generation}")
            assert f"private, max-age={seconds}" == answer.headers["cache-control"]


def test_dates_and_scene_choose_what_is_shown(http: httpx.Client) -> None:
    path = f"/small/scenes/tiles/{_tile(10)}.png"
    every = _shades(http.get(path))[..., 3] > 0
    spring = _shades(http.get(path, params={"end": "2024-06-01"}))[..., 3] > 0
    alone = _shades(http.get(path, params={"scene": "2024-05-03 scene.tif"}))[..., 3] > 0
    assert 0 < spring.sum() < every.sum()
    assert np.array_equal(alone, spring)
    assert not (spring & ~every).any()


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("small/scenes/tiles/3/8/0.png", 404, "no tile 3/8/0: columns and rows go from 0 to 7"),
        ("small/scenes/tiles/3/a/0.png", 422, "path.x"),
        ("small/scenes/tiles/25/0/0.png", 422, "path.z"),
        ("small/scenes/tiles/3/0/0.gif", 422, "path.y"),
        ("small/scenes/tiles/3/0/0.png?scene=none", 404, "expected the id of an indexed scene"),
        ("small/scenes/tiles/3/0/0.png?start=soon", 422, "expected a date"),
        ("small/heat/3/0/0.png", 422, "nothing to look for"),
        ("small/heat/3/0/0.png?text=%2C", 422, "at least one word"),
        ("small/heat/3/0/0.png?liked=none", 404, "none"),
        ("small/classes/3/0/0.png", 422, "label"),
        ("small/classes/3/0/0.png?label=a&label=A", 422, "labels must differ"),
        ("small/classes/3/0/0.png?label=a&template=b", 422, "prompt template"),
        ("none/scenes/tiles/3/0/0.png", 404, "no collection 'none'"),
        ("plain/scenes/tiles/3/0/0.png", 404, "no scene has a georeference"),
        ("plain/scenes/tiles/3/0/0.png?scene=photo.png", 404, "lies on no map"),
        ("plain/heat/3/0/0.png?text=sea", 404, "no scene has a georeference"),
        ("plain/scenes/tilejson.json", 404, "no scene has a georeference"),
        ("plain/wmts", 404, "no scene has a georeference"),
    ],
)
def test_what_cannot_be_is_told(http: httpx.Client, path: str, status: int, said: str) -> None:
    answer = http.get(f"/{path}")
    assert status == answer.status_code
    assert said in answer.json()["detail"]


def test_a_scene_that_is_gone_is_told_and_left_out(tmp_path: Path) -> None:
    """The others of the collection stay on the map; nobody keeps what is not whole."""
    scenes = serving.make_scenes(tmp_path / "scenes")
    serving.index(tmp_path / "data", scenes, "small")
    (scenes / SCENE).unlink()
    with serving.running_server(tmp_path / "data") as server:
        below = f"{server.url}/v1/collections/small/scenes/tiles"
        alone = httpx.get(f"{below}/{_tile()}.png", params={"scene": SCENE}, timeout=60)
        answer = httpx.get(f"{below}/{_tile(10)}.png", timeout=60)
    assert 410 == alone.status_code
    assert str(tmp_path) not in alone.text
    assert "no-store" == answer.headers["cache-control"]
    shown = _shades(answer)
    assert {(128, 128, 128, 96)} < {tuple(one) for one in shown[shown[..., 3] > 0].tolist()}


def test_who_may_not_see_a_collection_sees_no_map_of_it(home: Path) -> None:
    limits = json.dumps({"plain": [], "small": ["staff"]})
    data = home / "data"
    staff = make_key(data, "staff", "--role", "reader", "--group", "staff")
    guest = make_key(data, "guest", "--role", "reader")
    paths = (
        f"small/scenes/tiles/{_tile()}.png",
        f"small/heat/{_tile()}.png?text=sea",
        f"small/classes/{_tile()}.webp?label=sea",
        "small/scenes/tilejson.json",
        "small/heat/tilejson.json?text=sea",
        "small/classes/tilejson.json?label=sea",
        "small/wmts/1.0.0/WMTSCapabilities.xml",
    )
    with serving.running_server(data, auth="keys", collection_groups=limits) as server:
        for path in paths:
            address = f"{server.url}/v1/collections/{path}"
            seen = [
                httpx.get(address, headers=headers, timeout=60).status_code
                for headers in ({}, bearer(guest), bearer(staff))
            ]
            assert [401, 404, 200] == seen, path


def test_searches_pass_while_tiles_are_asked_in_heaps(server: serving.Server) -> None:
    """A map that is moved asks for dozens of tiles: none is refused, and searches do not starve."""
    stop, under_way = threading.Event(), threading.Barrier(21, timeout=120)
    tile = tile_at(*INSIDE, 17)

    def burst(at: int) -> list[int]:
        statuses = []
        with httpx.Client(base_url=f"{server.url}/v1/collections/small", timeout=60) as client:
            while not stop.is_set():
                x, y = tile.x + len(statuses) % 40, tile.y + at
                statuses.append(client.get(f"/scenes/tiles/17/{x}/{y}.png").status_code)
                if len(statuses) == 1:
                    under_way.wait()
        return statuses

    with ThreadPoolExecutor(20) as pool, httpx.Client(base_url=server.url, timeout=60) as client:
        asked = [pool.submit(burst, at) for at in range(20)]
        try:
            under_way.wait()  # each of the twenty has had a tile and goes on
            taken = [_timed(client, f"a harbour number {at}") for at in range(8)]
        finally:
            stop.set()
        statuses = [status for one in asked for status in one.result()]
    assert {200} == set(statuses)
    assert len(statuses) > 20
    assert sorted(taken)[4] < 5  # seconds; a queue of all tiles before each would take longer


def _timed(client: httpx.Client, text: str) -> float:
    started = time.monotonic()
    answer: dict[str, Any] = client.get(
        "/v1/search", params={"text": text, "collection": "small"}
    ).json()
    assert answer["hits"]
    return time.monotonic() - started
