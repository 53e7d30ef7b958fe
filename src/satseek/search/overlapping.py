"""Two editions of a collection → how many of the same chips they find.

Does not know how either was made. Every chip is looked at: codes would blur what is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from satseek.index.exact import draw
from satseek.model.prompts import DISTRACTORS, prompts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from satseek.embed.embedder import Embedder
    from satseek.index.protocol import Rows
    from satseek.index.rewriting import Rewriting

TEXTS = tuple(prompt for label in DISTRACTORS for prompt in prompts(label))
"""Texts compared: common land covers in every prompt template."""

LOW_QUANTILE = 0.1
"""Of the overlaps, reported beside their mean: a mean hides the queries that answer otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Share of the first k hits that two editions have in common, over some queries."""

    k: int
    """Hits compared."""
    queries: int
    """Queries asked."""
    mean: float
    """0–1."""
    low: float
    """10 % quantile, 0–1: nine of ten queries overlap at least so much."""


def image_overlap(rewriting: Rewriting, *, k: int, sample: int) -> Overlap | None:
    """Compare the neighbours of chips; None where there are too few.

    Args:
        rewriting: Knows both editions.
        k: Hits compared, the chip itself left out; fewer in a collection of fewer chips.
        sample: Chips drawn as queries.
    """
    with rewriting.sides() as (old, new):
        living = new.living()
        count = min(k, living.size - 1)
        rows = draw(living, sample, seed=0)
        if count < 1 or not rows.size:
            return None
        before, after = (
            side.nearest(side.vectors(rows), k=min(k + 1, living.size)) for side in (old, new)
        )
    shares = [
        _common(_without(own, one), _without(own, other), k=count)
        for own, one, other in zip(rows, before, after, strict=True)
    ]
    return _summed_up(shares, k=count)


def text_overlap(
    rewriting: Rewriting, *, k: int, former: Embedder | None, embedder: Embedder
) -> Overlap | None:
    """Compare the hits of built-in texts; None without the old model or without chips."""
    with rewriting.sides() as (old, new):
        count = min(k, new.living().size)
        if former is None or count < 1:
            return None
        before = old.nearest(former.embed_texts(TEXTS), k=count)
        after = new.nearest(embedder.embed_texts(TEXTS), k=count)
    shares = [_common(one, other, k=count) for one, other in zip(before, after, strict=True)]
    return _summed_up(shares, k=count)


def _without(own: np.int64, hits: Rows) -> Rows:
    return np.delete(hits, np.flatnonzero(hits == own))


def _common(one: Rows, other: Rows, *, k: int) -> float:
    return int(np.intersect1d(one[:k], other[:k]).size) / k


def _summed_up(shares: list[float], *, k: int) -> Overlap:
    values: NDArray[np.float64] = np.array(shares)
    return Overlap(
        k=k,
        queries=values.size,
        mean=float(values.mean()),
        low=float(np.quantile(values, LOW_QUANTILE)),
    )
