"""Two real servers asked as one: the answer of one collection that holds what both hold."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import rasterio
from rasterio import Affine
from serving import png, running_server
from typer.testing import CliRunner

import satseek
from satseek.cli import indexing, searching  # noqa: F401 (commands register themselves)
from satseek.cli.application import app
from satseek.client.retrying import Retrying
from satseek.client.uniting import MOST
from satseek.errors import InvalidK, InvalidRequest, ServerUnreachable
from satseek.index.checks import MAX_K

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Server

    from satseek.embedded import Embedded

SCENE_PX = 512
CHIPS = 5 * 4
NOBODY = "http://127.0.0.1:9"
"""The port of the discard service: nobody listens there."""
SCENES = {
    "north": {"2024 first": (0, 0), "2024 second": (0, 0), "2024 aside": (1, 0)},
    "south": {"2025 again": (0, 0), "2025 beyond": (2, 0)},
}
"""Column and row of each scene's place, by server: three of them show the same one."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("federation")
    (home / "both-scenes").mkdir()
    for server, scenes in SCENES.items():
        (home / f"{server}-scenes").mkdir()
        for at, (name, place) in enumerate(scenes.items()):
            path = home / f"{server}-scenes" / f"{name}.tif"
            seed = 3 if name in {"2024 first", "2025 again"} else 10 * at + len(server)
            _write(path, place, seed=seed, dark=6 if name == "2025 again" else 0)
            shutil.copy(path, home / "both-scenes")
    for name in ("north", "south", "both"):
        words = ["--data-dir", str(home / name), "index", str(home / f"{name}-scenes")]
        done = CliRunner().invoke(app, [*words, "-c", "county"])
        assert 0 == done.exit_code, (done.output, done.exception)
    png(home / "picture.png")
    return home


