from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import DamagedData, InvalidRequest
from satseek.model.bundle import open_bundle
from satseek.model.card import content_version
from satseek.quantize.quantizing import quantize_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.model.bundle import Bundle
    from satseek.quantize.sampling import Sample


def _asked(bundle: Bundle, folder: Path, sample: Sample, **more: Any) -> Any:
    told = {"images": sample.images, "texts": sample.texts, "proof": sample}
    return quantize_bundle(bundle, folder, **{**told, **more})


def _stored_as(bundle: Bundle, precision: str) -> Bundle:
    return replace(bundle, card=replace(bundle.card, precision=precision))


@pytest.mark.parametrize(
    ("held", "to"), [("int8", "int8"), ("mixed", "int8"), ("float16", "bfloat16")]
)
def test_what_is_as_small_already_is_refused(
    starter: Bundle, sample: Sample, tmp_path: Path, held: str, to: str
) -> None:
    with pytest.raises(InvalidRequest, match=f"stored larger than {to}, this one is {held}"):
        _asked(_stored_as(starter, held), tmp_path, sample, to=to)
    assert [] == list(tmp_path.iterdir())


def test_too_few_texts_are_refused(starter: Bundle, sample: Sample, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="16 chips and texts or more"):
        _asked(starter, tmp_path, sample, texts=sample.texts[:3])
    assert [] == list(tmp_path.iterdir())


def test_weights_stored_in_half_the_bits_pass_the_gate(
    starter: Bundle, sample: Sample, tmp_path: Path
) -> None:
    card = _asked(_stored_as(starter, "float32"), tmp_path, sample, to="bfloat16", towers="text")
    assert "bfloat16" == card.precision
    assert open_bundle(tmp_path).card == card
    assert content_version(tmp_path) == card.version
    assert card.accuracy["text cosine, mean"] >= 0.9999
    names = {path.name for path in tmp_path.iterdir()}
    assert {"image.onnx", "text.onnx", "tokenizer.json", "card.json", "gate.json"} == names


def test_a_damaged_tower_is_named(starter: Bundle, sample: Sample, tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    for path in starter.folder.iterdir():
        (parent / path.name).write_bytes(path.read_bytes())
    (parent / "text.onnx").write_bytes((parent / "text.onnx").read_bytes()[:70_000])
    (tmp_path / "made").mkdir()
    with pytest.raises(DamagedData, match=r"text\.onnx"):
        _asked(open_bundle(parent), tmp_path / "made", sample, towers="text")
