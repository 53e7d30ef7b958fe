"""Turns two models and the same chips and texts into the report that lets one replace the other.

Does not know how the candidate was made, nor where reports are kept. What it measures on should be
real overhead imagery that the candidate was not fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from satseek.engines.machine import installed_version, this_machine
from satseek.errors import InvalidRequest
from satseek.evaluate.agreement import (
    mean_shift,
    overlap_at_k,
    row_cosines,
    spearman,
    spread_shift,
    top1_agreement,
)
from satseek.evaluate.calibration import Reliability
from satseek.model.preprocessing import preprocess
from satseek.model.reports import GateCheck, GateReport
from satseek.model.scores import share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from satseek.engines.protocol import Engine
    from satseek.model.tokenizer import Tokenizer
    from satseek.types import ModelCard, Pixels, Tensor, Vectors

K = 10
"""Hits compared: a first page of results."""

FEWEST = K + 1
"""Images below which ten hits would be all of them."""

ALONE = 8
"""Rows that are computed alone and in a batch."""

SMALLEST_TRUTH = 100
"""Labelled images below which one of them is more than a point of accuracy: nothing is said."""

_HALF_SHARE = 0.5
"""A row of float32 has 13 more bits than float16: one number in thousands fits by chance."""


class Embeds(Protocol):
    """What the gate asks of a model; an ``Embedder`` does all of it."""

    @property
    def card(self) -> ModelCard:
        """What the model is."""

    @property
    def engine(self) -> Engine:
        """What runs its towers."""

    @property
    def tokenizer(self) -> Tokenizer:
        """What makes ids of texts."""

    def embed_images(self, images: Sequence[Pixels]) -> Vectors:
        """Unit vectors of images."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of texts."""

    def label_vectors(self, labels: Sequence[str]) -> Vectors:
        """One unit vector for each label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Where a figure stops being good enough, and why there."""

    value: float
    """The threshold itself."""
    rule: Literal["at least", "at most"]
    """Which side is good."""
    reason: str
    """Why there, in one line."""


def _least(value: float, reason: str) -> Threshold:
    return Threshold(value=value, rule="at least", reason=reason)


def _most(value: float, reason: str) -> Threshold:
    return Threshold(value=value, rule="at most", reason=reason)


THRESHOLDS: Mapping[str, Threshold] = {
    "image cosine, least": _least(0.97, "no single chip may turn by more than 14 degrees"),
    "image cosine, 1 % quantile": _least(0.985, "hardly a chip may turn by more than 10 degrees"),
    "image cosine, mean": _least(0.995, "what is promised of every INT8 version"),
    "text cosine, least": _least(0.97, "no single text may turn by more than 14 degrees"),
    "text cosine, 1 % quantile": _least(0.985, "hardly a text may turn by more than 10 degrees"),
    "text cosine, mean": _least(0.995, "what is promised of every INT8 version"),
    "rank correlation": _least(0.99, "the order of all chips under a text stays what it was"),
    "top-1 agreement": _least(0.97, "three chips of a hundred may change their first label"),
    "overlap@10": _least(0.95, "of twenty hits one may be another"),
    "image mean shift": _most(0.05, "old cuts on cosines still hold: a 20th of the spread"),
    "image spread shift": _most(0.05, "likewise; a collapsing model shows here first"),
    "text mean shift": _most(0.05, "old cuts on cosines still hold: a 20th of the spread"),
    "text spread shift": _most(0.05, "likewise"),
    "ECE drift": _most(0.02, "a share of 0.80 may come to mean 0.78 or 0.82"),
    "zero-shot top-1 loss": _most(0.01, "one point of accuracy is what a smaller file may cost"),
    "image layers, worst gain": _most(0.05, "rounding moves a channel by a 50th"),
    "text layers, worst gain": _most(0.05, "likewise"),
    "text padding": _least(1.0, "every text is padded to the context length, alone or in a batch"),
    "image alone or in a batch": _least(0.9999, "a vector may not depend on its neighbours"),
    "text alone or in a batch": _least(0.9999, "a vector may not depend on its neighbours"),
    "float32 out": _least(1.0, "both towers give float32 that was not rounded to half precision"),
}
"""Every figure of the gate, in the order in which it is shown."""


