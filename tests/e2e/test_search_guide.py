"""What docs/guides/search.md says works, command by command, and what the commands print."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import serving
import shapely
from typer.testing import CliRunner

from satseek.cli import (  # noqa: F401 (commands register themselves)
    classifying,
    concepts,
    glossary,
    indexing,
    searching,
)
from satseek.cli.application import app

if TYPE_CHECKING:
    from click.testing import Result

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "search.md"
PARISH = "POLYGON((15.1 52.3, 15.3 52.3, 15.3 52.4, 15.1 52.4, 15.1 52.3))"


def _commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.strip().splitlines()]


def _run(home: Path, *words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["--data-dir", str(home / "data"), *words])
    found = getattr(done.exception, "exit_code", done.exit_code)
    assert code == found, (words, done.output, done.exception)
    return done


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    geopandas = pytest.importorskip(
        "geopandas", reason="geopandas is not on this machine: pip install 'satseek[gis]'"
    )
    home = tmp_path_factory.mktemp("guide")
    scenes = serving.make_scenes(home / "scenes")
    _run(home, "index", str(scenes), "-c", "default")
    for name in ("county", "city"):
        shutil.copytree(home / "data" / "collections" / "default", home / name)
        shutil.move(home / name, home / "data" / "collections" / name)
    frame = geopandas.GeoDataFrame(geometry=[shapely.from_wkt(PARISH)], crs="EPSG:4326")
    frame.to_crs("EPSG:32633").to_file(home / "parish.gpkg")
    serving.png(home / "chip.png")
    return home


@pytest.fixture(scope="module")
def chips(home: Path) -> list[str]:
    found = json.loads(_run(home, "search", "a quarry", "--json", "-k", "12").stdout)
    return [hit["chip"]["id"] for hit in found["hits"]]


def test_every_command_of_the_page_works(
    home: Path, chips: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    commands = _commands()
    assert len(commands) >= 20
    for command in commands:
        words = shlex.split(command)
        assert "satseek" == words[0]
        named = {"CHIP": chips[0], "OTHER": chips[1]}
        _run(home, *(named.get(word, word) for word in words[1:]))
    assert (home / "quarries.gpkg").stat().st_size > 0
    assert "an open-pit mine" in (home / "mines.json").read_text(encoding="utf-8")


def test_an_area_from_a_file_keeps_what_lies_in_it(home: Path, chips: list[str]) -> None:
    def found(*area: str) -> list[str]:
        done = _run(home, "search", "a quarry", "-k", "12", "--json", "--area", *area)
        return [hit["chip"]["id"] for hit in json.loads(done.stdout)["hits"]]

    inside = found(PARISH)
    assert 0 < len(inside) <= len(chips)
    assert inside == found(str(home / "parish.gpkg"))
    assert inside == found(json.dumps(json.loads(shapely.to_geojson(shapely.from_wkt(PARISH)))))
    assert [] == found("POLYGON((0 0, 1 0, 1 1, 0 0))")


def test_what_was_translated_is_shown(home: Path) -> None:
    done = _run(home, "search", "水库旁的村庄", "-k", "1")
    assert "translated: village beside reservoir" in done.stderr
    told = json.loads(_run(home, "search", "水库", "-k", "1", "--json").stdout)
    assert "reservoir; reservoir with a dam" == told["translated"]
    _run(home, "search", "火星蓝莓", code=2)
    shown = json.loads(_run(home, "glossary", "show", "--json").stdout)
    assert {"word": "采石场", "kind": "thing", "names": ["quarry", "stone quarry"]} in shown


def test_words_of_ones_own_are_taken(home: Path) -> None:
    file = Path(_run(home, "glossary", "path").stdout.strip())
    file.write_text("火星\tthing\tred sand desert\n", encoding="utf-8")
    try:
        assert "red sand desert" == _run(home, "glossary", "show", "火星").stdout.strip()
        assert "red sand desert" in _run(home, "search", "火星", "-k", "1").stderr
        file.write_text("火星\n", encoding="utf-8")
        _run(home, "search", "火星", code=2)
    finally:
        file.unlink()


def test_clicks_are_counted_and_told(home: Path, chips: list[str]) -> None:
    liked = ["--like", chips[0], "--like", chips[1]]
    done = _run(home, "search", "a quarry", *liked, "--dislike", chips[-1])
    assert re.search(r"clicked chips counted (nothing|[\d.]+ beside the words' 1)", done.stderr)
    assert chips[0] not in done.stdout


def test_concepts_travel(home: Path, tmp_path: Path) -> None:
    _run(home, "concept", "save", "kilns", "-p", "a brick kiln", "--like", "county/nowhere")
    done = _run(home, "search", "--concept", "kilns", "-k", "2")
    assert "note: 1 of 1 chips of kilns are not used" in done.stderr
    _run(home, "concept", "export", "kilns", "--out", str(tmp_path / "kilns.json"))
    _run(home, "concept", "import", str(tmp_path / "kilns.json"))
    assert 2 == json.loads(_run(home, "concept", "show", "kilns", "--json").stdout)["version"]
    _run(home, "concept", "remove", "kilns")
    _run(home, "concept", "show", "kilns", code=3)
    (tmp_path / "no.json").write_text("{", encoding="utf-8")
    _run(home, "concept", "import", str(tmp_path / "no.json"), code=2)


def test_hits_of_several_collections_say_where(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "hits.csv"
    done = _run(home, "search", "a quarry", "-c", "county", "-c", "city", "--out", str(out))
    assert {"county", "city"} <= set(done.stdout.split())
    assert 11 == len(out.read_text(encoding="utf-8").splitlines())
    sheet = str(tmp_path / "sheet.png")
    _run(home, "search", "a quarry", "-c", "county", "-c", "city", "--sheet", sheet, code=2)
    _run(home, "search", code=2)
