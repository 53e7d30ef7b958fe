"""Imports agree with transformers, and bugs planted on purpose are refused by the check they break.

Each planted bug is one that public servers, tutorials or defaults have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from satseek.errors import GateNotPassed
from satseek.model.bundle import open_bundle
from satseek.model.reports import read_report
from satseek.model.tokenizer import Tokenizer
from satseek.types import Tokenization

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.types import Pixels, TokenIds

INSTALL = "the oracle is missing: pip install 'satseek[torch]'"
modelmaker = pytest.importorskip("modelmaker", reason=INSTALL, exc_type=ImportError)

import torch  # noqa: E402 -- the oracle may be missing

from satseek.checkpoints import siglip  # noqa: E402
from satseek.checkpoints.county import county_chips  # noqa: E402
from satseek.checkpoints.importing import import_checkpoint  # noqa: E402
from satseek.checkpoints.oracle import SiglipOracle  # noqa: E402
from satseek.checkpoints.parity import Candidate, compare, refuse_failed  # noqa: E402
from satseek.checkpoints.quiet import quiet_transformers  # noqa: E402
from satseek.checkpoints.writing import write_bundle  # noqa: E402
from satseek.engines.onnxruntime import OnnxEngine  # noqa: E402

FULL_BASE = modelmaker.Shape(
    width=768, inner=3072, layers=12, heads=12, image_size=224, vocabulary=32_000
)
"""Git-RSCLIP-base, exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Both sides of the comparison, whole."""

    folder: Path
    """Hugging Face directory."""
    bundle: Path
    """What was made of it."""
    candidate: Candidate
    """The bundle as satseek runs it."""
    oracle: SiglipOracle
    """The directory as transformers runs it."""
    images: list[Pixels]
    """Chips of the made-up county."""


@pytest.fixture(scope="module")
def images() -> list[Pixels]:
    return county_chips()[::4]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, images: list[Pixels]) -> Pair:
    home = tmp_path_factory.mktemp("import")
    folder = modelmaker.make_directory(home / "tiny", modelmaker.TINY)
    (home / "bundle").mkdir()
    with quiet_transformers():
        return _paired(folder, home / "bundle", images)


def _paired(folder: Path, bundle: Path, images: list[Pixels]) -> Pair:
    checkpoint = siglip.read(folder, report=_silent)
    _written(checkpoint, bundle)
    return Pair(
        folder=folder,
        bundle=bundle,
        candidate=_candidate(bundle),
        oracle=SiglipOracle(folder, checkpoint.tokenization),
        images=images,
    )


def _written(checkpoint: Any, bundle: Path, precision: Any = "float32") -> None:
    write_bundle(
        checkpoint,
        bundle,
        name="tiny",
        precision=precision,
        licences={},
        training_data="noise",
        accuracy={},
        report=_silent,
    )


def _candidate(folder: Path) -> Candidate:
    bundle = open_bundle(folder)
    return Candidate(
        engine=OnnxEngine(bundle, threads=1),
        tokenizer=Tokenizer.from_bundle(bundle),
        weights=folder / "model.safetensors",
    )


def _silent(_step: str) -> None:
    """Say nothing."""


def _failed(candidate: Candidate, oracle: Any, images: list[Pixels]) -> set[str]:
    """Names of the checks that failed; the gate refuses exactly when there is one."""
    report = compare(candidate, oracle, reference="transformers", images=images, report=_silent)
    failed = {check.name for check in report.checks if not check.passed}
    if failed:
        with pytest.raises(GateNotPassed) as refused:
            refuse_failed(report)
        assert all(name in str(refused.value) for name in failed)
    else:
        refuse_failed(report)
    return failed


def test_without_a_bug_every_check_passes(pair: Pair) -> None:
    assert _failed(pair.candidate, pair.oracle, pair.images) == set()


def test_float16_storage_passes_as_what_it_is(pair: Pair, tmp_path: Path) -> None:
    _written(siglip.read(pair.folder, report=_silent), tmp_path, "float16")
    assert _failed(_candidate(tmp_path), pair.oracle, pair.images) == set()


# Wrong padding


class PadsToTheLongest:
    """``padding=True``: texts as long as the longest of their batch."""

    def __init__(self, right: Tokenizer) -> None:
        self._right = right
        self.context_length = right.context_length

    def encode(self, texts: Sequence[str]) -> TokenIds:
        ids = self._right.encode(texts)
        used = (ids != ids[0, -1]).sum(axis=1).max() + 1
        return ids[:, : min(int(used), 20)]


class PadsWithAnotherToken:
    """``pad_token_id`` of the config's default instead of the tokenizer's: 0, ``<pad>``."""

    def __init__(self, right: Tokenizer) -> None:
        self._right = right
        self.context_length = right.context_length

    def encode(self, texts: Sequence[str]) -> TokenIds:
        ids = self._right.encode(texts)
        behind = np.cumsum(ids == 1, axis=1) > 1
        return np.where(behind, 0, ids)


def test_padding_to_the_longest_is_refused(pair: Pair) -> None:
    wrong = replace(pair.candidate, tokenizer=PadsToTheLongest(pair.candidate.tokenizer))  # type: ignore[arg-type]
    failed = _failed(wrong, pair.oracle, pair.images)
    assert "texts padded to the context length, share" in failed
    assert "text cosine, least" in failed


def test_padding_with_another_token_is_refused(pair: Pair) -> None:
    wrong = replace(pair.candidate, tokenizer=PadsWithAnotherToken(pair.candidate.tokenizer))  # type: ignore[arg-type]
    failed = _failed(wrong, pair.oracle, pair.images)
    assert {"token ids as the reference gives them, share", "text cosine, least"} == failed


# An attention mask


class MasksPadding(SiglipOracle):
    """The text tower run with the mask that most tokenizers hand out."""

    def text_features(self, ids: TokenIds) -> NDArray[np.float32]:
        ends = np.cumsum(ids == 1, axis=1)
        mask = torch.from_numpy((ends <= 1).astype(np.int64))
        with torch.no_grad():
            found = self._model.get_text_features(
                input_ids=torch.from_numpy(ids), attention_mask=mask
            )
        return found.pooler_output.numpy()


class TextsOfAnother:
    """satseek's engine whose text tower another way of running the same weights replaces."""

    def __init__(self, right: Any, oracle: SiglipOracle) -> None:
        self._right, self._oracle, self.card = right, oracle, right.card

    def image_features(self, tensor: Any) -> Any:
        return self._right.image_features(tensor)

    def text_features(self, ids: TokenIds) -> Any:
        return self._oracle.text_features(ids)


