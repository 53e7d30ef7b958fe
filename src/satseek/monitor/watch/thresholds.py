"""Scores of the background, and of what people answered → where the cut lies, and what is expected.

Does not know what is scored. A cut is a place among measured scores, never a constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.errors import InvalidRequest
from satseek.evaluate.intervals import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.evaluate.intervals import Interval
    from satseek.monitor.watch.watch import Aim

    Scores = NDArray[np.float64]

LEAST_ANSWERS = 10
"""Answers from which a cut is learnt: were all ten right, the 95 % interval of their share would
still begin at 0.72 (Wilson)."""

LEAST_OF_A_KIND = 3
"""Confirmed, and rejected, answers among them: of fewer no share can be told apart from any other.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is to be expected at a cut, by answers that helped to draw neither probe nor cut."""

    precision: float | None
    """Share of answered places above the cut that show it, 0–1; None: none lies above it."""
    precision_95: Interval | None
    """Its 95 % interval (Wilson)."""
    recall: float | None
    """Share of the places that show it that lie above the cut, 0–1; None: none shows it."""
    recall_95: Interval | None
    """Its 95 % interval (Wilson)."""
    right: int
    """Answered places that show it."""
    wrong: int
    """Answered places that do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where an operating point lies among scores."""

    seed: float
    """A place with at least this score begins an alert; in units of the watch's score."""
    grow: float
    """A place beside it belongs to it from here on, by its own score without its neighbours'."""
    known: float
    """A place whose own score was at least this at first was there at first: as far up in the
    background as ``seed``."""
    aim: Aim
    """What it holds to."""
    value: float
    """Of it."""
    seed_quantile: float
    """Share of the background below ``seed``, 0–1."""
    grow_quantile: float
    """Share of the background below ``grow``, 0–1."""
    background: int
    """Cells of the background."""
    expected: Expected | None = None
    """By answers; None: there are too few of them."""


def background_cut(
    background: Scores, *, own: Scores, quantile: float, grow_quantile: float
) -> Cut:
    """Cut where a share of the background lies below.

    Args:
        background: Shape (n,): scores of ground that is no alert.
        own: Shape (n,): the same without their neighbours'.
        quantile: Share below ``seed``, above 0 and below 1.
        grow_quantile: Share below ``grow``; at most ``quantile``.

    Raises:
        InvalidRequest: so few cells that none of them lies above the cut.
    """
    _check_background(background, quantile)
    return Cut(
        seed=float(np.quantile(background, quantile)),
        grow=float(np.quantile(own, grow_quantile)),
        known=float(np.quantile(own, quantile)),
        aim="background_quantile",
        value=quantile,
        seed_quantile=quantile,
        grow_quantile=grow_quantile,
        background=background.size,
    )


def learnt_cut(
    background: Scores,
    *,
    own: Scores,
    scores: Scores,
    right: NDArray[np.bool_],
    aim: Aim,
    value: float,
    grow_quantile: float,
) -> Cut:
    """Cut where answers say that a precision, or a recall, is reached.

    Args:
        background: Shape (n,): scores of ground that is no alert.
        own: Shape (n,): the same without their neighbours'.
        scores: Shape (m,): of answered places, each by a probe that did not learn from it.
        right: Shape (m,): whether they show what is looked for.
        aim: ``precision`` or ``recall``.
        value: Of it, above 0 and below 1.
        grow_quantile: Share of the background below ``grow``, or below ``seed``, if smaller.

    Raises:
        InvalidRequest: too few answers, or no cut reaches it; says what the best one does.
    """
    _check_background(background, grow_quantile)
    check_answers(right, aim)
    seed = best_cut(scores, right, aim=aim, value=value)
    below = float((background < seed).mean())
    lower = min(grow_quantile, below)
    return Cut(
        seed=seed,
        grow=float(np.quantile(own, lower)),
        known=float(np.quantile(own, below)),
        aim=aim,
        value=value,
        seed_quantile=below,
        grow_quantile=lower,
        background=background.size,
    )


