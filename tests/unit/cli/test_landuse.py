"""What cannot be is refused in a line; what names no command is imagery to be run on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from satseek.cli.landuse import app
from satseek.cli.landuse_typed import Typed, search_of
from satseek.errors import InvalidRequest, SatseekError
from satseek.jobs.landuse import LanduseHere


@pytest.fixture(scope="module")
def command() -> Any:
    """The whole command line, made once: that takes longer than to refuse."""
    return get_command(app)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SATSEEK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SATSEEK_MODEL", "starter")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        (("none",), (3, "no folder or file")),
        (("run", "none"), (3, "no folder or file")),
        (("-c", "nothing"), (3, "no collection 'nothing'")),
        (("-c", "nothing", "--labels", "corine"), (2, "planning")),
        (("-c", "nothing", "--labels", "corine.json"), (3, "expected a file of labels")),
        (("-c", "nothing", "--labels", "planning.json", "-l", "mine"), (2, "not both")),
        (("-c", "nothing", "-l", "mine", "-l", "MINE"), (2, "came twice")),
        (("-c", "nothing", "--chip", "64"), (2, "name one, or --stac-api")),
        (("none", "--stac-api", "https://example.org"), (2, "not both")),
        (("-c", "nothing", "--max-items", "3"), (2, "go with --stac-api")),
        (("-c", "nothing", "--by", "week"), (2, "day, month or year")),
        (("-c", "nothing", "--shift", "all"), (2, "none, mean, fitted")),
        (("-c", "nothing", "--least-valid", "2"), (2, "0 to 1")),
        (("-c", "nothing", "--seed", "10"), (2, "0 <= grow <= seed")),
        (("-c", "nothing", "--change", "0"), (2, "between 0 and 1")),
        (("-c", "nothing", "--districts", "none.gpkg"), (3, "no such file")),
        (("-c", "nothing", "--report", "docx"), (2, "html or pdf")),
        (("-c", "nothing", "--language", "fr"), (2, "en or zh")),
        (("-c", "nothing", "--name", "../up"), (2, "name")),
        (("-c", "nothing", "--bbox", "1,2,3"), (2, "west,south,east,north")),
        (("-c", "nothing", "--key", "k"), (2, "--detach")),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    room: Path, command: Any, words: tuple[str, ...], ending: tuple[int, str]
) -> None:
    code, said = ending
    with pytest.raises(SatseekError) as refused:
        command.main(["landuse", *words], standalone_mode=False)
    assert (code, 1) == (refused.value.exit_code, len(str(refused.value).splitlines()))
    assert said in str(refused.value)
    assert not (room / "data" / "collections").exists()


def test_what_was_typed_is_asked_of_a_worker_with_whole_paths(room: Path) -> None:
    (room / "monthly").mkdir()
    typed = Typed(
        source="monthly",
        collection=None,
        name="towns",
        out=Path("out"),
        said={"labels": "own.toml", "districts": "towns.gpkg", "by": "day"},
        scenes={"chip_px": 128, "recipe": "own.json", "allow": ["./more"]},
        ground={"bbox": "14,46,16,48", "start": "2024-05-01"},
    )
    asked = typed.job("landuse")
    assert isinstance(asked, LanduseHere)
    assert (str(room / "monthly"), str(room / "out"), 128, "day") == (
        asked.folder,
        asked.out,
        asked.chip_px,
        asked.by,
    )
    places = (asked.labels, asked.districts, asked.recipe, *asked.allow)
    assert [str(room / one) for one in ("own.toml", "towns.gpkg", "own.json", "more")] == [*places]
    assert ((14.0, 46.0, 16.0, 48.0), "2024-05-01") == (asked.bbox, asked.start)


def test_a_search_of_an_api_is_where_and_when_the_map_is() -> None:
    box = "14,46,16,48"
    found = search_of(
        "https://example.org",
        collections="a, b",
        bbox=box,
        start="2024-05-01",
        end=None,
        max_items=5,
    )
    assert {
        "collections": ["a", "b"],
        "bbox": (14.0, 46.0, 16.0, 48.0),
        "datetime": "2024-05-01/..",
        "max_items": 5,
    } == found
    nothing = {"start": None, "end": None, "max_items": None}
    assert search_of(None, collections=None, bbox=box, **nothing) is None
    with pytest.raises(InvalidRequest, match="--stac-api"):
        search_of(None, collections="a", bbox=None, **nothing)
