"""Shipped label sets are whole; files of one's own are read, or refused by what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import EmptyText, FolderNotFound, InvalidConfig, InvalidRequest
from satseek.monitor.labels.files import (
    MAX_BYTES,
    find_labels,
    label_set_of,
    preset,
    preset_names,
    read_labels,
)
from satseek.search.glossary import is_chinese

if TYPE_CHECKING:
    from pathlib import Path

OWN = {
    "name": "two",
    "labels": [
        "forest",
        {
            "name": "mine",
            "prompts": ["open pit", "quarry"],
            "names": {"zh": "矿"},
            "colour": [1, 2, 3],
        },
    ],
    "distractors": ["clouds"],
    "templates": ["{}", "a photo of {}"],
}

TOML = """
name = "two"
distractors = ["clouds"]
templates = ["{}", "a photo of {}"]
labels = [
  "forest",
  {name = "mine", prompts = ["open pit", "quarry"], names = {zh = "矿"}, colour = [1, 2, 3]},
]
"""


@pytest.mark.parametrize("name", preset_names())
def test_every_shipped_set_is_named_in_both_languages(name: str) -> None:
    labels = preset(name)
    assert name == labels.name
    assert {"en", "zh"} <= set(labels.names)
    for label in labels.labels:
        assert {"en", "zh"} <= set(label.names), label.name
        assert is_chinese(label.called("zh"))
        assert all(prompt.isascii() for prompt in label.prompts)


def test_no_prompt_of_planning_stands_for_two_of_its_eight_classes() -> None:
    labels = preset("planning")
    prompts = [prompt for label in labels.labels for prompt in label.prompts]
    assert (8, len(prompts)) == (len(labels.labels), len(set(prompts)))
    assert 8 == len({label.colour for label in labels.labels} - {None})


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(json.dumps(OWN), encoding="utf-8-sig")
    (tmp_path / "own.toml").write_text(TOML, encoding="utf-8")
    read = [find_labels(name, folder=tmp_path) for name in ("own.json", "own.toml")]
    assert read[0] == read[1]
    assert (("forest", "mine"), (1, 2, 3)) == (read[0].plain, read[0].labels[1].colour)
    assert ("{}", "a photo of {}") == read[0].templates


def test_a_set_that_is_not_shipped_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidRequest, match="planning"):
        find_labels("corine", folder=None)  # type: ignore[arg-type]  # no file is looked for


def _with(**changes: Any) -> dict[str, Any]:
    return {**OWN, **changes}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "expected keys and values"),
        (_with(labels=None), "expected a list of labels"),
        (_with(label=[]), "came label"),
        (_with(labels=[{"name": "mine", "colour": [1, 2]}]), r"labels\[0\]\.colour"),
        (_with(labels=[{"name": "mine", "colour": [1, 2, 256]}]), r"labels\[0\]\.colour"),
        (_with(labels=[{"name": "mine", "prompts": "pit"}]), r"labels\[0\]\.prompts"),
        (_with(labels=[{"name": "mine", "prompt": ["pit"]}]), r"labels\[0\].*came prompt"),
        (_with(labels=[{"prompts": ["pit"]}]), r"labels\[0\]\.name"),
        (_with(templates=[1]), r"templates\[0\]"),
        (_with(names={"zh": 1}), r"names\.zh"),
    ],
)
def test_a_file_that_is_no_label_set_is_refused_by_its_key(content: Any, said: str) -> None:
    with pytest.raises(InvalidConfig, match=said):
        label_set_of(content, source="own.json")


def test_labels_without_words_are_refused() -> None:
    with pytest.raises(EmptyText):
        label_set_of(_with(labels=[{"name": "mine", "prompts": []}]), source="own.json")
    with pytest.raises(EmptyText):
        label_set_of(_with(labels=[]), source="own.json")


@pytest.mark.parametrize(
    ("name", "content"), [("own.json", b"{"), ("own.toml", b"= 1"), ("own.json", b"\xff\xfe{")]
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidConfig, match=f"{name}: expected JSON or TOML"):
        read_labels(tmp_path / name)


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderNotFound):
        read_labels(tmp_path / "none.json")
    with pytest.raises(FolderNotFound):
        read_labels(tmp_path)
    (tmp_path / "large.json").write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(InvalidConfig, match="at most"):
        read_labels(tmp_path / "large.json")