def test_an_attention_mask_is_refused_on_either_side(pair: Pair) -> None:
    with quiet_transformers():
        masked = MasksPadding(pair.folder, Tokenization())
    assert _failed(pair.candidate, masked, pair.images) == {"text cosine, least"}
    ours = replace(pair.candidate, engine=TextsOfAnother(pair.candidate.engine, masked))
    assert "text cosine, least" in _failed(ours, pair.oracle, pair.images)
    unmasked = replace(pair.candidate, engine=TextsOfAnother(pair.candidate.engine, pair.oracle))
    assert _failed(unmasked, pair.oracle, pair.images) == set()


# Half precision by default


class LoadedHalf(dict[str, Any]):
    """Weights as ``from_pretrained`` gives those of a half-precision checkpoint: half."""

    def __init__(self, right: Any) -> None:
        super().__init__({name: right[name].astype(np.float16) for name in right})

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name).astype(np.float32)


def test_weights_loaded_as_half_are_refused(pair: Pair, tmp_path: Path) -> None:
    checkpoint = siglip.read(pair.folder, report=_silent)
    _written(replace(checkpoint, weights=LoadedHalf(checkpoint.weights)), tmp_path)
    name = "weights stored as float32, largest relative error"
    assert name in _failed(_candidate(tmp_path), pair.oracle, pair.images)


class RunsHalf(SiglipOracle):
    """Both towers run in half precision, as ``dtype="auto"`` does with such a checkpoint."""

    def __init__(self, folder: Path, dtype: torch.dtype) -> None:
        super().__init__(folder, Tokenization())
        self._model.to(dtype)

    def image_features(self, tensors: Any) -> NDArray[np.float32]:
        with torch.no_grad():
            pixels = torch.from_numpy(tensors).to(self._model.dtype)
            return self._model.get_image_features(pixels).pooler_output.float().numpy()

    def text_features(self, ids: TokenIds) -> NDArray[np.float32]:
        with torch.no_grad():
            found = self._model.get_text_features(torch.from_numpy(ids))
        return found.pooler_output.float().numpy()


class TowersOfAnother(TextsOfAnother):
    """The same for both towers."""

    def image_features(self, tensor: Any) -> Any:
        return self._oracle.image_features(tensor)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_towers_run_in_half_precision_are_refused(pair: Pair, dtype: torch.dtype) -> None:
    with quiet_transformers():
        half = RunsHalf(pair.folder, dtype)
    wrong = replace(pair.candidate, engine=TowersOfAnother(pair.candidate.engine, half))
    failed = _failed(wrong, pair.oracle, pair.images)
    assert {"text cosine, least", "image cosine, least"} <= failed


