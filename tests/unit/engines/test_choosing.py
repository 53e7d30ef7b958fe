from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from towers import CARD

from satseek.engines import choosing
from satseek.engines.choice import EngineChoice
from satseek.engines.choosing import Asked, choose_engines
from satseek.engines.machine import this_machine
from satseek.engines.remembering import FILE, Measured, remember, remembered
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = this_machine()


def _measured(*, rate: float, wait: float, cosine: float = 1.0, **choice: Any) -> Measured:
    return Measured(
        choice=EngineChoice(**{"threads": 1, "batch": 8, **choice}),
        images_per_s=rate,
        texts_per_s=rate,
        image_ms=wait,
        text_ms=wait,
        peak_bytes=1,
        least_cosine=cosine,
    )


SLOW = _measured(rate=10, wait=50)
BULK = _measured(rate=20, wait=90, streams=2)
SOON = _measured(rate=15, wait=20, threads=2)
ROUGH = _measured(rate=90, wait=5, precision="bfloat16", cosine=0.998)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    remember(tmp_path, machine=MACHINE, card=CARD, measured=[SLOW, BULK, SOON, ROUGH])
    return tmp_path


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="satseek")
    return caplog


def test_without_measurement_onnx_runtime_runs_on_the_cpu_and_the_log_says_how_to_measure(
    tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    chosen = choose_engines(CARD, Asked(), folder=tmp_path)
    assert EngineChoice() == chosen.single
    assert EngineChoice(threads=1, streams=MACHINE.cores) == chosen.bulk
    assert not chosen.measured
    assert ["satseek model bench" in record.getMessage() for record in log.records] == [True]


def test_questions_get_what_answers_soonest_and_long_work_what_does_most(folder: Path) -> None:
    chosen = choose_engines(CARD, Asked(threads=2), folder=folder)
    assert (SOON.choice, BULK.choice, True) == (chosen.single, chosen.bulk, chosen.measured)


def test_what_is_not_faster_than_noise_does_not_win_over_what_is_simpler(tmp_path: Path) -> None:
    near = _measured(rate=10.3, wait=49, runtime="openvino")
    remember(tmp_path, machine=MACHINE, card=CARD, measured=[SLOW, near])
    chosen = choose_engines(CARD, Asked(), folder=tmp_path)
    assert {SLOW.choice} == {chosen.single, chosen.bulk}


def test_vectors_too_far_from_float32_are_only_picked_by_name(folder: Path) -> None:
    assert choose_engines(CARD, Asked(precision="bfloat16"), folder=folder).bulk == ROUGH.choice


def test_int8_is_judged_by_what_its_best_engine_reaches(tmp_path: Path) -> None:
    card = replace(CARD, precision="int8")
    best = _measured(rate=10, wait=50, cosine=0.9960)
    alike = _measured(rate=20, wait=30, cosine=0.9955, runtime="onnxruntime", threads=2)
    worse = _measured(rate=90, wait=5, cosine=0.99)
    remember(tmp_path, machine=MACHINE, card=card, measured=[best, alike, worse])
    assert choose_engines(card, Asked(threads=2), folder=tmp_path).bulk == alike.choice


def test_fewer_cores_than_measured_are_kept_to(folder: Path) -> None:
    chosen = choose_engines(CARD, Asked(threads=1), folder=folder)
    assert replace(SOON.choice, threads=1) == chosen.single
    assert replace(BULK.choice, streams=1) == chosen.bulk


def test_another_version_of_the_model_was_not_measured(folder: Path) -> None:
    assert not choose_engines(replace(CARD, version="0" * 12), Asked(), folder=folder).measured


def test_a_runtime_that_is_gone_is_said_once_and_done_without(
    tmp_path: Path, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(choosing.NEEDED, "openvino", ("a_package_that_nobody_has",))
    before = replace(MACHINE, runtimes=(*MACHINE.runtimes, ("a_package_that_nobody_has", "1")))
    gone = _measured(rate=90, wait=1, runtime="openvino")
    remember(tmp_path, machine=before, card=CARD, measured=[SLOW, gone])
    chosen = choose_engines(CARD, Asked(), folder=tmp_path)
    assert (EngineChoice(), False) == (chosen.single, chosen.measured)
    (warning,) = [record for record in log.records if record.levelno == logging.WARNING]
    assert "openvino" in warning.getMessage()
    assert "pip install 'satseek[openvino]'" in warning.getMessage()


def test_other_versions_of_the_runtimes_ask_for_another_measurement(
    tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    before = replace(MACHINE, runtimes=(("onnxruntime", "0.1"),))
    remember(tmp_path, machine=before, card=CARD, measured=[SOON])
    assert not choose_engines(CARD, Asked(), folder=tmp_path).measured
    assert {"INFO"} == {record.levelname for record in log.records}


def test_what_is_named_is_what_runs(tmp_path: Path) -> None:
    chosen = choose_engines(CARD, Asked(engine="torch", precision="bfloat16"), folder=tmp_path)
    assert ("torch", "bfloat16") == (chosen.single.runtime, chosen.single.precision)
    assert chosen.bulk.streams == MACHINE.cores


@pytest.mark.parametrize(
    "asked", [Asked(engine="tensorflow"), Asked(device="tpu"), Asked(precision="int4")]
)
def test_what_does_not_exist_is_refused(asked: Asked, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"expected .* auto"):
        choose_engines(CARD, asked, folder=tmp_path)


def test_measuring_again_replaces_what_was_measured(folder: Path) -> None:
    remember(folder, machine=MACHINE, card=CARD, measured=[SLOW])
    remember(folder, machine=MACHINE, card=replace(CARD, version="0" * 12), measured=[BULK])
    found = remembered(folder, machine=MACHINE, card=CARD)
    assert found is not None
    assert (SLOW,) == found.measured
    assert len(json.loads((folder / FILE).read_text(encoding="utf-8"))["entries"]) == 2


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1, "entries": [3]}'])
def test_a_damaged_file_is_ignored_and_said(
    tmp_path: Path, text: str, log: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    assert not choose_engines(CARD, Asked(), folder=tmp_path).measured
    assert any(FILE in record.getMessage() for record in log.records)
