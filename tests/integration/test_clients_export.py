"""The SDK saves files from a server, and from a data folder: the same ones, whole or not at all."""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import TYPE_CHECKING, Any

import pytest
from serving import index, make_scenes, png, running_server

import satseek
from satseek.client.exporting import SUFFIXES, format_of, saved
from satseek.embedded import Embedded
from satseek.errors import CollectionNotFound, FolderNotFound, InvalidRequest
from satseek.export.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    index(folder / "data", make_scenes(folder / "scenes"), "county")
    png(folder / "picture.png")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with running_server(folder / "data") as one:
        yield one


@pytest.fixture(scope="module")
def doors(server: Server, folder: Path) -> Iterator[list[satseek.Client | Embedded]]:
    with satseek.Client(server.url) as client, satseek.open(folder / "data") as embedded:
        yield [client, embedded]


def _features(path: Path) -> list[Any]:
    found = json.loads(path.read_text(encoding="utf-8"))["features"]
    for one in found:  # floats of the same cosine, computed twice
        one["properties"] = {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in one["properties"].items()
        }
    return list(found)


@pytest.mark.parametrize(
    "asked",
    [
        {"text": "a harbour", "k": 5},
        {"text": "a harbour", "collection": "county", "start": "2024-06-01", "least": 20},
        {"image": "picture.png", "k": 3},
        {"collection": "county"},
        {"collection": "county", "bbox": (15.0, 52.0, 15.25, 53.0), "levels": [1]},
        {"collection": "county", "area": "POLYGON((15 52,15.2 52,15.2 53,15 53,15 52))"},
    ],
)
def test_both_save_the_same(
    asked: dict[str, Any],
    doors: list[satseek.Client | Embedded],
    folder: Path,
    tmp_path: Path,
) -> None:
    asked = {**asked, "image": folder / asked["image"]} if "image" in asked else asked
    for at, door in enumerate(doors):
        door.export(tmp_path / f"{at}.geojson", **asked)
    first, second = (_features(tmp_path / f"{at}.geojson") for at in (0, 1))
    assert first == second
    assert 0 < len(first) < 13


def test_the_async_client_saves_as_well(server: Server, tmp_path: Path) -> None:
    async def save() -> None:
        async with satseek.AsyncClient(server.url) as client:
            await client.export(tmp_path / "a.csv", "a harbour", k=2)
            with pytest.raises(InvalidRequest, match="holds no vectors"):
                await client.export(tmp_path / "b.csv", "a harbour", vectors=True)

    asyncio.run(save())
    assert 3 == len((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines())
    assert ["a.csv"] == [one.name for one in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("name", "asked", "error"),
    [
        ("kept.geojson", {"collection": "nowhere"}, CollectionNotFound),
        ("kept.geojson", {}, InvalidRequest),
        ("kept.geojson", {"collection": "county", "crs": "EPSG:4490"}, InvalidRequest),
        ("kept.xyz", {"collection": "county"}, InvalidRequest),
        ("none/kept.geojson", {"collection": "county"}, FolderNotFound),
    ],
)
def test_what_is_refused_changes_no_file(
    name: str,
    asked: dict[str, Any],
    error: type[Exception],
    doors: list[satseek.Client | Embedded],
    tmp_path: Path,
) -> None:
    (tmp_path / "kept.geojson").write_text("before", encoding="utf-8")
    for door in doors:
        with pytest.raises(error):
            door.export(tmp_path / name, **asked)
    assert ["kept.geojson"] == [one.name for one in tmp_path.iterdir()]
    assert "before" == (tmp_path / "kept.geojson").read_text(encoding="utf-8")


def test_a_file_that_breaks_off_is_not_saved(tmp_path: Path) -> None:
    def break_off() -> None:
        with saved(tmp_path / "a") as file:
            file.write(b"half")
            raise ConnectionError

    with pytest.raises(Exception, match="cannot be written"):
        break_off()
    assert [] == list(tmp_path.iterdir())


def test_all_three_take_the_same() -> None:
    kinds = (satseek.Client, satseek.AsyncClient, Embedded)
    taken = {str(inspect.signature(kind.export).parameters) for kind in kinds}
    assert 1 == len(taken)


def test_names_of_files_tell_the_same_formats_as_on_the_server() -> None:
    known = {
        suffix: one.name
        for one in FORMATS.values()
        if one.name != "csv-excel"
        for suffix in one.suffixes
    }
    assert known == dict(SUFFIXES)
    assert "shapefile" == format_of("a.SHP.ZIP")
