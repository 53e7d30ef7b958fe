"""Clicked chips and a direction given by words → a better direction.

Does not know texts, chips or models: only vectors. The clicks train a linear probe on the frozen
vectors; how much it counts beside the words is chosen by leave-one-out over the clicks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.types import Vectors

    Values = NDArray[np.float64]

DOUBT = 6.0
"""So many chips like any other stand beside the disliked ones: one dislike is no verdict."""

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Weights of the probe that are tried; the words count 1."""

FOUND_ANYWAY = 0.05
"""Share of the collection that the words may rank above the liked chips and still find them."""

ONE = {True: 0.25, False: 0.6}
"""Weights of one liked chip: where the words find it anyway, and where they do not."""

USUAL = {True: 0.5, False: 1.0}
"""The same of several, which are left only for a reason."""

CAUTION = 0.05
"""What leaving the usual weight must gain for each step, in nats for each click."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refined:
    """A direction, and what the clicks had to say in it."""

    vector: Vectors
    """float32 (1, dim), of length one."""
    weight: float
    """Of what the clicks taught, the words counting 1; 0: the words alone do better."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Learnt:
    """What clicks taught, in units of its spread over the background."""

    probe: Values
    """(dim,)"""
    spread: float
    """Of the words' cosines over the background."""
    middle: Values
    """(dim,) of the background."""
    weight: float
    """What it counts, the words counting 1."""


def refine(words: Vectors, *, liked: Vectors, disliked: Vectors, background: Vectors) -> Refined:
    """Turn a direction towards liked chips and away from disliked ones.

    The probe is the mean of the liked chips less that of the disliked ones, seen from the middle of
    the collection: ridge regression on the clicks in the limit of strong regularisation. On
    published features of four models, any use of the covariance does worse up to ten clicks
    (bench/results/feedback.json). Words and probe are blended in units of their own spread over the
    collection, without which neither of them could be compared with the other.

    Args:
        words: float32 (1, dim), unit; what is looked for, without the clicks.
        liked: float32 (n, dim), unit rows; may be none.
        disliked: float32 (m, dim), unit rows; may be none.
        background: float32 (sample, dim), unit rows: chips of the collection, any of them.
    """
    learnt = _learn(words, liked=liked, disliked=disliked, background=background)
    if learnt is None:
        return Refined(vector=words, weight=0.0)
    total = words[0] / learnt.spread + learnt.weight * learnt.probe
    length = float(np.linalg.norm(total))
    if length == 0 or not np.isfinite(length):
        return Refined(vector=words, weight=0.0)
    return Refined(vector=(total / length).astype(np.float32)[None], weight=learnt.weight)


def beside_words(
    words: Vectors, *, liked: Vectors, disliked: Vectors, background: Vectors
) -> Vectors:
    """Like ``refine``, for one of several labels: cosines with it stay on the scale of words'.

    Images lie closer to images than to any words, so that a label with clicks in it would outdo all
    others. Here the clicks move a chip's cosine by as much as words do, and the mean over the
    background by nothing: the vector is not of length one.
    """
    learnt = _learn(words, liked=liked, disliked=disliked, background=background)
    if learnt is None:
        return words
    middle = learnt.middle / max(float(np.linalg.norm(learnt.middle)), 1e-9)
    level = learnt.probe - (learnt.probe @ middle) * middle
    turned = words[0] + learnt.weight * learnt.spread * level
    return np.asarray(turned, dtype=np.float32)[None]


def _learn(
    words: Vectors, *, liked: Vectors, disliked: Vectors, background: Vectors
) -> _Learnt | None:
    """Learn from clicks; None where there is nothing to learn, or the words alone do better."""
    clicks = np.concatenate([liked, disliked]).astype(np.float64)
    likes = np.arange(len(clicks)) < len(liked)
    if not len(clicks) or len(background) < 2:  # noqa: PLR2004 - one chip has no spread
        return None
    middle = background.mean(axis=0, dtype=np.float64)
    around, seen = background - middle, clicks - middle
    towards = words[0].astype(np.float64)
    spread = _spread(around @ towards)
    weight = _weight(around, seen, likes, towards / spread)
    if not weight:
        return None
    probe = _probe(seen, likes, np.ones(len(seen), dtype=np.bool_))
    return _Learnt(
        probe=probe / _spread(around @ probe), spread=spread, middle=middle, weight=weight
    )


def _probe(seen: Values, likes: NDArray[np.bool_], among: NDArray[np.bool_]) -> Values:
    """Learn from some of the clicks; zero where there is nothing to learn."""
    good, bad = seen[likes & among], seen[~likes & among]
    probe: Values = -bad.sum(axis=0) / (len(bad) + DOUBT)
    return probe + good.mean(axis=0) if len(good) else probe


def _weight(around: Values, seen: Values, likes: NDArray[np.bool_], towards: Values) -> float:
    """Choose what the probe counts, by how it ranks each click when it has not seen it.

    Each click left out is compared with the background and with the clicks of the other kind; the
    loss is that of logistic regression on pairs. Of one liked chip, left out, the words alone are
    left: the weight is by whether they find it. Disliked chips alone change nothing: what is wanted
    instead they do not say.
    """
    if not likes.any():
        return 0.0
    above = np.mean([float((around @ towards > one @ towards).mean()) for one in seen[likes]])
    found = bool(above < FOUND_ANYWAY)
    if likes.sum() == 1:
        return ONE[found]
    usual = USUAL[found]
    weights = np.array(WEIGHTS)
    losses = np.zeros(len(weights))
    for one in range(len(seen)):
        probe = _probe(seen, likes, np.arange(len(seen)) != one)
        probe = probe / _spread(around @ probe)
        own = _blended(seen[one : one + 1], towards, probe, weights)[0]
        rest = _blended(around, towards, probe, weights)
        scale = np.maximum(rest.std(axis=0), 1e-9)
        others = _blended(seen[likes != likes[one]], towards, probe, weights)
        sign = 1.0 if likes[one] else -1.0
        for against, counts in ((rest, likes[one]), (others, len(others) > 0)):
            if counts:
                losses += np.logaddexp(0, -sign * (own - against) / scale).mean(axis=0)
    steps = np.abs(weights - usual) * 4
    return float(weights[np.argmin(losses / len(seen) + CAUTION * steps)])


def _blended(vectors: Values, towards: Values, probe: Values, weights: Values) -> Values:
    """Scores of vectors (n, dim) under each weight: (n, weights)."""
    return (vectors @ towards)[:, None] + (vectors @ probe)[:, None] * weights


def _spread(scores: Values) -> float:
    return max(float(scores.std()), 1e-9)
