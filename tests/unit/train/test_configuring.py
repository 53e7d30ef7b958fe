from __future__ import annotations

from pathlib import Path

import pytest

from satseek.errors import FolderNotFound, InvalidConfig
from satseek.train import read_config

ROOT = Path(__file__).parents[3]
RIGHT = """
name = "a"
out = "b"
[schedule]
steps = 5
other_rate = 1
[[sources]]
kind = "labels"
path = "c"
[sources.also]
x = ["y", "z"]
[[sources]]
kind = "county"
path = "d"
chips = 4
seeds = [1, 2]
"""


def _read(tmp_path: Path, text: str) -> object:
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    return read_config(tmp_path / "run.toml")


def test_reads_every_kind_of_value(tmp_path: Path) -> None:
    config = _read(tmp_path, RIGHT)
    assert config.schedule.other_rate == 1.0
    assert config.sources[0].also == {"x": ["y", "z"]}
    assert config.sources[1].seeds == (1, 2)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (RIGHT.replace("steps", "stages"), "unknown key 'stages'"),
        (RIGHT.replace("steps = 5", "batch = 5"), "'steps' is missing"),
        (RIGHT.replace("steps = 5", "steps = 0"), "schedule.steps of at least 1"),
        (RIGHT.replace("steps = 5", "steps = true"), "steps: expected int, not True"),
        (RIGHT.replace('"labels"', '"tables"'), "kind: expected"),
        (RIGHT.replace("chips = 4", ""), "chips of at least 1"),
        (RIGHT.replace("[1, 2]", '["one"]'), "seeds: expected"),
        (RIGHT + "weight = 0", "weight > 0"),
        ("name = [", "expected TOML"),
        ("[model]\npatch_size = 7\n" + RIGHT, "'name' is missing"),
        (RIGHT + "[model]\npatch_size = 7\n", "multiple of patch_size"),
    ],
)
def test_refuses_with_one_line_that_says_what_was_expected(
    tmp_path: Path, wrong: str, said: str
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        _read(tmp_path, wrong)
    message = str(caught.value)
    assert said in message
    assert "\n" not in message
    assert "run.toml" in message


def test_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FolderNotFound, match=r"none\.toml"):
        read_config(tmp_path / "none.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "train").glob("*.toml")))
def test_the_shipped_configurations_are_right(path: Path) -> None:
    assert read_config(path).sources
