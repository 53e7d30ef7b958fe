"""Scores by words, and what people answered → how far answers turn the words.

Does not know words, only scores. People answer what ranks highest, so that answers say little about
ground as such: answered places are compared with each other, never with what nobody looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from satseek.search.directions import Examples
    from satseek.types import Vectors

    Values = NDArray[np.float64]

DOUBT = 6.0
"""So many chips like any other stand beside the rejected ones, as in `search.probing`."""

EXPECTED = np.array([0.0, 1.0, 0.25])
"""Intercept, weight of the words' score and weight of the answers' before anybody answered, of
scores in units of their spread. On chips of mining48 that the shipped model was trained on, answers
from the top of the list at a fixed 0.25 changed average precision by -0.003 (three of either kind)
to 0.005, at 0.5 by -0.010 to 0, at 1 by -0.023 to -0.017."""

TRUST = np.array([10.0, 1.0, 0.25])
"""Standard deviations about these: wide for the intercept, which says how many were confirmed, and
not what they look like."""

LEAST_OF_WORDS = 1.0
"""The least that words count, which is what is expected of them: answers from the top of their list
all have high scores, which hides what words know; and of answers that contradict each other neither
score knows anything."""

MOST = 2.0
"""The most that answers count, the words counting 1."""

_STEPS = 50
_CLOSE = 1e-6
_MOST_ODDS = 30.0
"""Log odds beyond which a chance is 0 or 1 in any case."""


def turn(
    score: Callable[[Vectors], NDArray[np.float32]], *, examples: Examples, background: Vectors
) -> NDArray[np.float32]:
    """Learn what to add to a score.

    The direction is the mean of the confirmed chips less that of the rejected ones. What it counts
    is learnt by logistic regression on both scores, that of the words and that of the direction
    without the very chip. Which chips were shown hangs on the words' score, which the regression
    knows, and how many of either kind were answered moves only its intercept (Prentice, Pyke 1979).

    Args:
        score: Gives the score by words of vectors (n, dim): (n,).
        examples: Vectors of chips that show it, and of chips that do not.
        background: float32 (sample, dim), unit rows: chips of the collection, any of them.

    Returns:
        Shape (dim,): a vector whose product with this is added to its score; zero where nothing
        was confirmed: what is wanted instead, rejected chips do not say.
    """
    nothing = np.zeros(background.shape[1], dtype=np.float32)
    if not len(examples.liked) or len(background) < 2:  # noqa: PLR2004 - one chip has no spread
        return nothing
    middle = background.mean(axis=0, dtype=np.float64)
    liked, disliked = (_level(one, middle) for one in (examples.liked, examples.disliked))
    around = _level(background, middle)
    towards = liked.mean(axis=0) - disliked.sum(axis=0) / (len(disliked) + DOUBT)
    spread, usual = float((around @ towards).std()), score(background).astype(np.float64)
    if not spread or not usual.std():
        return nothing
    without = _without_itself(liked, disliked) / spread
    seen = [examples.liked, examples.disliked]
    if not len(disliked):
        seen.append(background)
        without = np.concatenate([without, around @ towards / spread])
    words = (score(np.concatenate(seen)) - usual.mean()) / usual.std()
    right = np.arange(len(words)) < len(liked)
    weight = _weight(words, without, right)
    return np.asarray(weight * usual.std() / spread * towards, dtype=np.float32)


def _level(vectors: Vectors, middle: Values) -> Values:
    """Take out what all chips share, so that answers move the mean of all scores by nothing."""
    length = float(middle @ middle)
    found = vectors.astype(np.float64)
    return found - np.outer(found @ middle / length, middle) if length else found


def _without_itself(liked: Values, disliked: Values) -> Values:
    """Score each answered chip, liked ones first, by the direction of all others: (n,)."""
    confirmed, rejected = liked.sum(axis=0), disliked.sum(axis=0)
    others = (confirmed - liked) / max(len(liked) - 1, 1)
    yes = (liked * (others - rejected / (len(disliked) + DOUBT))).sum(axis=1)
    if len(liked) == 1:  # without it there is no direction
        yes = np.zeros(1)
    rest = (rejected - disliked) / (max(len(disliked) - 1, 0) + DOUBT)
    no = (disliked * (confirmed / len(liked) - rest)).sum(axis=1)
    return np.concatenate([yes, no])


def _weight(words: Values, answers: Values, right: NDArray[np.bool_]) -> float:
    """Give what the answers' score counts, the words' counting 1, 0 … ``MOST``.

    Where nobody rejected anything, chips of the collection stand for what it is not, and all of
    them together count as many as were confirmed.
    """
    features = np.column_stack([np.ones(len(words)), words, answers])
    shown = int(right.sum())
    counts = np.where(right, 1.0, min(1.0, shown / max(len(right) - shown, 1)))
    found, narrow = EXPECTED.copy(), np.diag(TRUST**-2)
    for _ in range(_STEPS):
        odds = np.clip(features @ found, -_MOST_ODDS, _MOST_ODDS)
        chance = 1 / (1 + np.exp(-odds))
        slope = features.T @ (counts * (right - chance)) - narrow @ (found - EXPECTED)
        bend = (features.T * (counts * chance * (1 - chance))) @ features + narrow
        step = np.linalg.solve(bend, slope)
        found += step / max(1.0, float(np.linalg.norm(step)))  # Newton's, no longer than 1
        if np.abs(step).max() < _CLOSE:
            break
    return float(np.clip(found[2] / max(found[1], LEAST_OF_WORDS), 0, MOST))
