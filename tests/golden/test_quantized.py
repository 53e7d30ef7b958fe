"""Integer bundles against the float ones they were made from: shipped and random models."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("onnx", reason="pip install 'satseek[quantize]'")

import onnx

from satseek.embed.embedder import Embedder
from satseek.engines.onnxruntime import OnnxEngine
from satseek.errors import ModelNotFound
from satseek.evaluate.agreement import row_cosines
from satseek.model.bundle import Bundle, open_bundle, starter_bundle
from satseek.model.preprocessing import preprocess
from satseek.model.reports import read_report
from satseek.model.tokenizer import Tokenizer
from satseek.quantize.observing import Runner, observe
from satseek.quantize.proving import prove
from satseek.quantize.quantizing import quantize_bundle
from satseek.quantize.rewriting import Tower, check_tower
from satseek.quantize.sampling import Sample, county_sample, halved, usual_texts

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = "pip install 'satseek[torch]'"

SABOTAGED = (
    "vision_model.encoder.layers.0.mlp.fc1",
    "vision_model.encoder.layers.3.self_attn.q_proj",
    "pool.value",
    "text_model.encoder.layers.1.mlp.fc2",
)
"""One layer each: one that ruins every figure, and ones whose loss the other layers hide."""


@pytest.fixture(scope="module")
def starter() -> Bundle:
    try:
        return starter_bundle()
    except ModelNotFound as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def samples() -> tuple[Sample, Sample]:
    """Chips and texts for ranges, and others for the proof."""
    whole = county_sample(seed=101, images=160, texts=96, px=2048)
    seen, proof = (
        Sample(images=images, texts=texts, labels=whole.labels, truth=truth)
        for images, texts, truth in zip(
            halved(whole.images), halved(whole.texts), halved(whole.truth), strict=True
        )
    )
    return seen, proof


@pytest.fixture(scope="module")
def real(
    starter: Bundle, samples: tuple[Sample, Sample], tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    folder, (seen, proof) = tmp_path_factory.mktemp("int8"), samples
    quantize_bundle(starter, folder, images=seen.images, texts=seen.texts, proof=proof)
    return open_bundle(folder)


def _shuffled(bundle: Bundle, layer: str, folder: Path) -> Bundle:
    """The same bundle with the scales of one layer's weights in another order."""
    shutil.copytree(bundle.folder, folder)
    for file in ("image.onnx", "text.onnx"):
        model = onnx.load(str(folder / file))
        for tensor in model.graph.initializer:
            if tensor.name == f"{layer}.weight.scale":
                scales = onnx.numpy_helper.to_array(tensor)
                mixed = np.random.default_rng(0).permutation(scales)
                tensor.CopyFrom(onnx.numpy_helper.from_array(mixed, tensor.name))
                onnx.save(model, str(folder / file))
                return open_bundle(folder)
    pytest.fail(f"no integer layer {layer}")


def test_the_gate_accepts_the_real_version(real: Bundle, starter: Bundle) -> None:
    report = read_report(real.folder)
    assert report is not None
    assert [] == [check.name for check in report.checks if not check.passed]
    assert report.model == f"satseek-starter@{real.card.version}"
    assert report.reference == f"satseek-starter@{starter.card.version}"
    assert 18 <= len(report.checks)


def test_the_card_names_parent_and_precision(real: Bundle, starter: Bundle) -> None:
    assert ("int8", starter.card.version) == (real.card.precision, real.card.parent)
    assert real.card.version != starter.card.version
    assert real.card.dim == starter.card.dim
    assert real.image_tower.stat().st_size <= 0.6 * starter.image_tower.stat().st_size


@pytest.mark.parametrize("layer", SABOTAGED)
def test_the_gate_refuses_a_version_with_one_layer_shuffled(
    real: Bundle, starter: Bundle, samples: tuple[Sample, Sample], tmp_path: Path, layer: str
) -> None:
    bad = _shuffled(real, layer, tmp_path / "bad")
    report = prove(bad, starter, proof=samples[1])
    assert not report.passed
    tower = "text" if layer.startswith("text") else "image"
    assert f"{tower} layers, worst gain" in {c.name for c in report.checks if not c.passed}
    assert layer == report.details["worst layers"][tower]


def test_an_integer_vector_does_not_depend_on_its_batch(
    real: Bundle, samples: tuple[Sample, Sample]
) -> None:
    embedder = Embedder(OnnxEngine(real, threads=1), Tokenizer.from_bundle(real))
    chips = samples[1].images[:9]
    together = embedder.embed_images(chips)
    alone = np.concatenate([embedder.embed_images([chip]) for chip in chips])
    assert row_cosines(together, alone).min() >= 0.99999


def test_the_same_chips_give_the_same_version(
    real: Bundle, starter: Bundle, samples: tuple[Sample, Sample], tmp_path: Path
) -> None:
    seen, proof = samples
    card = quantize_bundle(
        starter, tmp_path, images=seen.images, texts=seen.texts, proof=proof, towers="text"
    )
    assert real.text_tower.read_bytes() == (tmp_path / "text.onnx").read_bytes()
    assert starter.image_tower.read_bytes() == (tmp_path / "image.onnx").read_bytes()
    assert "mixed" == card.precision


def test_a_tower_of_git_rsclip_base_widths_keeps_its_features(
    samples: tuple[Sample, Sample], tmp_path: Path
) -> None:
    maker = pytest.importorskip("modelmaker", reason=INSTALL, exc_type=ImportError)
    bundle = maker.make_bundle(tmp_path, maker.BASE_SHALLOW, precision="float32")
    rows = preprocess(samples[0].images[:12], size=bundle.card.image_size)
    tower = Tower.read(bundle.image_tower)
    ranges = {e: one.range("minmax") for e, one in observe(tower, rows[:8], threads=2).items()}
    model = tower.built(ranges=ranges)
    check_tower(model)
    expected = Runner(tower.built(), threads=2).features(rows[8:])
    assert row_cosines(Runner(model, threads=2).features(rows[8:]), expected).min() >= 0.995
    assert model.ByteSize() <= 0.45 * tower.built().ByteSize()


def test_clip_goes_the_same_way(samples: tuple[Sample, Sample], tmp_path: Path) -> None:
    maker = pytest.importorskip("clipmaker", reason=INSTALL, exc_type=ImportError)
    from satseek.checkpoints import clip  # noqa: PLC0415
    from satseek.checkpoints.writing import write_bundle  # noqa: PLC0415

    made = maker.make_clip_directory(tmp_path / "made", maker.SMALL)
    (tmp_path / "bundle").mkdir()
    write_bundle(
        clip.read(made, report=pytest.fail),
        tmp_path / "bundle",
        name="random",
        precision="float32",
        licences={},
        training_data="none",
        accuracy={},
        report=lambda _step: None,
    )
    bundle = open_bundle(tmp_path / "bundle")
    (tmp_path / "int8").mkdir()
    texts = usual_texts(seed=1, texts=24)
    card = quantize_bundle(
        bundle, tmp_path / "int8", images=samples[0].images[:24], texts=texts, proof=samples[1]
    )
    assert ("clip", "softmax") == (card.family, card.score_head)
    assert card.preprocessing == bundle.card.preprocessing
    report = read_report(tmp_path / "int8")
    assert report is not None
    figures = {check.name: check.value for check in report.checks}
    assert figures["image cosine, mean"] >= 0.995
    assert figures["text cosine, mean"] >= 0.995
