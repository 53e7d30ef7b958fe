"""Turns two bundles and a sample into the gate's report.

Does not know how the first was made from the second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.embed.embedder import Embedder
from satseek.engines.onnxruntime import OnnxEngine
from satseek.evaluate.gating import gate
from satseek.model.preprocessing import preprocess
from satseek.model.tokenizer import Tokenizer
from satseek.quantize.inspecting import gain_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from satseek.model.bundle import Bundle
    from satseek.model.reports import GateReport
    from satseek.quantize.sampling import Sample

LOOKED_AT = 32
"""Chips, and texts, that the layers are compared on: each has hundreds of patches or tokens."""


def prove(
    candidate: Bundle,
    reference: Bundle,
    *,
    proof: Sample,
    details: Mapping[str, Any] | None = None,
) -> GateReport:
    """Run the gate with ONNX Runtime, the engine of the base install; nothing is written.

    Raises:
        DamagedData: a tower cannot be opened.
        InvalidRequest: too few chips or texts.
    """
    worst = _layers(candidate, reference, proof)
    return gate(
        _embedder(candidate),
        _embedder(reference),
        images=proof.images,
        texts=proof.texts,
        labels=proof.labels,
        truth=proof.truth,
        layers={tower: max(gains.values()) for tower, gains in worst.items()},
        details={**(details or {}), "worst layers": _named(worst)},
    )


def _layers(candidate: Bundle, reference: Bundle, proof: Sample) -> dict[str, dict[str, float]]:
    """By tower and layer, how far its channels' gains lie from 1."""
    card = reference.card
    images, texts = proof.images[:LOOKED_AT], proof.texts[:LOOKED_AT]
    tensor = preprocess(images, size=card.image_size, how=card.preprocessing)
    ids = Tokenizer.from_bundle(reference).encode(texts)
    return {
        "image": gain_errors(candidate.image_tower, reference.image_tower, tensor),
        "text": gain_errors(candidate.text_tower, reference.text_tower, ids),
    }


def _named(worst: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """Name of the worst layer by tower."""
    return {tower: max(gains, key=gains.__getitem__) for tower, gains in worst.items()}


def _embedder(bundle: Bundle) -> Embedder:
    return Embedder(OnnxEngine(bundle), Tokenizer.from_bundle(bundle))