def _write(path: Path, place: tuple[int, int], *, seed: int, dark: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = rng.integers(40, 255, (3, 8, 8)).repeat(SCENE_PX // 8, 1).repeat(SCENE_PX // 8, 2)
    samples = (blocks - dark).astype(np.uint8)
    column, row = place
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=SCENE_PX,
        height=SCENE_PX,
        count=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=Affine(5, 0, 512_000 + column * 2560, 0, -5, 5_799_680 - row * 2560),
        photometric="RGB",
    ) as raster:
        raster.write(samples)


@pytest.fixture(scope="module")
def servers(home: Path) -> Iterator[tuple[Server, Server]]:
    with running_server(home / "north") as north, running_server(home / "south") as south:
        yield north, south


@pytest.fixture
def federation(servers: tuple[Server, Server]) -> Iterator[satseek.Federation]:
    with satseek.Federation([satseek.Client(one.url) for one in servers]) as one:
        yield one


@pytest.fixture(scope="module")
def whole(home: Path) -> Iterator[Embedded]:
    with satseek.open(home / "both") as one:
        yield one


QUESTIONS: list[dict[str, Any]] = [
    {"text": "a harbour", "k": 7},
    {"text": "a harbour", "k": 50},
    {"image": "picture.png", "k": 5},
    {"text": "a quarry", "image": "picture.png", "bbox": (15.17, 52.3, 15.3, 52.4)},
    {"text": "a harbour", "k": 30, "group_by": "place"},
    {"text": "a harbour", "k": 3, "group_by": "place"},
    {"text": "a harbour", "k": 30, "group_by": "scene"},
    {"text": "a harbour", "k": 4, "duplicate_cosine": 0.999},
    {"text": "a harbour", "k": 30, "duplicate_cosine": 0.9},
    {"image": "picture.png", "k": 6, "duplicate_cosine": 0.95, "group_by": "place"},
    {"text": "a harbour", "end": "2020-01-01", "duplicate_cosine": 0.9},
]


@pytest.mark.parametrize("asked", QUESTIONS, ids=str)
def test_two_servers_answer_as_one_that_holds_both(
    asked: dict[str, Any], federation: satseek.Federation, whole: Embedded, home: Path
) -> None:
    asked = {**asked, "image": home / asked["image"]} if "image" in asked else asked
    theirs, mine = federation.search(**asked), whole.search(**asked)
    assert [hit.chip for hit in mine] == [hit.chip for hit in theirs]
    assert [hit.rank for hit in mine] == [hit.rank for hit in theirs]
    assert [hit.scores["cosine"] for hit in mine] == pytest.approx(
        [hit.scores["cosine"] for hit in theirs], abs=1e-6
    )
    assert () == theirs.missing


def test_hits_say_their_server_and_some_are_left_out(
    federation: satseek.Federation, servers: tuple[Server, Server]
) -> None:
    every = federation.search("a harbour", k=50)
    assert CHIPS == len(every)
    assert {one.url for one in servers} == {hit.server for hit in every}
    for hit in every:
        assert (hit.server == servers[1].url) == hit.scene.startswith("2025")
    assert 3 * 4 == len(federation.search("a harbour", k=50, group_by="place"))
    assert len(federation.search("a harbour", k=50, duplicate_cosine=0.9)) < CHIPS
    assert every[0].server == every.to_geojson()["features"][0]["properties"]["server"]


def test_it_can_be_awaited_and_explained(
    servers: tuple[Server, Server], federation: satseek.Federation
) -> None:
    async def ask() -> Any:
        clients = [satseek.AsyncClient(one.url) for one in servers]
        async with satseek.AsyncFederation(clients) as one:
            return await one.search("a harbour", k=9, duplicate_cosine=0.95, explain=True)

    theirs = asyncio.run(ask())
    mine = federation.search("a harbour", k=9, duplicate_cosine=0.95)
    assert [hit.chip for hit in mine] == [hit.chip for hit in theirs]
    assert mine.explanation is None
    assert [f"{one.url} county" for one in servers] == [
        one.collection for one in theirs.explanation.collections
    ]


def test_a_server_that_is_down_is_an_error_unless_it_may_be_missing(
    servers: tuple[Server, Server], whole: Embedded
) -> None:
    once = Retrying(tries=1)
    clients = [satseek.Client(url, retrying=once) for url in (NOBODY, servers[0].url)]
    alone = satseek.Client(NOBODY, retrying=once)
    with satseek.Federation(clients) as federation:
        with pytest.raises(ServerUnreachable, match=NOBODY):
            federation.search("a harbour")
        for asked in ({}, {"duplicate_cosine": 0.999}, {"group_by": "place"}):
            part = federation.search("a harbour", k=50, partial=True, **asked)
            assert (NOBODY,) == part.missing
            assert any(NOBODY in one for one in part.warnings)
            assert part.hits
            assert {servers[0].url} == {hit.server for hit in part}
    with (
        satseek.Federation([alone]) as federation,
        pytest.raises(ServerUnreachable, match=NOBODY),
    ):
        federation.search("a harbour", partial=True)
    assert len(part) < len(whole.search("a harbour", k=50))


def test_what_one_server_refuses_or_only_one_holds_is_refused(
    federation: satseek.Federation, servers: tuple[Server, Server]
) -> None:
    with pytest.raises(InvalidRequest, match="liked"):
        federation.search("a harbour", liked=["x"])
    with pytest.raises(InvalidK, match=servers[0].url):
        federation.search("a harbour", k=0, partial=True)
    with pytest.raises(InvalidRequest, match="once"):
        satseek.Federation([satseek.Client(NOBODY), satseek.Client(NOBODY + "/")])
    with pytest.raises(InvalidRequest, match="servers"):
        satseek.Federation([])
    assert MAX_K == MOST


def test_the_command_line_asks_servers_too(
    servers: tuple[Server, Server], federation: satseek.Federation, home: Path
) -> None:
    urls = ",".join(one.url for one in servers)
    words = ["--data-dir", str(home / "none"), "search", "a harbour", "--servers", urls, "-k", "5"]
    done = CliRunner().invoke(app, [*words, "--json", "--group-by", "place"])
    assert 0 == done.exit_code, (done.output, done.exception)
    expected = federation.search("a harbour", k=5, group_by="place")
    assert [hit.chip for hit in expected] == [
        hit["chip"] for hit in json.loads(done.stdout)["hits"]
    ]
    shown = CliRunner().invoke(app, [*words, "--explain", "--geojson", str(home / "hits.geojson")])
    assert 0 == shown.exit_code, (shown.output, shown.exception)
    assert servers[1].url in shown.output
    assert 5 == len(json.loads((home / "hits.geojson").read_text("utf-8"))["features"])
    refused = CliRunner().invoke(app, [*words, "--out", str(home / "hits.gpkg")])
    assert isinstance(refused.exception, InvalidRequest)


def test_files_hold_what_the_answer_holds(
    servers: tuple[Server, Server], whole: Embedded, home: Path
) -> None:
    asked: dict[str, Any] = {"text": "a harbour", "k": 50, "group_by": "place"}
    with satseek.Client(servers[0].url) as north:
        for at, door in enumerate((whole, north)):
            path = home / f"door {at}.geojson"
            door.export(path, **asked)
            features = json.loads(path.read_text("utf-8"))["features"]
            expected = door.search(**asked)
            assert [hit.chip for hit in expected] == [one["id"] for one in features]
            assert [4 * 3, 4 * 2][at] == len(features)
    address = f"{servers[0].url}/v1/search/export"
    found = httpx.get(address, params=asked | {"duplicate_cosine": 0.9}, timeout=60)
    assert 0 < len(found.raise_for_status().json()["features"]) <= 4 * 2
    assert 422 == httpx.get(address, params=asked | {"group_by": "day"}, timeout=60).status_code
