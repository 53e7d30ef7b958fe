"""The settings and what was measured decide which engine runs the model in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.assemble import Assembly
from satseek.engines.choice import EngineChoice
from satseek.engines.machine import this_machine
from satseek.engines.remembering import Measured, remember
from satseek.errors import InvalidRequest
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["a river", "storage tanks beside a harbour"]


def measured(choice: EngineChoice, *, cosine: float, speed: float) -> Measured:
    return Measured(
        choice=choice,
        images_per_s=speed,
        texts_per_s=speed,
        image_ms=1000 / speed,
        text_ms=1000 / speed,
        peak_bytes=1,
        least_cosine=cosine,
    )


def test_unmeasured_all_cores_work_one_call_each(tmp_path: Path) -> None:
    assert Assembly(Settings(data_dir=tmp_path)).workers == this_machine().cores
    assert Assembly(Settings(data_dir=tmp_path, threads=3)).workers == 3


def test_the_fastest_measured_engine_is_taken_and_one_asked_for_beats_it(tmp_path: Path) -> None:
    parts = Assembly(Settings(data_dir=tmp_path))
    fast = EngineChoice(runtime="openvino", threads=1, streams=1)
    slow = EngineChoice(threads=1, streams=1)
    wrong = EngineChoice(precision="float16", threads=1, streams=1)
    rows = [
        measured(slow, cosine=1.0, speed=10),
        measured(wrong, cosine=0.5, speed=90),
        measured(fast, cosine=1.0, speed=30),
    ]
    remember(tmp_path, machine=this_machine(), card=parts.model().card, measured=rows)
    pytest.importorskip("openvino", reason="missing: pip install 'satseek[openvino]'")
    assert parts.model().choices == (fast, fast)
    asked = Assembly(Settings(data_dir=tmp_path, engine="onnxruntime"))
    assert asked.model().choices == (slow, slow)
    vectors = [one.embedder.embed_texts(TEXTS) for one in (parts, asked)]
    cosines = (vectors[0] * vectors[1]).sum(axis=1)
    np.testing.assert_allclose(cosines, 1, atol=1e-3)


def test_an_engine_that_cannot_do_what_is_asked_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install 'satseek[torch]'")
    parts = Assembly(Settings(data_dir=tmp_path, engine="torch", device="tensorrt"))
    with pytest.raises(InvalidRequest, match="torch runs on cpu and cuda"):
        _ = parts.embedder
