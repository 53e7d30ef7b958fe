from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.engines.choosing import EngineChoice, open_engine
from satseek.errors import DamagedData, InvalidRequest
from satseek.model.bundle import Bundle, starter_bundle

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("openvino", reason="pip install 'satseek[openvino]'")

from satseek.engines.openvino import OpenVinoEngine, openvino_precisions


@pytest.fixture
def damaged(tmp_path: Path) -> Bundle:
    whole = starter_bundle()
    (tmp_path / "image.onnx").write_bytes(b"no tower")
    return Bundle(
        folder=tmp_path,
        card=whole.card,
        image_tower=tmp_path / "image.onnx",
        text_tower=whole.image_tower,
        tokenizer=whole.tokenizer,
    )


def test_a_file_that_is_no_tower_is_named(damaged: Bundle) -> None:
    size = damaged.card.image_size
    images = np.zeros((1, 3, size, size), "float32")
    with pytest.raises(DamagedData, match=r"image\.onnx: expected an ONNX tower"):
        OpenVinoEngine(damaged).image_features(images)


def test_a_tower_with_other_ends_is_refused(damaged: Bundle) -> None:
    ids = np.ones((1, damaged.card.context_length), "int64")
    with pytest.raises(DamagedData, match="expected input_ids"):
        OpenVinoEngine(damaged).text_features(ids)


def test_a_precision_that_this_processor_lacks_is_refused() -> None:
    lacking = {"bfloat16", "float16"}.difference(openvino_precisions())
    for precision in sorted(lacking):
        with pytest.raises(InvalidRequest, match="OpenVINO on this CPU computes in float32"):
            OpenVinoEngine(starter_bundle(), precision=precision)


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"streams": 0}])
def test_an_engine_needs_a_thread_and_a_stream(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest, match="at least 1"):
        OpenVinoEngine(starter_bundle(), **wrong)


def test_gpus_are_not_its_business() -> None:
    choice = EngineChoice(runtime="openvino", device="cuda")
    with pytest.raises(InvalidRequest, match="engine openvino runs on cpu, asked was 'cuda'"):
        open_engine(starter_bundle(), choice)
