from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from towers import CARD

from satseek.errors import DamagedData, ModelNotFound
from satseek.model.bundle import open_bundle
from satseek.model.card import write_card
from satseek.model.store import ModelStore, find_bundle

if TYPE_CHECKING:
    from pathlib import Path


def _bundle(folder: Path) -> Path:
    folder.mkdir(parents=True)
    write_card(CARD, folder)
    for name in ("image.onnx", "text.onnx", "tokenizer.json"):
        (folder / name).write_bytes(b"not opened")
    return folder


def test_a_bundle_is_its_files(tmp_path: Path) -> None:
    folder = _bundle(tmp_path / "one")
    bundle = open_bundle(folder)
    assert bundle.card == CARD
    assert [folder / "image.onnx", folder / "text.onnx", folder / "tokenizer.json"] == [
        bundle.image_tower,
        bundle.text_tower,
        bundle.tokenizer,
    ]


@pytest.mark.parametrize("name", ["image.onnx", "text.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = _bundle(tmp_path / "one")
    (folder / name).unlink()
    with pytest.raises(DamagedData, match=name):
        open_bundle(folder)


def test_no_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="no such folder"):
        open_bundle(tmp_path / "nowhere")


def test_a_name_is_looked_up_in_the_store(tmp_path: Path) -> None:
    folder = _bundle(tmp_path / "store" / "base")
    assert folder == find_bundle("base", store=tmp_path / "store").folder


def test_a_path_needs_no_store(tmp_path: Path) -> None:
    folder = _bundle(tmp_path / "elsewhere")
    assert folder == find_bundle(str(folder), store=tmp_path / "no store").folder


@pytest.mark.parametrize("name", ["other", "", "../nothing"])
def test_what_is_not_found_lists_what_there_is(tmp_path: Path, name: str) -> None:
    _bundle(tmp_path / "base")
    (tmp_path / "no model").mkdir()
    with pytest.raises(ModelNotFound, match="one of: starter, base@0123456789ab "):
        find_bundle(name, store=tmp_path)


def test_an_absent_store_still_has_the_starter(tmp_path: Path) -> None:
    assert ModelStore(tmp_path / "absent").find("starter").card.name == "satseek-starter"