# The logit scale


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (lambda card: replace(card, logit_scale=math.exp(card.logit_scale)), {"scale"}),
        (lambda card: replace(card, logit_scale=-card.logit_scale), {"scale"}),
        (lambda card: replace(card, logit_bias=-card.logit_bias), {"bias"}),
        (
            lambda card: replace(card, logit_scale=card.logit_bias, logit_bias=card.logit_scale),
            {"scale", "bias"},
        ),
    ],
)
def test_a_permuted_logit_scale_is_refused(pair: Pair, change: Any, broken: set[str]) -> None:
    engine = TextsOfAnother(pair.candidate.engine, pair.oracle)
    engine.card = change(engine.card)
    failed = _failed(replace(pair.candidate, engine=engine), pair.oracle, pair.images)
    assert failed == {f"logit {name}, error" for name in broken}


# Pixels, weights, batches


def test_another_way_with_pixels_is_refused(pair: Pair) -> None:
    engine = TextsOfAnother(pair.candidate.engine, pair.oracle)
    how = replace(engine.card.preprocessing, resample="bilinear")
    engine.card = replace(engine.card, preprocessing=how)
    failed = _failed(replace(pair.candidate, engine=engine), pair.oracle, pair.images)
    assert "preprocessed pixels, largest error" in failed


def test_a_swapped_weight_is_refused(pair: Pair, tmp_path: Path) -> None:
    checkpoint = siglip.read(pair.folder, report=_silent)
    swapped = {name: checkpoint.weights[name] for name in checkpoint.weights}
    one, two = (f"vision_model.encoder.layers.{i}.mlp.fc1.weight" for i in (0, 1))
    swapped[one], swapped[two] = swapped[two], swapped[one]
    _written(replace(checkpoint, weights=swapped), tmp_path)
    failed = _failed(_candidate(tmp_path), pair.oracle, pair.images)
    assert {"image cosine, least", "weights stored as float32, largest relative error"} == failed


class LooksAtNeighbours(TextsOfAnother):
    """One scale over the whole batch, as dynamic quantization has it."""

    def image_features(self, tensor: Any) -> Any:
        features = self._right.image_features(tensor)
        step = np.abs(features).max() / 15
        return np.round(features / step) * step


def test_rows_that_depend_on_their_batch_are_refused(pair: Pair) -> None:
    wrong = replace(pair.candidate, engine=LooksAtNeighbours(pair.candidate.engine, pair.oracle))
    failed = _failed(wrong, pair.oracle, pair.images)
    assert "image alone as in a batch, least cosine" in failed


# Whole imports


def _import(folder: Path, out: Path, **more: Any) -> Any:
    out.mkdir()
    card = import_checkpoint(folder, out, **more)
    report = read_report(out)
    assert report is not None
    assert report.passed
    assert report.model == f"{card.name}@{card.version}"
    assert report.reference.startswith("transformers 5.")
    return {check.name: check.value for check in report.checks}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_checkpoints_become_float32(tmp_path: Path, dtype: Any) -> None:
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    folder = modelmaker.make_directory(tmp_path / "half", modelmaker.TINY)
    halves = {k: v.to(dtype) for k, v in load_file(folder / "model.safetensors").items()}
    save_file(halves, folder / "model.safetensors")
    found = _import(folder, tmp_path / "bundle", name="half")
    assert found["weights stored as float32, largest relative error"] == 0
    assert found["image cosine, least"] >= 0.999999
    assert found["text cosine, least"] >= 0.999999


@pytest.mark.parametrize("kind", ["Siglip2Tokenizer", "GemmaTokenizer"])
def test_siglip2_of_one_resolution_imports(tmp_path: Path, kind: str) -> None:
    folder = modelmaker.make_siglip2(tmp_path / "two", modelmaker.TINY, tokenizer_class=kind)
    found = _import(folder, tmp_path / "bundle")
    assert found["token ids as the reference gives them, share"] == 1
    assert found["preprocessed pixels, largest error"] == 0
    card = open_bundle(tmp_path / "bundle").card
    assert (card.tokenization.case, card.tokenization.pad) == ("lower", "<pad>")
    assert card.preprocessing.resample == "bilinear"


def test_the_width_of_git_rsclip_base_imports(tmp_path: Path) -> None:
    folder = modelmaker.make_directory(tmp_path / "base", modelmaker.BASE_SHALLOW)
    found = _import(folder, tmp_path / "bundle")
    assert found["image cosine, least"] >= 0.9999
    assert found["text cosine, least"] >= 0.9999


@pytest.mark.timeout(900)
def test_git_rsclip_base_in_its_exact_shape_imports(tmp_path: Path) -> None:
    """The whole 12 layers: 813 MB of random weights, about a minute on a quiet machine."""
    folder = modelmaker.make_directory(tmp_path / "base", FULL_BASE)
    found = _import(folder, tmp_path / "bundle")
    assert found["image cosine, least"] >= 0.9999
    assert found["text cosine, least"] >= 0.9999