def gate(
    candidate: Embeds,
    reference: Embeds,
    *,
    images: Sequence[Pixels],
    texts: Sequence[str],
    labels: Sequence[str],
    truth: Sequence[int | None] = (),
    layers: Mapping[str, float] | None = None,
    details: Mapping[str, Any] | None = None,
) -> GateReport:
    """Measure a model against the one it is to replace.

    Args:
        candidate: Model to be judged.
        reference: What it was made from.
        images: More than ten, which neither was fitted to.
        texts: At least one; what people ask for.
        labels: Names for zero-shot figures, at least two.
        truth: Row of ``labels`` for each image, None where unknown; empty: all unknown. Accuracy
            and calibration are compared where enough are known.
        layers: By tower, how far the gains of a layer's channels lie from 1, the worst one's; None
            where the towers cannot be looked into.
        details: What else the report should carry.

    Raises:
        InvalidRequest: too few images, texts or labels, or sizes that do not fit.
    """
    _check(images, texts, labels, truth)
    figures = {f"{tower} layers, worst gain": worst for tower, worst in (layers or {}).items()}
    figures["text padding"] = _padding(candidate, reference, texts)
    if figures["text padding"] == 1:  # else no text can be compared: its ids mean something else
        shown = _Shown(images=images, texts=texts, labels=labels, truth=truth)
        figures |= _figures(candidate, reference, shown)
    return GateReport(
        kind="quantization",
        model=candidate.card.ref,
        reference=reference.card.ref,
        checks=tuple(
            GateCheck(name=name, value=figures[name], threshold=one.value, rule=one.rule)
            for name, one in THRESHOLDS.items()
            if name in figures
        ),
        images=len(images),
        texts=len(texts),
        machine=_machine(),
        date=datetime.now(UTC).date().isoformat(),
        details=dict(details or {}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What both models are shown."""

    images: Sequence[Pixels]
    texts: Sequence[str]
    labels: Sequence[str]
    truth: Sequence[int | None]


def _figures(candidate: Embeds, reference: Embeds, shown: _Shown) -> dict[str, float]:
    mine, theirs = (
        _Seen(
            images=model.embed_images(shown.images),
            texts=model.embed_texts(shown.texts),
            labels=model.label_vectors(shown.labels),
        )
        for model in (candidate, reference)
    )
    figures = _turned("image", mine.images, theirs.images)
    figures |= _turned("text", mine.texts, theirs.texts)
    asked = [one.texts @ one.images.T for one in (mine, theirs)]  # (texts, images)
    named = [one.images @ one.labels.T for one in (mine, theirs)]  # (images, labels)
    figures |= {
        "rank correlation": spearman(*asked),
        "top-1 agreement": top1_agreement(*named),
        "overlap@10": overlap_at_k(*asked, k=K),
    }
    figures |= _against_truth(named, (candidate.card, reference.card), shown.truth)
    tensor = _tensor(candidate, shown.images[:ALONE])
    figures["image alone or in a batch"] = _image_batch(candidate.engine, tensor)
    figures["text alone or in a batch"] = _text_batch(candidate, shown.texts[:ALONE])
    figures["float32 out"] = _single(candidate, tensor, shown.texts[:ALONE])
    return figures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What one model made of everything."""

    images: Vectors
    texts: Vectors
    labels: Vectors


def _check(
    images: Sequence[Pixels],
    texts: Sequence[str],
    labels: Sequence[str],
    truth: Sequence[int | None],
) -> None:
    if len(images) < FEWEST or not texts or len(labels) < 2:  # noqa: PLR2004 - nothing to choose
        raise InvalidRequest(
            f"gate: expected {FEWEST} images, a text and two labels or more, "
            f"got {len(images)}, {len(texts)} and {len(labels)}"
        )
    if truth and len(truth) != len(images):
        raise InvalidRequest(f"gate: expected {len(images)} true labels, got {len(truth)}")


def _turned(what: str, mine: Vectors, theirs: Vectors) -> dict[str, float]:
    cosines = row_cosines(mine, theirs)
    return {
        f"{what} cosine, least": float(cosines.min()),
        f"{what} cosine, 1 % quantile": float(np.quantile(cosines, 0.01)),
        f"{what} cosine, mean": float(cosines.mean()),
        f"{what} mean shift": mean_shift(mine, theirs),
        f"{what} spread shift": spread_shift(mine, theirs),
    }


def _against_truth(
    named: Sequence[NDArray[np.float32]],
    cards: tuple[ModelCard, ModelCard],
    truth: Sequence[int | None],
) -> dict[str, float]:
    """Accuracy and calibration on the images whose label is known; nothing where those are few."""
    known = [at for at, right in enumerate(truth) if right is not None]
    if len(known) < SMALLEST_TRUTH:
        return {}
    right = np.array([truth[at] for at in known])
    (my_hits, my_ece), (their_hits, their_ece) = (
        _truthful(cosines[known], card, right) for cosines, card in zip(named, cards, strict=True)
    )
    return {
        "ECE drift": abs(my_ece - their_ece),
        "zero-shot top-1 loss": their_hits - my_hits,
    }


def _truthful(
    cosines: NDArray[np.float32], card: ModelCard, truth: NDArray[np.int64]
) -> tuple[float, float]:
    """Share of first labels that are right, and the calibration error of their shares."""
    shares = share(cosines, card)
    hits = shares.argmax(axis=1) == truth
    reliability = Reliability()
    reliability.add(shares.max(axis=1), hits)
    return float(hits.mean()), reliability.ece


def _padding(candidate: Embeds, reference: Embeds, texts: Sequence[str]) -> float:
    """Share of texts whose ids are those of the reference, as long as the context, in any batch."""
    expected = reference.tokenizer.encode(texts)
    together = candidate.tokenizer.encode(texts)
    context = candidate.card.context_length
    if together.shape != expected.shape or expected.shape[1] != context:
        return 0.0
    alone = [candidate.tokenizer.encode([text])[0] for text in texts]
    same = [
        np.array_equal(one, right) and np.array_equal(one, row)
        for one, row, right in zip(alone, together, expected, strict=True)
    ]
    return float(np.mean(same))


def _tensor(model: Embeds, images: Sequence[Pixels]) -> Tensor:
    return preprocess(images, size=model.card.image_size, how=model.card.preprocessing)


def _image_batch(engine: Engine, tensor: Tensor) -> float:
    alone = np.concatenate([engine.image_features(row[None]) for row in tensor])
    return float(row_cosines(engine.image_features(tensor), alone).min())


def _text_batch(model: Embeds, texts: Sequence[str]) -> float:
    ids = model.tokenizer.encode(texts)
    alone = np.concatenate([model.engine.text_features(row[None]) for row in ids])
    return float(row_cosines(model.engine.text_features(ids), alone).min())


def _single(model: Embeds, tensor: Tensor, texts: Sequence[str]) -> float:
    """Share of the two towers whose features are float32 and use its precision."""
    both = (
        model.engine.image_features(tensor),
        model.engine.text_features(model.tokenizer.encode(texts)),
    )
    return float(np.mean([_is_single(features) for features in both]))


def _is_single(features: NDArray[Any]) -> bool:
    if features.dtype != np.float32:
        return False
    with np.errstate(over="ignore"):
        halved = features.astype(np.float16).astype(np.float32)
    return bool((halved == features).mean() < _HALF_SHARE)


def _machine() -> str:
    machine = this_machine()
    features = f" ({', '.join(machine.features)})" if machine.features else ""
    return f"{machine.cpu}{features}, onnxruntime {installed_version('onnxruntime')}"
