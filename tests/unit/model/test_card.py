from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from towers import CARD

from satseek.errors import DamagedData, ModelNotFound
from satseek.model.card import content_version, read_card, write_card

if TYPE_CHECKING:
    from pathlib import Path


def _rewrite(folder: Path, **changes: Any) -> None:
    write_card(CARD, folder)
    written = json.loads((folder / "card.json").read_text())
    written |= changes
    kept = {name: value for name, value in written.items() if value is not ...}
    (folder / "card.json").write_text(json.dumps(kept))


def test_a_written_card_reads_back(tmp_path: Path) -> None:
    write_card(CARD, tmp_path)
    assert read_card(tmp_path) == CARD


def test_a_whole_number_is_a_number(tmp_path: Path) -> None:
    _rewrite(tmp_path, logit_scale=2)
    assert type(read_card(tmp_path).logit_scale) is float


@pytest.mark.parametrize("name", ["licences", "training_data", "accuracy"])
def test_descriptions_may_be_left_out(tmp_path: Path, name: str) -> None:
    _rewrite(tmp_path, **{name: ...})
    assert read_card(tmp_path) == CARD


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"dim": ...}, "missing dim"),
        ({"dims": 4}, "unknown dims"),
        ({"dim": 0}, "expected dim to be a positive whole number, got 0"),
        ({"dim": True}, "expected dim to be a positive whole number, got True"),
        ({"logit_bias": "-10"}, "expected logit_bias to be a number"),
        ({"name": None}, "expected name to be a text, got None"),
        ({"licences": {"weights": 1}}, "expected licences to be an object of texts"),
        ({"accuracy": []}, "expected accuracy to be an object of numbers"),
    ],
)
def test_a_wrong_card_says_what_is_wrong(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    _rewrite(tmp_path, **changes)
    with pytest.raises(DamagedData, match=complaint) as caught:
        read_card(tmp_path)
    assert "card.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '"card"'])
def test_what_is_no_object_is_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(DamagedData, match="expected a JSON object"):
        read_card(tmp_path)


def test_no_card_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"found no card\.json"):
        read_card(tmp_path)


def test_the_version_is_that_of_the_bytes_in_their_order(tmp_path: Path) -> None:
    parts = {"image.onnx": b"images", "text.onnx": b"texts", "tokenizer.json": b"pieces"}
    for name, content in parts.items():
        (tmp_path / name).write_bytes(content)
    assert hashlib.sha256(b"imagestextspieces").hexdigest()[:12] == content_version(tmp_path)


def test_the_card_is_not_part_of_the_version(tmp_path: Path) -> None:
    for name in ("image.onnx", "text.onnx", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"x")
    before = content_version(tmp_path)
    write_card(CARD, tmp_path)
    assert before == content_version(tmp_path)


def test_a_version_needs_all_files(tmp_path: Path) -> None:
    (tmp_path / "image.onnx").write_bytes(b"x")
    with pytest.raises(DamagedData, match=r"expected text\.onnx"):
        content_version(tmp_path)
