"""What goes wrong when a model is replaced, planted one by one: the gate names each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tokenizers import Tokenizer as Pieces
from towers import CARD, ColourEngine, make_pieces

from satseek.embed.embedder import Embedder
from satseek.errors import InvalidRequest
from satseek.evaluate.gating import THRESHOLDS, gate
from satseek.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from satseek.model.reports import GateReport
    from satseek.types import Features, Pixels, Tensor, TokenIds

LABELS = ["forest", "bridge", "field", "zebra quartz"]
TEXTS = ["a river", "a harbour seen from above", "forest", "a bridge", "an airport", "the field"]

WRITTEN = make_pieces().to_str()


@pytest.fixture(scope="module")
def images() -> list[Pixels]:
    """120 images of 120 colours."""
    rng = np.random.default_rng(1)
    colours = rng.integers(0, 256, (120, 1, 1, 3))
    return [np.broadcast_to(one, (16, 16, 3)).astype(np.uint8) for one in colours]


class HalfEngine(ColourEngine):
    """Computes as a half-precision checkpoint loaded by default does."""

    def image_features(self, tensor: Tensor) -> Features:
        return super().image_features(tensor).astype(np.float16)

    def text_features(self, ids: TokenIds) -> Features:
        return super().text_features(ids).astype(np.float16)


class RoundedEngine(ColourEngine):
    """Gives float32 that went through half precision."""

    def text_features(self, ids: TokenIds) -> Features:
        return super().text_features(ids).astype(np.float16).astype(np.float32)


class NeighbourlyEngine(ColourEngine):
    """One scale for the whole batch, as dynamic quantization has."""

    def image_features(self, tensor: Tensor) -> Features:
        exact = super().image_features(tensor)
        step = np.abs(exact).max() / 15
        return np.asarray(np.rint(exact / step) * step, dtype=np.float32)


class TurnedEngine(ColourEngine):
    """Turns image features by a little, or by much."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def image_features(self, tensor: Tensor) -> Features:
        exact = super().image_features(tensor)
        return np.asarray(exact + self._share * np.roll(exact, 1, axis=1), dtype=np.float32)


class LongestTokenizer(Tokenizer):
    """Pads to the longest text of the batch, as ``padding=True`` does."""

    def encode(self, texts: Any) -> TokenIds:
        whole = super().encode(texts)
        used = (whole != whole[:, -1:]).sum(axis=1).max() + 1
        return whole[:, :used]


class OtherPadTokenizer(Tokenizer):
    """Pads with ``<pad>`` where the model was trained with ``</s>``."""

    def encode(self, texts: Any) -> TokenIds:
        whole = super().encode(texts)
        return np.where(whole == whole[:, -1:], 0, whole)


def _tokenizer(kind: type[Tokenizer] = Tokenizer) -> Tokenizer:
    return kind(Pieces.from_str(WRITTEN), context_length=CARD.context_length)


def _reference() -> Embedder:
    return Embedder(ColourEngine(), _tokenizer())


def _judged(candidate: Embedder, images: list[Pixels], **more: Any) -> GateReport:
    return gate(candidate, _reference(), images=images, texts=TEXTS, labels=LABELS, **more)


def _failed(report: GateReport) -> set[str]:
    return {check.name for check in report.checks if not check.passed}


def _truth(images: list[Pixels]) -> list[int]:
    reference = _reference()
    cosines = reference.embed_images(images) @ reference.label_vectors(LABELS).T
    return [int(first) for first in cosines.argmax(axis=1)]


def test_a_model_passes_against_itself(images: list[Pixels]) -> None:
    report = _judged(_reference(), images, truth=_truth(images), layers={"image": 0.0, "text": 0.0})
    assert report.passed
    assert [check.name for check in report.checks] == list(THRESHOLDS)
    assert (report.images, report.texts, report.kind) == (120, 6, "quantization")
    assert report.model == report.reference == f"{CARD.name}@{CARD.version}"


def test_half_precision_is_caught(images: list[Pixels]) -> None:
    assert {"float32 out"} == _failed(_judged(Embedder(HalfEngine(), _tokenizer()), images))


def test_float32_that_was_half_precision_is_caught(images: list[Pixels]) -> None:
    report = _judged(Embedder(RoundedEngine(), _tokenizer()), images)
    assert {"float32 out"} == _failed(report)
    assert 0.5 == report.checks[-1].value


def test_a_scale_for_the_whole_batch_is_caught(images: list[Pixels]) -> None:
    # one image outshines its neighbours
    images = [np.full((16, 16, 3), 255, np.uint8), *(image // 8 for image in images)]
    report = _judged(Embedder(NeighbourlyEngine(), _tokenizer()), images)
    assert "image alone or in a batch" in _failed(report)
    assert "text alone or in a batch" not in _failed(report)


@pytest.mark.parametrize("kind", [LongestTokenizer, OtherPadTokenizer])
def test_wrong_padding_is_caught_and_nothing_else_is_said(
    images: list[Pixels], kind: type[Tokenizer]
) -> None:
    report = _judged(Embedder(ColourEngine(), _tokenizer(kind)), images)
    assert {"text padding"} == _failed(report) == {check.name for check in report.checks}


def test_turned_vectors_are_caught_and_a_little_is_not(images: list[Pixels]) -> None:
    assert set() == _failed(_judged(Embedder(TurnedEngine(0.001), _tokenizer()), images))
    failed = _failed(_judged(Embedder(TurnedEngine(0.5), _tokenizer()), images))
    assert {"image cosine, mean", "image cosine, least"} <= failed
    assert not any(name.startswith("text") for name in failed)


def test_a_damaged_layer_fails_though_vectors_agree(images: list[Pixels]) -> None:
    report = _judged(_reference(), images, layers={"image": 0.01, "text": 0.2})
    assert {"text layers, worst gain"} == _failed(report)


def test_accuracy_is_only_said_where_labels_are_known(images: list[Pixels]) -> None:
    truth: list[int | None] = [*_truth(images)[:99], *[None] * 21]
    names = {check.name for check in _judged(_reference(), images, truth=truth).checks}
    assert not {"ECE drift", "zero-shot top-1 loss"} & names


def test_lost_accuracy_is_caught(images: list[Pixels]) -> None:
    report = _judged(Embedder(TurnedEngine(0.9), _tokenizer()), images, truth=_truth(images))
    (lost,) = [check for check in report.checks if check.name == "zero-shot top-1 loss"]
    assert lost.value > 0.01
    assert not lost.passed


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"images": []}, "expected 11 images"),
        ({"texts": []}, "expected 11 images, a text"),
        ({"labels": ["a river"]}, "two labels"),
        ({"truth": [0]}, "expected 120 true labels, got 1"),
    ],
)
def test_too_little_is_refused(images: list[Pixels], more: dict[str, Any], said: str) -> None:
    shown = {"images": images, "texts": TEXTS, "labels": LABELS, **more}
    with pytest.raises(InvalidRequest, match=said):
        gate(_reference(), _reference(), **shown)


def test_every_threshold_has_its_reason() -> None:
    assert [] == [name for name, one in THRESHOLDS.items() if len(one.reason) < 8]
