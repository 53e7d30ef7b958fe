"""Turns a fresh bundle and the library it was made for into a report: do both give the same?

Does not know families or files: one side is satseek's engine, tokenizer and preprocessing, the
other an oracle.
"""

from __future__ import annotations

import datetime as dt
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.checkpoints.weights import StoredWeights
from satseek.errors import GateNotPassed, InvalidRequest
from satseek.model.preprocessing import preprocess
from satseek.model.reports import GateCheck, GateReport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from satseek.checkpoints.checkpoint import Oracle
    from satseek.engines.protocol import Engine
    from satseek.model.tokenizer import Tokenizer
    from satseek.types import Features, Pixels, TokenIds

TEXTS = (
    "a satellite image of a harbour with many boats",
    "river",
    "An AIRPORT, beside the railway-station!",
    "storage tanks & a bridge; two baseball fields (seen from above)",
    "dense forest",
    "solar farm",
    "flooded   fields\tnext to\na village",
    "it's the county's largest quarry",
    "12 ships at 53.5° N",
    "Zürich – Übersicht, naïve café",
    "港口 и аэропорт",
    "a b c d e f g",
    "parking lot",
    "open-pit mine / spoil heap",
    "green meadows, sand banks, a winding river and an industrial area " * 8,
    "snow",
)
"""Short and long, one cut to the context length, with what tokenizers disagree about."""

LEAST_COSINE = 0.9999
"""Between satseek's vector and the oracle's, both float32; float16 storage alone keeps 0.99999."""

LEAST_COSINE_EXACT = 0.9999999
"""The same where weights are stored as float32: only the order of additions is left, which was
seen to cost 6e-12 at the shape of Git-RSCLIP-base; computing in float16 costs about 1e-6."""

_BATCH_COSINE = 0.999999
"""Between a row alone and in its batch: the same sums, split over threads in another way."""

_TENSOR_ERROR = 1e-6
"""Preprocessed values lie in about −3…3, where one float32 step is 2.4e-7."""

_SCORE_ERROR = 1e-6
"""Of the logit scale and bias; both are float32 numbers that are copied."""

_WEIGHT_ERRORS = {"float32": 0.0, "float16": 2.0**-11}
"""Relative error of a stored weight: none, or half a float16 step (IEEE 754, 11 bits)."""

_LEAST_HALF = np.float32(2.0**-14)
"""The least normal float16: below it steps are absolute, and an error is measured against it."""

_ALONE = 3
"""Rows run alone for comparison with their batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A bundle as satseek runs it."""

    engine: Engine
    """Its towers and card."""
    tokenizer: Tokenizer
    """Its tokenizer."""
    weights: Path
    """Its ``model.safetensors``."""


def compare(
    candidate: Candidate,
    oracle: Oracle,
    *,
    reference: str,
    images: Sequence[Pixels],
    texts: Sequence[str] = TEXTS,
    report: Callable[[str], None],
) -> GateReport:
    """Run both sides over the same images and texts.

    Args:
        candidate: What would be stored.
        oracle: What it has to agree with.
        reference: The oracle's name and version, for the report.
        images: Chips, of any size.
        texts: Some short, one longer than the context.
        report: Told each step in one line.
    """
    card = candidate.engine.card
    report(f"comparing {len(texts)} texts with {reference}")
    checks = _text_checks(candidate, oracle, texts)
    report(f"comparing {len(images)} images with {reference}")
    checks += _image_checks(candidate, oracle, images)
    checks += [
        _at_most("logit scale, error", abs(card.logit_scale - oracle.logit_scale), _SCORE_ERROR),
        _at_most("logit bias, error", abs(card.logit_bias - oracle.logit_bias), _SCORE_ERROR),
        _at_most(
            f"weights stored as {card.precision}, largest relative error",
            _weight_error(candidate.weights, oracle),
            _WEIGHT_ERRORS[card.precision],
        ),
    ]
    return GateReport(
        kind="parity",
        model=card.ref,
        reference=reference,
        checks=tuple(checks),
        images=len(images),
        texts=len(texts),
        machine=f"{platform.machine()}, {type(candidate.engine).__name__}",
        date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
    )


