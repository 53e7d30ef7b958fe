from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from satseek.engines.candidates import candidates, layouts
from satseek.engines.choice import EngineChoice
from satseek.engines.machine import Machine
from satseek.engines.measuring import Plan, Reference, least_cosine, measure
from satseek.engines.probing import probes
from satseek.engines.workers import TimedEngine
from satseek.errors import InvalidRequest, OutOfMemory, SatseekError
from satseek.model.bundle import Bundle, starter_bundle

if TYPE_CHECKING:
    from pathlib import Path

ONE = EngineChoice(threads=1)
PLAN = Plan(batches=(1, 2, 3), texts=2, seconds=0.02, rounds=1)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return starter_bundle()


@pytest.fixture(scope="module")
def given(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("probes") / "probes.npz"
    rows = probes(bundle, images=2)
    np.savez(path, image=rows.images, text=rows.texts)
    return path


def _machine(*features: str, cores: int = 2) -> Machine:
    return Machine(cpu="a", cores=cores, features=features, gpus=(), runtimes=())


def test_a_table_has_a_row_for_what_runs_and_a_reason_for_what_does_not(bundle: Bundle) -> None:
    said: list[str] = []
    wrong = EngineChoice(precision="bfloat16")
    table = measure(
        bundle,
        [ONE, wrong],
        reference=Reference(bundle=bundle, choice=ONE),
        probes=probes(bundle, images=2),
        plan=PLAN,
        report=lambda note, _done, _all: said.append(note),
    )
    (row,), (failed,) = table.rows, table.failed
    assert row.measured.choice.batch in (1, 2, 3)
    assert row.measured.least_cosine > 0.9999999
    assert row.image_ratio > 0
    assert row.resident_bytes <= row.measured.peak_bytes
    assert [part.batch for part in row.batches] == [1, 2, 3][: len(row.batches)]
    assert failed.choice == wrong
    assert "computes in float32" in failed.reason
    assert said[-1] == "done"


def test_an_engine_that_refuses_says_why(bundle: Bundle, given: Path) -> None:
    choice = EngineChoice(precision="float16")
    with (
        TimedEngine(bundle, choice, probes=given) as engine,
        pytest.raises(InvalidRequest, match="computes in float32"),
    ):
        engine.open()


def test_a_process_that_the_system_kills_was_too_large(bundle: Bundle, given: Path) -> None:
    with TimedEngine(bundle, ONE, probes=given) as engine:
        engine.open()
        os.kill(engine._process.pid, signal.SIGKILL)
        with pytest.raises(OutOfMemory, match="killed by the system"):
            engine.rate("image", batch=1, seconds=0.01)


def test_a_process_that_ends_otherwise_is_told_with_its_last_words(bundle: Bundle) -> None:
    with (
        TimedEngine(bundle, ONE, probes=bundle.folder / "no.npz") as engine,
        pytest.raises(SatseekError, match=r"its process ended: .*no\.npz"),
    ):
        engine.open()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([[1, 0], [0, 2]], [[3, 0], [0, 1]], 1.0),
        ([[1, 0], [0, 2]], [[3, 0], [1, 0]], 0.0),
        ([[1, 0]], [[-1, 0]], -1.0),
        ([[0, 0]], [[1, 0]], 0.0),
        ([[np.nan, 0]], [[1, 0]], 0.0),
    ],
)
def test_least_cosine_is_that_of_the_worst_row(
    left: list[list[float]], right: list[list[float]], expected: float
) -> None:
    a, b = np.array(left, np.float32), np.array(right, np.float32)
    assert least_cosine(a, b) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("cores", "thorough", "expected"),
    [
        (1, True, [(1, 1)]),
        (2, True, [(2, 1), (1, 2)]),
        (8, False, [(8, 1), (1, 8)]),
        (8, True, [(8, 1), (4, 2), (1, 8)]),
    ],
)
def test_cores_are_shared_out_in_ways_worth_a_try(
    cores: int, *, thorough: bool, expected: list[tuple[int, int]]
) -> None:
    assert expected == layouts(cores, thorough=thorough)


def test_bfloat16_is_tried_where_the_processor_has_it(bundle: Bundle) -> None:
    pytest.importorskip("openvino", reason="pip install 'satseek[openvino]'")
    with_it = candidates(bundle, _machine("avx512_bf16"), thorough=False)
    without = candidates(bundle, _machine("avx2"), thorough=False)
    assert "bfloat16" in {choice.precision for choice in with_it}
    assert {"float32"} == {choice.precision for choice in without}


def test_a_bundle_without_float_weights_is_not_for_torch(bundle: Bundle, tmp_path: Path) -> None:
    bare = Bundle(
        folder=tmp_path,
        card=bundle.card,
        image_tower=bundle.image_tower,
        text_tower=bundle.text_tower,
        tokenizer=bundle.tokenizer,
    )
    found = candidates(bare, _machine(), thorough=True)
    assert "torch" not in {choice.runtime for choice in found}
    assert found[0] == EngineChoice(threads=2)