def best_cut(scores: Scores, right: NDArray[np.bool_], *, aim: Aim, value: float) -> float:
    """Find the cut that holds to an aim and costs least of the other one.

    A cut lies at the score of an answer. Of all that reach a precision that is taken which finds
    most, and of several of these, as of all that reach a recall, that which is wrong least often.

    Raises:
        InvalidRequest: none reaches it; says what the best one does.
    """
    cuts = np.unique(scores)
    above = scores[None, :] >= cuts[:, None]
    hits = (above & right).sum(axis=1)
    if aim == "recall":
        shares = hits / max(int(right.sum()), 1)
        return float(cuts[shares >= value].max())  # the lowest cut reaches 1
    shares = hits / above.sum(axis=1)
    reached = cuts[shares >= value]
    if not reached.size:
        best = int(shares.argmax())
        low, high = wilson(int(hits[best]), int(above[best].sum()))
        raise InvalidRequest(
            f"precision {value:g} is reached at no cut: the best has {shares[best]:.2f} "
            f"({low:.2f} to {high:.2f}) on {right.size} answers; answer more findings, add "
            "negatives for what is mistaken for it, or ask for less"
        )
    most = hits[shares >= value].max()
    return float(reached[hits[shares >= value] == most].max())


def expected_at(above: NDArray[np.bool_], right: NDArray[np.bool_]) -> Expected:
    """Count what lies above cuts, each drawn without the place that it is asked of.

    Args:
        above: Shape (m,): whether an answered place lies above its cut.
        right: Shape (m,): whether it shows what is looked for.
    """
    hits, alerts, shown = int((above & right).sum()), int(above.sum()), int(right.sum())
    return Expected(
        precision=hits / alerts if alerts else None,
        precision_95=wilson(hits, alerts) if alerts else None,
        recall=hits / shown if shown else None,
        recall_95=wilson(hits, shown) if shown else None,
        right=shown,
        wrong=right.size - shown,
    )


def rise_cut(rises: Scores, quantile: float) -> float:
    """Cut the rises of one date, most of which are of ground where nothing happened.

    Such ground rises as often as it falls: where so large a share of it does not fall below the
    median by more, it does not rise above it by more. What did happen is on the upper side, however
    much of it there is, and so does not move the cut; but neither is the cut beyond what the same
    share of all rises leaves above it, where much has fallen.

    Args:
        rises: Shape (n,), n positive: score now less the score that a place had at first.
        quantile: Share of unchanged ground below the cut, above 0 and below 1.
    """
    middle, low, high = np.quantile(rises, [0.5, 1 - quantile, quantile])
    return float(min(2 * middle - low, high))


def check_answers(right: NDArray[np.bool_], aim: Aim) -> None:
    """Refuse to learn from too few answers.

    Raises:
        InvalidRequest: there are too few, or too few of one kind; says what to do.
    """
    shown = int(right.sum())
    if right.size >= LEAST_ANSWERS and LEAST_OF_A_KIND <= shown <= right.size - LEAST_OF_A_KIND:
        return
    raise InvalidRequest(
        f"{aim}: expected {LEAST_ANSWERS} answers to learn the cut from, {LEAST_OF_A_KIND} of "
        f"either kind among them, came {shown} confirmed and {right.size - shown} rejected; begin "
        "with background_quantile, answer its findings, or show chips with `satseek watch feedback`"
    )


def _check_background(background: Scores, quantile: float) -> None:
    needed = math.ceil(1 / (1 - quantile) - 1e-9)
    if background.size < needed:
        raise InvalidRequest(
            f"a quantile of {quantile:g} takes {needed} cells that are no alert, there are "
            f"{background.size}: give a larger area, smaller chips, or a quantile of at most "
            f"{max(1 - 1 / max(background.size, 1), 0):.3g}"
        )