def refuse_failed(report: GateReport) -> None:
    """Let only a report pass whose every check did.

    Raises:
        GateNotPassed: names every check that failed, its value and its threshold.
    """
    failed = [
        f"{check.name} {check.value:.8g} (expected {check.rule} {check.threshold:.8g})"
        for check in report.checks
        if not check.passed
    ]
    if failed or not report.passed:
        raise GateNotPassed(
            f"{report.model} does not agree with {report.reference}, nothing was stored: "
            f"{'; '.join(failed)}"
        )


def _text_checks(candidate: Candidate, oracle: Oracle, texts: Sequence[str]) -> list[GateCheck]:
    card = candidate.engine.card
    ids, expected = candidate.tokenizer.encode(texts), oracle.token_ids(texts)
    checks = [
        _at_least("texts padded to the context length, share", _padded(ids, card.context_length)),
        _at_least("token ids as the reference gives them, share", _same_rows(ids, expected)),
    ]
    features = _features(candidate.engine.text_features, ids)
    wanted = oracle.text_features(expected)
    alone = _alone(lambda i: candidate.engine.text_features(candidate.tokenizer.encode([texts[i]])))
    return [
        *checks,
        _cosine("text cosine, least", features, wanted, _least_cosine(card.precision)),
        _cosine("text alone as in a batch, least cosine", alone, features[:_ALONE], _BATCH_COSINE),
    ]


def _image_checks(
    candidate: Candidate, oracle: Oracle, images: Sequence[Pixels]
) -> list[GateCheck]:
    card = candidate.engine.card
    tensors = preprocess(images, size=card.image_size, how=card.preprocessing)
    expected = oracle.tensors(images)
    features = _features(candidate.engine.image_features, tensors)
    alone = _alone(lambda i: candidate.engine.image_features(tensors[i : i + 1]))
    wanted = oracle.image_features(expected)
    return [
        _at_most("preprocessed pixels, largest error", _error(tensors, expected), _TENSOR_ERROR),
        _cosine("image cosine, least", features, wanted, _least_cosine(card.precision)),
        _cosine("image alone as in a batch, least cosine", alone, features[:_ALONE], _BATCH_COSINE),
    ]


def _least_cosine(precision: str) -> float:
    return LEAST_COSINE_EXACT if precision == "float32" else LEAST_COSINE


def _features(run: Callable[[Any], Features], rows: NDArray[Any]) -> Features:
    """Run a tower; rows that it does not take give features that agree with nothing."""
    try:
        return run(rows)
    except InvalidRequest:
        return np.full((len(rows), 1), np.nan, np.float32)


def _alone(run: Callable[[int], Features]) -> Features:
    try:
        return np.concatenate([run(i) for i in range(_ALONE)])
    except InvalidRequest:
        return np.full((_ALONE, 1), np.nan, np.float32)


def _padded(ids: TokenIds, context: int) -> float:
    return 1.0 if ids.shape[1] == context else ids.shape[1] / (2 * context)


def _same_rows(ids: TokenIds, expected: TokenIds) -> float:
    if ids.shape != expected.shape:
        return 0.0
    return float((ids == expected).all(axis=1).mean())


def _weight_error(path: Path, oracle: Oracle) -> float:
    """Largest error of a stored weight, relative to it or to the least normal float16."""
    stored, worst = StoredWeights([path]), 0.0
    expected = oracle.weights()
    if stored.keys() != expected.keys():
        return float("inf")
    for name, values in expected.items():
        found = stored[name].reshape(values.shape)
        scale = np.maximum(np.abs(values), _LEAST_HALF)
        worst = max(worst, float((np.abs(found - values) / scale).max(initial=0)))
    return worst


def _error(found: NDArray[Any], expected: NDArray[Any]) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found - expected).max())


def _cosine(name: str, left: Features, right: Features, threshold: float) -> GateCheck:
    """Check the smallest cosine of a row with its counterpart, in float64."""
    if left.shape != right.shape:
        return _at_least(name, float("nan"), threshold)
    one, other = left.astype(np.float64), right.astype(np.float64)
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        return _at_least(name, float(((one * other).sum(axis=1) / lengths).min()), threshold)


def _at_least(name: str, value: float, threshold: float = 1.0) -> GateCheck:
    return GateCheck(name=name, value=value, threshold=threshold, rule="at least")


def _at_most(name: str, value: float, threshold: float) -> GateCheck:
    return GateCheck(name=name, value=value, threshold=threshold, rule="at most")
